import type { Knex } from 'knex'
import { settingsNow } from '../../admin/settings.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, defineKind, type Finding, type Kind, type KindSettings } from '../../cases/kind.ts'
import { takeNumber } from '../../cases/numbers.ts'
import { settingsInForce } from '../../cases/settings.ts'
import { paper, standardClocks } from '../../cases/standards.ts'
import { now, today } from '../../clock.ts'
import { nameKey } from '../../database/names.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotNow } from '../../errors.ts'
import { type Answers, textOf } from '../../forms/answers.ts'
import { fieldsOf, type Mistakes } from '../../forms/form.ts'
import { regionNames } from '../../lists/regions.ts'
import { tell } from '../../messages/messages.ts'
import { changeRecord, createRecord, type RecordAnswers, readRecord } from '../archives/archive.ts'
import { regionAdjust, regionMistakes } from '../archives/change-form.ts'
import { projects } from '../archives/project.ts'
import { claimedBefore, claimProject, districtOf, projectNew, twinOf, twinSentence } from '../archives/project-kinds.ts'
import { tellShortfall } from '../archives/project-notices.ts'
import { areaText, figureMistakes, hundredths, roomFindings } from '../archives/project-rules.ts'
import { type PropertyType, propertyTypes } from '../archives/words.ts'
import { areaForm, facilityWays } from './area-form.ts'
import { areaOf } from './areas.ts'
import { chosenProject, projectAt } from './project.ts'
import { developerRoles, districtDesks, provincialLaw } from './standards.ts'
import { touchProject } from './touched.ts'

/** 物业服务区域划分登记 and its adjustment (domain.md §5.1; 山东省物业管理条例 第九条、第十二条、第十三条). */

const code = 'area-division'
const law = `${provincialLaw}第九条`
const mapMaterial = 'map'

function settings(variant: string): KindSettings {
  const isChange = variant === 'adjust'
  return {
    chain: [...districtDesks],
    clocks: standardClocks({ limit: 20, unit: 'calendar-day', law }),
    consults: [{ code: 'street', label: '街道办意见', role: 'street-clerk', limit: { limit: 5, unit: 'working-day' } }],
    materials: [
      paper('application-form', '物业服务区域划分申请表', { hint: '在本页打印，加盖公章后扫描上传' }),
      paper('land', '建设用地规划许可证及红线图', { original: true }),
      paper('planning', '建设工程规划许可证及总平面图', { original: true }),
      paper('place-name', '地名批准文件', { required: false, hint: '已经批准地名的提交' }),
      paper('facilities', '共用设施设备清单'),
      paper('service-room', '物业服务用房配置说明', { hint: '写明面积、位置，附平面图' }),
      paper(mapMaterial, '区域附图', { hint: '标明区域界线的图，jpg、png 或 pdf，登记后在项目页上显示' }),
      paper('agreement', '两个以上建设单位的协议', { required: false, hint: '由两个以上单位建设的提交' }),
      ...(isChange
        ? [paper('owners', '业主共同决定的证明', { original: true, hint: '业主大会决议及公示；没有交付过的写明情况' })]
        : []),
    ],
    number: '济物划〔{yyyy}〕{region}-{seq:4}号',
    corrections: 1,
    thresholds: { government_room: 50 },
    templates: [
      { step: 'pass', label: '符合规定', text: '区域界线清楚，物业服务用房配置符合规定，同意登记。' },
      { step: 'refuse', label: '界线不清', text: '四至与附图不一致，请核对后重新提交。' },
      { step: 'correct', label: '看不清', text: '附图看不清界线，请重新扫描后上传。' },
      { step: 'decline', label: '不属本机关', text: '该项目不在本区县范围，请向项目所在地区县主管部门申请。' },
    ],
  }
}

// ── Checks ─────────────────────────────────────────────────────────────────────────────────────

/** The form as the archive of projects names the same things. */
function asProject(answers: Answers): RecordAnswers {
  const own = new Set(fieldsOf(projects.form).map(({ name }) => name))
  const bounds = [
    ['东', 'east'],
    ['南', 'south'],
    ['西', 'west'],
    ['北', 'north'],
  ].map(([word, name]) => `${word}至${textOf(answers, name ?? '')}`)
  return {
    ...Object.fromEntries(
      Object.entries(answers).flatMap(([name, value]) => (own.has(name) && typeof value === 'string' ? [[name, value]] : [])),
    ),
    // 其他 of the archive is one type among many, 非住宅 of the form all of them.
    other_area: '',
    bounds: bounds.join('，'),
    residence_count: '',
  }
}

const roomCheck = (name: string, about: string): Check => ({
  code: name,
  about,
  async find({ db, answers }): Promise<Finding | undefined> {
    if (!textOf(answers, 'floor_area')) return undefined
    const found = roomFindings(asProject(answers), await settingsNow(db)).find(finding => finding.code === name)
    // 用房 that are too small are told and judged, not refused (domain.md §5.1).
    return found && { ...found, verdict: found.verdict === 'bad' ? 'warn' : found.verdict }
  },
})

const governmentRoom: Check = {
  code: 'government-room',
  about: '政务用房面积符合规定',
  find({ answers, settings }) {
    const wanted = settings.thresholds.government_room ?? 0
    const there = Number(textOf(answers, 'government_room_area') || 0)
    if (!wanted || !textOf(answers, 'floor_area')) return undefined
    return {
      code: 'government-room',
      requirement: `政务用房不少于 ${wanted} ㎡`,
      actual: `${areaText(hundredths(String(there)))} ㎡`,
      verdict: there >= wanted ? 'ok' : 'warn',
      law: `${provincialLaw}第十三条`,
    }
  },
}

const undivided: Check = {
  code: 'undivided',
  about: '同一街道没有同名项目',
  async find({ db, kase, answers }) {
    const record = asProject(answers)
    if (!record.name || !record.street_code) return undefined
    const twin = await twinOf(db, record, kase.subject_type === 'project' ? kase.subject_id : 0)
    return {
      code: 'undivided',
      requirement: '同一街道没有同名项目',
      actual: twin ? `已有 ${twin.name}（${twin.code}）` : '没有发现',
      verdict: twin ? 'bad' : 'ok',
      law,
    }
  },
}

// ── The kind ───────────────────────────────────────────────────────────────────────────────────

/** Parts that make up the whole: what lies above and below the ground. */
function sumMistakes(answers: Answers): Mistakes {
  const [whole, ...parts] = ['floor_area', 'residential_area', 'other_area', 'underground_area'].map(name =>
    hundredths(textOf(answers, name)),
  )
  const sum = parts.reduce((sum, part) => sum + part, 0)
  return whole === sum
    ? {}
    : {
        floor_area: `住宅、非住宅、地下面积相加为 ${areaText(sum)} ㎡，与规划总建筑面积 ${areaText(whole ?? 0)} ㎡ 不一致，请对照建设工程规划许可证核对。`,
      }
}

async function mistakesIn(db: Knex, kase: Case, answers: Answers): Promise<Mistakes> {
  const record = asProject(answers)
  const mistakes: Mistakes = { ...figureMistakes(record), ...sumMistakes(answers) }
  Object.assign(mistakes, await regionMistakes(db, { street_code: record.street_code ?? '' }))
  const isThere = kase.subject_type === 'project'
  const twin = await twinOf(db, record, isThere ? kase.subject_id : 0)
  if (twin) mistakes.name = twinSentence(twin)
  const claimed = isThere ? undefined : await claimedBefore(db, kase, record)
  if (claimed) mistakes.name ??= claimed
  if (textOf(answers, 'previous_number') && !textOf(answers, 'reason'))
    mistakes.reason = '这个项目的区域已经登记，请写明调整什么、业主怎样共同决定的。'
  return mistakes
}

/** 区域划分登记: the project enters the archives, or gets its area there. */
export const areaDivision: Kind = defineKind({
  code,
  label: '物业服务区域划分登记',
  module: 'filings',
  law,
  when: '办理商品房预售许可或者现售备案以前，由建设单位申请划分；已登记的区域需要调整的，也在这里申请。',
  startedBy: developerRoles,
  reaches: ['district', 'street'],
  prefix: 'QY',
  form: areaForm,
  adjust: regionAdjust,
  variants: { new: '划分登记', adjust: '调整' },
  variantOf: answers => (textOf(answers, 'previous_number') ? 'adjust' : 'new'),
  settings,
  thresholds: { government_room: { label: '政务用房不少于', unit: '㎡' } },
  refusedTo: 'draft',
  states: { done: '已登记' },
  checks: [
    undivided,
    roomCheck('service-room', '物业服务用房面积符合规定'),
    roomCheck('committee-room', '业委会用房面积符合规定'),
    governmentRoom,
  ],
  proof: { label: '物业服务区域划分登记证明', papers: [{ code: 'proof', label: '物业服务区域划分登记证明' }] },
  afterwards: '登记证明可在办件页下载。下一步是前期招标备案，从项目页办理。',
  async subjectOf(db, user, { subject_id }) {
    if (subject_id) {
      const project = await chosenProject(db, user, subject_id, '区域划分登记')
      return {
        type: 'project',
        id: project.id,
        name: project.name,
        district_code: project.district_code,
        street_code: project.street_code,
      }
    }
    const own: { id: number; name: string; district_code: string | null; street_code: string | null } | undefined = await db(
      'organisations',
    )
      .where({ id: user.organisation_id, kind: 'developer' })
      .first('id', 'name', 'district_code', 'street_code')
    if (!own) throw new NotNow('没有找到本单位的档案，请联系注册地区县主管部门核对后再申请。')
    return { type: 'developer', ...own }
  },
  // A developer may ask for several new projects at once; the submission says which.
  openKey: ({ type, id }) => (type === 'project' ? `area:${id}` : null),
  async prefill(db, { applicant_id, subject_id, open_key }) {
    const applicant: { name: string } | undefined = await db('organisations').where({ id: applicant_id }).first('name')
    const known = { applicant: applicant?.name ?? '', project_code: '', previous_number: '' }
    // What is asked for anew has the developer for its subject, whose id may be a project's too.
    if (subject_id === applicant_id && !open_key?.startsWith('area:')) return known
    return { ...known, ...(await projectKnown(db, subject_id)) }
  },
  mistakes: mistakesIn,
  async regionOf(db, answers) {
    const street_code = textOf(answers, 'street_code')
    return { district_code: await districtOf(db, street_code), street_code }
  },
  async whenSubmitted(trx, kase, answers) {
    if (kase.subject_type !== 'project')
      await claimProject(trx, kase, areaDivision.label, { ...asProject(answers), applicant: textOf(answers, 'applicant') })
  },
  async whenEnded(trx, kase) {
    if (kase.subject_type !== 'project') await trx('cases').where({ id: kase.id }).update({ open_key: null })
  },
  async whenDone(trx, kase, { answers, number }) {
    if (!number) throw new Error(`${code} has no number`)
    const record = asProject(answers)
    const street_code = record.street_code ?? ''
    const district_code = await districtOf(trx, street_code)
    const isThere = kase.subject_type === 'project'
    const twin = await twinOf(trx, record, isThere ? kase.subject_id : 0)
    if (twin) throw new NotNow(`现在不能通过：${twinSentence(twin)}本件请不通过并说明理由。`)
    const project_id = isThere
      ? await changeProject(trx, kase, { ...record, district_code })
      : await enterProject(trx, kase, { ...record, district_code })
    const id = await enterArea(trx, kase, { project_id, number, answers, district_code, street_code })
    await trx('cases').where({ id: kase.id }).update({ subject_type: 'project', subject_id: project_id })
    await issueAreaProof(trx, kase, { id, number, answers, district_code, street_code })
    await tellShortfall(trx, project_id)
    await tell(trx, {
      to: { organisation_id: kase.applicant_id },
      title: `${record.name}的物业服务区域已登记（${number}）。`,
      body: '发布招标公告 10 日以前办理前期招标备案；预售的，取得预售许可证以前完成招标并备案合同。',
      link: `/desk/projects/${project_id}`,
    })
    await touchProject(trx, project_id)
  },
  publicFacts: (_kase, answers) => [
    { label: '项目名称', value: textOf(answers, 'name') },
    { label: '建设单位', value: textOf(answers, 'applicant') },
    { label: '坐落', value: textOf(answers, 'address') },
  ],
})

/** What the archive and the register know of a project that is there already. */
async function projectKnown(db: Knex, project_id: number): Promise<Answers> {
  const [project, { answers }, area] = await Promise.all([
    projectAt(db, project_id),
    readRecord(db, projects, project_id),
    db('areas').where({ project_id, live: 1 }).first(),
  ])
  const names = fieldsOf(areaForm).map(({ name }) => name)
  const kept = area
    ? Object.fromEntries(
        names.flatMap(name => (area[name] === undefined || area[name] === null ? [] : [[name, String(area[name])]])),
      )
    : {}
  return {
    ...Object.fromEntries(names.flatMap(name => (answers[name] ? [[name, answers[name] ?? '']] : []))),
    ...kept,
    ...(area ? { facilities: area.is_independent ? 'own' : 'shared' } : { other_area: '' }),
    project_code: project.code,
    previous_number: area?.number ?? '',
  }
}

/** A project that is not there yet. @returns its id */
async function enterProject(trx: Knex.Transaction, kase: Case, record: RecordAnswers): Promise<number> {
  const { settings: rule } = await settingsInForce(trx, projectNew, 'built')
  const year = today().slice(0, 4)
  const project_code = await takeNumber(trx, rule.number, { year, region: record.district_code ?? '' })
  return await createRecord(
    trx,
    projects,
    { ...record, stage: 'divided' },
    {
      by: { user_id: kase.created_by, case_id: kase.id },
      source: 'case',
      more: { projects: { code: project_code, developer_id: kase.applicant_id } },
    },
  )
}

/** What the area says of a project that is there: areas by type are the archive's own. */
async function changeProject(trx: Knex.Transaction, kase: Case, record: RecordAnswers): Promise<number> {
  const { other_area: _other, residence_count: _residences, ...changes } = record
  await changeRecord(trx, projects, kase.subject_id, { answers: changes, by: { user_id: null, case_id: kase.id } })
  return kase.subject_id
}

interface Entered {
  number: string
  answers: Answers
  district_code: string
  street_code: string
}

/** The row of the register; the area before ends with it. @returns its id */
async function enterArea(
  trx: Knex.Transaction,
  kase: Case,
  { project_id, number, answers, district_code, street_code }: Entered & { project_id: number },
) {
  await trx('projects').where({ id: project_id }).forUpdate().first('id')
  const at = now()
  const day = today()
  const before = await areaOf(trx, project_id)
  if (before)
    await trx('areas')
      .where({ id: before.id })
      .update({ state: 'adjusted', ended_on: day, updated_at: at, version: trx.raw('version + 1') })
  const words = [
    'approved_name',
    'address',
    'community',
    'east',
    'south',
    'west',
    'north',
    'service_room_place',
    'phases',
    'land_permit',
    'planning_permit',
  ]
  const figures = [
    'land_area',
    'floor_area',
    'residential_area',
    'other_area',
    'underground_area',
    'service_room_area',
    'building_count',
    'house_count',
    'parking_count',
  ]
  const name = textOf(answers, 'name')
  const [id = 0] = await trx('areas').insert({
    project_id,
    developer_id: kase.applicant_id,
    case_id: kase.id,
    previous_id: before?.id ?? null,
    state: 'registered',
    number,
    registered_on: day,
    name,
    name_key: nameKey(name),
    district_code,
    street_code,
    ...Object.fromEntries(words.map(column => [column, textOf(answers, column) || null])),
    ...Object.fromEntries(figures.map(column => [column, textOf(answers, column) || 0])),
    is_independent: textOf(answers, 'facilities') === 'own',
    map_file_id: await mapOf(trx, kase.id),
    created_at: at,
    updated_at: at,
    created_by: kase.created_by,
    updated_by: kase.created_by,
  })
  return id
}

/** 区域附图 of the application: the newest of its papers. */
async function mapOf(trx: Knex.Transaction, case_id: number): Promise<number | null> {
  const file: { id: number } | undefined = await trx('files')
    .where({ case_id, material: mapMaterial })
    .whereNull('until_edition')
    .orderBy('id', 'desc')
    .first('id')
  return file?.id ?? null
}

async function issueAreaProof(
  trx: Knex.Transaction,
  kase: Case,
  { id, number, answers, district_code, street_code }: Entered & { id: number },
): Promise<void> {
  const names = await regionNames(trx)
  const told = (name: string) => textOf(answers, name)
  const inArea = (name: string) => `${areaText(hundredths(told(name)))} ㎡`
  const district = await trx('organisations').where({ kind: 'district', district_code }).first('name')
  await issueProof(trx, {
    kase,
    object: { type: 'area', id },
    title: '物业服务区域划分登记证明',
    number,
    ...(district ? { issuer: district.name } : {}),
    words: `${told('applicant')}建设的${told('name')}，物业服务区域已按照《${provincialLaw}》第九条登记。`,
    facts: [
      { label: '项目名称', value: told('name'), wide: true },
      ...(told('approved_name') ? [{ label: '地名办批准名称', value: told('approved_name'), wide: true }] : []),
      { label: '坐落', value: told('address'), wide: true },
      { label: '区县、街道', value: [names[district_code], names[street_code]].filter(Boolean).join(' ') },
      { label: '物业类型', value: propertyTypes[told('property_type') as PropertyType] ?? '' },
      { label: '四至', value: asProject(answers).bounds ?? '', wide: true },
      { label: '用地面积', value: inArea('land_area') },
      { label: '规划总建筑面积', value: inArea('floor_area') },
      { label: '楼栋、户数', value: `${told('building_count')} 栋，${told('house_count')} 户` },
      { label: '共用设施设备', value: facilityWays[told('facilities') as keyof typeof facilityWays] ?? '' },
      { label: '物业服务用房', value: `${inArea('service_room_area')}，${told('service_room_place')}`, wide: true },
      { label: '登记日期', value: onPaper(today()) },
    ],
    remark: '一个物业服务区域成立一个业主大会，由一个物业服务企业提供服务。区域附图见登记档案。',
  })
}

export const areaKinds: readonly Kind[] = [areaDivision]
