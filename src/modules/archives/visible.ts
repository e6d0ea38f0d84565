import type { Knex } from 'knex'
import { type Role, roleCodes, roles } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { caseReaders } from '../../cases/roles.ts'
import { NotFound } from '../../errors.ts'
import type { EmploymentState } from './words.ts'

/**
 * Who sees which archive (domain.md §2): every read starts here, so what is not somebody's is simply not found. The city sees all;
 * a district and a street the projects they manage, and the companies registered or serving there; a company itself, its people
 * and the projects it serves or served; a developer itself and what it built; a committee its project.
 */

/** Who meets archives at all; business administrators keep settings only. */
export const archiveReaders: readonly Role[] = caseReaders.filter(role => role !== 'business-admin')

/** Offices among them. */
export const archiveOffices: readonly Role[] = archiveReaders.filter(role => roles[role].staff)

/** Who may correct an archive at once where no application is needed. */
export const archiveKeepers: readonly Role[] = roleCodes.filter(role =>
  ['city-clerk', 'district-clerk', 'street-clerk', 'company-admin', 'company-clerk', 'developer'].includes(role),
)

/** Who may see personal data in full, for a reason that is logged (查看敏感信息). */
export const revealers: readonly Role[] = roleCodes.filter(role =>
  [
    'city-clerk',
    'city-reviewer',
    'city-approver',
    'district-clerk',
    'district-reviewer',
    'street-clerk',
    'street-reviewer',
    'company-admin',
  ].includes(role),
)

type Query = Knex.QueryBuilder
const none = (query: Query) => query.whereRaw('1 = 0')
const region = ({ scope }: User) => (scope.level === 'district' || scope.level === 'street' ? scope.code : undefined)

/** 物业企业, joined with their organisation. */
export function visibleCompanies(db: Knex, user: User): Query {
  const query = db('companies').join('organisations', 'organisations.id', 'companies.id')
  if (!archiveReaders.includes(user.role)) return none(query)
  const code = region(user)
  if (code)
    return seenFrom(
      query,
      code,
      'select 1 from company_areas where company_areas.company_id = companies.id and company_areas.region_code = ?',
    )
  if (user.scope.level === 'city') return query
  return user.scope.level === 'organisation' ? query.where({ 'companies.id': user.scope.organisation_id }) : none(query)
}

/** 开发企业, joined with their organisation: a district and a street see those registered there or building there. */
export function visibleDevelopers(db: Knex, user: User): Query {
  const query = db('developers').join('organisations', 'organisations.id', 'developers.id')
  if (!archiveReaders.includes(user.role)) return none(query)
  const { scope } = user
  if (scope.level === 'city') return query
  if (scope.level === 'organisation') return query.where({ 'developers.id': scope.organisation_id })
  if (scope.level === 'none') return none(query)
  const column = scope.level === 'district' ? 'district_code' : 'street_code'
  return query.where(own =>
    own
      .where(`organisations.${column}`, scope.code)
      .orWhereExists(
        db('projects')
          .where(`projects.${column}`, scope.code)
          .whereRaw('projects.developer_id = developers.id')
          .select(db.raw('1')),
      ),
  )
}

/** 项目. */
export function visibleProjects(db: Knex, user: User): Query {
  return withinProjects(db('projects'), db, user)
}

/** 项目 for lists, exports and maps, which say how things are today: without those a company served once and may only look up. */
export function presentProjects(db: Knex, user: User): Query {
  return withinProjects(db('projects'), db, user, { now: true })
}

/** 楼栋, joined with their project. */
export function visibleBuildings(db: Knex, user: User): Query {
  return withinProjects(withProject(db, 'buildings'), db, user, { of: 'buildings' })
}

/** 楼栋 for lists, as with `presentProjects`. */
export function presentBuildings(db: Knex, user: User): Query {
  return withinProjects(withProject(db, 'buildings'), db, user, { of: 'buildings', now: true })
}

/** 房屋, joined with their project. A company that no longer serves the project sees none. */
export function visibleHouses(db: Knex, user: User): Query {
  return withinProjects(withProject(db, 'houses'), db, user, { of: 'houses', now: true })
}

/** 业主, joined with house and project. */
export function visibleOwners(db: Knex, user: User): Query {
  const query = withProject(db, 'owners').leftJoin('houses', 'houses.id', 'owners.house_id')
  return withinProjects(query, db, user, { of: 'owners', now: true })
}

/** 居民, joined with house and project. */
export function visibleResidents(db: Knex, user: User): Query {
  const query = withProject(db, 'residents').leftJoin('houses', 'houses.id', 'residents.house_id')
  return withinProjects(query, db, user, { of: 'residents', now: true })
}

type InProject = 'buildings' | 'houses' | 'owners' | 'residents'

/** Every row has its project; joined from the left all the same, so that a list is read in its own order and not in that of the projects. */
function withProject(db: Knex, table: InProject): Query {
  return db(table).leftJoin('projects', 'projects.id', `${table}.project_id`)
}

/**
 * @param rules `of`: rows that lie in a project and have its district and street beside them; `now`: only a company that serves the
 *   project at present; what it served once it may look up, but not who lives there
 */
function withinProjects(query: Query, db: Knex, user: User, { of, now }: { of?: InProject; now?: boolean } = {}): Query {
  if (!archiveReaders.includes(user.role)) return none(query)
  const { scope } = user
  const project = of ? `${of}.project_id` : 'projects.id'
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
      return query.where({ [`${of ?? 'projects'}.district_code`]: scope.code })
    case 'street':
      return query.where({ [`${of ?? 'projects'}.street_code`]: scope.code })
    case 'organisation':
      if (user.role === 'developer') return query.where({ 'projects.developer_id': scope.organisation_id })
      if (user.role === 'committee')
        return query.whereIn(project, db('committees').where({ id: scope.organisation_id, live: 1 }).select('project_id'))
      return query.whereIn(
        project,
        db('project_links')
          .where({ company_id: scope.organisation_id })
          // Who takes over soon prepares for it (domain.md §5.5: without an approved link it cannot).
          .whereIn('state', now ? ['linked', 'approved'] : ['linked', 'approved', 'ended'])
          .select('project_id'),
      )
    case 'none':
      return none(query)
  }
}

/**
 * 从业人员: an office sees those who work or worked for a company it sees, a company those who work or worked for it. Whom it only
 * asks for (待审核, 争议) it sees as its own application, unless nobody else has ever had to do with them.
 */
export function visiblePeople(db: Knex, user: User): Query {
  return seenPeople(db, user, ['employed', 'leaving', 'left'])
}

/** 从业人员 for lists and searches, which say how things are today: without those who have left a company, whose pages stand still for it. */
export function presentPeople(db: Knex, user: User): Query {
  return seenPeople(db, user, ['employed', 'leaving'])
}

/** @param states of the employments at a company that let it see a person whatever others have to do with them */
function seenPeople(db: Knex, user: User, states: readonly EmploymentState[]): Query {
  const query = db('people')
  if (!archiveReaders.includes(user.role)) return none(query)
  const { scope } = user
  const code = region(user)
  if (code) return workingIn(query, code)
  if (scope.level === 'city') return query
  if (scope.level === 'organisation' && user.role.startsWith('company'))
    return query.whereIn(
      'people.id',
      db('employments')
        .where({ 'employments.company_id': scope.organisation_id })
        .where(own =>
          own
            .whereIn('employments.state', [...states])
            .orWhere(asked =>
              asked
                .whereIn('employments.state', ['pending', 'disputed'])
                .whereNotExists(
                  db('employments as others')
                    .whereRaw('others.person_id = employments.person_id')
                    .whereNot({ 'others.company_id': scope.organisation_id })
                    .select(db.raw('1')),
                ),
            ),
        )
        .select('employments.person_id'),
    )
  return none(query)
}

/**
 * People who work or worked for a company that a district or a street sees.
 * @param rules `now`: who works there at present
 */
export function workingIn(query: Query, region_code: string, { now }: { now?: boolean } = {}): Query {
  const work = `select 1 from employments join company_areas on company_areas.company_id = employments.company_id
    where employments.person_id = people.id and company_areas.region_code = ?${now ? ' and employments.live = 1' : ''}`
  return seenFrom(query, region_code, work)
}

/**
 * Narrows to rows for which something is there in a district or a street. In a district that is so for every third row, so each is
 * asked on the way through the list; the few of a street the server finds first.
 * @param sql selects 1, bound to the row, with the region as its one value
 */
function seenFrom(query: Query, region_code: string, sql: string): Query {
  return query.whereRaw(region_code.length === 6 ? `coalesce((${sql} limit 1), 0) = 1` : `exists (${sql})`, [region_code])
}

/** The id of a row somebody may see. @throws NotFound */
export async function seen(query: Query, key: string, id: number): Promise<void> {
  const row: { id: number } | undefined = await query.where({ [key]: id }).first(`${key} as id`)
  if (!row) throw new NotFound()
}
