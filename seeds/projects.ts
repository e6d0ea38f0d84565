import type { BuildingType, HousePurpose, HouseState, PropertyType, Stage, Structure } from '../src/modules/archives/words.ts'
import { demoProjects, demoStreets } from './accounts.ts'
import { divide } from './areas.ts'
import { addressIn, type Company, type Developer, density, side, streetIn } from './companies.ts'
import { addDays, earlier } from './days.ts'
import type { Ground, Street } from './ground.ts'
import { wordOf } from './names.ts'
import type { Owner } from './owners.ts'
import { fileOf, type Turn } from './project-files.ts'
import { apportion, at, type Random } from './random.ts'
import { decimal, type Row, stamps } from './rows.ts'

export interface Project {
  id: number
  index: number
  name: string
  stage: Stage
  type: PropertyType
  street: Street
  developer: Developer
  /** First delivery; empty while the houses are being built. */
  delivered_on: string | undefined
  /** How many houses it gets. */
  size: number
  houses: House[]
  /** Hundredths of a square metre. */
  floor_area: number
  owners: Owner[]
  /** What serves it now, and what served it before. */
  company: Company | undefined
  former: Company | undefined
  /** What has become of it since its archive was opened. */
  turns: Turn[]
}

export interface House {
  id: number
  project_id: number
  /** Hundredths of a square metre. */
  area: number
  purpose: HousePurpose
  state: HouseState
}

export const projectsPerLayer = 240
export const housesPerLayer = 10_000

/** Of 240 projects. */
const stageCounts: Record<Stage, number> = {
  divided: 5,
  tendering: 5,
  early: 128,
  selected: 77,
  'self-managed': 8,
  unmanaged: 11,
  withdrawn: 6,
}
/** Those of the demo accounts: a project with a committee each, one under early service each, and two that are only planned. */
const demoStages: Stage[] = ['selected', 'selected', 'early', 'early', 'tendering', 'divided']

const isPlanned = (stage: Stage) => stage === 'divided' || stage === 'tendering'
const isServed = (stage: Stage) => stage === 'early' || stage === 'selected'

/** 项目, with who builds and who serves them. Their houses come with `build`. */
export function planProjects(ground: Ground, companies: Company[], developers: Developer[]): Project[] {
  const { random } = ground
  const stages = [...demoStages, ...random.shuffle(without(stageCounts, demoStages))]
  const codes = Object.keys(density)
  const shares = apportion(
    projectsPerLayer,
    codes.map(code => density[code] ?? 0),
  )
  const demoDistricts = demoStages.map((_, index) => at(['370102', '370103'], index % 2))
  const perDistrict = Object.fromEntries(codes.map((code, index) => [code, at(shares, index)]))
  const districts = [...demoDistricts, ...random.shuffle(without(perDistrict, demoDistricts))]

  const projects = stages.map((stage, index) => {
    const developer = index < demoStages.length ? at(developers, index % 2) : random.pick(developers)
    return planProject(ground, { stage, index, district: at(districts, index), developer })
  })
  const sizes = apportion(
    housesPerLayer,
    projects.map(({ index, type }) => (index < demoStages.length ? 0 : drawSize(random, type))),
    index => leastSize(at(projects, index)),
  )
  for (const project of projects) {
    project.size = at(sizes, project.index)
    if (project.type === 'high-rise' && project.size < 24) project.type = 'multi-storey'
    chooseCompanies(ground, project, companies)
    addProject(ground, project)
  }
  return projects
}

/** A small project under early service beside those of the plan. */
export function addServedProject(
  ground: Ground,
  company: Company,
  facts: Pick<Project, 'name' | 'street' | 'developer' | 'delivered_on' | 'size'>,
): Project {
  const id = ground.newId('projects')
  const project: Project = {
    id,
    // No demo account belongs to it.
    index: projectsPerLayer,
    stage: 'early',
    type: 'multi-storey',
    houses: [],
    floor_area: 0,
    owners: [],
    company,
    former: undefined,
    turns: [],
    ...facts,
  }
  company.projects.push(project)
  addProject(ground, project)
  return project
}

/** Every code as often as it is counted, less those already given. */
function without<T extends string>(counts: Record<T, number>, given: readonly T[]): T[] {
  const left = { ...counts }
  for (const code of given) left[code]--
  // Object.keys forgets that the keys are T
  return (Object.keys(left) as T[]).flatMap(code => Array<T>(left[code]).fill(code))
}

function planProject(
  ground: Ground,
  { stage, index, district, developer }: { stage: Stage; index: number; district: string; developer: Developer },
): Project {
  const { random, today } = ground
  const age = ageOf(random, stage, index)
  const type = index < 2 ? 'multi-storey' : index < demoStages.length ? 'high-rise' : typeOf(random, stage, age)
  const known = ground.layer === 0 && index < 2 ? ground.streets.find(street => street.code === demoStreets[index]) : undefined
  const id = ground.newId('projects')
  return {
    id,
    index,
    name: (ground.layer === 0 && demoProjects[index]) || projectName(ground, index, type, age),
    stage,
    type,
    street: known ?? streetIn(ground, district),
    developer,
    delivered_on: age === undefined ? undefined : addDays(today, -age),
    size: 0,
    houses: [],
    floor_area: 0,
    owners: [],
    company: undefined,
    former: undefined,
    turns: [],
  }
}

/** Days since the first delivery. */
function ageOf(random: Random, stage: Stage, index: number): number | undefined {
  if (index === 0) return 4200
  if (index === 1) return 5600
  if (isPlanned(stage)) return undefined
  if (stage === 'early') return random.happens(0.1) ? undefined : 20 + Math.floor(6000 * random.next() ** 1.5)
  if (stage === 'unmanaged') return random.int(7300, 14_500)
  if (stage === 'withdrawn') return random.int(4000, 11_000)
  return random.happens(0.35) ? random.int(9400, 14_000) : random.int(3000, 9400)
}

function typeOf(random: Random, stage: Stage, age = 0): PropertyType {
  const home =
    age > 9400 ? 'multi-storey' : random.share({ 'multi-storey': age > 5000 ? 55 : 18, 'high-rise': age > 5000 ? 45 : 82 })
  // Owners of offices and factories seldom elect a committee.
  if (stage !== 'early' && !isPlanned(stage)) return random.happens(0.03) && age < 8000 ? 'villa' : home
  return random.share<PropertyType>({
    [home]: 70,
    villa: 4,
    office: 9,
    commercial: 8,
    industrial: 5,
    school: 2,
    hospital: 1,
    other: 1,
  })
}

const suffixes: Record<PropertyType, string[]> = {
  'multi-storey': ['花园', '家园', '苑', '小区', '新居', '里', '嘉园'],
  'high-rise': ['公馆', '府', '名邸', '郡', '景苑', '雅苑', '家园', '庭'],
  villa: ['山庄', '别苑', '墅'],
  office: ['大厦', '写字楼', '商务中心'],
  commercial: ['广场', '商业街', '商城'],
  industrial: ['产业园', '工业园', '科技园'],
  school: ['学校', '实验学校', '小学'],
  hospital: ['医院', '康复医院'],
  other: ['综合楼', '会展中心'],
}

function projectName(ground: Ground, index: number, type: PropertyType, age = 0): string {
  const serial = ground.layer * projectsPerLayer + index
  const suffix = ground.random.pick(age > 9400 ? ['新村', '小区', '里', '宿舍'] : suffixes[type])
  return side(serial) + wordOf(serial, 2) + suffix
}

/** Many small, a few large. */
function drawSize(random: Random, type: PropertyType): number {
  const spread = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
  const usual = { office: 0.6, commercial: 0.5, industrial: 0.2, villa: 0.5, school: 0.02, hospital: 0.02, other: 0.02 }
  return Math.exp(0.95 * spread) * (type === 'multi-storey' || type === 'high-rise' ? 1 : usual[type])
}

/** A committee needs owners enough to choose from. */
function leastSize({ index, stage, type }: Project): number {
  if (index < demoStages.length) return at([168, 96, 48, 36, 36, 24], index)
  if (stage === 'selected' || stage === 'self-managed' || stage === 'unmanaged') return 30
  return type === 'multi-storey' || type === 'high-rise' ? 12 : 4
}

function chooseCompanies(ground: Ground, project: Project, companies: Company[]) {
  const { random } = ground
  const choose = (other?: Company) =>
    random.weigh(companies, company => {
      // A company of last year was not there to be chosen by owners years ago.
      if (company === other || (company.level === 'provisional' && project.stage !== 'early')) return 0
      return company.weight * (company.street?.district_code === project.street.district_code ? 6 : 1)
    })
  if (isServed(project.stage)) {
    project.company = project.index < 4 ? at(companies, project.index % 2) : choose()
    project.company.projects.push(project)
    if (project.stage === 'selected' && (project.index < 2 || random.happens(0.7))) project.former = choose(project.company)
  } else if (!isPlanned(project.stage)) project.former = choose()
}

const areaColumns = {
  'multi-storey': 'multi_storey_area',
  'high-rise': 'high_rise_area',
  villa: 'villa_area',
  office: 'office_area',
  commercial: 'commercial_area',
  industrial: 'industrial_area',
  school: 'school_area',
  hospital: 'hospital_area',
  other: 'other_area',
  underground: 'underground_area',
} satisfies Record<BuildingType, string>

interface Building {
  type: BuildingType
  name: string
  houses: number
  units: number
  /** Rooms on a floor of one unit. */
  rooms: number
}

function addProject(ground: Ground, project: Project) {
  const { random } = ground
  const { id, name, stage, type, street, developer, delivered_on } = project
  const plan = planBuildings(random, project)
  const areas = Object.fromEntries(Object.values(areaColumns).map(column => [column, 0]))
  const counts = { unit_count: 0, elevator_count: 0 }
  const year = delivered_on && Number(delivered_on.slice(0, 4))
  const room = serviceRoom(random, project)
  const buildings: Row[] = []
  const houses: Row[] = []

  for (const [position, building] of plan.entries()) {
    const building_id = ground.newId('buildings')
    const first = project.houses.length
    const floors = addHouses(ground, project, { building, building_id, position: position + 1 }, houses)
    const inHouses = project.houses.slice(first).reduce((sum, house) => sum + house.area, 0)
    const shared = position === 0 ? room.area : 0
    const elevators =
      floors > 6 || building.type === 'office' || building.type === 'hospital' ? building.units * (floors > 11 ? 2 : 1) : 0
    const column = areaColumns[building.type]
    areas[column] = (areas[column] ?? 0) + inHouses + shared
    counts.unit_count += building.units
    counts.elevator_count += elevators
    buildings.push({
      id: building_id,
      project_id: id,
      name: building.name,
      position: position + 1,
      building_type: building.type,
      structure: structureOf(building.type, floors, year || undefined),
      floors_above: floors,
      floors_below: 0,
      unit_count: building.units,
      house_count: building.houses,
      elevator_count: elevators,
      floor_area: decimal(inHouses + shared),
      shared_area: decimal(shared),
      completed_year: year ?? null,
      ...stamps(ground.at),
    })
  }

  const above = Object.values(areas).reduce((sum, area) => sum + area, 0)
  const garage = hasGarage(random, project) ? Math.round(above * (0.2 + random.next() * 0.15)) : 0
  if (garage) {
    areas.underground_area = garage
    buildings.push({
      id: ground.newId('buildings'),
      project_id: id,
      name: '地下车库',
      position: plan.length + 1,
      building_type: 'underground',
      structure: 'frame',
      floors_above: 0,
      floors_below: project.size > 120 ? 2 : 1,
      unit_count: 0,
      house_count: 0,
      elevator_count: 0,
      floor_area: decimal(garage),
      shared_area: decimal(garage),
      completed_year: year ?? null,
      ...stamps(ground.at),
    })
  }
  project.floor_area = above + garage

  const plotRatio =
    {
      villa: 0.8,
      industrial: 1.2,
      office: 4,
      commercial: 2.5,
      school: 0.9,
      hospital: 1.6,
      other: 2,
      'multi-storey': 1.5,
      'high-rise': 2.6,
    }[type] *
    (0.85 + random.next() * 0.3)
  const ofState = (states: HouseState[]) => project.houses.filter(house => states.includes(house.state))
  const delivered = ofState(['delivered', 'vacant', 'rented'])
  const code = `${street.district_code}${String(ground.next(street.district_code)).padStart(6, '0')}`
  const formerName = random.happens(0.08)
    ? `${wordOf(random.int(0, 5000), 2)}${random.pick(['小区', '花园', '项目一期', '地块项目'])}`
    : null
  const address = addressIn(ground, street)
  const isAffordable = type === 'high-rise' && random.happens(0.05)
  const parking = garage ? Math.floor(garage / 3500) : Math.round(project.size * random.next() * 0.4)
  const deliveredArea = decimal(delivered.reduce((sum, house) => sum + house.area, 0))
  const homes = project.houses.filter(house => house.purpose === 'residence').length
  if (delivered_on) {
    const on = addDays(delivered_on, 30)
    project.turns.push(
      { on, field: 'first_delivered_on', before: null, after: delivered_on },
      { on, field: 'delivered_count', before: '0', after: String(delivered.length) },
      { on, field: 'delivered_area', before: '0.00', after: deliveredArea },
    )
    if (formerName) project.turns.push({ on: addDays(delivered_on, 400), field: 'name', before: formerName, after: name })
  }
  const community = `${wordOf(random.int(0, 900), 4)}社区`
  const land = Math.round(above / plotRatio)
  const room_place = room.area ? `${at(plan, 0).name}1层` : null
  ground.add('projects', {
    id,
    code,
    ...ground.named(name),
    former_name: formerName,
    address,
    district_code: street.district_code,
    street_code: street.code,
    community,
    developer_id: developer.id,
    stage,
    property_type: type,
    is_old: delivered_on !== undefined && delivered_on < '2001',
    is_affordable: isAffordable,
    ...Object.fromEntries(Object.entries(areas).map(([column, area]) => [column, decimal(area)])),
    land_area: decimal(land),
    floor_area: decimal(project.floor_area),
    delivered_area: deliveredArea,
    service_room_area: decimal(room.area),
    committee_room_area: decimal(room.committee),
    building_count: buildings.length,
    ...counts,
    house_count: project.houses.length,
    residence_count: homes,
    other_house_count: project.houses.length - homes,
    sold_count: project.houses.length - ofState(['unsold']).length,
    delivered_count: delivered.length,
    parking_count: parking,
    green_rate: (28 + random.next() * 14).toFixed(2),
    plot_ratio: plotRatio.toFixed(2),
    service_room_place: room_place,
    first_delivered_on: delivered_on ?? null,
    completed_on: delivered_on ? addDays(delivered_on, -random.int(20, 90)) : null,
    ...fileOf(ground, project, { code, parking, garage: garage > 0, above, room: room.area }),
    occupied_count: ofState(['delivered', 'rented']).length,
  })
  const inHomes = ['multi-storey', 'high-rise', 'villa'].reduce(
    (sum, one) => sum + (areas[areaColumns[one as BuildingType]] ?? 0), // three of the types
    0,
  )
  divide(ground, project, {
    address,
    community,
    homes: inHomes,
    others: above - inHomes,
    garage,
    land,
    room: room.area,
    room_place,
    buildings: buildings.length,
    parking,
  })
  for (const row of buildings) ground.add('buildings', row)
  for (const row of houses) ground.add('houses', row)
  ground.index('projects', id, [name, formerName, code, address])
}

function structureOf(type: BuildingType, floors: number, year = 2026): Structure {
  if (type === 'industrial') return 'steel'
  if (type === 'high-rise') return 'shear-wall'
  if (type === 'multi-storey') return year < 2005 ? 'masonry' : 'frame'
  return floors > 8 ? 'frame-shear' : 'frame'
}

function hasGarage(random: Random, { type, delivered_on = '2026' }: Project): boolean {
  if (delivered_on < '2006' || type === 'industrial' || type === 'school' || type === 'other') return false
  return random.happens(type === 'multi-storey' ? 0.4 : 0.9)
}

/** 物业服务用房: law asks for 100 ㎡ since 2009; a few have less, and old houses often none. */
function serviceRoom(random: Random, { type, delivered_on = '2026', size }: Project): { area: number; committee: number } {
  const isHome = type === 'multi-storey' || type === 'high-rise' || type === 'villa'
  if (delivered_on < '2009') {
    const area = random.happens(0.4) ? 0 : random.int(2000, 7000)
    return { area, committee: area > 4000 ? 1500 : 0 }
  }
  const area = random.happens(0.92) ? random.int(10_000, 12_000) + size * 25 : random.int(5000, 9000)
  return { area, committee: isHome ? random.int(2000, 3000) : 0 }
}

/** Cuts the houses of a project into buildings that look like those of its type. */
function planBuildings(random: Random, project: Project): Building[] {
  const isHome = project.type === 'multi-storey' || project.type === 'high-rise'
  const shops = isHome && project.size > 40 && random.happens(0.35) ? random.int(4, 10) : 0
  const homes = project.size - shops
  const shape = shapeOf(random, project.type, homes)
  const parts = apportion(homes, Array<number>(Math.ceil(homes / shape.most)).fill(1))
  const buildings: Building[] = parts.map((houses, index) => ({
    type: project.type,
    name: buildingName(project.type, index, parts.length),
    houses,
    units: shape.units,
    rooms: shape.rooms,
  }))
  if (shops) buildings.push({ type: 'commercial', name: '商业楼', houses: shops, units: 0, rooms: Math.min(shops, 6) })
  return buildings
}

/** Units, rooms on a floor of one unit, and the most houses a building holds. */
function shapeOf(random: Random, type: PropertyType, houses: number): { units: number; rooms: number; most: number } {
  if (type === 'high-rise') {
    const units = houses < 60 ? 1 : random.pick([1, 1, 2])
    const rooms = houses < 60 ? 2 : random.pick([2, 2, 3, 4])
    return { units, rooms, most: units * rooms * random.pick([11, 17, 18, 24, 26, 33]) }
  }
  if (type === 'multi-storey') {
    const units = Math.max(1, Math.min(random.int(2, 4), Math.floor(houses / 8)))
    return { units, rooms: 2, most: units * 2 * random.pick([5, 6, 6]) }
  }
  if (type === 'villa') return { units: 0, rooms: 4, most: 4 }
  if (type === 'office') return { units: 0, rooms: random.pick([6, 8, 10]), most: 160 }
  if (type === 'commercial') return { units: 0, rooms: random.pick([8, 12, 16]), most: 64 }
  if (type === 'industrial') return { units: 0, rooms: 2, most: 4 }
  return { units: 0, rooms: 1, most: 1 }
}

function buildingName(type: PropertyType, index: number, count: number): string {
  if (type === 'office' || type === 'commercial') return count > 1 ? `${String.fromCharCode(65 + index)}座` : '主楼'
  if (type === 'villa') return `${index + 1}栋`
  return `${index + 1}号楼`
}

/** @returns how many floors it took */
function addHouses(
  ground: Ground,
  project: Project,
  { building, building_id, position }: { building: Building; building_id: number; position: number },
  rows: Row[],
): number {
  const { random } = ground
  const ladders = Math.max(1, building.units)
  // The same flats lie above each other.
  const flats = Array.from({ length: ladders * building.rooms }, () => flatArea(random, building.type, project.delivered_on))
  const purpose = purposes[building.type]
  const used = efficiency[building.type] + random.next() * 0.04
  for (let i = 0; i < building.houses; i++) {
    const floor = Math.floor(i / flats.length) + 1
    const ladder = Math.floor((i % flats.length) / building.rooms) + 1
    const number = floor * 100 + ((i % flats.length) % building.rooms) + 1
    const area = at(flats, i % flats.length)
    const unit = building.units ? `${ladder}单元` : null
    const house: House = {
      id: ground.newId('houses'),
      project_id: project.id,
      area,
      purpose,
      state: stateOf(random, project, purpose),
    }
    project.houses.push(house)
    const isDelivered = house.state === 'delivered' || house.state === 'vacant' || house.state === 'rented'
    rows.push({
      id: house.id,
      building_id,
      project_id: project.id,
      name: [building.name, unit, number].filter(Boolean).join('-'),
      name_key: [pad(position, 4), pad(ladder, 2), pad(number, 5)].join('-'),
      unit,
      floor,
      room: String(number),
      purpose,
      floor_area: decimal(area),
      inner_area: decimal(Math.round(area * used)),
      state: house.state,
      delivered_on:
        isDelivered && project.delivered_on
          ? earlier(addDays(project.delivered_on, Math.floor(500 * random.next() ** 3)), ground.today)
          : null,
      ...stamps(ground.at),
    })
  }
  return Math.ceil(building.houses / flats.length)
}

const pad = (number: number, width: number) => String(number).padStart(width, '0')

const purposes: Record<BuildingType, HousePurpose> = {
  'multi-storey': 'residence',
  'high-rise': 'residence',
  villa: 'residence',
  office: 'office',
  commercial: 'shop',
  industrial: 'workshop',
  school: 'other',
  hospital: 'other',
  other: 'other',
  underground: 'other',
}

/** How much of the floor area lies inside the flat. */
const efficiency: Record<BuildingType, number> = {
  'multi-storey': 0.85,
  'high-rise': 0.75,
  villa: 0.9,
  office: 0.66,
  commercial: 0.6,
  industrial: 0.9,
  school: 0.88,
  hospital: 0.85,
  other: 0.85,
  underground: 0.9,
}

/** Hundredths of a square metre. */
function flatArea(random: Random, type: BuildingType, delivered_on = '2026'): number {
  if (type === 'multi-storey') return delivered_on < '2001' ? random.int(4600, 8600) : random.int(7200, 13_200)
  const range = {
    'high-rise': [7800, 15_600],
    villa: [18_600, 36_000],
    office: [4500, 26_000],
    commercial: [2800, 18_000],
    industrial: [60_000, 220_000],
    school: [150_000, 600_000],
    hospital: [200_000, 800_000],
    other: [200_000, 700_000],
    underground: [0, 0],
  }[type]
  return random.int(at(range, 0), at(range, 1))
}

function stateOf(random: Random, project: Project, purpose: HousePurpose): HouseState {
  if (isPlanned(project.stage)) return 'unsold'
  if (purpose === 'other') return project.delivered_on ? 'delivered' : 'sold'
  const isHome = purpose === 'residence'
  if (!project.delivered_on) return random.happens(isHome ? 0.55 : 0.3) ? 'sold' : 'unsold'
  const year = project.delivered_on.slice(0, 4)
  const unsold = year >= '2025' ? 0.25 : year >= '2022' ? 0.1 : year >= '2015' ? 0.03 : 0.005
  if (random.happens(isHome ? unsold : unsold * 2)) return 'unsold'
  if (year >= '2025' && random.happens(0.2)) return 'sold'
  return random.share({ delivered: isHome ? 80 : 60, vacant: 11, rented: isHome ? 9 : 29 })
}
