import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import type { Subject } from '../../cases/kind.ts'
import { NotFound, NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { text } from '../../forms/form.ts'
import { regionNames } from '../../lists/regions.ts'
import { visibleProjects } from '../archives/visible.ts'
import { propertyTypes } from '../archives/words.ts'

/** What the filings know of the project they are about. */

export interface ProjectRow {
  id: number
  code: string
  name: string
  address: string
  district_code: string
  street_code: string
  developer_id: number | null
  stage: string
  property_type: keyof typeof propertyTypes
  floor_area: string
  house_count: number
  service_room_area: string
}

const columns = [
  'id',
  'code',
  'name',
  'address',
  'district_code',
  'street_code',
  'developer_id',
  'stage',
  'property_type',
  'floor_area',
  'house_count',
  'service_room_area',
].map(column => `projects.${column}`)

/** A project by id. @throws NotFound */
export async function projectAt(db: Knex, id: number): Promise<ProjectRow> {
  const row: ProjectRow | undefined = await db('projects').where({ id }).first(columns)
  if (!row) throw new NotFound()
  return row
}

/** The project with its row locked: whoever changes who serves it, or by which contract, takes turns here. @throws NotFound */
export async function lockProject(trx: Knex.Transaction, id: number): Promise<ProjectRow> {
  const row: ProjectRow | undefined = await trx('projects').where({ id }).forUpdate().first(columns)
  if (!row) throw new NotFound()
  return row
}

/** A project as the subject of a case. */
export function subjectOfProject({ id, name, district_code, street_code }: ProjectRow): Subject {
  return { type: 'project', id, name, district_code, street_code }
}

/**
 * The project a case is begun about, from its page.
 * @param what the step, to say where to begin: 前期招标备案
 * @throws NotNow when none was chosen, NotFound when it is not this user's to see (a developer sees what it builds, a company what it serves)
 */
export async function chosenProject(db: Knex, user: User, id: number | undefined, what: string): Promise<ProjectRow> {
  if (!id) throw new NotNow(`请先在项目列表里打开要办理的项目，再从项目页办理${what}。`)
  const row: ProjectRow | undefined = await visibleProjects(db, user).where({ 'projects.id': id }).first(columns)
  if (!row) throw new NotFound()
  return row
}

const archive = { label: '项目档案', href: '/desk/lists/projects' }

/** 项目 at the head of a form, taken from the archive. */
export const projectFields = {
  project_name: text({ label: '项目名称', section: '项目', archive, wide: true }),
  project_code: text({ label: '项目编号', archive }),
  project_address: text({ label: '坐落', archive, wide: true }),
  project_region: text({ label: '区县、街道', archive }),
  project_area: text({ label: '总建筑面积（㎡）', archive }),
  project_type: text({ label: '物业类型', archive }),
}

/** The answers of `projectFields`. */
export async function projectAnswers(db: Knex, id: number): Promise<Answers> {
  const [project, names] = await Promise.all([projectAt(db, id), regionNames(db)])
  return {
    project_name: project.name,
    project_code: project.code,
    project_address: project.address,
    project_region: [names[project.district_code], names[project.street_code]].filter(Boolean).join(' '),
    project_area: project.floor_area,
    project_type: propertyTypes[project.property_type] ?? project.property_type,
  }
}
