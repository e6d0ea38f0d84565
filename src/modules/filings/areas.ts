import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { today } from '../../clock.ts'
import { registerFiled } from '../../documents/documents.ts'
import { registerPart } from '../archives/parts.ts'
import { visibleProjects } from '../archives/visible.ts'

/** 物业服务区域: the register (山东省物业管理条例 第九条). One area of a project holds; an adjustment is the next row. */

export interface AreaRow {
  id: number
  project_id: number
  number: string
  state: 'registered' | 'adjusted' | 'cancelled'
  registered_on: string
  ended_on: string | null
  floor_area: string
}

/** The area of a project that holds, or nothing: then the project has not been divided, or was before the portal. */
export async function areaOf(db: Knex, project_id: number): Promise<AreaRow | undefined> {
  return await db('areas')
    .where({ project_id, live: 1 })
    .first('id', 'project_id', 'number', 'state', 'registered_on', 'ended_on', 'floor_area')
}

/** 区域登记, joined with their project, as far as somebody sees that. */
export function visibleAreas(db: Knex, user: User): Knex.QueryBuilder {
  const projects = visibleProjects(db, user)
  return user.scope.level === 'organisation' ? inProjects(db, projects) : inRegion(db, user)
}

function inProjects(db: Knex, projects: Knex.QueryBuilder): Knex.QueryBuilder {
  return db('areas')
    .leftJoin('projects', 'projects.id', 'areas.project_id')
    .whereIn('areas.project_id', projects.select('projects.id'))
}

/** An office reads by the region of the area itself, so that its own index holds the order. */
function inRegion(db: Knex, { scope }: User): Knex.QueryBuilder {
  const query = db('areas').leftJoin('projects', 'projects.id', 'areas.project_id')
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
      return query.where({ 'areas.district_code': scope.code })
    case 'street':
      return query.where({ 'areas.street_code': scope.code })
    default:
      return query.whereRaw('1 = 0')
  }
}

// What a 登记证明 is worth (verification page).
registerFiled('area', async (db, id) => {
  const [row, next]: [AreaRow | undefined, { number: string } | undefined] = await Promise.all([
    db('areas').where({ id }).first('number', 'ended_on'),
    db('areas').where({ previous_id: id }).first('number'),
  ])
  return row && { valid_until: null, ended_on: row.ended_on, newer: next?.number ?? null }
})

registerPart('projects', {
  code: 'area',
  label: '物业服务区域',
  order: 5,
  async load(db, user, project_id, on = today()) {
    const area: AreaRow | undefined = await db('areas')
      .where({ project_id })
      .where('registered_on', '<=', on)
      .where(then => then.whereNull('ended_on').orWhere('ended_on', '>', on))
      .orderBy('id', 'desc')
      .first()
    if (area)
      return {
        view: '/filings/area-part',
        locals: { area },
        all: { label: '看区域登记', href: `/desk/areas/${area.id}` },
      }
    if (on !== today() || user.role !== 'developer') return undefined
    const own = await db('projects').where({ id: project_id, developer_id: user.organisation_id }).first('id')
    return own && { view: '/filings/area-part', locals: { area: undefined, project_id } }
  },
})
