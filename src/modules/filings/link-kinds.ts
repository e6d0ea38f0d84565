import type { Knex } from 'knex'
import { z } from 'zod'
import { limitTo } from '../../accounts/limits.ts'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, type DoneContext, defineKind, desk, type Kind, type KindSettings, party } from '../../cases/kind.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { today } from '../../clock.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotNow } from '../../errors.ts'
import { type Answers, textOf } from '../../forms/answers.ts'
import { choice, date, type Mistakes, optionalChoice, optionalText, text } from '../../forms/form.ts'
import { regionNames } from '../../lists/regions.ts'
import { tell } from '../../messages/messages.ts'
import { candidates } from '../archives/project-manager.ts'
import { hundredths } from '../archives/project-rules.ts'
import {
  type ContractEndReason,
  contractEndReasons,
  optionsOf,
  type SelectionMethod,
  type ServicePhase,
  selectionMethods,
} from '../archives/words.ts'
import { papersThere, toldOf } from './contract-checks.ts'
import { companyAnswersOf, lackingTerms, voteFields } from './contract-form.ts'
import { contractsOf, lastDayOf } from './contracts.ts'
import { comingLink, liveLink, openLink, proposeLink, rejectLink } from './links.ts'
import { projectAt, subjectOfProject } from './project.ts'
import { companyRoles, districtThenCity } from './standards.ts'
import { impossibleVotes, voteFinding } from './votes.ts'

/** 项目挂接 (domain.md §5.5): the company newly chosen asks to serve a project; the one that serves it is heard while its contract runs. */

const code = 'project-link'
const label = '项目挂接'
/** Finding and naming projects one does not serve: enough for a day's work, too little to copy the register. */
const searches = { name: 'link-search', points: 60, seconds: 3600 }
const ownersLaw = '民法典第二百七十八条'
/** A takeover further away than this is a slip of the pen. */
const furthest = 365

/** Who chose, and what the company then is to the project. */
const selectors = { owners: '业主大会', developer: '建设单位', street: '街道办事处' } as const
const phases: Record<keyof typeof selectors, ServicePhase> = { owners: 'selected', developer: 'early', street: 'emergency' }

/** Whether somebody has to be heard; told to a company that does not see the project yet, so it says no more. */
const standings = { vacant: '没有履行中的合同', contested: '原合同还在履行' } as const
type Standing = keyof typeof standings

const projectArchive = { label: '项目档案' }
const register = { label: '挂接登记' }

const { decided_on: _, ...votes } = voteFields

const form = z.object({
  project_name: text({ label: '项目名称', section: '项目', archive: projectArchive, wide: true }),
  project_address: text({ label: '坐落', archive: projectArchive, wide: true }),
  project_region: text({ label: '区县、街道', archive: projectArchive }),
  old_company: optionalText({ label: '原物业企业', archive: register, hint: '现在没有企业服务的为空' }),
  old_contract: text({ label: '原合同', archive: register }),
  company_name: text({ label: '新物业企业', section: '新物业企业', archive: { label: '企业档案' }, wide: true }),
  company_code: text({ label: '统一社会信用代码', archive: { label: '企业档案' } }),
  manager_id: optionalText({ label: '项目负责人', type: 'select' }),
  takeover_on: date({ label: '接管日期', hint: '开始服务的第一天；将来接管的，到那一天自动生效' }),
  selector: choice({ label: '选聘主体', section: '选聘', type: 'radio', options: optionsOf(selectors) }),
  method: choice({ label: '选聘方式', options: optionsOf(selectionMethods) }),
  decided_on: date({ label: '选聘决定日期', hint: '业主大会决议、中标通知书或者委托函的日期' }),
  ...votes,
  end_reason: optionalChoice({
    label: '原合同终止原因',
    section: '原合同',
    options: optionsOf(contractEndReasons),
    hint: '有原物业企业的填写',
  }),
  end_words: optionalText({ label: '原合同情况说明', type: 'textarea', max: 500, wide: true }),
  ...pledgeField,
})

// ── What is asked for ──────────────────────────────────────────────────────────────────────────

const endPaper = paper('ended', '原合同到期或者解除证明', { required: false, hint: '有原物业企业的提交' })

function settings(variant: string): KindSettings {
  return {
    chain:
      variant === 'contested'
        ? [
            desk('district', 'district-clerk', '区县初审', '初审中'),
            party('old-company', 'respondent', '原物业企业', '待原企业答复', 5),
            desk('district-review', 'district-reviewer', '区县审核', '复审中'),
            desk('city-review', 'city-reviewer', '市局审核', '市局审核中'),
          ]
        : [...districtThenCity],
    clocks: standardClocks({ limit: 10, law: cityRule }),
    consults: [],
    materials: [
      paper('selection', '选聘证明', { original: true, hint: '业主大会决议及公示、中标通知书或者街道办事处委托函' }),
      paper('authority', '业主委员会备案证明或者建设单位委托', { hint: '街道办事处应急指定的，上传委托函' }),
      endPaper,
      paper('handover', '交接协议、交接清单', { required: false, hint: '可以在接管后 30 日内补交给区县主管部门' }),
      paper('licence', '企业营业执照'),
    ],
    number: '济物挂〔{yyyy}〕{seq:4}号',
    corrections: 1,
    thresholds: {},
    templates: [
      { step: 'pass', label: '材料齐全', text: '选聘程序和材料齐全，表决结果达到规定，同意挂接。' },
      { step: 'refuse', label: '选聘证明不足', text: '选聘证明不能说明选聘结果，请补充后重新提交。' },
      { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
      { step: 'decline', label: '不属本机关', text: '该项目不在本机关管辖范围，请向项目所在地区县主管部门申请。' },
    ],
  }
}

// ── What is known ──────────────────────────────────────────────────────────────────────────────

/** Whether the company that serves must be heard: its contract runs, or nobody knows when it ended. */
async function standingOf(db: Knex, project_id: number): Promise<Standing> {
  const live = await liveLink(db, project_id)
  if (!live) return 'vacant'
  const own = (await contractsOf(db, project_id)).filter(({ company_id }) => company_id === live.company_id)
  return !own.length || own.some(contract => lastDayOf(contract) >= today()) ? 'contested' : 'vacant'
}

const variantOf = (answers: Answers): Standing =>
  textOf(answers, 'old_contract') === standings.contested ? 'contested' : 'vacant'

/** Why this company cannot link the project, whatever it fills in. */
async function obstacle(db: Knex, project_id: number, company_id: number): Promise<string | undefined> {
  const [live, coming] = [await liveLink(db, project_id), await comingLink(db, project_id)]
  if (live?.company_id === company_id)
    return '贵企业正在服务这个项目，重新选聘的不用挂接，请办理续签（物业合同备案，类型选“续签”）。'
  if (coming?.company_id === company_id) return `贵企业的挂接 ${coming.number ?? ''}已经批准，${coming.starts_on} 接管。`
  if (coming) return `这个项目已有一家企业的挂接先批准，${coming.starts_on} 接管。一个项目只能有一家企业服务（${cityRule}）。`
  return undefined
}

async function known(db: Knex, project_id: number, company_id: number): Promise<Answers> {
  const [project, names, live, standing, company] = await Promise.all([
    projectAt(db, project_id),
    regionNames(db),
    liveLink(db, project_id),
    standingOf(db, project_id),
    companyAnswersOf(db, company_id),
  ])
  const old = await companyAnswersOf(db, live?.company_id ?? null)
  return {
    ...company,
    project_name: project.name,
    project_address: project.address,
    project_region: [names[project.district_code], names[project.street_code]].filter(Boolean).join(' '),
    old_company: textOf(old, 'company_name'),
    old_contract: standings[standing],
  }
}

// ── Checks and mistakes ────────────────────────────────────────────────────────────────────────

const decision: Check = {
  code: 'votes',
  about: '业主大会选聘的，表决人数和面积达到规定',
  find: ({ answers }) =>
    textOf(answers, 'selector') === 'owners'
      ? voteFinding(answers, { matter: 'ordinary', on: textOf(answers, 'decided_on') })
      : undefined,
}

const single: Check = {
  code: 'single',
  about: '一个项目只有一家企业服务',
  async find({ db, kase }) {
    const reason = await obstacle(db, kase.subject_id, kase.applicant_id)
    return {
      code: 'single',
      requirement: '一个项目同一时间只有一家企业服务',
      actual: reason ? '已有挂接' : '可以挂接',
      verdict: reason ? 'bad' : 'ok',
      law: cityRule,
      ...(reason ? { detail: reason } : {}),
    }
  },
}

async function mistakesIn(db: Knex, kase: Case, answers: Answers): Promise<Mistakes> {
  const said = (name: string) => textOf(answers, name)
  const [project, live, there, reason] = await Promise.all([
    projectAt(db, kase.subject_id),
    liveLink(db, kase.subject_id),
    papersThere(db, kase.id),
    obstacle(db, kase.subject_id, kase.applicant_id),
  ])
  const isOwners = said('selector') === 'owners'
  const mistakes: Mistakes = {
    ...lackingTerms(form, answers, ['manager_id', ...(isOwners ? Object.keys(votes) : []), ...(live ? ['end_reason'] : [])]),
    ...(isOwners ? impossibleVotes(answers) : {}),
  }
  if (reason) mistakes[''] = reason
  if (isOwners && hundredths(said('area_total')) > hundredths(project.floor_area))
    mistakes.area_total ??= `专有部分总面积大于项目档案登记的总建筑面积。请照业主大会决议核对（${ownersLaw}）。`
  const [decided, takeover] = [said('decided_on'), said('takeover_on')]
  if (decided > today()) mistakes.decided_on = `选聘决定日期晚于今天。作出决定以后才能挂接（${cityRule}）。`
  if (takeover && decided && takeover < decided)
    mistakes.takeover_on = `接管日期 ${takeover} 早于选聘决定日期 ${decided}，请核对（${cityRule}）。`
  else if (live && takeover && takeover <= live.starts_on)
    mistakes.takeover_on = `接管日期要晚于现有企业开始服务的日期，请核对（${cityRule}）。`
  else if (takeover > addDays(today(), furthest))
    mistakes.takeover_on = `接管日期超过今天起 ${furthest} 日，请核对；临近接管时再办理（${cityRule}）。`
  if ((said('method') === 'emergency') !== (said('selector') === 'street'))
    mistakes.method = '应急委托由街道办事处指定，其他选聘方式由业主大会或者建设单位决定，请核对选聘主体和方式。'
  if (live && !there.includes(endPaper.code))
    mistakes.end_reason ??= `有原物业企业的，请在“材料”里上传${endPaper.label}（${cityRule}）。`
  const managers = await candidates(db, kase.applicant_id)
  if (said('manager_id') && !managers.some(({ id }) => String(id) === said('manager_id')))
    mistakes.manager_id = '这个人不在本企业在职的项目经理和持证人员中，请从列表里选择。'
  return mistakes
}

// ── Effects ────────────────────────────────────────────────────────────────────────────────────

function linkIn(kase: Case, answers: Answers) {
  const [selector, method, reason] = ['selector', 'method', 'end_reason'].map(name => textOf(answers, name))
  return {
    project_id: kase.subject_id,
    company_id: kase.applicant_id,
    case_id: kase.id,
    manager_id: Number(textOf(answers, 'manager_id')) || null,
    phase: phases[selector as keyof typeof selectors], // a choice of the form
    method: method as SelectionMethod, // a choice of the form
    starts_on: textOf(answers, 'takeover_on'),
    decided_on: textOf(answers, 'decided_on'),
    ...(reason ? { end_reason: reason as ContractEndReason } : {}), // a choice of the form
  }
}

async function take(trx: Knex.Transaction, kase: Case, { answers, number, decidedOn }: DoneContext): Promise<void> {
  if (!number) throw new Error(`${code} has no number`)
  const link = linkIn(kase, answers)
  const before = await liveLink(trx, kase.subject_id)
  const id = await openLink(trx, { ...link, number })
  const [name, company] = [textOf(answers, 'project_name'), textOf(answers, 'company_name')]
  await issueProof(trx, {
    kase,
    object: { type: 'link', id },
    title: '项目挂接通知书',
    number,
    words: `${company}与${name}的项目挂接已经核准，自${onPaper(link.starts_on)}起由该企业提供物业服务。`,
    facts: [
      { label: '项目', value: name, wide: true },
      { label: '坐落', value: textOf(answers, 'project_address'), wide: true },
      { label: '新物业企业', value: company, wide: true },
      ...(textOf(answers, 'old_company') ? [{ label: '原物业企业', value: textOf(answers, 'old_company'), wide: true }] : []),
      { label: '选聘主体', value: selectors[textOf(answers, 'selector') as keyof typeof selectors] }, // a choice of the form
      { label: '选聘方式', value: selectionMethods[link.method] },
      { label: '选聘决定日期', value: onPaper(link.decided_on) },
      { label: '接管日期', value: onPaper(link.starts_on) },
      { label: '核准日期', value: onPaper(decidedOn) },
    ],
    remark: '原物业企业应当在合同终止后按期退出并移交资料和物业服务用房（民法典第九百四十九条）。',
  })
  if (before)
    await tell(trx, {
      to: { organisation_id: before.company_id },
      title: `${name}自 ${link.starts_on} 起由${company}接管（${number}）。`,
      body: `贵企业的服务到 ${addDays(link.starts_on, -1)} 为止，请按期移交资料和物业服务用房（民法典第九百四十九条）。服务期间的档案仍可查看。`,
      link: `/desk/links/${before.id}`,
    })
}

/** 项目挂接. */
export const projectLink: Kind = defineKind({
  code,
  label,
  module: 'filings',
  law: `${ownersLaw}，${cityRule}`,
  when: '新选聘的物业企业接管项目以前办理；挂接以后才能查看项目、备案合同。原企业续签的不用办理。',
  startedBy: companyRoles,
  startsAt: { label: '查找项目', href: '/desk/links/new' },
  parties: ['respondent'],
  reaches: ['city', 'district'],
  prefix: 'GJ',
  form,
  async adjust(db, kase) {
    const people = await candidates(db, kase.applicant_id)
    return {
      manager_id: {
        required: true,
        options: people.map(({ id, name }) => ({ value: String(id), label: name })),
        hint: people.length ? '从本企业在职的项目经理和持证人员中选择' : '本企业没有在职的项目经理或持证人员，请先办理人员增加',
      },
    }
  },
  variants: standings,
  variantOf,
  settings,
  refusedTo: 'draft',
  dissent: 'next',
  steps: { answer: '确认退出', dissent: '提出异议', lapse: '逾期未答复' },
  states: { done: '已挂接' },
  checks: [decision, single],
  proof: { label: '项目挂接通知书', papers: [{ code: 'proof', label: '项目挂接通知书' }] },
  afterwards: '挂接通知书可在办件页下载。签订物业服务合同之日起 10 日内办理合同备案；交接清单在接管后 30 日内补交。',
  async subjectOf(db, user, { subject_id }) {
    if (!subject_id)
      throw new NotNow('请先按项目编号或者完整的项目名称查找要挂接的项目。', { label: '查找项目', href: '/desk/links/new' })
    await limitSearches(user.id)
    const project = await projectAt(db, subject_id)
    const reason = await obstacle(db, project.id, user.organisation_id)
    if (reason) throw new NotNow(reason)
    return subjectOfProject(project)
  },
  // Two companies may ask; the decision lets one through.
  openKey: ({ id }, filled) => `${code}:${id}:${textOf(filled, 'company_code')}`,
  prefill: (db, { subject_id, applicant_id }) => known(db, subject_id, applicant_id),
  mistakes: mistakesIn,
  async partiesOf(trx, kase, answers) {
    const live = await liveLink(trx, kase.subject_id)
    return live && variantOf(answers) === 'contested' ? [{ role: 'respondent', organisation_id: live.company_id }] : []
  },
  async informed(db, kase) {
    const [told, row]: [number[], { company_id: number } | undefined] = await Promise.all([
      toldOf(db, kase.subject_id, [kase.applicant_id]),
      db('project_links as own')
        .join('project_links as old', 'old.id', 'own.previous_id')
        .where({ 'own.case_id': kase.id })
        .first('old.company_id'),
    ])
    return row ? [...new Set([...told, row.company_id])] : told
  },
  async whenSubmitted(trx, kase, answers) {
    await proposeLink(trx, linkIn(kase, answers))
  },
  async whenEnded(trx, kase) {
    await rejectLink(trx, kase.id)
  },
  whenDone: take,
  publicFacts: (_kase, answers) => [
    { label: '项目', value: textOf(answers, 'project_name') },
    { label: '新物业企业', value: textOf(answers, 'company_name') },
    { label: '接管日期', value: textOf(answers, 'takeover_on') },
  ],
})

/** Counts one look at a project that is not one's own. @throws TooMany */
export async function limitSearches(user_id: number): Promise<void> {
  await limitTo(searches, String(user_id), '一小时内查找项目的次数已满')
}

export const linkKinds: readonly Kind[] = [projectLink]
