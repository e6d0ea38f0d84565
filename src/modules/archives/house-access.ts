import type { Knex } from 'knex'
import type { Role } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { Forbidden, NotFound } from '../../errors.ts'
import { mayKeep } from './project-access.ts'
import { archiveKeepers, visibleBuildings, visibleHouses } from './visible.ts'
import type { HouseState, Stage } from './words.ts'

/** Who may do what with buildings and houses, and with those who own and live in them. */

/** What the pages of a building or house need to know of the project it stands in. */
interface InProject {
  project_id: number
  project: string
  developer_id: number | null
  stage: Stage
}
export interface SeenBuilding extends InProject {
  id: number
  name: string
  position: number
}
export interface SeenHouse extends InProject {
  id: number
  name: string
  state: HouseState
  floor_area: string
  building_id: number
  building: string
}

const ofProject = ['projects.name as project', 'projects.developer_id', 'projects.stage']

/** A building this user may see. @throws NotFound */
export async function seenBuilding(db: Knex, user: User, id: number): Promise<SeenBuilding> {
  const row: SeenBuilding | undefined = await visibleBuildings(db, user)
    .where({ 'buildings.id': id })
    .first('buildings.id', 'buildings.name', 'buildings.position', 'buildings.project_id', ...ofProject)
  if (!row) throw new NotFound()
  return row
}

/** A house this user may see. @throws NotFound */
export async function seenHouse(db: Knex, user: User, id: number): Promise<SeenHouse> {
  const row: SeenHouse | undefined = await visibleHouses(db, user)
    .join('buildings', 'buildings.id', 'houses.building_id')
    .where({ 'houses.id': id })
    .first(
      'houses.id',
      'houses.name',
      'houses.state',
      'houses.floor_area',
      'houses.project_id',
      'houses.building_id',
      'buildings.name as building',
      ...ofProject,
    )
  if (!row) throw new NotFound()
  return row
}

/** Who may register owners and residents: whoever keeps archives, and the committee for its own project (登记来源, domain.md §9.5). */
export const ownerKeepers: readonly Role[] = [...archiveKeepers, 'committee']

/** Until the owners have chosen who serves them, the developer knows best who bought; afterwards it is no longer its business. */
const early: readonly Stage[] = ['divided', 'tendering', 'early']

/** Whether this user may change buildings and houses of a project they see. */
export async function keepsHouses(
  db: Knex,
  user: User,
  { project_id, developer_id }: Pick<InProject, 'project_id' | 'developer_id'>,
): Promise<boolean> {
  return await mayKeep(db, user, { id: project_id, developer_id })
}

/** Whether this user may change owners and residents of a project they see. */
export async function keepsOwners(db: Knex, user: User, place: InProject): Promise<boolean> {
  if (user.role === 'committee') return true
  if (user.role === 'developer' && !early.includes(place.stage)) return false
  return await keepsHouses(db, user, place)
}

/** @throws Forbidden, saying who keeps them instead */
export async function needHouseKeeper(db: Knex, user: User, place: InProject): Promise<void> {
  if (await keepsHouses(db, user, place)) return
  throw new Forbidden('楼栋和房屋由正在服务的物业企业、开发企业和管理部门的经办人维护。贵单位现在只能查看。')
}

/** @throws Forbidden, saying who keeps them instead */
export async function needOwnerKeeper(db: Knex, user: User, place: InProject): Promise<void> {
  if (await keepsOwners(db, user, place)) return
  throw new Forbidden(
    user.role === 'developer'
      ? '业主大会已选聘物业，业主登记由物业企业、业委会和街道办维护，开发企业只能查看。'
      : '业主和居民由正在服务的物业企业、业委会和管理部门的经办人登记。贵单位现在只能查看。',
  )
}

/** Crumbs down to a building or house. */
export function crumbOf(place: InProject & { building_id?: number; building?: string }): { label: string; href: string }[] {
  return [
    { label: '项目', href: '/desk/lists/projects' },
    { label: place.project, href: `/desk/projects/${place.project_id}` },
    ...(place.building_id ? [{ label: place.building ?? '', href: `/desk/buildings/${place.building_id}` }] : []),
  ]
}

/** What whoever collects personal data of owners and residents tells them (个人信息保护法 第十七条、第三十五条). */
export const collectionNote = {
  text: '请告知本人：登记的个人信息由主管部门用于物业管理和业主共同决定，证件号和电话加密保存，页面和导出都脱敏，查看完整须写原因并留痕。',
  link: { href: '/privacy', label: '隐私声明' },
}
