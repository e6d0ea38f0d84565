import { blindIndex, encrypt } from '../src/crypto.ts'
import type { Relation } from '../src/modules/archives/words.ts'
import { addDays, earlier, later } from './days.ts'
import type { Ground } from './ground.ts'
import { creditCodeOf, humanOf, mobileOf } from './identities.ts'
import { personName, wordOf } from './names.ts'
import type { House, Project } from './projects.ts'
import { type Random, randomFrom } from './random.ts'
import type { Row } from './rows.ts'
import { demoAccount } from './users.ts'

export interface Owner {
  id: number
  house: House
  name: string
  isHuman: boolean
  id_number: string
  phone: string
  starts_on: string
  /** The username of the demo account this owner has. */
  account?: string
  /** The row as it will be written; the id of an account is put into it later. */
  row: Row
}

/** The demo accounts of the first two projects, by project: who chairs the committee and who simply lives there. */
const demoOwners = [
  ['committee', 'owner'],
  ['committee2', 'owner2'],
]

/**
 * 业主: everyone who bought. There are as many owners as houses: for each house nobody has bought yet, another one belongs to
 * two people.
 */
export function settleOwners(ground: Ground, projects: Project[]): Owner[] {
  const houses = projects.flatMap(project => project.houses)
  const shared = chooseShared(
    ground.random,
    houses.filter(house => house.purpose === 'residence' && house.state !== 'unsold'),
    houses.filter(house => house.state === 'unsold').length,
  )
  const units = { count: 0 }
  for (const project of projects)
    for (const [place, house] of project.houses.filter(house => house.state !== 'unsold').entries()) {
      const isShared = shared.has(house)
      const who = chooseOwner(ground, { project, house, place, isShared, units })
      const share = isShared ? ground.random.pick([50, 50, 50, 60, 99]) : 100
      const starts_on = boughtOn(ground, project, who)
      project.owners.push(addOwner(ground, { project, house, who, share, starts_on }))
      if (isShared) {
        const second = newHuman(ground)
        project.owners.push(addOwner(ground, { project, house, who: second, share: 100 - share, starts_on }))
      }
    }
  const owners = projects.flatMap(project => project.owners)
  if (owners.length !== houses.length) throw new Error(`${owners.length} owners instead of ${houses.length}`)
  return owners
}

/**
 * 居民: who rents a flat, and now and then the family of whoever owns it; some have moved out again. Chance of their own, so that
 * nothing else in the city depends on them.
 */
export function settleResidents(ground: Ground, projects: Project[]): void {
  const random = randomFrom(`residents, step ${ground.step}`)
  const homes = projects.flatMap(project => project.houses.filter(house => house.purpose === 'residence'))
  let tenants = 0
  for (const house of homes) {
    if (house.state === 'rented') {
      addResident(ground, random, house, { relation: 'tenant', tenant: tenants++ })
      if (random.happens(0.4)) addResident(ground, random, house, { relation: 'tenant', tenant: tenants++, moved: true })
    } else if (house.state === 'delivered' && random.happens(0.05)) addResident(ground, random, house, { relation: 'family' })
  }
}

// More flats than these are not let in a layer of ten thousand.
const tenantsPerLayer = 3000
/** Behind the numbers of all owners a city may have. */
const firstTenant = 2_000_000

function addResident(
  ground: Ground,
  random: Random,
  house: House,
  { relation, tenant, moved = false }: { relation: Relation; tenant?: number; moved?: boolean },
): void {
  const serial = firstTenant + ground.layer * tenantsPerLayer + (tenant ?? 0)
  const human = tenant === undefined ? undefined : humanOf('owner', serial)
  const phone = tenant === undefined ? undefined : mobileOf('owner', serial)
  const born = Number(human?.born_on.slice(0, 4) ?? random.int(1945, 2015))
  const starts_on = addDays(ground.today, -random.int(moved ? 800 : 20, moved ? 1500 : 790))
  ground.add('residents', {
    house_id: house.id,
    project_id: house.project_id,
    ...ground.named(personName(random, human?.gender ?? random.pick(['male', 'female']), born), true),
    relation,
    id_type: human ? 'resident-id' : null,
    id_number_cipher: human ? encrypt('residents.id_number', human.id_number) : null,
    id_number_index: human ? blindIndex('residents.id_number', human.id_number) : null,
    id_number_last4: human?.id_number.slice(-4) ?? null,
    phone_cipher: phone ? encrypt('residents.phone', phone) : null,
    phone_index: phone ? blindIndex('residents.phone', phone) : null,
    phone_last4: phone?.slice(-4) ?? null,
    source: random.share({ company: 80, committee: 10, office: 10 }),
    starts_on,
    ends_on: moved ? addDays(starts_on, random.int(90, 700)) : null,
  })
}

/** Draws exactly `count` of the houses. */
function chooseShared(random: Random, houses: House[], count: number): Set<House> {
  const chosen = new Set<House>()
  for (const [index, house] of houses.entries())
    if (random.next() * (houses.length - index) < count - chosen.size) chosen.add(house)
  return chosen
}

/** Most bought before the keys were handed over; some flats have changed hands since. */
function boughtOn({ random, today }: Ground, { delivered_on }: Project, { account }: Who): string {
  const isResold = delivered_on !== undefined && account === undefined && random.happens(0.16)
  const day = addDays(delivered_on ?? today, isResold ? random.int(0, 3000) : -random.int(30, 900))
  return later('1992-01-01', earlier(addDays(today, -3), day))
}

type Who = Pick<Owner, 'name' | 'isHuman' | 'id_number' | 'phone' | 'account'>

function chooseOwner(
  ground: Ground,
  sale: { project: Project; house: House; place: number; isShared: boolean; units: { count: number } },
): Who {
  const { random } = ground
  const { project, house, place, isShared, units } = sale
  const demo = ground.layer === 0 ? demoOwners[project.index]?.[place] : undefined
  if (demo) return { ...newHuman(ground), name: demoAccount(demo).name, account: demo }
  if (house.purpose === 'other') return newUnit(ground, project, project.name, units)
  if (house.purpose !== 'residence' && random.happens(0.3))
    return newUnit(
      ground,
      project,
      `济南${wordOf(random.int(0, 5000), 5)}${random.pick(['商贸', '科技', '餐饮管理'])}有限公司`,
      units,
    )
  // Now and then one buys a second flat, and stays one voter.
  const known = project.owners.slice(4)
  if (!isShared && known.length && random.happens(0.03)) {
    const { name, isHuman, id_number, phone } = random.pick(known)
    return { name, isHuman, id_number, phone }
  }
  return newHuman(ground)
}

function newHuman(ground: Ground): Who {
  const serial = ground.serialOf('owners', ground.lastId('owners') + 1)
  const { id_number, gender, born_on } = humanOf('owner', serial)
  const name = personName(ground.random, gender, Number(born_on.slice(0, 4)))
  return { name, isHuman: true, id_number, phone: mobileOf('owner', serial) }
}

function newUnit(ground: Ground, { street }: Project, name: string, units: { count: number }): Who {
  if (units.count >= unitsPerLayer) throw new RangeError('more units own houses than there are codes for')
  const serial = ground.layer * unitsPerLayer + units.count++
  return {
    name,
    isHuman: false,
    id_number: creditCodeOf(40_000 + serial, street.district_code),
    phone: mobileOf('legal-person', 1_000_000 + serial),
  }
}

const unitsPerLayer = 600

function addOwner(
  ground: Ground,
  { project, house, who, share, starts_on }: { project: Project; house: House; who: Who; share: number; starts_on: string },
): Owner {
  const { random } = ground
  const { name, isHuman, id_number, phone } = who
  const id = ground.newId('owners')
  const hasDeed = house.state !== 'sold' && random.happens(0.9)
  const registered = later(starts_on, project.delivered_on ?? starts_on)
  const row: Row = {
    id,
    house_id: house.id,
    project_id: project.id,
    user_id: null,
    ...ground.named(name, isHuman),
    id_type: isHuman ? 'resident-id' : 'credit-code',
    id_number_cipher: encrypt('owners.id_number', id_number),
    id_number_index: blindIndex('owners.id_number', id_number),
    id_number_last4: id_number.slice(-4),
    phone_cipher: encrypt('owners.phone', phone),
    phone_index: blindIndex('owners.phone', phone),
    phone_last4: phone.slice(-4),
    share: share.toFixed(4),
    title_deed: hasDeed ? deedNumber(registered.slice(0, 4), id) : null,
    source: random.share({ developer: 45, company: 45, committee: project.stage === 'selected' ? 20 : 0 }),
    starts_on,
  }
  ground.add('owners', row)
  return { id, house, ...who, starts_on, row }
}

/** One register for land and houses since 2016. The sign 演 keeps the number from being anybody's. */
function deedNumber(year: string, id: number): string {
  const number = String(id).padStart(7, '0')
  return year < '2016' ? `济房权证演字第${number}号` : `鲁（${year}）济南市不动产权第演${number}号`
}
