import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../../accounts/users.ts'
import { blindIndex } from '../../../crypto.ts'
import { type Form, fieldsOf, type Mistakes, optionalText } from '../../../forms/form.ts'
import { actorInBackground, defineImport, type Finding, type ImportRow } from '../../../imports/import.ts'
import { type RecordAnswers, readRecords } from '../archive.ts'
import { creditCode } from '../fields.ts'
import {
  employmentForm,
  employmentMistakes,
  employments,
  factsOfId,
  hireForm,
  isRegulated,
  people,
  personForm,
  personMistakes,
  projectOptions,
} from '../person.ts'
import { type Employment, isSameName, probesSpent, type Refusal, recordRefusal, refusalOf, updatePerson } from '../person-work.ts'
import { archiveKeepers, visibleCompanies } from '../visible.ts'
import { compared, createRecords, findingsOf, inBatches, withOptions } from './shared.ts'

/** 从业人员 with their employment: a company brings its own, an office those of the companies it looks after. */

// An office names company and project; a company has only its own to choose from.
const officeForm = z.object({
  company_code: creditCode('所在企业信用代码'),
  ...hireForm.shape,
  project_id: optionalText({ label: '所在项目', max: 100, hint: '该企业现在服务的项目名称；不固定在一个项目的不填' }),
})

const isOfCompany = (user: User) => user.scope.level === 'organisation'

async function sheetForm(db: Knex, user: User): Promise<Form> {
  return isOfCompany(user) ? withOptions(hireForm, { project_id: await projectOptions(db, user.organisation_id) }) : officeForm
}

export const peopleImport = defineImport({
  code: 'people',
  label: '从业人员',
  about: '登记物业企业的在职人员。一人只能在一家企业在职；证件号和电话加密保存。',
  roles: archiveKeepers.filter(role => ['city-clerk', 'district-clerk', 'company-admin', 'company-clerk'].includes(role)),
  list: { code: 'people', label: '从业人员' },
  async sheets(db, user) {
    return [
      {
        label: '从业人员',
        form: await sheetForm(db, user),
        key: ['id_number'],
        example: {
          company_code: '91370100MA30002210',
          name: '王五',
          id_number: '370100199001010010',
          title: '初级',
          title_name: '助理工程师',
          post: '管理员',
          contract_type: '固定期限',
          contract_from: '2026-01-01',
          contract_until: '2028-12-31',
          starts_on: '2026-01-01',
        },
        notes: isOfCompany(user)
          ? ['中级以上职称和注册物业管理师的增员须经审核，请在“增加从业人员”里逐个申请，不能导入。']
          : ['企业要先在档。区县经办人只能导入本区县企业的人员。'],
      },
    ]
  },
  async check(db, user, rows, step) {
    const findings: Finding[] = []
    // What a project is called says more than its id.
    const fields = fieldsOf(hireForm).map(field => (field.name === 'project_id' ? { ...field, name: 'project' } : field))
    const posted = await postsOf(db, user, rows)
    // Each answer that tells a company about a person of others is counted, as it is when one is added by hand; then none is told.
    const left = () => (isOfCompany(user) ? probesSpent(db, user.organisation_id) : undefined)
    let spent = await left()
    for (const part of inBatches(rows)) {
      const known = await knownPeople(db, part)
      for (const row of part) {
        const post = posted(row)
        if ('field' in post) {
          findings.push({ row, ...post })
          continue
        }
        const there = known.get(indexOf(row.answers))
        const isOurs = there?.live?.company_id === post.company_id && isSameName(there.name, row.answers.name ?? '')
        const told = { ...row, answers: { ...row.answers, project: post.project } }
        if (there && isOurs) findings.push(comparedTo(row, compared(told, fields, there.answers, changing)))
        else if (spent) findings.push({ row, field: 'id_number', sentence: unlooked(spent.seconds) })
        else {
          const { mistakes, probe } = await newMistakes(db, user, row.answers, post.company_id, there)
          if (probe) spent = await recordRefusal(db, actorInBackground(user), probe, row.answers.id_number ?? '').then(left)
          findings.push(...findingsOf(row, mistakes))
        }
      }
      await step(part.length)
    }
    return findings
  },
  async write(trx, user, rows, step) {
    const by = { user_id: user.id }
    const posted = await postsOf(trx, user, rows)
    const ids: number[] = []
    for (const part of inBatches(rows)) {
      const known = await knownPeople(trx, part)
      const fresh = part.filter(({ answers }) => !known.has(indexOf(answers)))
      const made = await createRecords(trx, people, fresh.map(({ answers }) => newPerson(answers)), { by, source: 'import' }) // biome-ignore format: one step
      const idOf = new Map(fresh.map((row, at) => [row, made[at] ?? 0]))
      for (const row of part) {
        const there = known.get(indexOf(row.answers))
        if (!there) continue
        await updatePerson(trx, there.id, row.answers, by)
        idOf.set(row, there.id)
      }
      const jobs = part.map(row => newJob(row, idOf.get(row) ?? 0, posted(row)))
      await createRecords(trx, employments, jobs, { by })
      ids.push(...idOf.values())
      await step(part.length)
    }
    return { ids }
  },
})

const changing = '导入只新增，已在职的请在人员档案页修改。'
const indexOf = ({ id_number = '' }: RecordAnswers) => blindIndex('people.id_number', id_number)
const pick = (form: Form, answers: RecordAnswers): RecordAnswers =>
  Object.fromEntries(Object.entries(answers).filter(([name]) => name in form.shape))

/** The finding about a row that was compared in another shape. */
function comparedTo(row: ImportRow, finding: Finding): Finding {
  return 'field' in finding && finding.field === 'project' ? { ...finding, row, field: 'project_id' } : { ...finding, row }
}

function newPerson(answers: RecordAnswers) {
  return { answers: pick(personForm, answers), more: { ...factsOfId(answers.id_number ?? ''), review: 'reviewed' } }
}

function newJob({ answers }: ImportRow, person_id: number, post: Post | Mistake) {
  if ('field' in post) throw new Error('somebody without a company passed the check')
  const own = { ...pick(employmentForm, answers), project_id: post.project_id }
  return { answers: own, more: { person_id, company_id: post.company_id, state: 'employed' } }
}

// ── Where somebody works ───────────────────────────────────────────────────────────────────────────

interface Post {
  company_id: number
  /** Id and name in the archive; '' for none. */
  project_id: string
  project: string
}
interface Mistake {
  field: string
  sentence: string
}

/** Finds the companies and projects that rows name, among those this person looks after. */
async function postsOf(db: Knex, user: User, rows: readonly ImportRow[]): Promise<(row: ImportRow) => Post | Mistake> {
  // The options of the form are the projects of the company.
  if (isOfCompany(user)) {
    const { organisation_id: company_id } = user
    const names = new Map((await projectOptions(db, company_id)).map(({ value, label }) => [value, label]))
    return ({ answers: { project_id = '' } }) => ({ company_id, project_id, project: names.get(project_id) ?? '' })
  }
  const companies = new Map<string, number>()
  const projects = new Map<string, Pick<Post, 'project' | 'project_id'>>()
  const codes = [...new Set(rows.map(({ answers }) => answers.company_code ?? ''))]
  for (const part of inBatches(codes)) {
    const query = visibleCompanies(db, user).whereIn('organisations.code', part)
    // A company that only serves in the district is looked after where it is registered.
    if (user.scope.level === 'district') query.where({ 'organisations.district_code': user.scope.code })
    const found: { id: number; code: string }[] = await query.select('companies.id', 'organisations.code')
    for (const { id, code } of found) companies.set(code, id)
  }
  for (const part of inBatches([...companies.values()])) {
    const found: { id: number; name: string; company_id: number }[] = await db('project_links')
      .join('projects', 'projects.id', 'project_links.project_id')
      .where({ 'project_links.live': 1 })
      .whereIn('project_links.company_id', part)
      .select('projects.id', 'projects.name', 'project_links.company_id')
    for (const { id, name, company_id } of found)
      projects.set(`${company_id} ${plain(name)}`, { project_id: String(id), project: name })
  }
  return ({ answers }) => {
    const { company_code = '', project_id = '' } = answers
    const company_id = companies.get(company_code)
    if (company_id === undefined)
      return { field: 'company_code', sentence: '没有这个信用代码的物业企业，或不在您的管辖范围。请先导入企业。' }
    const project = project_id ? projects.get(`${company_id} ${plain(project_id)}`) : { project_id: '', project: '' }
    if (project === undefined)
      return { field: 'project_id', sentence: `“${project_id}”不是该企业现在服务的项目，请对照项目档案填写，或不填。` }
    return { company_id, ...project }
  }
}

const plain = (text: string) => text.normalize('NFKC').replace(/\s/g, '').toLowerCase()

// ── Who is known ───────────────────────────────────────────────────────────────────────────────────

interface Known {
  id: number
  name: string
  title: string
  credential: string | null
  live: Employment | undefined
  /** Of the person and the present employment, the project by its name. */
  answers: RecordAnswers
}

/** Those of these people whom the city knows; locked inside a transaction, as whoever hires locks them. */
async function knownPeople(db: Knex, rows: readonly ImportRow[]): Promise<Map<string, Known>> {
  const query = db('people').whereIn('id_number_index', rows.map(({ answers }) => indexOf(answers))) // biome-ignore format: one condition
  if (db.isTransaction) query.orderBy('id').forUpdate()
  const found: { id: number; id_number_index: string; name: string; title: string; credential: string | null }[] =
    await query.select('id', 'id_number_index', 'name', 'title', 'credential')
  const ids = found.map(({ id }) => id)
  const live: (Employment & { project: string | null })[] = await db('employments')
    .leftJoin('projects', 'projects.id', 'employments.project_id')
    .where({ 'employments.live': 1 })
    .whereIn('employments.person_id', ids)
    .select('employments.*', 'projects.name as project')
  const [persons, jobs] = await Promise.all([readRecords(db, people, ids), readRecords(db, employments, live.map(({ id }) => id))]) // biome-ignore format: one step
  const jobOf = new Map(live.map(job => [job.person_id, job]))
  const answersOf = new Map([...persons].map(({ id, answers }) => [id, answers]))
  const jobAnswers = new Map(jobs.map(({ id, answers }) => [id, answers]))
  return new Map(
    found.map(({ id_number_index, ...person }) => {
      const job = jobOf.get(person.id)
      const answers = { ...answersOf.get(person.id), ...(job ? { ...jobAnswers.get(job.id), project: job.project ?? '' } : {}) }
      return [id_number_index, { ...person, live: job, answers }]
    }),
  )
}

/** @param seconds until a company may ask again */
const unlooked = (seconds: number) => `一小时内不能增员的人员太多，这一行没有核对。请 ${Math.ceil(seconds / 60)} 分钟后重新上传。`

/**
 * What keeps a company from having somebody, in the sentences of 增加从业人员.
 * @returns with it the refusal that told a company something about a person of others
 */
async function newMistakes(
  db: Knex,
  user: User,
  answers: RecordAnswers,
  company_id: number,
  there: Known | undefined,
): Promise<{ mistakes: Mistakes; probe?: Refusal }> {
  const mistakes: Mistakes = { ...personMistakes(answers), ...employmentMistakes(answers) }
  const refusal = there && (await refusalOf(db, company_id, answers.name ?? '', there))
  // What the city knows of somebody's title is told to nobody who does not know the name, or may not have the person.
  if (isRegulated(answers) || (!refusal && there && isRegulated(there))) {
    if (isOfCompany(user))
      mistakes.title ??= '中级以上职称或注册物业管理师的增员须经审核，请在“增加从业人员”里逐个申请，并从本文件删去这一行。'
    else if (user.scope.level !== 'city')
      mistakes.title ??= '中级以上职称或注册物业管理师的增员由市局决定：请由企业逐个申请，或把这一行交市局经办人导入。'
  }
  if (!refusal) return { mistakes }
  return { mistakes: { ...mistakes, ...refusal.mistakes }, ...(refusal.probe && isOfCompany(user) ? { probe: refusal } : {}) }
}
