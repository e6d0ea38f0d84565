import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { Forbidden, NotFound } from '../../errors.ts'
import { archiveKeepers, visibleProjects } from './visible.ts'

/** Who may do what with one project, beyond seeing it. */

export interface SeenProject {
  id: number
  code: string
  name: string
  developer_id: number | null
  district_code: string
  street_code: string
  stage: string
  property_type: string
  floor_area: string
  source: string
  review: string
  created_at: Date
  created_by: number | null
  updated_at: Date
  updated_by: number | null
}

/** A project this user may see. @throws NotFound */
export async function seenProject(db: Knex, user: User, id: number): Promise<SeenProject> {
  const row: SeenProject | undefined = await visibleProjects(db, user)
    .where({ 'projects.id': id })
    .first('projects.id', ...columns.map(column => `projects.${column}`))
  if (!row) throw new NotFound()
  return row
}

const columns = [
  'code',
  'name',
  'developer_id',
  'district_code',
  'street_code',
  'stage',
  'property_type',
  'floor_area',
  'source',
  'review',
  'created_at',
  'created_by',
  'updated_at',
  'updated_by',
]

/**
 * The last day of which a company may read a project it no longer serves (domain.md §5.5: it keeps its own history, no more).
 * @returns nothing for whoever may read it as it is today
 */
export async function readableUntil(db: Knex, user: User, project_id: number): Promise<string | undefined> {
  if (!user.role.startsWith('company')) return undefined
  const links: { state: string; ends_on: string | null }[] = await db('project_links')
    .where({ project_id, company_id: user.organisation_id })
    .whereIn('state', ['linked', 'ended'])
    .orderBy('starts_on', 'desc')
    .select('state', 'ends_on')
  if (links.some(({ state }) => state === 'linked')) return undefined
  return links[0]?.ends_on ?? undefined
}

/** Whether this user may change at once what needs no application: who serves it now, who built it, the clerks of its offices. */
export async function mayKeep(db: Knex, user: User, project: Pick<SeenProject, 'id' | 'developer_id'>): Promise<boolean> {
  if (!archiveKeepers.includes(user.role)) return false
  if (user.scope.level !== 'organisation') return true
  if (user.role === 'developer') return project.developer_id === user.organisation_id
  const link = await db('project_links').where({ project_id: project.id, company_id: user.organisation_id, live: 1 }).first('id')
  return link !== undefined
}

/** A project this user may change. @throws NotFound for what is not theirs to see, Forbidden for what they may only read */
export async function keptProject(db: Knex, user: User, id: number): Promise<SeenProject> {
  const project = await seenProject(db, user, id)
  if (!(await mayKeep(db, user, project)))
    throw new Forbidden(
      user.role.startsWith('company')
        ? '贵企业已不服务这个项目，只能看服务期间的档案。现在的内容由正在服务的企业维护。'
        : `项目档案由正在服务的物业企业、开发企业和管理部门的经办人维护，您现在的身份是${user.role_label}。`,
    )
  return project
}
