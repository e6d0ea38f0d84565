import { addDays, addYears } from './days.ts'
import { fileNumber, type Ground } from './ground.ts'
import type { Project } from './projects.ts'
import { decimal, stamps } from './rows.ts'

/** Areas are registered since the regulation of 2009 asks for it; what was delivered before has none. */
const since = '2010'

interface Plan {
  address: string
  community: string
  /** Hundredths of a square metre, above the ground and below. */
  homes: number
  others: number
  garage: number
  land: number
  room: number
  room_place: string | null
  buildings: number
  parking: number
}

const sides = ['规划路', '河道绿线', '相邻小区围墙', '城市主干道'] as const

/** 区域登记 of a project, and the tender that runs for one nobody serves yet. */
export function divide(ground: Ground, project: Project, plan: Plan): void {
  const { id, name, street, developer, delivered_on, stage, index } = project
  if (delivered_on && delivered_on < since) return
  const registered_on = delivered_on ? addYears(delivered_on, -3) : addDays(ground.today, -200 - index)
  const bounds = Object.fromEntries(
    ['east', 'south', 'west', 'north'].map((side, n) => [side, sides[(index + n) % sides.length] ?? '']),
  )
  ground.add('areas', {
    project_id: id,
    developer_id: developer.id,
    state: 'registered',
    number: fileNumber(ground, `济物划〔${registered_on.slice(0, 4)}〕${street.district_code}-`),
    registered_on,
    ...ground.named(name),
    address: plan.address,
    district_code: street.district_code,
    street_code: street.code,
    community: plan.community,
    ...bounds,
    land_area: decimal(plan.land),
    floor_area: decimal(project.floor_area),
    residential_area: decimal(plan.homes),
    other_area: decimal(plan.others),
    underground_area: decimal(plan.garage),
    service_room_area: decimal(plan.room),
    service_room_place: plan.room_place,
    building_count: plan.buildings,
    house_count: project.houses.length,
    parking_count: plan.parking,
  })
  if (stage === 'tendering') tender(ground, project)
}

/** Every other tender has been opened; the others wait for their bids. */
function tender(ground: Ground, { id, street, developer, index, floor_area }: Project): void {
  const isOpened = index % 2 === 0
  const announce_on = addDays(ground.today, isOpened ? -35 : -8)
  const bids_until = addDays(announce_on, 25)
  const filed_on = addDays(announce_on, -14)
  ground.add('tenders', {
    project_id: id,
    developer_id: developer.id,
    district_code: street.district_code,
    street_code: street.code,
    state: isOpened ? 'opened' : 'tendering',
    method: 'open',
    organising: 'self',
    number: fileNumber(ground, `济物招备〔${filed_on.slice(0, 4)}〕`),
    filed_on,
    service_level: 3,
    fee: '1.80',
    term_months: 36,
    floor_area: decimal(floor_area),
    announce_on,
    documents_from: announce_on,
    documents_until: addDays(announce_on, 7),
    bids_until,
    opens_on: bids_until,
    opens_at: '09:30',
    opening_place: '市公共资源交易中心',
    committee_size: 5,
    valid_until: addDays(bids_until, 90),
    opened_on: isOpened ? bids_until : null,
    ...stamps(ground.at),
  })
}
