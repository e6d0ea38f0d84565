import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, defineKind, type Kind, type KindSettings, type Subject } from '../../cases/kind.ts'
import { settingsInForce } from '../../cases/settings.ts'
import { cityRule, paper, standardClocks } from '../../cases/standards.ts'
import { today } from '../../clock.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotNow } from '../../errors.ts'
import { type Answers, rowsOf, textOf } from '../../forms/answers.ts'
import type { Mistakes } from '../../forms/form.ts'
import { tell } from '../../messages/messages.ts'
import { serviceLevels } from '../archives/words.ts'
import { areaOf } from './areas.ts'
import { draftArticle } from './articles.ts'
import { earliestAnnouncement } from './dates.ts'
import { chosenProject, type ProjectRow, projectAnswers, projectAt, subjectOfProject } from './project.ts'
import { cityDesks, developerRoles, districtDesks, provincialLaw, tenderLaw } from './standards.ts'
import { alone, divided, limitsIn, projectMistakes, tenderChecks, tenderMistakes } from './tender-checks.ts'
import { agreedForm, agreedReasons, evaluations, tenderConclusion, tenderForm } from './tender-form.ts'
import { enterTender, failedTender, keepBids, liveTender, runningSentence, turnStage } from './tenders.ts'
import { touchProject } from './touched.ts'
import { organisings, type TenderMethod, tenderMethods } from './words.ts'

/** 前期招标备案 and 协议选聘审批 (domain.md §5.2). */

const filingCode = 'tender-filing'
const agreedCode = 'agreed-selection'

const templates = (pass: string): KindSettings['templates'] => [
  { step: 'pass', label: '符合规定', text: pass },
  { step: 'refuse', label: '招标文件不全', text: '招标文件没有写明规定的内容，请补充后重新提交：' },
  { step: 'refuse', label: '时间不符', text: '时间安排不符合规定，请调整后重新提交。' },
  { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
  { step: 'decline', label: '不属本机关', text: '该项目不属于本机关管辖，请向项目所在地主管部门申请。' },
]

// ── What both ask of a project ─────────────────────────────────────────────────────────────────

/**
 * The project a developer chooses a company for.
 * @throws NotNow when it is another's, has no area, or a tender of it runs; NotFound
 */
async function tenderableProject(db: Knex, user: User, id: number | undefined, what: string): Promise<Subject> {
  const project = await chosenProject(db, user, id, what)
  if (project.developer_id !== user.organisation_id) throw new NotNow(`“${project.name}”的建设单位不是贵单位，不能办理${what}。`)
  const way = { label: '打开项目', href: `/desk/projects/${project.id}` }
  if (!(await areaOf(db, project.id)))
    throw new NotNow(
      `“${project.name}”还没有登记物业服务区域，不能办理${what}（${provincialLaw}第九条）。先办理物业服务区域划分登记。`,
      way,
    )
  const held = await liveTender(db, project.id)
  if (held) throw new NotNow(runningSentence(held), way)
  return subjectOfProject(project)
}

/** One way of choosing at a time: a tender and an agreement exclude each other. */
const openKey = ({ id }: Subject) => `tender:${id}`

async function knownOf(db: Knex, { subject_id, applicant_id }: Pick<Case, 'subject_id' | 'applicant_id'>): Promise<Answers> {
  const [project, developer, area] = await Promise.all([
    projectAnswers(db, subject_id),
    db('organisations').where({ id: applicant_id }).first('name'),
    areaOf(db, subject_id),
  ])
  return { ...project, developer: developer?.name ?? '', area_number: area?.number ?? '' }
}

/** 知会: the district authority of the project. */
export async function districtOffice(db: Knex, { subject_id }: Pick<Case, 'subject_id'>): Promise<number[]> {
  const { district_code } = await projectAt(db, subject_id)
  return await db('organisations').where({ kind: 'district', district_code }).pluck('id')
}

const levelOf = (answers: Answers) => serviceLevels[Number(textOf(answers, 'service_level')) as keyof typeof serviceLevels] ?? '' // checked by the form

// ── 前期招标备案 ───────────────────────────────────────────────────────────────────────────────

const filingSettings: KindSettings = {
  chain: [...cityDesks],
  clocks: standardClocks({ limit: 10, law: cityRule }),
  consults: [],
  materials: [
    paper('approvals', '项目开发建设的政府批件', { original: true, hint: '用地、规划、施工许可' }),
    paper('announcement', '招标公告或者投标邀请书'),
    paper('documents', '招标文件', { hint: '写明第十条规定的七项内容' }),
    paper('area', '物业服务区域划分登记证明'),
    paper('agency', '委托代理合同', { required: false, hint: '委托招标代理机构的提交' }),
    paper('other', '其他材料', { required: false }),
  ],
  number: '济物招备〔{yyyy}〕{seq:4}号',
  corrections: 1,
  thresholds: {
    announce_days: 10,
    bidding_days: 20,
    clarification_days: 15,
    fixing_days: 30,
    sale_days: 30,
    own_days: 90,
    committee: 5,
    invitees: 3,
    prequalified: 5,
  },
  templates: templates('招标文件内容齐全，时间安排符合规定，同意备案。'),
}

export const tenderFiling: Kind = defineKind({
  code: filingCode,
  label: '前期招标备案',
  module: 'filings',
  law: `${tenderLaw}第十一条`,
  when: '建设单位发布招标公告或者发出投标邀请书 10 日以前备案；住宅物业应当招标，区域划分登记后办理。',
  startedBy: developerRoles,
  startsAt: { label: '选择项目', href: '/desk/lists/projects' },
  prefix: 'ZT',
  form: tenderForm,
  settings: filingSettings,
  thresholds: {
    announce_days: { label: '备案到公告不少于', unit: '日' },
    bidding_days: { label: '招标文件发出到投标截止不少于', unit: '日' },
    clarification_days: { label: '澄清、修改在投标截止以前不少于', unit: '日' },
    fixing_days: { label: '投标有效期结束以前确定中标人不少于', unit: '日' },
    sale_days: { label: '现售以前完成招标不少于', unit: '日' },
    own_days: { label: '非出售的交付使用以前完成招标不少于', unit: '日' },
    committee: { label: '评标委员会不少于', unit: '人' },
    invitees: { label: '邀请的投标人不少于', unit: '家' },
    prequalified: { label: '资格预审后选择的投标人不少于', unit: '家' },
  },
  conclusion: tenderConclusion,
  refusedTo: 'draft',
  states: { done: '已备案' },
  checks: tenderChecks,
  proof: { label: '招标备案证明', papers: [{ code: 'proof', label: '招标备案证明' }] },
  afterwards: '招标备案证明可在办件页下载。按计划日期发布公告；开标后登记投标和结果，确定中标人之日起 15 日内办理中标备案。',
  subjectOf: async (db, user, { subject_id }) => await tenderableProject(db, user, subject_id, '前期招标备案'),
  openKey,
  async prefill(db, kase) {
    const [known, { settings }, failed] = await Promise.all([
      knownOf(db, kase),
      settingsInForce(db, tenderFiling),
      failedTender(db, kase.subject_id),
    ])
    return {
      ...known,
      previous_number: failed ? `${failed.number ?? ''} ${failed.failed_on ?? ''} 流标`.trim() : '',
      earliest_on: earliestAnnouncement(today(), limitsIn(settings).announce),
    }
  },
  mistakes: tenderMistakes,
  informed: districtOffice,
  async whenDone(trx, kase, { answers, number, decidedOn }) {
    if (!number) throw new Error(`${filingCode} has no number`)
    const project = await projectAt(trx, kase.subject_id)
    await assertStill(trx, kase, project)
    const told = (name: string) => textOf(answers, name)
    const method = told('method') as TenderMethod // a choice of the form
    const id = await enterTender(trx, {
      project_id: project.id,
      developer_id: kase.applicant_id,
      case_id: kase.id,
      state: 'tendering',
      method,
      organising: told('organising') === 'agency' ? 'agency' : 'self',
      number,
      filed_on: decidedOn,
      agency: told('agency') || null,
      service_level: Number(told('service_level')),
      fee: told('fee'),
      term_months: Number(told('term_months')),
      announce_on: told('announce_on'),
      documents_from: told('documents_from'),
      documents_until: told('documents_until'),
      bids_until: told('bids_until'),
      opens_on: told('opens_on'),
      opens_at: told('opens_at'),
      opening_place: told('opening_place'),
      committee_size: Number(told('committee_size')),
      valid_until: told('valid_until'),
    })
    if (method === 'invited') await keepBids(trx, id, await invitedBids(trx, answers))
    await turnStage(trx, project.id, 'divided', 'tendering', kase.id)
    await issueTenderProof(trx, kase, { id, number, answers, project, decidedOn })
    // 邀请招标 sends letters and announces nothing.
    if (method === 'open')
      await draftArticle(trx, {
        column: 'tenders',
        title: `${project.name}前期物业服务招标公告`,
        body: announcementOf(answers, number),
        source: `tender:${id}`,
        case_id: kase.id,
      })
    await tell(trx, {
      to: { organisation_id: kase.applicant_id },
      title: `${project.name}的前期招标已备案（${number}）。`,
      body: `计划 ${told('announce_on')} 公告，${told('bids_until')} ${told('opens_at')} 投标截止并开标。开标后登记投标人和结果；不足三家的登记流标。`,
      link: `/desk/projects/${project.id}`,
      case_id: kase.id,
    })
    await touchProject(trx, project.id)
  },
})

/** A project may have passed to another developer, or lost its area, since the submission. @throws NotNow */
async function assertStill(trx: Knex.Transaction, kase: Case, { developer_id, id }: ProjectRow): Promise<void> {
  if (developer_id !== kase.applicant_id || !(await areaOf(trx, id)))
    throw new NotNow('现在不能通过：项目的建设单位或者物业服务区域已经变化。本件请不通过并说明理由，由建设单位核对后重新提交。')
}

/** Whoever is invited stands among the bidders before the bids come. */
async function invitedBids(trx: Knex.Transaction, answers: Answers) {
  const rows = rowsOf(answers, 'invitees')
  const companies = await companiesBy(
    trx,
    rows.map(({ code = '' }) => code),
  )
  return rows.map(({ name = '', code = '' }) => ({
    name,
    code,
    company_id: companies.get(code)?.id ?? null,
    price: '0.00',
    score: null,
    standing: null,
    state: 'invited' as const,
    reason: null,
  }))
}

/** Companies of the archive by their code. */
export async function companiesBy(db: Knex, codes: readonly string[]): Promise<Map<string, { id: number; name: string }>> {
  const rows: { id: number; name: string; code: string }[] = await db('organisations')
    .where({ kind: 'company' })
    .whereIn('code', [...codes])
    .select('id', 'name', 'code')
  return new Map(rows.map(({ code, ...company }) => [code, company]))
}

async function issueTenderProof(
  trx: Knex.Transaction,
  kase: Case,
  {
    id,
    number,
    answers,
    project,
    decidedOn,
  }: { id: number; number: string; answers: Answers; project: ProjectRow; decidedOn: string },
): Promise<void> {
  const told = (name: string) => textOf(answers, name)
  await issueProof(trx, {
    kase,
    object: { type: 'tender', id },
    title: '招标备案证明',
    number,
    words: `${told('developer')}为${project.name}选聘前期物业服务企业的招标，已按照《${tenderLaw}》第十一条备案。`,
    facts: [
      { label: '项目', value: project.name, wide: true },
      { label: '坐落', value: project.address, wide: true },
      { label: '招标人', value: told('developer'), wide: true },
      { label: '总建筑面积', value: `${project.floor_area} ㎡` },
      { label: '区域登记编号', value: told('area_number') },
      { label: '招标方式', value: tenderMethods[told('method') as TenderMethod] ?? '' }, // a choice of the form
      { label: '组织形式', value: organisings[told('organising') as keyof typeof organisings] ?? '' }, // likewise
      ...(told('agency') ? [{ label: '招标代理机构', value: told('agency'), wide: true }] : []),
      { label: '公告日期', value: onPaper(told('announce_on')) },
      { label: '投标截止', value: `${onPaper(told('bids_until'))} ${told('opens_at')}` },
      { label: '评标委员会', value: `${told('committee_size')} 人，其中专家 ${told('experts')} 人` },
      { label: '备案日期', value: onPaper(decidedOn) },
    ],
    remark: '本证明只说明招标已经备案，不是行政许可。招标内容或者时间改变的，应当重新备案。',
  })
}

/** 招标公告, as the editor finds it. */
function announcementOf(answers: Answers, number: string): string {
  const told = (name: string) => textOf(answers, name)
  const lines: [label: string, value: string][] = [
    ['招标人', told('developer')],
    ['项目', `${told('project_name')}（${told('project_address')}，总建筑面积 ${told('project_area')} ㎡）`],
    ['备案编号', number],
    ['招标内容与服务要求', told('content')],
    ['服务等级', levelOf(answers)],
    ['拟定收费标准', `${told('fee')} 元/㎡·月`],
    ['服务期限', `${told('term_months')} 个月`],
    ['投标人资格要求', told('qualification')],
    ['资格预审', told('prequalification') === 'yes' ? `有，选择 ${told('prequalified_count')} 家` : '没有'],
    ['招标文件', `${told('documents_from')} 至 ${told('documents_until')} 发出，澄清、修改到 ${told('clarify_until')}`],
    ['投标截止和开标', `${told('bids_until')} ${told('opens_at')}`],
    ['开标地点', told('opening_place')],
    ['评标办法', evaluations[told('evaluation') as keyof typeof evaluations] ?? ''], // a choice of the form
    ...(told('agency') ? [['招标代理机构', told('agency')] satisfies [string, string]] : []),
  ]
  return lines.map(([label, value]) => `${label}：${value}`).join('\n\n')
}

// ── 协议选聘审批 ───────────────────────────────────────────────────────────────────────────────

const agreedLaw = '物业管理条例第二十四条'

const agreedSettings: KindSettings = {
  chain: [...districtDesks],
  clocks: standardClocks({ limit: 10, law: cityRule }),
  consults: [],
  materials: [
    paper('application-form', '协议选聘申请书', { hint: '加盖公章' }),
    paper('approvals', '项目开发建设的政府批件', { original: true }),
    paper('area', '物业服务区域划分登记证明'),
    paper('company', '拟选聘企业的营业执照和情况说明'),
    paper('tender', '流标的说明和招标资料', { required: false, hint: '投标人少于三个的提交' }),
    paper('terms', '拟签订的前期物业服务合同草案'),
  ],
  number: '济物协批〔{yyyy}〕{region}-{seq:4}号',
  corrections: 1,
  thresholds: { small_area: 30_000 },
  templates: templates('符合采用协议方式选聘的条件，同意。'),
}

/** Whether the project counts as a small one with homes; a mixed one with homes does, an office building does not. */
function isSmall({ floor_area, property_type }: ProjectRow, { thresholds }: KindSettings): boolean {
  return isResidential(property_type) && Number(floor_area) <= (thresholds.small_area ?? 0)
}
const isResidential = (type: ProjectRow['property_type']) => ['multi-storey', 'high-rise', 'villa'].includes(type)

/** Which reason the facts bear. */
const justified: Check = {
  code: 'reason',
  about: '投标人少于三个，或者住宅规模较小',
  async find({ db, kase, answers, settings }) {
    const reason = textOf(answers, 'reason')
    if (reason === 'few') {
      const failed = textOf(answers, 'failed_number')
      return {
        code: 'reason',
        requirement: agreedReasons.few,
        actual: failed ? `${failed}，${textOf(answers, 'failed_on')} 流标` : '没有登记流标的招标',
        verdict: failed ? 'ok' : 'bad',
        law: agreedLaw,
      }
    }
    const project = await projectAt(db, kase.subject_id)
    return {
      code: 'reason',
      requirement: `住宅物业，总建筑面积不超过 ${settings.thresholds.small_area ?? 0} ㎡`,
      actual: `${isResidential(project.property_type) ? '住宅' : '非住宅'}，${project.floor_area} ㎡`,
      verdict: isSmall(project, settings) ? 'ok' : 'bad',
      law: agreedLaw,
    }
  },
}

async function agreedMistakes(db: Knex, kase: Case, answers: Answers, settings: KindSettings): Promise<Mistakes> {
  const told = (name: string) => textOf(answers, name)
  const mistakes = await projectMistakes(db, kase)
  const rule = `（${agreedLaw}）`
  if (told('reason') === 'few' && !(await failedTender(db, kase.subject_id)))
    mistakes.reason = `这个项目没有流标的招标，不能以投标人少于三个为由协议选聘${rule}。先招标；流标的先在招标页登记。`
  if (told('reason') === 'small') {
    const project = await projectAt(db, kase.subject_id)
    if (!isSmall(project, settings))
      mistakes.reason = `规模较小指住宅物业总建筑面积不超过 ${settings.thresholds.small_area ?? 0} ㎡，本项目为 ${project.floor_area} ㎡，应当招标${rule}。`
  }
  return { ...mistakes, ...(await companyMistakes(db, told('company_name'), told('company_code'))) }
}

/** A company that is on no list, or goes by another name there. */
async function companyMistakes(db: Knex, name: string, code: string): Promise<Mistakes> {
  const company = (await companiesBy(db, [code])).get(code)
  if (!company) return { company_code: '企业名录里没有这个统一社会信用代码。请该企业先注册并建立档案，再办理。' }
  return company.name === name ? {} : { company_name: `名录里这个代码的企业是${company.name}，请核对名称和代码。` }
}

export const agreedSelection: Kind = defineKind({
  code: agreedCode,
  label: '协议选聘审批',
  module: 'filings',
  law: agreedLaw,
  when: '投标人少于三个或者住宅规模较小的，经项目所在地区县主管部门批准，可以采用协议方式选聘前期物业服务企业。',
  startedBy: developerRoles,
  startsAt: { label: '选择项目', href: '/desk/lists/projects' },
  reaches: ['district'],
  prefix: 'XP',
  form: agreedForm,
  settings: agreedSettings,
  thresholds: { small_area: { label: '规模较小的住宅总建筑面积不超过', unit: '㎡' } },
  refusedTo: 'draft',
  states: { done: '已批准' },
  checks: [divided, alone, justified],
  proof: { label: '协议选聘批复', papers: [{ code: 'proof', label: '协议选聘批复' }] },
  afterwards: '批复可在办件页下载。与选聘的企业签订前期物业服务合同后，15 日内办理物业方案备案。',
  subjectOf: async (db, user, { subject_id }) => await tenderableProject(db, user, subject_id, '协议选聘'),
  openKey,
  async prefill(db, kase) {
    const [known, failed] = await Promise.all([knownOf(db, kase), failedTender(db, kase.subject_id)])
    return { ...known, failed_number: failed?.number ?? '', failed_on: failed?.failed_on ?? '' }
  },
  mistakes: agreedMistakes,
  async whenDone(trx, kase, { answers, number, decidedOn }) {
    if (!number) throw new Error(`${agreedCode} has no number`)
    const told = (name: string) => textOf(answers, name)
    const project = await projectAt(trx, kase.subject_id)
    await assertStill(trx, kase, project)
    const company = (await companiesBy(trx, [told('company_code')])).get(told('company_code'))
    if (!company) throw new NotNow('现在不能通过：企业名录里已经没有这家企业。本件请不通过并说明理由。')
    const id = await enterTender(trx, {
      project_id: project.id,
      developer_id: kase.applicant_id,
      case_id: kase.id,
      state: 'agreed',
      method: 'agreed',
      organising: 'self',
      number,
      filed_on: decidedOn,
      awarded_on: decidedOn,
      service_level: Number(told('service_level')),
      fee: told('fee'),
      price: told('fee'),
      term_months: Number(told('term_months')),
      winner_id: company.id,
      winner: company.name,
      manager: told('manager'),
    })
    const district = await trx('organisations').where({ kind: 'district', district_code: project.district_code }).first('name')
    await issueProof(trx, {
      kase,
      object: { type: 'tender', id },
      title: '协议选聘批复',
      number,
      ...(district ? { issuer: district.name } : {}),
      words: `${told('developer')}建设的${project.name}，${agreedReasons[told('reason') as keyof typeof agreedReasons]}，按照《物业管理条例》第二十四条，同意采用协议方式选聘${company.name}为前期物业服务企业。`, // a choice of the form
      facts: [
        { label: '项目', value: project.name, wide: true },
        { label: '坐落', value: project.address, wide: true },
        { label: '总建筑面积', value: `${project.floor_area} ㎡` },
        { label: '服务等级', value: levelOf(answers) },
        { label: '收费标准', value: `${told('fee')} 元/㎡·月` },
        { label: '服务期限', value: `${told('term_months')} 个月` },
        { label: '项目负责人', value: told('manager') },
        { label: '批准日期', value: onPaper(decidedOn) },
      ],
    })
    for (const organisation_id of [kase.applicant_id, company.id])
      await tell(trx, {
        to: { organisation_id },
        title: `${project.name}已批准协议选聘${company.name}（${number}）。`,
        body: '请签订前期物业服务合同；建设单位自签订之日起 15 日内办理物业方案备案。',
        ...(organisation_id === kase.applicant_id ? { link: `/desk/projects/${project.id}` } : {}),
      })
    await touchProject(trx, project.id)
  },
})

export const tenderKinds: readonly Kind[] = [tenderFiling, agreedSelection]
