import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { settingsNow } from '../../admin/settings.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, type CheckContext, defineKind, desk, type KindSettings } from '../../cases/kind.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { dayOf, now, today } from '../../clock.ts'
import { blindIndex } from '../../crypto.ts'
import { isDuplicate } from '../../db.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { choice, fieldsOf, type Mistakes, optionalChoice, optionalDate, optionalText, partOf, text } from '../../forms/form.ts'
import { normaliseCode, socialCreditCodeMistake } from '../../identifiers.ts'
import { regionNames } from '../../lists/regions.ts'
import { indexTerms } from '../../lists/terms.ts'
import { type Archive, changeRecord, createRecord, type RecordAnswers, readRecord } from './archive.ts'
import { changeChecks, changeFields, changeMistakes, changesIn, nowAnswers, regionAdjust, regionMistakes } from './change-form.ts'
import { keepServedAreas, projectForm, projects } from './project.ts'
import { keptProject } from './project-access.ts'
import { tellCondition, tellShortfall } from './project-notices.ts'
import { figureMistakes, meetingCondition, roomFindings, sumNotices } from './project-rules.ts'
import { optionsOf, type ServicePhase, selectionMethods, stages } from './words.ts'

/** 项目建档 and 项目档案变更 (domain.md §2.1, §9.3). */

const starters = ['developer', 'company-admin', 'company-clerk'] as const

const clocks = standardClocks({ limit: 10, law: cityRule })

/** The district decides, with two people (不得自审). */
const district = [
  desk('district', 'district-clerk', '区县经办', '审核中'),
  desk('district-review', 'district-reviewer', '区县审核', '复审中'),
]

const templates = [
  { step: 'pass', label: '与材料一致', text: '填报内容与所交材料一致，同意。' },
  { step: 'refuse', label: '与材料不一致', text: '填报内容与所交材料不一致，请核对后重新提交。' },
  { step: 'decline', label: '不属本机关', text: '该项目不在本机关管辖范围，请向项目所在地区县主管部门申请。' },
  { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
]

const wordOf = (answers: Answers, name: string) => (typeof answers[name] === 'string' ? answers[name] : '')

/** Only the texts among answers, as an archive takes them. */
const flat = (answers: Answers): RecordAnswers =>
  Object.fromEntries(Object.entries(answers).flatMap(([name, answer]) => (typeof answer === 'string' ? [[name, answer]] : [])))

/** The district that manages a street: another one than its code says where a zone has taken it over (domain.md §16). */
export async function districtOf(db: Knex, street_code: string): Promise<string> {
  const row: { managed_by: string | null; parent_code: string | null } | undefined = await db('regions')
    .where({ code: street_code, level: 'street' })
    .first('managed_by', 'parent_code')
  return row?.managed_by ?? row?.parent_code ?? ''
}

/** The lines both applications have: 用房, and figures that do not add up. */
function figureChecks(recordOf: (context: CheckContext) => Promise<RecordAnswers> | RecordAnswers): Check[] {
  const roomCheck = (code: string, about: string): Check => ({
    code,
    about,
    async find(context) {
      const record = await recordOf(context)
      // What it must be follows from the whole, which may not have been typed yet.
      if (!record.floor_area) return undefined
      return roomFindings(record, await settingsNow(context.db)).find(finding => finding.code === code)
    },
  })
  return [
    roomCheck('service-room', '物业服务用房面积符合规定'),
    roomCheck('committee-room', '业委会用房面积符合规定'),
    {
      code: 'sums',
      about: '各类面积、户数相加与合计一致',
      async find(context) {
        const record = await recordOf(context)
        if (!record.floor_area) return undefined
        const notices = sumNotices(record)
        return {
          code: 'sums',
          requirement: '各类面积、户数、车位相加与合计一致',
          actual: notices.length ? notices.join('') : '一致',
          verdict: notices.length ? 'warn' : 'ok',
          law: cityRule,
        }
      },
    },
  ]
}

// ── 项目档案变更 ──────────────────────────────────────────────────────────────────────────────

/** The street says which district it is, so nobody fills in both. */
const changing: Archive = { ...projects, form: partOf(projectForm, ({ name }) => name !== 'district_code') }

const changeForm = z.object({
  ...changeFields(changing),
  reason: text({
    label: '变更原因',
    section: '变更说明',
    type: 'textarea',
    max: 500,
    hint: '如：2 号楼 10 月交付 96 户；地名办批准更名',
  }),
  ...pledgeField,
})

/** The project as it is registered, with what is to change. */
async function changed(db: Knex, { subject_id }: Pick<Case, 'subject_id'>, answers: Answers) {
  const { answers: before } = await readRecord(db, projects, subject_id)
  const changes: RecordAnswers = changesIn(changing, answers)
  if (changes.street_code) changes.district_code = await districtOf(db, changes.street_code)
  const after: RecordAnswers = { ...before, ...changes }
  return { before, after, changes }
}

/** Whether the applicant still serves the project, or has built it: the service may have ended since the draft was begun. */
async function belongsTo(db: Knex, { subject_id, applicant_id }: Case): Promise<boolean> {
  const [link, project] = await Promise.all([
    db('project_links').where({ project_id: subject_id, company_id: applicant_id, live: 1 }).first('id'),
    db('projects').where({ id: subject_id, developer_id: applicant_id }).first('id'),
  ])
  return Boolean(link ?? project)
}

const readyForMeeting: Check = {
  code: 'meeting',
  about: '是否达到成立业主大会条件',
  async find({ db, kase, answers, on }) {
    const { after, changes } = await changed(db, kase, answers)
    if (!changes.delivered_count && !changes.delivered_area && !changes.first_delivered_on) return undefined
    const { met, words } = meetingCondition(after, on, await settingsNow(db))
    return {
      code: 'meeting',
      requirement: '成立业主大会的条件',
      actual: met ? '变更后达到' : '变更后没有达到',
      verdict: met ? 'warn' : 'ok',
      law: '山东省物业管理条例第二十条',
      detail: met ? `${words}。通过后自动告知街道办和区县` : words,
    }
  },
}

const changeSettings: KindSettings = {
  chain: district,
  clocks,
  consults: [],
  materials: [
    paper('application-form', '项目档案变更申请表', { hint: '在本页打印，加盖公章后扫描上传' }),
    paper('proof', '变更的证明材料', { original: true, hint: '地名批准文件、测绘报告、竣工备案表、交付清单等' }),
  ],
  number: '济物项变〔{yyyy}〕{region}-{seq:4}号',
  corrections: 1,
  thresholds: {},
  templates,
}

/** ★ Fields of a project change when the district has approved. */
export const projectChange = defineKind({
  code: 'project-change',
  label: '项目档案变更',
  module: 'archives',
  law: `物业管理条例，${cityRule}`,
  when: '项目名称、坐落、街道、总建筑面积、楼栋和户数、交付情况有变化时申请，区县审核通过后档案生效。',
  startedBy: starters,
  startsAt: { label: '选择要变更的项目', href: '/desk/lists/projects' },
  prefix: 'XB',
  form: changeForm,
  adjust: regionAdjust,
  settings: changeSettings,
  refusedTo: 'draft',
  checks: [
    ...changeChecks(changing, cityRule, regionAdjust),
    ...figureChecks(async ({ db, kase, answers }) => (await changed(db, kase, answers)).after),
    readyForMeeting,
  ],
  async subjectOf(db, user, { subject_id }) {
    if (!subject_id) throw new NotNow('请先在项目列表里打开要变更的项目，再按“变更申请”。')
    const { id, name, district_code, street_code } = await keptProject(db, user, subject_id)
    return { type: 'project', id, name, district_code, street_code }
  },
  openKey: ({ id }) => `project-change:${id}`,
  async prefill(db, { subject_id }) {
    const { answers } = await readRecord(db, projects, subject_id)
    return nowAnswers(changing, answers, await regionAdjust(db))
  },
  async mistakes(db, kase, answers) {
    const { before, after, changes } = await changed(db, kase, answers)
    const mistakes: Mistakes = { ...figureMistakes(after), ...changeMistakes(changing, before, answers) }
    if (!(await belongsTo(db, kase))) mistakes[''] = '贵单位已不服务这个项目，不能再申请变更。现在的内容由正在服务的企业申请。'
    if (changes.first_delivered_on && changes.first_delivered_on > today())
      mistakes.first_delivered_on = `首次交付日期 ${changes.first_delivered_on} 还没有到。交付以后再申请变更。`
    for (const [field, sentence] of Object.entries(await regionMistakes(db, { street_code: changes.street_code ?? '' })))
      mistakes[field] ??= sentence
    const twin = changes.name || changes.street_code ? await twinOf(db, after, kase.subject_id) : undefined
    if (twin) mistakes[changes.name ? 'name' : 'street_code'] = twinSentence(twin)
    return mistakes
  },
  async informed(db, { subject_id, applicant_id }) {
    const [link, project]: ({ id: number | null } | undefined)[] = await Promise.all([
      db('project_links').where({ project_id: subject_id, live: 1 }).first('company_id as id'),
      db('projects').where({ id: subject_id }).first('developer_id as id'),
    ])
    return [link?.id, project?.id].flatMap(id => (id && id !== applicant_id ? [id] : []))
  },
  async whenDone(trx, kase, { answers }) {
    const { before, after, changes } = await changed(trx, kase, answers)
    await changeRecord(trx, projects, kase.subject_id, { answers: changes, by: { user_id: null, case_id: kase.id } })
    await tellCondition(trx, kase.subject_id, { before, after, day: today() })
    if (changes.floor_area) await tellShortfall(trx, kase.subject_id)
  },
  afterwards: '变更内容已写入项目档案，档案页的“变更记录”里查得到。',
})

// ── 项目建档 ──────────────────────────────────────────────────────────────────────────────────

/** What an existing project can be like; 招标中 only comes of a filing. */
const enteringStages = {
  divided: stages.divided,
  early: stages.early,
  selected: stages.selected,
  'self-managed': stages['self-managed'],
  unmanaged: stages.unmanaged,
} as const

const ownFields = partOf(projectForm, ({ name }) => name !== 'district_code' && !projects.office?.includes(name))

const newForm = z.object({
  applicant: text({ label: '申请单位', section: '申请单位', archive: { label: '单位档案' }, wide: true }),
  applicant_kind: text({ label: '单位类型', archive: { label: '单位档案' } }),
  developer_code: optionalText({
    label: '开发企业统一社会信用代码',
    max: 40,
    normalise: normaliseCode,
    rule: code => (code ? socialCreditCodeMistake(code) : undefined),
    hint: '物业企业申请时填写，开发企业没有登记的可不填',
  }),
  ...ownFields.shape,
  stage: choice({ label: '项目阶段', section: '现在的服务', options: optionsOf(enteringStages) }),
  service_from: optionalDate({ label: '接管日期', hint: '物业企业申请时填写' }),
  method: optionalChoice({ label: '选聘方式', options: optionsOf(selectionMethods), hint: '物业企业申请时填写' }),
  decided_on: optionalDate({ label: '选聘决定日期', hint: '中标通知书、业主大会决议或委托函的日期' }),
  contract_party: optionalText({ label: '合同甲方', max: 200, hint: '开发企业或业主委员会' }),
  contract_signed_on: optionalDate({ label: '合同签订日期' }),
  contract_until: optionalDate({ label: '合同到期日' }),
  ...pledgeField,
})

const newVariants = { built: '开发企业申请', served: '物业企业申请，同时挂接' } as const
const companyWord = '物业企业'
const developerWord = '开发企业'
const byCompany = (answers: Answers) => answers.applicant_kind === companyWord

function newSettings(variant: string): KindSettings {
  const isServed = variant === 'served'
  return {
    // Whoever becomes linked to a project is the city's decision too (domain.md §2.1).
    chain: isServed ? [...district, desk('city', 'city-clerk', '市局审核', '终审中')] : district,
    clocks,
    consults: [],
    materials: [
      paper('application-form', '项目建档申请表', { hint: '在本页打印，加盖公章后扫描上传' }),
      paper('planning', '建设工程规划许可证及总平面图', { required: !isServed }),
      paper('land', '建设用地规划许可证', { required: !isServed }),
      paper('completion', '竣工验收备案表', { required: false, hint: '已竣工的提交' }),
      paper('contract', '物业服务合同', { required: isServed, original: isServed }),
      paper('selection', '选聘证明', {
        required: isServed,
        ...(isServed ? { hint: '中标通知书、业主大会决议及公示，或街道办委托函' } : { hint: '已选聘物业企业的提交' }),
      }),
      paper('service-room', '物业服务用房配置说明', { required: false }),
    ],
    number: '{region}{seq:6}',
    corrections: 1,
    thresholds: {},
    templates,
  }
}

interface Twin {
  name: string
  code: string
  street_code: string
  street: string
}

/** A project of the same name in the same street, now or by a former name. */
export async function twinOf(db: Knex, { name = '', street_code = '' }: RecordAnswers, own = 0): Promise<Twin | undefined> {
  const row: Omit<Twin, 'street'> | undefined = await db('projects')
    .where({ street_code })
    .whereNot({ id: own })
    .where(same => same.where({ name }).orWhere({ former_name: name }))
    .first('name', 'code', 'street_code')
  return row && { ...row, street: (await regionNames(db))[row.street_code] ?? '' }
}

/** That a project of the name is there already, and what to do. */
export const twinSentence = ({ name, code, street }: Twin) =>
  `${street}已有“${name}”（项目编号 ${code}），不能重复建档。是同一个项目的，请核对它的档案；不是的，请写全名称，如加上期数、地块。`

/** What keeps two applications for the same project apart while one of them is open. */
function projectKey({ name = '', street_code = '' }: RecordAnswers): string {
  const plain = name.normalize('NFKC').toLowerCase().replace(/\s/g, '')
  return `project-new:${street_code}:${blindIndex('cases.open_key', plain)}`
}

/** Why a project that is not in the archives yet cannot be asked for: another case asks for it. */
export async function claimedBefore(db: Knex, { id }: Pick<Case, 'id'>, record: RecordAnswers): Promise<string | undefined> {
  const other: { id: number } | undefined = await db('cases')
    .where({ open_key: projectKey(record) })
    .whereNot({ id })
    .first('id')
  return other && alreadyOpen
}

/**
 * The case is about a project that is to come: it takes its name, and nobody else asks for the same while it is open.
 * @param label what is asked for
 * @param record name, street and applicant as submitted
 * @throws NotNow when another was first
 */
export async function claimProject(trx: Knex.Transaction, kase: Case, label: string, record: RecordAnswers): Promise<void> {
  const { name = '', applicant = '' } = record
  try {
    await trx('cases')
      .where({ id: kase.id })
      .update({ open_key: projectKey(record), title: `${label} · ${name}`.slice(0, 250), subject_name: name })
  } catch (error) {
    if (isDuplicate(error)) throw new NotNow(alreadyOpen)
    throw error
  }
  await indexTerms(trx, 'cases', kase.id, [name, applicant, label, kase.serial ?? ''])
}

const alreadyOpen = '这个街道的同名项目正在办理项目建档或区域划分登记，不能重复申请。请等那一件办结，或联系区县主管部门核对。'

/** 挂接 facts that only a company is asked for. */
function serviceMistakes(answers: Answers): Mistakes {
  if (!byCompany(answers)) return {}
  const mistakes: Mistakes = {}
  const stage = wordOf(answers, 'stage')
  if (stage !== 'early' && stage !== 'selected')
    mistakes.stage = '物业企业只能为自己正在服务的项目建档，请选“前期物业”或“业委会选聘”。'
  if (!wordOf(answers, 'service_from')) mistakes.service_from = '请填写本企业接管项目的日期。'
  else if (wordOf(answers, 'service_from') > today()) mistakes.service_from = '接管日期还没有到。接管以后再申请建档。'
  if (!wordOf(answers, 'method')) mistakes.method = '请选择本企业是怎样选聘的。'
  return mistakes
}

const sameAddress: Check = {
  code: 'address',
  about: '同一坐落没有别的项目',
  async find({ db, answers }) {
    const [address, street_code] = [wordOf(answers, 'address'), wordOf(answers, 'street_code')]
    if (!address || !street_code) return undefined
    const others: { name: string; code: string }[] = await db('projects')
      .where({ street_code, address })
      .limit(3)
      .select('name', 'code')
    return {
      code: 'address',
      requirement: '同一坐落没有别的项目',
      actual: others.length ? others.map(({ name, code }) => `${name}（${code}）`).join('、') : '没有发现',
      verdict: others.length ? 'warn' : 'ok',
      law: cityRule,
      ...(others.length ? { detail: '分期开发的可以同一坐落；是同一个项目的不要重复建档' } : {}),
    }
  },
}

const onTheMap: Check = {
  code: 'coordinates',
  about: '填写了经纬度',
  find({ answers }) {
    const isPlaced = wordOf(answers, 'longitude') !== '' && wordOf(answers, 'latitude') !== ''
    return {
      code: 'coordinates',
      requirement: '填写经纬度',
      actual: isPlaced ? '已填写' : '没有填写，项目分布图上看不到',
      verdict: isPlaced ? 'ok' : 'warn',
      law: cityRule,
    }
  },
}

/** The organisation of whoever applies. @throws NotNow when it is neither company nor developer */
async function ownOrganisation(db: Knex, organisation_id: number) {
  const row: { id: number; kind: string; name: string; district_code: string | null; street_code: string | null } | undefined =
    await db('organisations')
      .where({ id: organisation_id })
      .whereIn('kind', ['company', 'developer'])
      .first('id', 'kind', 'name', 'district_code', 'street_code')
  if (!row) throw new NotNow('没有找到本单位的档案，请联系注册地区县主管部门核对后再申请。')
  return row
}

/** The developer a project belongs to: the applicant, or the one whose code a company gives. */
async function developerFor(db: Knex, kase: Pick<Case, 'applicant_id'>, answers: Answers): Promise<number | undefined> {
  if (!byCompany(answers)) return kase.applicant_id
  const code = wordOf(answers, 'developer_code')
  const row: { id: number } | undefined = code
    ? await db('organisations').where({ kind: 'developer', code }).first('id')
    : undefined
  return row?.id
}

/** An existing project enters the archives. */
export const projectNew = defineKind({
  code: 'project-new',
  label: '项目建档',
  module: 'archives',
  law: `物业管理条例，${cityRule}`,
  when: '系统里还没有的已建成或在建项目，由开发企业或正在服务的物业企业申请，审核通过后编发项目编号。',
  startedBy: starters,
  prefix: 'XJ',
  form: newForm,
  adjust: regionAdjust,
  variants: newVariants,
  variantOf: answers => (byCompany(answers) ? 'served' : 'built'),
  settings: newSettings,
  refusedTo: 'draft',
  checks: [...figureChecks(({ answers }) => flat(answers)), sameAddress, onTheMap],
  async subjectOf(db, user: User) {
    const { kind, ...organisation } = await ownOrganisation(db, user.organisation_id)
    return { type: kind === 'developer' ? 'developer' : 'company', ...organisation }
  },
  // An organisation may enter several projects at once; the submission says which.
  openKey: () => null,
  async prefill(db, { applicant_id }) {
    const { name, kind } = await ownOrganisation(db, applicant_id)
    return { applicant: name, applicant_kind: kind === 'developer' ? developerWord : companyWord }
  },
  async mistakes(db, kase, answers) {
    const record = flat(answers)
    const mistakes: Mistakes = { ...figureMistakes(record), ...serviceMistakes(answers) }
    Object.assign(mistakes, await regionMistakes(db, { street_code: record.street_code ?? '' }))
    const twin = await twinOf(db, record)
    if (twin) mistakes.name = twinSentence(twin)
    const claimed = await claimedBefore(db, kase, record)
    if (claimed) mistakes.name ??= claimed
    if (byCompany(answers) && record.developer_code && (await developerFor(db, kase, answers)) === undefined)
      mistakes.developer_code = '没有登记过这个信用代码的开发企业。请核对；没有登记的留空。'
    return mistakes
  },
  async regionOf(db, answers) {
    const street_code = wordOf(answers, 'street_code')
    return { district_code: await districtOf(db, street_code), street_code }
  },
  async whenSubmitted(trx, kase, answers) {
    await claimProject(trx, kase, projectNew.label, flat(answers))
  },
  async whenEnded(trx, kase) {
    await trx('cases').where({ id: kase.id }).update({ open_key: null })
  },
  async whenDone(trx, kase, { answers, number }) {
    const record = flat(answers)
    const street_code = record.street_code ?? ''
    // Somebody may have entered it since the submission.
    const twin = await twinOf(trx, record)
    if (twin) throw new NotNow(`现在不能通过：${twinSentence(twin)}本件请退回申请人，或者不通过并说明理由。`)
    const own = new Set(fieldsOf(projectForm).map(field => field.name))
    const fields = Object.fromEntries(Object.entries(record).filter(([name]) => own.has(name)))
    const by = { user_id: kase.created_by, case_id: kase.id }
    const id = await createRecord(
      trx,
      projects,
      { ...fields, district_code: await districtOf(trx, street_code) },
      {
        by,
        source: 'case',
        more: { projects: { code: number ?? '', developer_id: (await developerFor(trx, kase, answers)) ?? null } },
      },
    )
    if (byCompany(answers))
      await linkCompany(trx, { project_id: id, company_id: kase.applicant_id, created_by: kase.created_by }, record)
    await trx('cases').where({ id: kase.id }).update({ subject_type: 'project', subject_id: id })
    await tellShortfall(trx, id)
  },
  afterwards: '项目已建档，可在项目列表里打开，继续补充楼栋、房屋和收费标准。',
})

/** 挂接 of the company that serves the project it has entered; its contract is filed on its own. */
export async function linkCompany(
  trx: Knex.Transaction,
  { project_id, company_id, created_by }: { project_id: number; company_id: number; created_by: number },
  record: RecordAnswers,
): Promise<void> {
  const at = now()
  const phase: ServicePhase = record.stage === 'selected' ? 'selected' : 'early'
  await trx('project_links').insert({
    project_id,
    company_id,
    phase,
    method: record.method,
    state: 'linked',
    decided_on: record.decided_on || null,
    starts_on: record.service_from || dayOf(at),
    created_at: at,
    updated_at: at,
    created_by,
    updated_by: created_by,
  })
  await keepServedAreas(trx, company_id)
}
