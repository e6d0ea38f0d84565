import type { Heating, LandRight } from '../src/modules/archives/words.ts'
import { addDays, later } from './days.ts'
import type { Ground } from './ground.ts'
import { roadName } from './names.ts'
import { placeIn } from './places.ts'
import type { Project } from './projects.ts'
import { randomFrom } from './random.ts'
import { decimal, type Row } from './rows.ts'

/** The rest of the file of a project, and what has become of it since it was opened; drawn apart so that the city stays as it is. */

/** The day from which the register of projects is kept. */
const firstRegister = '2010-03-01'

/** When the archive was opened: with the area division, two years before the first keys, or when the register began. */
export function filedOn({ today }: Ground, { delivered_on }: Pick<Project, 'delivered_on'>): string {
  const day = later(addDays(delivered_on ?? today, -700), firstRegister)
  return day < today ? day : addDays(today, -1)
}

const atNine = (day: string) => new Date(`${day}T01:20:00Z`)

/** Coordinates, permits, facilities, rooms, assessment. */
export function fileOf(
  ground: Ground,
  project: Project,
  facts: { code: string; parking: number; garage: boolean; above: number; room: number },
): Row {
  const { type, delivered_on, size, street, stage } = project
  const { code, parking, garage, above, room } = facts
  const random = randomFrom(`file of project ${code}`)
  const isHome = type === 'multi-storey' || type === 'high-rise' || type === 'villa'
  const isOld = delivered_on !== undefined && delivered_on < '2006'
  const isPlanned = stage === 'divided' || stage === 'tendering'
  const filed = filedOn(ground, project)
  const year = filed.slice(0, 4)
  const permit = (sign: string) => `${sign}第${code.slice(0, 6)}${year}${random.int(1000, 9999)}号`
  // Some archives were never measured on the map.
  const place = random.happens(0.95) ? placeIn(street, code) : { longitude: null, latitude: null }
  const underground = garage ? Math.round(parking * 0.8) : 0
  const charge = isOld ? 0 : Math.round(parking * random.next() * 0.15)
  // Yuan for each square metre, as hundredths of 万元.
  const collected = isHome && delivered_on && !isOld ? Math.round((above / 10_000) * random.int(40, 90)) : 0
  return {
    ...place,
    bounds: random.happens(0.7)
      ? `东至${roadName(random)}，南至${roadName(random)}，西至${roadName(random)}，北至${roadName(random)}`
      : null,
    land_right: random.share<LandRight>({ granted: 78, allocated: 18, leased: 4 }),
    land_permit: isOld ? null : permit('地字'),
    planning_permit: isOld ? null : permit('建字'),
    presale_permit: isHome && !isOld && !isPlanned ? `济房预售字第${year}${random.int(100, 999)}号` : null,
    phases: size > 120 && random.happens(0.5) ? '分两期开发，一、二期共用物业服务用房和设备用房。' : null,
    green_area: decimal(Math.round(above * (0.12 + random.next() * 0.1))),
    fire_system: type === 'multi-storey' && isOld ? null : random.pick(['自动喷淋、消火栓', '消火栓、火灾自动报警', '消火栓']),
    surveillance: isOld && random.happens(0.4) ? null : `${random.int(8, 20) + Math.round(size / 3)} 路，保存 30 日`,
    water_supply: type === 'high-rise' ? random.pick(['变频供水，水箱每半年清洗', '无负压供水']) : null,
    power_supply: random.pick(['小区公用变电所 1 座', '箱式变压器 2 台', '双电源供电']),
    heating: random.share<Heating>({ central: isHome ? 85 : 60, household: 10, none: isOld ? 15 : 3, other: 2 }),
    parking_ground_count: parking - underground,
    parking_underground_count: underground,
    parking_owned_count: Math.round(underground * 0.6),
    parking_shelter_count: Math.round(underground * 0.2),
    charger_count: charge,
    waste_point_count: isPlanned ? 0 : 1 + Math.floor(size / 80),
    service_room_title: room ? random.pick(['已登记，业主共有', '未登记']) : null,
    service_room_on: room && delivered_on ? addDays(delivered_on, -random.int(5, 40)) : null,
    service_room_altered: room > 0 && random.happens(0.02),
    staff_count: project.company ? 3 + Math.round(size / 12) : null,
    fund_collected: collected ? decimal(collected) : null,
    fund_balance: collected ? decimal(Math.round(collected * (0.6 + random.next() * 0.4))) : null,
    honours: random.happens(0.06) && project.company ? `${random.int(2016, 2025)} 年市级物业服务示范项目` : null,
    inspection_score: project.company && random.happens(0.6) ? `${random.int(72, 98)}.00` : null,
    source: 'office',
    created_at: atNine(filed),
    updated_at: ground.at,
  }
}

/** A change of a project in the years since its archive was opened. */
export interface Turn {
  on: string
  field: string
  before: string | null
  after: string | null
}

/** Writes the 变更记录 of a project in the order of its days; what lies before the archive or has not come yet is left out. */
export function recordTurns(ground: Ground, project: Project, turns: readonly Turn[]): void {
  const filed = filedOn(ground, project)
  const told = turns.filter(({ on }) => on > filed && on < ground.today)
  for (const { on, ...change } of told.sort((one, other) => (one.on < other.on ? -1 : one.on > other.on ? 1 : 0)))
    ground.add('changes', { at: atNine(on), user_id: null, table_name: 'projects', row_id: project.id, ...change, case_id: null })
}
