import type { Role } from '../src/accounts/roles.ts'
import { type DemoAccount, demoAccounts } from './accounts.ts'
import type { Ground, Street } from './ground.ts'
import { landlineOf, mobileOf } from './identities.ts'
import { personName, roadName } from './names.ts'
import { addUser } from './users.ts'

export const bureauName = '济南市住房和城乡建设局'
export const ownersName = '实名业主'

interface Desk {
  id: number
  kind: 'city' | 'district' | 'street' | 'owners'
  name: string
  region_code: string
  district_code: string | null
  street_code: string | null
  /** What an address begins with. */
  place: string
}

/** How many colleagues without a known password each desk has, by role. */
const colleagues: Record<Desk['kind'], Partial<Record<Role, number>>> = {
  city: { 'city-clerk': 12, 'city-reviewer': 5, 'city-approver': 2, editor: 5, 'editor-reviewer': 2, supervisor: 1 },
  district: { 'district-clerk': 4, 'district-reviewer': 3 },
  street: { 'street-clerk': 2, 'street-reviewer': 1 },
  owners: {},
}

/** The bureau, the districts, the streets and the organisation of the owners, with their people. It is the same in every size. */
export function addDesks(ground: Ground, city: string, hash: string): void {
  const desks = desksOf(ground, city)
  for (const desk of desks) {
    const isOffice = desk.kind !== 'owners'
    const { place: _, ...columns } = desk
    ground.add('organisations', {
      ...columns,
      ...ground.named(desk.name),
      code: null,
      status: 'active',
      contact: isOffice ? personName(ground.random, 'female', 1980) : null,
      phone: isOffice ? landlineOf(desk.id) : null,
      address: isOffice ? `${desk.place}${roadName(ground.random)}${ground.random.int(1, 99)}号` : null,
    })
    ground.index('organisations', desk.id, [desk.name])
  }
  // Demo accounts first, so that their ids are the smallest.
  for (const account of demoAccounts) {
    const desk = desks.find(desk => desk.name === account.organisation)
    if (desk && desk.kind !== 'owners') addOfficial(ground, desk, { ...account, hash })
  }
  for (const desk of desks)
    for (const [role, count] of Object.entries(colleagues[desk.kind]) as [Role, number][]) // Object.entries forgets the keys' type
      for (let i = 0; i < count; i++) {
        const year = ground.random.int(1966, 2000)
        addOfficial(ground, desk, {
          name: personName(ground.random, ground.random.pick(['male', 'female']), year),
          roles: [role],
        })
      }
}

function addOfficial(
  ground: Ground,
  desk: Desk,
  { name, roles, username, hash }: Pick<DemoAccount, 'name' | 'roles'> & { username?: string; hash?: string },
) {
  addUser(
    ground,
    {
      name,
      organisation_id: desk.id,
      phone: mobileOf('user', ground.lastId('users') + 1),
      roles: roles.map(role => ({ role, region_code: desk.region_code })),
    },
    username && hash ? { username, hash } : undefined,
  )
}

function desksOf(ground: Ground, city: string): Desk[] {
  const districts = new Map(ground.streets.map(street => [street.district_code, street.district_name]))
  const desk = (kind: Desk['kind'], name: string, region_code: string, where: Partial<Desk> = {}) => ({
    id: ground.newId('organisations'),
    kind,
    name,
    region_code,
    district_code: null,
    street_code: null,
    place: '济南市',
    ...where,
  })
  return [
    desk('city', bureauName, city),
    desk('owners', ownersName, city),
    ...[...districts].map(([code, name]) =>
      desk('district', districtDesk(name), code, { district_code: code, place: shortDistrict(name) }),
    ),
    ...ground.streets.map(street =>
      desk('street', streetDesk(street), street.code, {
        district_code: street.district_code,
        street_code: street.code,
        place: shortDistrict(street.district_name),
      }),
    ),
  ]
}

/** A zone is no district of the constitution: it has a committee of its own instead of a bureau. */
function districtDesk(name: string): string {
  return /开发区$/.test(name) ? '济南高新区管理委员会建设管理部物业科' : `${name}住房和城乡建设局物业科`
}

function streetDesk({ name, district_name }: Street): string {
  const district = shortDistrict(district_name)
  if (name.endsWith('街道')) return `${district}${name}办事处`
  if (name.endsWith('镇')) return `${district}${name}人民政府`
  return name.endsWith('中心') ? `${district}${name}` : `${district}${name}管理委员会`
}

/** A district as people say it in an address. */
export function shortDistrict(name: string): string {
  return /开发区$/.test(name) ? '高新区' : name
}
