import type { Knex } from 'knex'
import type { Role } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { settingsNow } from '../../admin/settings.ts'
import { daysBetween } from '../../calendar.ts'
import { now, today } from '../../clock.ts'
import type { Source } from '../../desk/part.ts'
import { shown } from '../../desk/part.ts'
import { upTo } from '../../desk/week.ts'
import { regionNames } from '../../lists/regions.ts'
import { mostCounted } from '../../lists/rows.ts'
import { readRecords } from '../archives/archive.ts'
import { projects } from '../archives/project.ts'
import { projectFacts } from '../archives/project-facts.ts'
import { type Debtor, lifeOf, type NextStep, type StepCode } from '../archives/project-life.ts'
import { officeOf } from '../archives/project-page.ts'
import { archiveReaders } from '../archives/visible.ts'
import { onProjectTouched } from './touched.ts'

/**
 * 下一步: what each project waits for and who owes it (domain.md §5), kept as rows so that lists, the board and the home page read them
 * quickly. They follow from the facts alone: worked out anew whenever these change, and every night because days pass.
 */

export type DutyLight = Exclude<NextStep['light'], 'rest'>

const urgency: Readonly<Record<DutyLight, number>> = { red: 1, yellow: 2, green: 3 }

/** Light and last day in one number, by which lists and the home page sort; what has no day comes after what has. */
const rankOf = (light: DutyLight, until: string | undefined) =>
  urgency[light] * 100_000_000 + Number((until ?? '9999-12-31').replaceAll('-', ''))

interface Duty {
  code: StepCode
  light: DutyLight
  rank: number
  /** 1 for the first of those who owe a step together. */
  is_lead: 0 | 1
  title: string
  words: string
  law: string
  who: string
  organisation_id: number | null
  role: Role | null
  debtor: string
  until_on: string | null
  kind: string | null
}

/** Duties with their project: an office sees those of its region, each step once whoever owes it together; everybody else what the own organisation owes. */
export function visibleDuties(db: Knex, user: User): Knex.QueryBuilder {
  const query = db('duties').join('projects', 'projects.id', 'duties.project_id')
  const none = () => query.whereRaw('1 = 0')
  if (!archiveReaders.includes(user.role)) return none()
  const { scope } = user
  switch (scope.level) {
    case 'city':
      return query.where({ 'duties.is_lead': 1 })
    case 'district':
      return query.where({ 'duties.is_lead': 1, 'duties.district_code': scope.code })
    case 'street':
      return query.where({ 'duties.is_lead': 1, 'duties.street_code': scope.code })
    case 'organisation':
      return query.where({ 'duties.organisation_id': scope.organisation_id })
    case 'none':
      return none()
  }
}

/** Leaves of the visible ones those that this person is to act on. */
export function narrowToOwn(query: Knex.QueryBuilder, { scope, role }: User): void {
  if (scope.level !== 'organisation') query.where({ 'duties.role': role })
}

/** Works out the duties of some projects anew and writes what is different. */
async function settle(db: Knex, ids: readonly number[]): Promise<void> {
  const [rules, regions, records, rows] = await Promise.all([
    settingsNow(db),
    regionNames(db),
    readRecords(db, projects, ids),
    db('projects')
      .leftJoin('organisations', 'organisations.id', 'projects.developer_id')
      .whereIn('projects.id', [...ids])
      .select(
        'projects.id',
        'projects.district_code',
        'projects.street_code',
        'projects.developer_id',
        'organisations.name as developer',
      ) as Promise<
      { id: number; district_code: string; street_code: string; developer_id: number | null; developer: string | null }[]
    >,
  ])
  const day = today()
  for (const { id, answers } of records) {
    const row = rows.find(one => one.id === id)
    if (!row) continue
    const { district_code, street_code, developer_id } = row
    const known = {
      project: answers,
      facts: await projectFacts(db, id, day),
      developer: row.developer ?? '建设单位',
      developer_id,
      street: officeOf(regions[street_code] ?? ''),
    }
    const steps = answers.stage === 'withdrawn' ? [] : lifeOf(known, rules, day).next
    await write(db, { project_id: id, district_code, street_code }, steps.flatMap(dutiesOf), day)
  }
}

/** One row for everybody who owes a step. */
function dutiesOf({ code, title, words, law, light, who, owes, until, kind }: NextStep): Duty[] {
  if (light === 'rest') return []
  return owes.map((debtor, at) => ({
    is_lead: at === 0 ? 1 : 0,
    code,
    light,
    rank: rankOf(light, until),
    title,
    words: words.slice(0, 500),
    law,
    who: who.slice(0, 200),
    ...whoOwes(debtor),
    until_on: until ?? null,
    kind: kind ?? null,
  }))
}

function whoOwes(debtor: Debtor): Pick<Duty, 'organisation_id' | 'role' | 'debtor'> {
  return 'role' in debtor
    ? { organisation_id: null, role: debtor.role, debtor: `role:${debtor.role}` }
    : { organisation_id: debtor.organisation_id, role: null, debtor: `organisation:${debtor.organisation_id}` }
}

/** What a row says, compared to leave alone what has not changed: most projects wait for the same today as yesterday. */
const told = ['light', 'is_lead', 'title', 'words', 'law', 'who', 'until_on', 'kind', 'district_code', 'street_code'] as const

async function write(
  db: Knex,
  project: { project_id: number; district_code: string; street_code: string },
  duties: readonly Duty[],
  day: string,
): Promise<void> {
  const at = now()
  const there: (Duty & { id: number })[] = await db('duties').where({ project_id: project.project_id }).orderBy('id')
  const keyOf = ({ code, debtor }: Pick<Duty, 'code' | 'debtor'>) => `${code} ${debtor}`
  const before = new Map(there.map(row => [keyOf(row), row]))
  const wanted = new Map(duties.map(duty => [keyOf(duty), { ...project, ...duty }]))
  const gone = there.filter(row => !wanted.has(keyOf(row))).map(({ id }) => id)
  if (gone.length) await db('duties').whereIn('id', gone).delete()
  for (const [key, duty] of wanted) {
    const held: Record<string, unknown> | undefined = before.get(key) && { ...before.get(key) }
    if (held && told.every(name => held[name] === duty[name])) continue
    await db('duties')
      .insert({ ...duty, since_on: day, created_at: at, updated_at: at })
      .onConflict(['project_id', 'code', 'debtor'])
      .merge([...told, 'rank', 'updated_at'])
  }
}

/** So many projects are read at a time. */
const batch = 100

/** Works out the duties of every project; run at night, when days have passed. */
export async function settleDuties(db: Knex): Promise<void> {
  for (let last = 0; ; ) {
    const ids: number[] = await db('projects').where('id', '>', last).orderBy('id').limit(batch).pluck('id')
    if (!ids.length) return
    await settle(db, ids)
    last = ids.at(-1) ?? last
  }
}

onProjectTouched(async (trx, project_id) => await settle(trx, [project_id]))

/** The days left in words, or what the light says where the law sets no day. */
export function leftInWords(light: DutyLight, until: string | null): string {
  if (!until) return light === 'red' ? '应立即办理' : '待办'
  const left = daysBetween(today(), until)
  return left < 0 ? `超期 ${-left} 日` : left ? `剩 ${left} 日` : '今天到期'
}

/** 下一步 on the home page: what this person, or the own organisation, is to do for the projects. */
export const owedDuties: Source = async (db, user) => {
  if (!archiveReaders.includes(user.role)) return undefined
  const own = visibleDuties(db, user)
  narrowToOwn(own, user)
  const rows: {
    id: number
    project_id: number
    name: string
    title: string
    light: DutyLight
    until_on: string | null
  }[] = await own
    .orderBy(['duties.rank', 'duties.id'])
    .limit(mostCounted + 1)
    .select('duties.id', 'duties.project_id', 'projects.name', 'duties.title', 'duties.light', 'duties.until_on')
  if (!rows.length) return undefined
  return {
    label: '项目下一步',
    total: upTo(rows.length),
    all: `/desk/lists/duties${user.scope.level === 'organisation' ? '' : '?mine=yes'}`,
    lines: rows.slice(0, shown).map(({ project_id, name, title, light, until_on }) => ({
      title: `${name}：${title}`,
      href: `/desk/projects/${project_id}`,
      kind: '项目下一步',
      // No due day: the limits of cases and registrations, which run for this person alone, stand before it.
      light: { light, text: leftInWords(light, until_on) },
    })),
  }
}
