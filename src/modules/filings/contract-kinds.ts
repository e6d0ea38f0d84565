import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { settingsNow } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { draftOf } from '../../cases/drafts.ts'
import { type Check, type DoneContext, defineKind, type Kind, type KindSettings } from '../../cases/kind.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { today } from '../../clock.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotFound, NotNow } from '../../errors.ts'
import { type Answers, textOf } from '../../forms/answers.ts'
import { choice, type Mistakes, optionalChoice, optionalDate, optionalText } from '../../forms/form.ts'
import {
  type ContractEndReason,
  type ContractFiling,
  contractEndReasons,
  contractFilings,
  feeModes,
  optionsOf,
  type ServicePhase,
} from '../archives/words.ts'
import {
  ceiling,
  chosenText,
  contractLaw,
  filedDay,
  inTime,
  noticeFinding,
  type OnlineText,
  onlineAnswers,
  onlineText,
  ownersDecision,
  papersThere,
  rooms,
  sourceFields,
  sourceFinding,
  sourceMistakes,
  toldOf,
  voteMistakes,
} from './contract-checks.ts'
import {
  companyAnswersOf,
  companyFields,
  contractIn,
  feeWords,
  lackingTerms,
  lateField,
  lateMistake,
  neededTerms,
  termFields,
  termMistakes,
  termsOf,
  voteFields,
} from './contract-form.ts'
import {
  type Contract,
  contractAt,
  contractsOf,
  endContract,
  enterContract,
  lastDayOf,
  overlapping,
  proposeContract,
  withdrawContract,
} from './contracts.ts'
import { type ProjectRow, projectAnswers, projectAt, projectFields, subjectOfProject } from './project.ts'
import { settleSigning, signingNumber } from './signings.ts'
import { companyRoles, districtThenCity } from './standards.ts'
import { touchProject } from './touched.ts'

/** 物业服务合同备案 (domain.md §5.6; 山东省物业管理条例 第五十七条): a new contract, its renewal, its change, its end. */

const code = 'contract-filing'
const label = '物业服务合同备案'

/** Who signs for the owners, and in which phase the company then serves. */
const parties = { committee: '业主委员会', developer: '建设单位' } as const

/** Why a contract ends before its time. */
const reasons = {
  agreed: contractEndReasons.agreed,
  dismissed: contractEndReasons.dismissed,
  withdrawn: contractEndReasons.withdrawn,
} as const satisfies Partial<Record<ContractEndReason, string>>

const register = { label: '合同台账' }

const form = z.object({
  filing: choice({
    label: '备案类型',
    section: '备案',
    type: 'radio',
    options: optionsOf(contractFilings),
    hint: '续签、变更、解除针对本企业在这个项目已备案的合同；换了类型请先保存草稿，材料清单随类型变化',
  }),
  previous_number: optionalText({ label: '现有合同备案号', archive: register }),
  previous_term: optionalText({ label: '现有合同期限', archive: register }),
  previous_party: optionalText({ label: '现有合同甲方', archive: register }),
  ...projectFields,
  ...companyFields,
  party_kind: optionalChoice({ label: '甲方', options: optionsOf(parties), hint: '解除的不用选' }),
  committee_name: optionalText({ label: '本项目的业主委员会', archive: { label: '业委会档案' } }),
  developer_name: optionalText({ label: '本项目的建设单位', archive: { label: '项目档案' } }),
  ...sourceFields,
  ...termFields,
  ...voteFields,
  dissolved_on: optionalDate({ label: '解除后的最后服务日', section: '解除', hint: '只有解除的填写这一部分' }),
  dissolve_reason: optionalChoice({ label: '解除原因', options: optionsOf(reasons) }),
  notice_on: optionalDate({ label: '书面通知日期', hint: '通知对方解除或者不再续签的日期' }),
  explanation: optionalText({
    label: '情况说明',
    type: 'textarea',
    max: 1000,
    hint: '变更的写明变更了什么；解除的写明经过、费用结清和移交安排',
  }),
  ...lateField,
  ...pledgeField,
})

const votes = Object.keys(voteFields)

const filingOf = (answers: Answers): ContractFiling => {
  const filing = textOf(answers, 'filing')
  return Object.hasOwn(contractFilings, filing) ? (filing as ContractFiling) : 'new' // looked up
}
const phaseOf = (answers: Answers): ServicePhase => (textOf(answers, 'party_kind') === 'committee' ? 'selected' : 'early')

// ── What is asked for ──────────────────────────────────────────────────────────────────────────

const application = paper('application-form', '物业服务合同备案申请表', { hint: '在本页打印，加盖公章后扫描上传' })
const contractPaper = (label: string) =>
  paper('contract', label, { required: false, original: true, hint: '在本系统在线签订的不用上传，其他的都要上传' })
const resolution = paper('resolution', '业主大会决议及公示证明', {
  required: false,
  original: true,
  hint: '与业主委员会签订的，或者业主大会解聘的提交',
})
const committeeProof = paper('committee', '业主委员会备案证明', { required: false, hint: '与业主委员会签订的提交' })
const pricing = paper('pricing', '收费标准材料', { required: false, hint: '价格协商、公示的材料；实行政府指导价的提交批复' })
const handover = paper('handover', '物业交接记录', { required: false, hint: '有新旧交接的提交' })

const materials: Record<ContractFiling, KindSettings['materials']> = {
  new: [
    application,
    contractPaper('物业服务合同'),
    resolution,
    committeeProof,
    paper('selection', '中标通知书或者协议选聘说明', { hint: '说明怎样选聘的' }),
    pricing,
    handover,
  ],
  renewal: [application, contractPaper('续签的物业服务合同'), resolution, committeeProof, pricing],
  change: [application, contractPaper('变更协议'), resolution, committeeProof, pricing],
  dissolution: [application, paper('agreement', '解除协议或者解除通知', { original: true }), resolution, handover],
}

function settings(variant: string): KindSettings {
  const filing = filingOf({ filing: variant })
  return {
    chain: [...districtThenCity],
    clocks: standardClocks({ limit: 10, law: cityRule }),
    consults: [],
    materials: materials[filing],
    number: '济物合备〔{yyyy}〕{region}-{seq:4}号',
    corrections: 1,
    thresholds: { filing_days: 10, ...(filing === 'dissolution' ? { owners_notice: 60 } : {}) },
    templates: [
      { step: 'pass', label: '材料齐全', text: '合同和材料齐全，内容一致，同意备案。' },
      { step: 'refuse', label: '与合同不一致', text: '填写的内容与合同文本不一致，请核对后重新提交。' },
      { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
      { step: 'decline', label: '不属本机关', text: '该项目不在本机关管辖范围，请向项目所在地区县主管部门申请。' },
    ],
  }
}

// ── What is known of the project ───────────────────────────────────────────────────────────────

interface LinkRow {
  id: number
  state: string
  phase: ServicePhase
  starts_on: string
  ends_on: string | null
}

/** The links of a company to a project, the newest first. */
async function linksBetween(db: Knex, project_id: number, company_id: number): Promise<LinkRow[]> {
  return await db('project_links')
    .where({ project_id, company_id })
    .orderBy('id', 'desc')
    .select('id', 'state', 'phase', 'starts_on', 'ends_on')
}

const serves = ({ state }: LinkRow) => state === 'linked' || state === 'approved'

/** Why a company without a link files nothing, and where it gets one. */
function unlinked(link: LinkRow | undefined): NotNow {
  const way = { label: '办理项目挂接', href: '/desk/kinds/project-link' }
  const rule = `没有挂接的项目不能备案合同（${cityRule}）`
  if (link?.state === 'pending') return new NotNow(`贵企业的项目挂接还在审核，挂接以后再备案合同。${rule}。`, way)
  return new NotNow(
    link?.state === 'ended'
      ? `贵企业与这个项目的挂接已于 ${link.ends_on ?? ''} 解除，${rule}。重新选聘的，先办理项目挂接。`
      : `贵企业还没有与这个项目挂接，${rule}。请先办理项目挂接。`,
    way,
  )
}

/**
 * The project a company files a contract for.
 * @throws NotNow when none is chosen or the company does not serve it, NotFound when the company never had to do with it
 */
async function servedProject(db: Knex, user: User, id: number | undefined): Promise<ProjectRow> {
  if (!id)
    throw new NotNow(`请先在项目列表里打开签了合同的项目，再从项目页办理${label}。列表里没有的，先办理项目挂接。`, {
      label: '打开项目列表',
      href: '/desk/lists/projects',
    })
  const links = await linksBetween(db, id, user.organisation_id)
  if (!links.length) throw new NotFound()
  if (!links.some(serves)) throw unlinked(links[0])
  return await projectAt(db, id)
}

/** The contract of a company that a renewal, a change or an end is about: its newest in this project that was filed and not ended. */
async function presentOf(db: Knex, project_id: number, company_id: number): Promise<Contract | undefined> {
  const filed = await contractsOf(db, project_id)
  return filed.find(contract => contract.company_id === company_id && contract.state === 'filed')
}

interface Committee {
  id: number
  name: string
  ends_on: string | null
}

async function committeeOf(db: Knex, project_id: number): Promise<Committee | undefined> {
  return await db('committees')
    .join('organisations', 'organisations.id', 'committees.id')
    .leftJoin('committee_terms', join =>
      join.on('committee_terms.committee_id', 'committees.id').onVal('committee_terms.live', 1),
    )
    .where({ 'committees.project_id': project_id, 'committees.live': 1, 'committees.state': 'in-term' })
    .first('committees.id', 'organisations.name', 'committee_terms.ends_on')
}

/** What the archives and the register say at the head of the form. */
async function headAnswers(db: Knex, project_id: number, company_id: number): Promise<Answers> {
  const [head, company, committee, project, previous] = await Promise.all([
    projectAnswers(db, project_id),
    companyAnswersOf(db, company_id),
    committeeOf(db, project_id),
    projectAt(db, project_id),
    presentOf(db, project_id, company_id),
  ])
  const developer = await companyAnswersOf(db, project.developer_id)
  return {
    ...head,
    ...company,
    committee_name: committee?.name ?? '',
    developer_name: textOf(developer, 'company_name'),
    previous_number: previous?.number ?? '',
    previous_term: previous ? `${previous.starts_on} 至 ${lastDayOf(previous)}` : '',
    previous_party: previous?.party ?? '',
  }
}

// ── Mistakes ───────────────────────────────────────────────────────────────────────────────────

const called = (contract: Contract) =>
  `${contract.number ?? '（建档以前的合同）'}（${contract.starts_on} 至 ${lastDayOf(contract)}）`

/** Those whose time a new contract may not meet: one of the early phase gives way to the committee's. */
async function inTheWay(db: Knex, answers: Answers, project_id: number, except: number | undefined): Promise<Contract[]> {
  const [from, until] = [textOf(answers, 'starts_on'), textOf(answers, 'ends_on')]
  if (!from || until < from) return []
  const others = await overlapping(db, project_id, from, until, except)
  return others.filter(other => !(other.phase === 'early' && phaseOf(answers) === 'selected' && other.starts_on < from))
}

/** What must hold between a contract and the one it goes on from. */
function sequenceMistakes(answers: Answers, previous: Contract | undefined): Mistakes {
  const filing = filingOf(answers)
  if (filing === 'new') return {}
  const word = contractFilings[filing]
  if (!previous)
    return {
      filing: `贵企业在这个项目没有已备案、没有终止的合同，不能办理${word}；别的企业的合同由签订它的企业办理。第一次备案请选“新签”。`,
    }
  const [signed, from] = [textOf(answers, 'signed_on'), textOf(answers, 'starts_on')]
  const last = lastDayOf(previous)
  if (filing === 'renewal') {
    if (signed && signed > last)
      return {
        filing: `合同 ${called(previous)} 到期以后才签订的，不是续签（民法典第九百四十七条，续订在期限届满前）。请改选“新签”。`,
      }
    return from && from <= last ? { starts_on: `续签的期限从原合同届满的次日 ${addDays(last, 1)} 起，不能与原合同重叠。` } : {}
  }
  if (filing === 'change') {
    if (from && (from <= previous.starts_on || from > last))
      return {
        starts_on: `变更从原合同期限以内的某一天起生效（${addDays(previous.starts_on, 1)} 至 ${last}）。期限届满以后的，请办续签或者新签。`,
      }
    return {}
  }
  const on = textOf(answers, 'dissolved_on')
  if (on && on > last)
    return { dissolved_on: `合同 ${last} 到期，期满自然终止，不用办理解除。提前解除的，最后服务日早于这一天。` }
  if (on && on < previous.signed_on)
    return { dissolved_on: `最后服务日早于合同签订日期 ${previous.signed_on}，请对照解除协议改正。` }
  return {}
}

/** Who signs must be there, and prove that the owners decided. */
async function partyMistakes(db: Knex, kase: Case, answers: Answers): Promise<Mistakes> {
  const mistakes: Mistakes = {}
  const kind = textOf(answers, 'party_kind')
  const there = await papersThere(db, kase.id)
  if (kind === 'committee') {
    const committee = await committeeOf(db, kase.subject_id)
    Object.assign(mistakes, lackingTerms(form, answers, votes))
    if (!committee)
      mistakes.party_kind =
        '这个项目没有已备案的业主委员会，不能以业主委员会为甲方（物业管理条例第三十五条）。由建设单位签订的选“建设单位”；业委会已经成立的，请它先到街道办备案。'
    else {
      const lacking = [
        ...(there.includes('resolution') ? [] : [resolution.label]),
        ...(there.includes('committee') ? [] : [committeeProof.label]),
      ]
      if (lacking.length)
        mistakes.party_kind = `与业主委员会签订的，还要在“材料”里上传：${lacking.join('、')}（民法典第二百七十八条，选聘物业企业由业主共同决定）。`
    }
  }
  if (kind === 'developer' && !textOf(answers, 'developer_name'))
    mistakes.party_kind = '项目档案没有登记建设单位，不能以建设单位为甲方。请先申请项目档案变更。'
  return mistakes
}

/** Texts signed here that this company could file for this project. */
const onlineFor = (db: Knex, { subject_id, applicant_id }: Pick<Case, 'subject_id' | 'applicant_id'>) =>
  onlineText(db, { project_id: subject_id, company_id: applicant_id }, ['selected', 'early'], ['new', 'renewal', 'change'])

/** A text was signed as what it is, and with whom. */
function sortMistakes(answers: Answers, text: OnlineText | undefined): Mistakes {
  if (!text) return {}
  const mistakes: Mistakes = {}
  if (text.filing !== filingOf(answers))
    mistakes.filing = `在线签订的合同是“${contractFilings[text.filing]}”，备案类型要与它一致；另有纸质合同的，请选“上传纸质合同”。`
  if (text.phase !== phaseOf(answers))
    mistakes.party_kind = `在线签订的合同甲方是${text.phase === 'selected' ? parties.committee : parties.developer}，请选与它一致的甲方。`
  return mistakes
}

const fileBy = (answers: Answers, { thresholds }: KindSettings) => {
  const signed = textOf(answers, 'signed_on')
  return signed && thresholds.filing_days ? addDays(signed, thresholds.filing_days) : undefined
}

/** From the archives; where they say nothing there is nothing to fill in either. */
const knownFields = ['signing_number', 'previous_number', 'previous_term', 'previous_party', 'committee_name', 'developer_name']

const neededFor: Record<ContractFiling, readonly string[]> = {
  new: [...neededTerms, 'party_kind', 'text_source'],
  renewal: [...neededTerms, 'party_kind', 'text_source'],
  change: [...neededTerms, 'party_kind', 'text_source', 'explanation'],
  dissolution: ['signed_on', 'dissolved_on', 'dissolve_reason', 'notice_on', 'explanation'],
}

async function mistakesIn(db: Knex, kase: Case, answers: Answers, settings: KindSettings): Promise<Mistakes> {
  const filing = filingOf(answers)
  const [project, links, previous] = await Promise.all([
    projectAt(db, kase.subject_id),
    linksBetween(db, kase.subject_id, kase.applicant_id),
    presentOf(db, kase.subject_id, kase.applicant_id),
  ])
  const rule = `${contractLaw}，签订之日起 ${settings.thresholds.filing_days} 日内备案`
  const mistakes: Mistakes = {
    ...lackingTerms(form, answers, neededFor[filing]),
    ...termMistakes(answers, project, today()),
    ...voteMistakes(answers, project.floor_area),
    ...sequenceMistakes(answers, previous),
    ...lateMistake(answers, fileBy(answers, settings), filedDay(kase), rule),
  }
  if (!links.some(serves)) mistakes[''] = unlinked(links[0]).message
  if (filing === 'dissolution') {
    const reason = textOf(answers, 'dissolve_reason')
    if (reason === 'dismissed' && !(await papersThere(db, kase.id)).includes('resolution'))
      mistakes.dissolve_reason = '业主大会解聘的，请在“材料”里上传业主大会决议及公示证明（民法典第二百七十八条）。'
    if (reason === 'dismissed')
      for (const [field, sentence] of Object.entries(lackingTerms(form, answers, votes))) mistakes[field] ??= sentence
    const notice = textOf(answers, 'notice_on')
    if (notice && notice > today()) mistakes.notice_on = `通知日期 ${notice} 还没有到，请先书面通知对方。`
    return mistakes
  }
  const online = await onlineFor(db, kase)
  const others = {
    ...(await partyMistakes(db, kase, answers)),
    ...sourceMistakes(answers, online, await papersThere(db, kase.id)),
    ...sortMistakes(answers, chosenText(answers, online)),
  }
  for (const [field, sentence] of Object.entries(others)) mistakes[field] ??= sentence
  const [other] = await inTheWay(db, answers, project.id, filing === 'change' ? previous?.id : undefined)
  if (other)
    mistakes.starts_on ??= `与已备案的合同 ${called(other)} 时间重叠，同一项目同一天只能有一份合同（${cityRule}）。请改期限，或者先办理那份合同的解除。`
  const link = links.find(serves)
  if (link?.state === 'approved' && textOf(answers, 'starts_on') && textOf(answers, 'starts_on') < link.starts_on)
    mistakes.starts_on ??= `贵企业 ${link.starts_on} 起接管本项目，合同期限不能早于这一天。请对照合同和挂接审批改正。`
  return mistakes
}

// ── Checks ─────────────────────────────────────────────────────────────────────────────────────

const linked: Check = {
  code: 'link',
  about: '本企业与项目已经挂接',
  async find({ db, kase }) {
    const links = await linksBetween(db, kase.subject_id, kase.applicant_id)
    const link = links.find(serves)
    return {
      code: 'link',
      requirement: '本企业与项目已经挂接，或者挂接已经批准、待接管',
      actual: link ? (link.state === 'linked' ? `${link.starts_on} 起服务` : `${link.starts_on} 起接管`) : '没有挂接',
      verdict: link ? 'ok' : 'bad',
      law: cityRule,
    }
  },
}

/** Signed here: compared field by field. */
const signed: Check = {
  code: 'source',
  about: '在线签订的，备案内容与双方确认的文本一致',
  async find({ db, kase, answers }) {
    const text = filingOf(answers) === 'dissolution' ? undefined : chosenText(answers, await onlineFor(db, kase))
    return text && sourceFinding(text)
  },
}

/** What becomes of the contract of the early phase. */
const earlyEnds: Check = {
  code: 'early',
  about: '前期合同在业委会所签合同生效时终止',
  async find({ db, kase, answers }) {
    const [from, until] = [textOf(answers, 'starts_on'), textOf(answers, 'ends_on')]
    if (filingOf(answers) === 'dissolution' || phaseOf(answers) !== 'selected' || !from || until < from) return undefined
    const early = (await overlapping(db, kase.subject_id, from, until)).find(
      other => other.phase === 'early' && other.starts_on < from,
    )
    if (!early) return undefined
    return {
      code: 'early',
      requirement: '业主委员会与选聘的企业签订的合同生效时，前期合同终止',
      actual: `前期合同 ${called(early)} 到 ${addDays(from, -1)} 为止`,
      verdict: 'ok',
      law: '物业管理条例第二十六条',
      detail: '本件备案后自动办理，不用另行申请',
    }
  },
}

/** A committee signs while its term runs. */
const inTerm: Check = {
  code: 'term',
  about: '业主委员会在任期内签订',
  async find({ db, kase, answers }) {
    const committee = textOf(answers, 'party_kind') === 'committee' ? await committeeOf(db, kase.subject_id) : undefined
    const signed = textOf(answers, 'signed_on')
    if (!committee?.ends_on || !signed) return undefined
    const isOver = signed > committee.ends_on
    return {
      code: 'term',
      requirement: '业主委员会在任期内签订合同',
      actual: `任期至 ${committee.ends_on}，${signed} 签订`,
      verdict: isOver ? 'bad' : 'ok',
      law: '物业管理条例第十六条',
    }
  },
}

/** Once the owners have a committee, it is they who choose. */
const signer: Check = {
  code: 'signer',
  about: '业主委员会成立后由其签订合同',
  async find({ db, kase, answers }) {
    if (textOf(answers, 'party_kind') !== 'developer' || filingOf(answers) === 'dissolution') return undefined
    const committee = await committeeOf(db, kase.subject_id)
    if (!committee) return undefined
    return {
      code: 'signer',
      requirement: '业主大会成立后，由业主委员会代表业主与选聘的企业签订合同',
      actual: `甲方是建设单位，本项目已有${committee.name}`,
      verdict: 'warn',
      law: '物业管理条例第十五条、民法典第二百七十八条',
      detail: '请核对是否应由业主委员会签订',
    }
  },
}

/** A renewal goes on where the contract before ends. */
const continuity: Check = {
  code: 'continuity',
  about: '续签的期限与原合同衔接',
  async find({ db, kase, answers }) {
    const from = textOf(answers, 'starts_on')
    if (filingOf(answers) !== 'renewal' || !from) return undefined
    const previous = await presentOf(db, kase.subject_id, kase.applicant_id)
    if (!previous) return undefined
    const next = addDays(lastDayOf(previous), 1)
    return {
      code: 'continuity',
      requirement: `续签的期限从 ${next} 起`,
      actual: `${from} 起`,
      verdict: from === next ? 'ok' : 'warn',
      law: '民法典第九百四十七条',
      ...(from > next ? { detail: '中间有没有合同的日子，请核对' } : {}),
    }
  },
}

/** 民法典 第九百四十六条、第九百四十七条. */
const notice: Check = {
  code: 'notice',
  about: '解除、不续签提前书面通知',
  async find({ db, kase, answers, settings }) {
    if (filingOf(answers) !== 'dissolution') return undefined
    const previous = await presentOf(db, kase.subject_id, kase.applicant_id)
    if (!previous) return undefined
    const rules = await settingsNow(db)
    return noticeFinding(
      {
        reason: textOf(answers, 'dissolve_reason'),
        notice_on: textOf(answers, 'notice_on'),
        ends_on: textOf(answers, 'dissolved_on'),
      },
      previous,
      { company: rules['contracts.notice-days'], owners: settings.thresholds.owners_notice ?? 60 },
    )
  },
}

// ── The kind ───────────────────────────────────────────────────────────────────────────────────

const signingNumberOf = (text: OnlineText | undefined) => (text ? signingNumber(text.id) : '')

/** The contract a case asks to file, as the register takes it. */
async function contractFor(db: Knex, kase: Case, answers: Answers) {
  const [project, previous] = [await projectAt(db, kase.subject_id), await presentOf(db, kase.subject_id, kase.applicant_id)]
  const filing = filingOf(answers)
  const phase = phaseOf(answers)
  const text = chosenText(answers, await onlineFor(db, kase))
  return {
    project,
    text,
    contract: contractIn(answers, project, {
      company_id: kase.applicant_id,
      party: textOf(answers, phase === 'selected' ? 'committee_name' : 'developer_name'),
      phase,
      filing,
      previous_id: filing === 'new' ? null : (previous?.id ?? null),
      signing_id: text?.id ?? null,
      case_id: kase.id,
      late_days: kase.late_days,
    }),
  }
}

async function fileContract(trx: Knex.Transaction, kase: Case, { answers, number, decidedOn }: DoneContext): Promise<void> {
  if (!number) throw new Error(`${code} has no number`)
  const { project, contract, text } = await contractFor(trx, kase, answers)
  const { filing } = contract
  const links = await linksBetween(trx, project.id, kase.applicant_id)
  if (!links.some(serves))
    throw new NotNow('现在不能通过：该企业已不再服务这个项目。本件请不通过并说明理由，由企业先办理项目挂接。')
  if (filing !== 'new' && !contract.previous_id)
    throw new NotNow('现在不能通过：原合同已经终止。本件请不通过并说明理由，由企业核对后重新提交。')
  const [other] = await inTheWay(trx, answers, project.id, filing === 'change' ? (contract.previous_id ?? undefined) : undefined)
  if (other) throw new NotNow(`现在不能通过：与已备案的合同 ${called(other)} 时间重叠。本件请不通过并说明理由。`)
  if (textOf(answers, 'text_source') === 'online' && signingNumberOf(text) !== textOf(answers, 'signing_number'))
    throw new NotNow('现在不能通过：在线签订的合同已经变化。本件请不通过并说明理由，由企业核对后重新提交。')
  const id = await enterContract(trx, contract, { number, filed_on: decidedOn })
  if (text) await settleSigning(trx, text.id, kase.id)
  const title = `物业服务合同备案证明${filing === 'new' ? '' : `（${contractFilings[filing]}）`}`
  await issueProof(trx, {
    kase,
    object: { type: 'contract', id },
    title,
    number,
    words: `${textOf(answers, 'company_name')}与${contract.party}签订的${project.name}物业服务合同，已按照${contractLaw}备案。`,
    facts: [
      { label: '项目', value: project.name, wide: true },
      { label: '坐落', value: project.address, wide: true },
      { label: '甲方', value: contract.party, wide: true },
      { label: '乙方', value: textOf(answers, 'company_name'), wide: true },
      { label: '备案类型', value: contractFilings[filing] },
      { label: '合同编号', value: textOf(answers, 'contract_code') },
      { label: '签订日期', value: onPaper(contract.signed_on) },
      { label: '服务期限', value: `${onPaper(contract.starts_on)}至${onPaper(contract.ends_on)}`, wide: true },
      { label: '收费方式', value: feeModes[contract.fee_mode] },
      { label: '收费标准', value: feeWords(contract.fees), wide: true },
      { label: '备案日期', value: onPaper(decidedOn) },
    ],
    remark: '本证明只说明已经备案，不是行政许可。',
  })
}

async function fileEnd(trx: Knex.Transaction, kase: Case, { answers, number, decidedOn }: DoneContext): Promise<void> {
  if (!number) throw new Error(`${code} has no number`)
  const previous = await presentOf(trx, kase.subject_id, kase.applicant_id)
  const on = textOf(answers, 'dissolved_on')
  const reason = textOf(answers, 'dissolve_reason') as keyof typeof reasons // a choice of the form, asked for by the mistakes
  if (!previous || !(await endContract(trx, previous.id, { state: 'dissolved', on, reason })))
    throw new NotNow('现在不能通过：这份合同已经终止。本件请不通过并说明理由。')
  const ended = await contractAt(trx, previous.id)
  const name = textOf(answers, 'project_name')
  await issueProof(trx, {
    kase,
    object: { type: 'contract-end', id: previous.id },
    title: '物业服务合同解除备案证明',
    number,
    words: `${textOf(answers, 'company_name')}与${ended.party}签订的${name}物业服务合同已解除，已按照${contractLaw}备案。`,
    facts: [
      { label: '项目', value: name, wide: true },
      { label: '合同备案号', value: ended.number ?? '—' },
      { label: '甲方', value: ended.party, wide: true },
      { label: '乙方', value: textOf(answers, 'company_name'), wide: true },
      { label: '解除原因', value: reasons[reason] },
      { label: '最后服务日', value: onPaper(on) },
      { label: '备案日期', value: onPaper(decidedOn) },
    ],
    remark:
      '合同解除后，应当与新选聘的企业或者业主办理交接；接管以前继续处理物业服务事项的，依法收取报酬（民法典第九百五十条）。',
  })
}

/** 物业服务合同备案. */
export const contractFiling: Kind = defineKind({
  code,
  label,
  module: 'filings',
  law: contractLaw,
  when: '签订、续签、变更、解除物业服务合同之日起 10 日内，由物业企业备案；先要与项目挂接。',
  startedBy: companyRoles,
  startsAt: { label: '选择项目', href: '/desk/lists/projects' },
  reaches: ['city', 'district', 'street'],
  prefix: 'HT',
  form,
  async adjust(db, kase) {
    const isWritten = kase.state === 'draft' || kase.state === 'rejected'
    const filing = filingOf(isWritten ? (await draftOf(db, kase)).answers : { filing: kase.variant })
    return Object.fromEntries([...neededFor[filing], ...knownFields].map(name => [name, { required: true }]))
  },
  variants: contractFilings,
  variantOf: filingOf,
  settings,
  thresholds: {
    filing_days: { label: '签订合同后备案期限', unit: '天' },
    owners_notice: { label: '业主解聘提前书面通知不少于', unit: '天' },
  },
  refusedTo: 'draft',
  states: { done: '已备案' },
  checks: [
    inTime('filing_days', contractLaw),
    signed,
    linked,
    ownersDecision,
    earlyEnds,
    continuity,
    signer,
    inTerm,
    notice,
    rooms,
    ceiling,
  ],
  proof: { label: '物业服务合同备案证明', papers: [{ code: 'proof', label: '物业服务合同备案证明' }] },
  afterwards: '备案证明可在办件页下载，合同列入合同台账；合同生效之日收费标准写入项目档案并对外公布。',
  async subjectOf(db, user, { subject_id }) {
    return subjectOfProject(await servedProject(db, user, subject_id))
  },
  openKey: ({ id }, filled) => `${code}:${id}:${textOf(filled, 'company_code')}`,
  async prefill(db, { subject_id, applicant_id }) {
    const [online, head, project, previous] = await Promise.all([
      onlineFor(db, { subject_id, applicant_id }),
      headAnswers(db, subject_id, applicant_id),
      projectAt(db, subject_id),
      presentOf(db, subject_id, applicant_id),
    ])
    // Where a committee has come to sign, what follows the contract of the early phase is a new one.
    const isNew = !previous || (previous.phase === 'early' && textOf(head, 'committee_name') !== '')
    return {
      filing: isNew ? 'new' : 'renewal',
      party_kind: textOf(head, 'committee_name') ? 'committee' : 'developer',
      serviced_area: project.floor_area,
      room_area: project.service_room_area,
      ...(previous ? await termsOf(db, previous, project.property_type) : {}),
      ...(isNew || !previous ? {} : { starts_on: addDays(lastDayOf(previous), 1) }),
      ...(online ? { filing: online.filing, party_kind: online.phase === 'selected' ? 'committee' : 'developer' } : {}),
      ...onlineAnswers(online),
      ...head,
    }
  },
  mistakes: mistakesIn,
  fileBy,
  informed: (db, kase) => toldOf(db, kase.subject_id, [kase.applicant_id]),
  async whenSubmitted(trx, kase, answers) {
    if (filingOf(answers) === 'dissolution') return
    await proposeContract(trx, (await contractFor(trx, kase, answers)).contract)
  },
  async whenEnded(trx, kase) {
    await withdrawContract(trx, kase.id)
  },
  async whenDone(trx, kase, context) {
    if (filingOf(context.answers) === 'dissolution') await fileEnd(trx, kase, context)
    else await fileContract(trx, kase, context)
    await touchProject(trx, kase.subject_id)
  },
  publicFacts: (_kase, answers) => [
    { label: '项目', value: textOf(answers, 'project_name') },
    { label: '物业服务企业', value: textOf(answers, 'company_name') },
    { label: '备案类型', value: contractFilings[filingOf(answers)] },
  ],
})

export const contractKinds: readonly Kind[] = [contractFiling]
