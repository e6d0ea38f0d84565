import type { Knex } from 'knex'
import { z } from 'zod'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, type DoneContext, defineKind, desk, type Kind, type KindSettings, party } from '../../cases/kind.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { today } from '../../clock.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotNow } from '../../errors.ts'
import { type Answers, textOf } from '../../forms/answers.ts'
import { type Mistakes, optionalText, text } from '../../forms/form.ts'
import { tell } from '../../messages/messages.ts'
import { changeRecord, readRecord } from '../archives/archive.ts'
import { projects } from '../archives/project.ts'
import { hundredths } from '../archives/project-rules.ts'
import { feeModes, selectionMethods } from '../archives/words.ts'
import {
  ceiling,
  chosenText,
  daysFrom,
  earlyLaw,
  filedDay,
  inTime,
  type OnlineText,
  onlineAnswers,
  onlineText,
  papersThere,
  rooms,
  sourceFields,
  sourceFinding,
  sourceMistakes,
  toldOf,
} from './contract-checks.ts'
import {
  companyAnswersOf,
  companyFields,
  contractIn,
  feesIn,
  feeWords,
  lackingTerms,
  lateField,
  lateMistake,
  neededTerms,
  termFields,
  termMistakes,
} from './contract-form.ts'
import { enterContract, overlapping, proposeContract, withdrawContract } from './contracts.ts'
import { liveLink, openLink } from './links.ts'
import { chosenProject, projectAnswers, projectAt, projectFields, subjectOfProject } from './project.ts'
import { settleSigning, signingNumber } from './signings.ts'
import { developerRoles, tenderLaw } from './standards.ts'
import { awardOf, moveTender, type Tender } from './tenders.ts'
import { touchProject } from './touched.ts'

/** 物业方案备案（前期物业管理备案）(domain.md §5.4): the developer files, the company it has chosen confirms, district and city look at it. */

const code = 'plan-filing'
const label = '前期物业管理备案'

const form = z.object({
  ...projectFields,
  party: text({ label: '甲方（建设单位）', section: '当事人', archive: { label: '项目档案' }, wide: true }),
  company_name: text({ label: '乙方（中标或选聘的物业服务企业）', archive: { label: '中标备案、协议选聘审批' }, wide: true }),
  company_code: companyFields.company_code,
  selection: text({ label: '选聘方式', archive: { label: '中标备案、协议选聘审批' } }),
  selection_number: optionalText({ label: '中标备案号或批准文号', archive: { label: '中标备案、协议选聘审批' } }),
  selected_on: optionalText({ label: '中标通知书日期或批准日期', archive: { label: '中标备案、协议选聘审批' } }),
  ...sourceFields,
  ...termFields,
  ...lateField,
  ...pledgeField,
})

const needed = [...neededTerms, 'text_source', 'room_area', 'room_place', 'fund_terms', 'takeover_terms']

const settings: KindSettings = {
  chain: [
    desk('district', 'district-clerk', '区县初审', '初审中'),
    party('confirm', 'respondent', '物业企业确认', '待企业确认', 5),
    desk('city-review', 'city-reviewer', '市局审核', '复审中'),
  ],
  clocks: standardClocks({ limit: 10, law: cityRule }),
  consults: [],
  materials: [
    paper('application-form', '前期物业管理备案申请表', { hint: '在本页打印，加盖公章后扫描上传' }),
    paper('contract', '前期物业服务合同', {
      required: false,
      original: true,
      hint: '在本系统在线签订的不用上传，其他的都要上传',
    }),
    paper('rules', '临时管理规约'),
    paper('plan', '物业管理（服务）方案'),
    paper('award', '中标通知书或者协议选聘批复', { original: true }),
    paper('area', '物业服务区域划分登记证明', { required: false, hint: '在本系统登记的不用上传' }),
    paper('facilities', '配套建筑和设施设备清单及产权归属'),
    paper('service-room', '物业服务用房证明'),
    paper('pricing', '收费批复或者备案', { required: false, hint: '实行政府指导价的提交' }),
  ],
  number: '济物前备〔{yyyy}〕{seq:4}号',
  corrections: 1,
  thresholds: { filing_days: 15, signing_days: 30 },
  templates: [
    { step: 'pass', label: '材料齐全', text: '合同、临时管理规约、服务方案齐全，与中标结果一致，同意备案。' },
    { step: 'refuse', label: '与中标不一致', text: '合同内容与中标文件不一致，请核对后重新提交。' },
    { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
    { step: 'decline', label: '不属本机关', text: '该项目不在本机关管辖范围，请向项目所在地区县主管部门申请。' },
  ],
}

// ── Who was chosen ─────────────────────────────────────────────────────────────────────────────

/** Why nothing can be filed yet, with the step that comes before. */
function unselected(project_id: number): NotNow {
  return new NotNow(
    `这个项目还没有办结的中标备案，也没有批准的协议选聘，不能办理${label}。先办中标备案；投标人不足三家或者规模较小的住宅项目，可以申请协议选聘（${tenderLaw}）。`,
    { label: '打开项目，办理招标或选聘', href: `/desk/projects/${project_id}` },
  )
}

async function selectionAnswers(db: Knex, project_id: number): Promise<Answers> {
  const selection = await awardOf(db, project_id)
  if (!selection) return {}
  const company = await companyAnswersOf(db, selection.winner_id)
  return {
    ...company,
    company_name: textOf(company, 'company_name') || (selection.winner ?? ''),
    selection: selectionMethods[selection.method] ?? selection.method,
    selection_number: selection.award_number ?? selection.number ?? '',
    selected_on: selection.awarded_on ?? selection.award_filed_on ?? '',
  }
}

/** A contract the developer and the chosen company have signed here. */
async function onlineFor(db: Knex, project_id: number): Promise<OnlineText | undefined> {
  const selection = await awardOf(db, project_id)
  return selection?.winner_id
    ? await onlineText(db, { project_id, company_id: selection.winner_id }, ['early'], ['new'])
    : undefined
}

// ── Checks ─────────────────────────────────────────────────────────────────────────────────────

const chosen: Check = {
  code: 'selection',
  about: '合同相对方是中标或者批准选聘的企业，价格不高于中标价',
  async find({ db, kase, answers }) {
    const selection = await awardOf(db, kase.subject_id)
    if (!selection) return undefined
    const [main] = feesIn(answers, (await projectAt(db, kase.subject_id)).property_type)
    const dearer = main && selection.price && hundredths(main.price) > hundredths(selection.price)
    return {
      code: 'selection',
      requirement: `与${selection.winner ?? '中标人'}签订，价格与中标文件一致`,
      actual: `${textOf(answers, 'company_name')}${main ? `，${main.price} 元/㎡·月` : ''}`,
      verdict: dearer ? 'warn' : 'ok',
      law: `${tenderLaw}第三十八条`,
      ...(dearer ? { detail: `中标价 ${selection.price} 元/㎡·月，合同单价高于中标价，请核对` } : {}),
    }
  },
}

/** Signed here: compared field by field. */
const source: Check = {
  code: 'source',
  about: '在线签订的，备案内容与双方确认的文本一致',
  async find({ db, kase, answers }) {
    const text = chosenText(answers, await onlineFor(db, kase.subject_id))
    return text && sourceFinding(text)
  },
}

/** The contract follows the notice of award within 30 days. */
const signedInTime: Check = {
  code: 'signed',
  about: '中标通知书发出后按期签订合同',
  find({ answers, settings }) {
    const [from, signed] = [textOf(answers, 'selected_on'), textOf(answers, 'signed_on')]
    const days = settings.thresholds.signing_days
    if (!from || !signed || !days) return undefined
    const taken = daysFrom(from, signed)
    return {
      code: 'signed',
      requirement: `中标通知书发出之日起 ${days} 日内签订`,
      actual: taken < 0 ? `签订早于 ${from}` : `第 ${taken} 日签订`,
      verdict: taken >= 0 && taken <= days ? 'ok' : 'warn',
      law: `${tenderLaw}第三十八条`,
    }
  },
}

// ── The kind ───────────────────────────────────────────────────────────────────────────────────

const fileBy = (answers: Answers, { thresholds }: KindSettings) => {
  const signed = textOf(answers, 'signed_on')
  return signed && thresholds.filing_days ? addDays(signed, thresholds.filing_days) : undefined
}

async function mistakesIn(db: Knex, kase: Case, answers: Answers, settings: KindSettings): Promise<Mistakes> {
  const project = await projectAt(db, kase.subject_id)
  const on = filedDay(kase)
  const mistakes: Mistakes = {
    ...lackingTerms(form, answers, needed),
    ...termMistakes(answers, project, today()),
    ...lateMistake(answers, fileBy(answers, settings), on, `${earlyLaw}，签订之日起 ${settings.thresholds.filing_days} 日内备案`),
  }
  if (project.developer_id !== kase.applicant_id)
    mistakes[''] = '这个项目的建设单位不是贵单位，不能办理。项目档案有误的，请联系所在区县主管部门。'
  const selection = await awardOf(db, kase.subject_id)
  if (!selection) mistakes.company_name = unselected(kase.subject_id).message
  else if (!selection.winner_id)
    mistakes.company_name = `${selection.winner ?? '中标人'}在本系统还没有企业档案，不能确认合同。请它先注册，再提交。`
  const there = await papersThere(db, kase.id)
  for (const [field, sentence] of Object.entries(sourceMistakes(answers, await onlineFor(db, kase.subject_id), there)))
    mistakes[field] ??= sentence
  const signed = textOf(answers, 'signed_on')
  if (selection?.awarded_on && signed && signed < selection.awarded_on)
    mistakes.signed_on ??= `签订日期 ${signed} 早于中标通知书日期 ${selection.awarded_on}。请对照合同改正（${tenderLaw}第三十八条）。`
  const [from, until] = [textOf(answers, 'starts_on'), textOf(answers, 'ends_on')]
  const [other] = from && until >= from ? await overlapping(db, kase.subject_id, from, until) : []
  if (other)
    mistakes.starts_on ??= `与已备案的合同 ${other.number ?? ''}（${other.starts_on} 至 ${other.ended_on ?? other.ends_on}）时间重叠，同一项目同一天只能有一份合同。请改期限。`
  if (feesIn(answers, project.property_type).some(({ pricing }) => pricing === 'guided')) {
    if (!there.includes('pricing')) mistakes.fees ??= '有实行政府指导价的收费，请在“材料”里上传收费批复或者备案。'
  }
  return mistakes
}

/** The approval: contract, link, stage and tender, in one transaction. */
async function take(trx: Knex.Transaction, kase: Case, { answers, number, decidedOn }: DoneContext): Promise<void> {
  if (!number) throw new Error(`${code} has no number`)
  const project = await projectAt(trx, kase.subject_id)
  const selection = await awardOf(trx, project.id)
  if (!selection?.winner_id)
    throw new NotNow('现在不能通过：中标或者协议选聘的结果已经变化。本件请不通过并说明理由，由建设单位核对后重新提交。')
  const text = chosenText(answers, await onlineFor(trx, project.id))
  if (textOf(answers, 'text_source') === 'online' && (!text || signingNumber(text.id) !== textOf(answers, 'signing_number')))
    throw new NotNow('现在不能通过：在线签订的合同已经变化。本件请不通过并说明理由，由建设单位核对后重新提交。')
  const contract = contractOf(kase, answers, project, { company_id: selection.winner_id, signing_id: text?.id ?? null })
  const [other] = await overlapping(trx, project.id, contract.starts_on, contract.ends_on)
  if (other) throw new NotNow(`现在不能通过：与已备案的合同 ${other.number ?? ''}时间重叠。本件请不通过并说明理由。`)
  const id = await enterContract(trx, contract, { number, filed_on: decidedOn })
  if (text) await settleSigning(trx, text.id, kase.id)
  await linkCompany(trx, kase, { selection, project_id: project.id, contract, number, decidedOn })
  await moveTender(trx, selection, 'settled')
  const { answers: record } = await readRecord(trx, projects, project.id)
  if (record.stage !== 'selected')
    await changeRecord(trx, projects, project.id, { answers: { stage: 'early' }, by: { user_id: null, case_id: kase.id } })
  await touchProject(trx, project.id)
  const name = project.name
  const lines = contract.fees
  await issueProof(trx, {
    kase,
    object: { type: 'contract', id },
    title: '前期物业管理备案证明',
    number,
    words: `${contract.party}为${name}选聘前期物业服务企业，前期物业服务合同、临时管理规约和服务方案已按照${earlyLaw}备案。`,
    facts: [
      { label: '项目', value: name, wide: true },
      { label: '坐落', value: project.address, wide: true },
      { label: '建设单位', value: contract.party, wide: true },
      { label: '物业服务企业', value: textOf(answers, 'company_name'), wide: true },
      { label: '合同编号', value: textOf(answers, 'contract_code') },
      { label: '签订日期', value: onPaper(contract.signed_on) },
      { label: '服务期限', value: `${onPaper(contract.starts_on)}至${onPaper(contract.ends_on)}`, wide: true },
      { label: '收费方式', value: feeModes[contract.fee_mode] },
      { label: '收费标准', value: feeWords(lines), wide: true },
      { label: '备案日期', value: onPaper(decidedOn) },
    ],
    remark: '本证明只说明已经备案，不是行政许可。业主委员会与业主大会选聘的企业签订的合同生效时，前期合同终止。',
  })
  await tell(trx, {
    to: { organisation_id: selection.winner_id },
    title: `${name}的前期物业管理已备案（${number}），项目已挂接到贵企业。`,
    body: `合同期限 ${contract.starts_on} 至 ${contract.ends_on}。交付前 15 日完成承接查验。`,
    link: `/desk/projects/${project.id}`,
  })
}

/** The company serves the project from the first day of the contract, unless it does already. */
async function linkCompany(
  trx: Knex.Transaction,
  kase: Case,
  {
    selection,
    project_id,
    contract,
    number,
    decidedOn,
  }: {
    selection: Tender
    project_id: number
    contract: { company_id: number; starts_on: string }
    number: string
    decidedOn: string
  },
): Promise<void> {
  const { company_id, starts_on } = contract
  const live = await liveLink(trx, project_id)
  if (live?.company_id === company_id) return
  if (live) throw new NotNow('现在不能通过：项目现由另一家物业企业服务。本件请不通过并说明理由，由建设单位核对后重新提交。')
  await openLink(trx, {
    project_id,
    company_id,
    phase: 'early',
    method: selection.method,
    starts_on,
    decided_on: decidedOn,
    number,
    case_id: kase.id,
  })
}

function contractOf(
  kase: Case,
  answers: Answers,
  project: Awaited<ReturnType<typeof projectAt>>,
  sides: { company_id: number; signing_id: number | null },
) {
  return contractIn(answers, project, {
    ...sides,
    party: textOf(answers, 'party'),
    phase: 'early',
    filing: 'new',
    case_id: kase.id,
    late_days: kase.late_days,
  })
}

/** 前期物业管理备案. */
export const planFiling: Kind = defineKind({
  code,
  label: `物业方案备案（${label}）`,
  module: 'filings',
  law: `${earlyLaw}，物业管理条例第二十一条`,
  when: '与中标或者批准选聘的物业企业签订前期物业服务合同之日起 15 日内、取得商品房预售许可以前，由建设单位备案，物业企业在线确认。',
  startedBy: developerRoles,
  startsAt: { label: '选择项目', href: '/desk/lists/projects' },
  parties: ['respondent'],
  reaches: ['city', 'district'],
  prefix: 'FA',
  form,
  async adjust() {
    return Object.fromEntries(
      [...needed, 'selection_number', 'selected_on', 'signing_number'].map(name => [name, { required: true }]),
    )
  },
  settings,
  thresholds: {
    filing_days: { label: '签订合同后备案期限', unit: '天' },
    signing_days: { label: '中标通知书发出后签订合同期限', unit: '天' },
  },
  refusedTo: 'draft',
  dissent: 'refused',
  steps: { answer: '确认', dissent: '不确认', lapse: '逾期未确认' },
  states: { done: '已备案' },
  checks: [inTime('filing_days', earlyLaw), source, chosen, signedInTime, rooms, ceiling],
  proof: { label: '前期物业管理备案证明', papers: [{ code: 'proof', label: '前期物业管理备案证明' }] },
  afterwards: '备案证明可在办件页下载，合同列入合同台账，项目自动挂接到物业企业；合同生效之日收费标准写入项目档案并对外公布。',
  async subjectOf(db, user, { subject_id }) {
    const project = await chosenProject(db, user, subject_id, label)
    if (!(await awardOf(db, project.id))) throw unselected(project.id)
    return subjectOfProject(project)
  },
  openKey: ({ id }) => `${code}:${id}`,
  async prefill(db, { subject_id, applicant_id }) {
    const [online, project, head, selected, selection, applicant] = await Promise.all([
      onlineFor(db, subject_id),
      projectAt(db, subject_id),
      projectAnswers(db, subject_id),
      selectionAnswers(db, subject_id),
      awardOf(db, subject_id),
      companyAnswersOf(db, applicant_id),
    ])
    return {
      ...head,
      ...selected,
      party: textOf(applicant, 'company_name'),
      serviced_area: project.floor_area,
      room_area: project.service_room_area,
      manager: selection?.manager ?? '',
      fees: [
        {
          property_type: project.property_type,
          service_level: selection?.service_level ? String(selection.service_level) : '',
          pricing: 'market',
          price: selection?.price ?? '',
        },
      ],
      ...onlineAnswers(online),
    }
  },
  mistakes: mistakesIn,
  fileBy,
  async partiesOf(trx, kase) {
    const selection = await awardOf(trx, kase.subject_id)
    return selection?.winner_id ? [{ role: 'respondent', organisation_id: selection.winner_id }] : []
  },
  informed: (db, kase) => toldOf(db, kase.subject_id, [kase.applicant_id]),
  async whenSubmitted(trx, kase, answers) {
    const [project, selection] = [await projectAt(trx, kase.subject_id), await awardOf(trx, kase.subject_id)]
    if (!selection?.winner_id) throw unselected(kase.subject_id)
    const text = chosenText(answers, await onlineFor(trx, project.id))
    const sides = { company_id: selection.winner_id, signing_id: text?.id ?? null }
    await proposeContract(trx, contractOf(kase, answers, project, sides))
  },
  async whenEnded(trx, kase) {
    await withdrawContract(trx, kase.id)
  },
  whenDone: take,
  publicFacts: (_kase, answers) => [
    { label: '项目', value: textOf(answers, 'project_name') },
    { label: '建设单位', value: textOf(answers, 'party') },
    { label: '物业服务企业', value: textOf(answers, 'company_name') },
  ],
})

export const planKinds: readonly Kind[] = [planFiling]
