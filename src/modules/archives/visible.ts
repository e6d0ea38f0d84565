import type { Knex } from 'knex'
import { type Role, roleCodes, roles } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { caseReaders } from '../../cases/roles.ts'
import { NotFound } from '../../errors.ts'

/**
 * Who sees which archive (domain.md §2): every read starts here, so what is not somebody's is simply not found. The city sees all;
 * a district and a street the projects they manage, and the companies registered or serving there; a company itself, its people
 * and the projects it serves or served; a developer itself and what it built; a committee its project.
 */

/** Who meets archives at all. */
export const archiveReaders: readonly Role[] = caseReaders

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
    return query.whereExists(
      db('company_areas').where({ region_code: code }).whereRaw('company_areas.company_id = companies.id').select(db.raw('1')),
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

/** 楼栋, joined with their project. */
export function visibleBuildings(db: Knex, user: User): Query {
  return withinProjects(db('buildings').join('projects', 'projects.id', 'buildings.project_id'), db, user)
}

/** 房屋, joined with their project. A company that no longer serves the project sees none. */
export function visibleHouses(db: Knex, user: User): Query {
  return withinProjects(db('houses').join('projects', 'projects.id', 'houses.project_id'), db, user, { now: true })
}

/** 业主, joined with house and project. */
export function visibleOwners(db: Knex, user: User): Query {
  return withinProjects(
    db('owners').join('houses', 'houses.id', 'owners.house_id').join('projects', 'projects.id', 'owners.project_id'),
    db,
    user,
    { now: true },
  )
}

/** 居民, joined with house and project. */
export function visibleResidents(db: Knex, user: User): Query {
  return withinProjects(
    db('residents').join('houses', 'houses.id', 'residents.house_id').join('projects', 'projects.id', 'residents.project_id'),
    db,
    user,
    { now: true },
  )
}

/** @param rules `now`: only a company that serves the project at present; what it served once it may look up, but not who lives there */
function withinProjects(query: Query, db: Knex, user: User, rules: { now?: boolean } = {}): Query {
  if (!archiveReaders.includes(user.role)) return none(query)
  const { scope } = user
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
      return query.where({ 'projects.district_code': scope.code })
    case 'street':
      return query.where({ 'projects.street_code': scope.code })
    case 'organisation':
      if (user.role === 'developer') return query.where({ 'projects.developer_id': scope.organisation_id })
      if (user.role === 'committee')
        return query.whereIn('projects.id', db('committees').where({ id: scope.organisation_id, live: 1 }).select('project_id'))
      return query.whereIn(
        'projects.id',
        db('project_links')
          .where({ company_id: scope.organisation_id })
          .whereIn('state', rules.now ? ['linked'] : ['linked', 'ended'])
          .select('project_id'),
      )
    case 'none':
      return none(query)
  }
}

/** 从业人员: an office sees those who work or worked for a company it sees, a company those who work or worked for it. */
export function visiblePeople(db: Knex, user: User): Query {
  const query = db('people')
  if (!archiveReaders.includes(user.role)) return none(query)
  const { scope } = user
  const worked = db('employments').whereRaw('employments.person_id = people.id').select(db.raw('1'))
  const code = region(user)
  if (code)
    return query.whereExists(
      worked
        .join('company_areas', 'company_areas.company_id', 'employments.company_id')
        .where({ 'company_areas.region_code': code }),
    )
  if (scope.level === 'city') return query
  if (scope.level === 'organisation' && user.role.startsWith('company'))
    return query.whereExists(worked.where({ 'employments.company_id': scope.organisation_id }))
  return none(query)
}

/** The id of a row somebody may see. @throws NotFound */
export async function seen(query: Query, key: string, id: number): Promise<void> {
  const row: { id: number } | undefined = await query.where({ [key]: id }).first(`${key} as id`)
  if (!row) throw new NotFound()
}
