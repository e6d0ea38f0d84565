import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../../accounts/users.ts'
import { takeNumber } from '../../../cases/numbers.ts'
import { settingsInForce } from '../../../cases/settings.ts'
import { today } from '../../../clock.ts'
import { type Form, fieldsOf, type Mistakes, optionalChoice, optionalDate, partOf, text } from '../../../forms/form.ts'
import { defineImport, type Finding, type ImportRow, type Step } from '../../../imports/import.ts'
import { createRecord, type RecordAnswers, readRecords } from '../archive.ts'
import { sharedMistakes } from '../building-pages.ts'
import { regionAdjust, regionMistakes } from '../change-form.ts'
import { optionalCreditCode } from '../fields.ts'
import { nextPosition } from '../house-names.ts'
import { buildingForm, buildings, projectForm, projects } from '../project.ts'
import { linkCompany, projectNew } from '../project-kinds.ts'
import { figureMistakes } from '../project-rules.ts'
import { optionsOf, selectionMethods } from '../words.ts'
import {
  compared,
  createRecords,
  findingsOf,
  inBatches,
  known,
  type NamedProject,
  type NewRecord,
  projectColumn,
  projectsNamed,
  withOptions,
} from './shared.ts'

/** 项目 and their 楼栋, in one workbook. */

/** Beside the fields of a project: who built it, and who serves it since when. */
const beside = {
  developer_code: optionalCreditCode('开发企业信用代码', { hint: '开发企业没有登记的不填' }),
  company_code: optionalCreditCode('现物业企业信用代码', { hint: '没有物业企业的不填' }),
  service_from: optionalDate({ label: '接管日期', hint: '有现物业企业的必填' }),
  method: optionalChoice({ label: '选聘方式', options: optionsOf(selectionMethods), hint: '有现物业企业的必填' }),
}

// The street says which district it is.
const ownForm = partOf(projectForm, ({ name }) => name !== 'district_code')
const rowForm = z.object({ project: text(projectColumn), ...buildingForm.shape })

async function projectSheet(db: Knex): Promise<Form> {
  const { street_code } = await regionAdjust(db)
  const own = withOptions(ownForm, { street_code: street_code?.options ?? [] })
  return z.object({ ...own.shape, ...beside })
}

const changing = '导入只新增，已在档的请用“项目档案变更”或在档案页修改。'
const key = ({ name = '', street_code = '' }: RecordAnswers) =>
  `${street_code} ${name.normalize('NFKC').replace(/\s/g, '').toLowerCase()}`

export const projectImport = defineImport({
  code: 'projects',
  label: '项目和楼栋',
  about: '登记已建成、已有物业服务或在建的项目，连同楼栋。导入后自动编发项目编号；房屋另用“房屋”导入。',
  roles: ['city-clerk', 'district-clerk'],
  list: { code: 'projects', label: '项目' },
  async sheets(db) {
    return [
      {
        label: '项目',
        form: await projectSheet(db),
        key: ['name', 'street_code'],
        example: {
          name: '示例花园',
          address: '济南市历下区示例路 2 号',
          street_code: '历下区 · 泉城路街道',
          property_type: '高层住宅',
          stage: '前期物业',
          floor_area: '128000.00',
          building_count: '12',
          house_count: '960',
          delivered_count: '600',
          delivered_area: '80000.00',
        },
        notes: ['街道决定项目归哪个区县，不用另填区县。', '填了现物业企业的，会同时建立挂接；合同另行备案。'],
      },
      {
        label: '楼栋',
        form: rowForm,
        key: ['project', 'name'],
        example: {
          project: '示例花园',
          name: '1号楼',
          building_type: '高层住宅',
          structure: '剪力墙',
          floors_above: '26',
          floor_area: '12000.00',
        },
        notes: ['所属项目可以是“项目”表里的，也可以是已在档的。只补楼栋的，“项目”表留空。'],
      },
    ]
  },
  async check(db, user, rows, step) {
    const own = rows.filter(({ sheet }) => sheet === 0)
    const findings = await checkProjects(db, user, own, step)
    const there = new Set(findings.flatMap(finding => ('same' in finding ? [finding.row] : [])))
    const coming = countsOf(own.filter(row => !there.has(row)).map(({ answers }) => plain(answers.name)))
    const parts = rows.filter(({ sheet }) => sheet === 1)
    return [...findings, ...(await checkBuildings(db, user, parts, coming, step))]
  },
  async write(trx, user, rows, step) {
    const made = await writeProjects(trx, user, rows.filter(({ sheet }) => sheet === 0), step) // biome-ignore format: one step
    const parts = rows.filter(({ sheet }) => sheet === 1)
    const touched = await writeBuildings(trx, user, parts, made, step)
    return {
      ids: [...new Set([...made.map(({ project_id }) => project_id), ...touched])],
      facts: [
        { label: '新建项目', value: `${made.length} 个` },
        { label: '新建楼栋', value: `${parts.length} 栋` },
      ],
    }
  },
})

// ── 项目 ──────────────────────────────────────────────────────────────────────────────────────────

async function checkProjects(db: Knex, user: User, rows: readonly ImportRow[], step: Step): Promise<Finding[]> {
  const fields = fieldsOf(ownForm)
  const findings: Finding[] = []
  for (const part of inBatches(rows)) {
    const [known, organisations] = await Promise.all([knownProjects(db, part), organisationsOf(db, part)])
    for (const row of part) {
      const there = known.get(key(row.answers))
      if (there) findings.push(compared(row, fields, there, changing))
      else findings.push(...findingsOf(row, await newMistakes(db, user, row.answers, organisations)))
    }
    await step(part.length)
  }
  return findings
}

/** What is on file under the names and streets of these rows; whoever enters a project of a street sees those of that street. */
async function knownProjects(db: Knex, rows: readonly ImportRow[]): Promise<Map<string, RecordAnswers>> {
  const names = rows.map(({ answers }) => answers.name ?? '')
  const streets = rows.map(({ answers }) => answers.street_code ?? '')
  const ids: number[] = await db('projects').whereIn('name', names).whereIn('street_code', streets).pluck('id')
  return new Map((await readRecords(db, projects, ids)).map(({ answers }) => [key(answers), answers]))
}

interface Organisation {
  id: number
  kind: string
  status: string
}

async function organisationsOf(db: Knex, rows: readonly ImportRow[]): Promise<Map<string, Organisation>> {
  const codes = rows.flatMap(({ answers }) => [answers.developer_code || [], answers.company_code || []].flat())
  const found: (Organisation & { code: string })[] = await db('organisations')
    .whereIn('code', codes)
    .select('id', 'kind', 'status', 'code')
  return new Map(found.map(row => [row.code, row]))
}

async function newMistakes(
  db: Knex,
  { scope }: User,
  answers: RecordAnswers,
  organisations: Map<string, Organisation>,
): Promise<Mistakes> {
  const { street_code = '', developer_code, company_code, stage, service_from, method, first_delivered_on } = answers
  const mistakes: Mistakes = { ...figureMistakes(answers), ...(await regionMistakes(db, { street_code })) }
  if (scope.level === 'district' && !street_code.startsWith(scope.code))
    mistakes.street_code ??= '这个街道不在您的管辖范围，请由所在区县或市局导入。'
  if (stage === 'tendering') mistakes.stage = '“招标中”由招标备案产生，不能导入。请选择招标前的阶段，再办理备案。'
  if (first_delivered_on && first_delivered_on > today()) mistakes.first_delivered_on = '首次交付日期还没有到，请核对。'
  if (developer_code && organisations.get(developer_code)?.kind !== 'developer')
    mistakes.developer_code = '没有登记过这个信用代码的开发企业。请核对；没有登记的留空。'
  if (!company_code) return mistakes
  const company = organisations.get(company_code)
  if (company?.kind !== 'company' || company.status !== 'active')
    mistakes.company_code = '没有登记过这个信用代码的物业企业，或已停用。请先导入企业。'
  if (stage !== 'early' && stage !== 'selected') mistakes.stage = '有现物业企业的项目，阶段只能是“前期物业”或“业委会选聘”。'
  if (!service_from) mistakes.service_from = '请填写现物业企业接管项目的日期。'
  else if (service_from > today()) mistakes.service_from = '接管日期还没有到，请接管以后再导入。'
  if (!method) mistakes.method = '请选择现物业企业是怎样选聘的。'
  return mistakes
}

interface Made extends Pick<NamedProject, 'project_id' | 'project' | 'code'> {}

async function writeProjects(trx: Knex.Transaction, user: User, rows: readonly ImportRow[], step: Step): Promise<Made[]> {
  const own = new Set(fieldsOf(projectForm).map(({ name }) => name))
  const { settings } = await settingsInForce(trx, projectNew, 'built')
  const organisations = await organisationsOf(trx, rows)
  const made: Made[] = []
  for (const { answers } of rows) {
    const district_code = (answers.street_code ?? '').slice(0, 6)
    const fields = Object.fromEntries(Object.entries(answers).filter(([name]) => own.has(name)))
    const code = await takeNumber(trx, settings.number, { year: today().slice(0, 4), region: district_code })
    const developer_id = organisations.get(answers.developer_code ?? '')?.id ?? null
    const project_id = await createRecord(
      trx,
      projects,
      { ...fields, district_code },
      { by: { user_id: user.id }, source: 'import', more: { projects: { code, developer_id } } },
    )
    const company_id = organisations.get(answers.company_code ?? '')?.id
    if (company_id) await linkCompany(trx, { project_id, company_id, created_by: user.id }, answers)
    made.push({ project_id, project: answers.name ?? '', code })
    if (made.length % 20 === 0) await step(20)
  }
  return made
}

// ── 楼栋 ──────────────────────────────────────────────────────────────────────────────────────────

/** @param coming how many projects of a name this file brings */
async function checkBuildings(
  db: Knex,
  user: User,
  rows: readonly ImportRow[],
  coming: ReadonlyMap<string, number>,
  step: Step,
): Promise<Finding[]> {
  const fields = fieldsOf(buildingForm)
  const named = await projectsNamed(db, user, namesIn(rows))
  const findings: Finding[] = []
  for (const part of inBatches(rows)) {
    const known = await knownBuildings(db, part, named)
    for (const row of part) {
      const { project = '', name } = row.answers
      const found = named(project)
      const there = typeof found === 'string' ? undefined : known.get(placeOf(found.project_id, name))
      const sentence = whoseMistake(found, project, coming)
      if (there) findings.push(compared(row, fields, there, '导入只新增，已在档的请在楼栋页修改。'))
      else if (sentence) findings.push({ row, field: 'project', sentence })
      else findings.push(...findingsOf(row, sharedMistakes(row.answers)))
    }
    await step(part.length)
  }
  return findings
}

/** Why it is not clear which project a building stands in. */
function whoseMistake(found: NamedProject | string, project: string, coming: ReadonlyMap<string, number>): string | undefined {
  const count = coming.get(plain(project)) ?? 0
  if (typeof found === 'string' && count === 0) return `${found.replace(/。$/, '')}；“项目”表里也没有，或那一行有误。`
  const isClear = typeof found === 'string' ? count === 1 : count === 0
  return isClear ? undefined : `叫“${project}”的项目不止一个。请先导入项目，再用项目编号导入它的楼栋。`
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

const namesIn = (rows: readonly ImportRow[]) => rows.map(({ answers }) => answers.project ?? '')
const plain = (name = '') => name.normalize('NFKC').replace(/\s/g, '').toLowerCase()
const placeOf = (project_id: number, name = '') => `${project_id} ${plain(name)}`

async function knownBuildings(
  db: Knex,
  rows: readonly ImportRow[],
  named: (text: string) => NamedProject | string,
): Promise<Map<string, RecordAnswers>> {
  const found = namesIn(rows).map(named)
  const projectIds = [...new Set(found.flatMap(project => (typeof project === 'string' ? [] : [project.project_id])))]
  const places: { id: number; project_id: number }[] = await db('buildings')
    .whereIn('project_id', projectIds)
    .whereIn('name', rows.map(({ answers }) => answers.name ?? '')) // biome-ignore format: one condition
    .select('id', 'project_id')
  const projectOf = new Map(places.map(({ id, project_id }) => [id, project_id]))
  const records = await readRecords(db, buildings, [...projectOf.keys()])
  return new Map(records.map(({ id, answers }) => [placeOf(projectOf.get(id) ?? 0, answers.name), answers]))
}

/** @returns the projects that got buildings */
async function writeBuildings(
  trx: Knex.Transaction,
  user: User,
  rows: readonly ImportRow[],
  made: readonly Made[],
  step: Step,
): Promise<number[]> {
  const named = await projectsNamed(trx, user, namesIn(rows))
  const madeAs = new Map(made.map(({ project, project_id }) => [plain(project), project_id]))
  const positions = new Map<number, number>()
  for (const part of inBatches(rows)) {
    const records: NewRecord[] = []
    for (const { answers } of part) {
      const { project = '', ...own } = answers
      const project_id = madeAs.get(plain(project)) ?? known(named(project)).project_id
      const position = positions.get(project_id) ?? (await nextPosition(trx, project_id))
      positions.set(project_id, position + 1)
      records.push({ answers: own, more: { project_id, position } })
    }
    await createRecords(trx, buildings, records, { by: { user_id: user.id } })
    await step(part.length)
  }
  return [...positions.keys()]
}
