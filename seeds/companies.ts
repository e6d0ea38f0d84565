import { encrypt } from '../src/crypto.ts'
import type { CertificateLevel, CompanyState, Origin } from '../src/modules/archives/words.ts'
import { demoCompanies, demoDevelopers, demoStreets } from './accounts.ts'
import { addDays, lastDay } from './days.ts'
import { shortDistrict } from './desks.ts'
import { fileNumber, type Ground, type Street } from './ground.ts'
import { creditCodeOf, humanOf, landlineOf, mobileOf } from './identities.ts'
import { personName, roadName, roundOf, wordOf } from './names.ts'
import type { Project } from './projects.ts'
import { at, randomFrom } from './random.ts'
import { decimal, stamps } from './rows.ts'

export interface Company {
  id: number
  index: number
  name: string
  origin: Origin
  level: CertificateLevel
  /** Empty for a company from outside the city without a branch: it is the city's alone. */
  street: Street | undefined
  established_on: string
  /** How large it is beside the others. */
  weight: number
  /** What it serves now; filled in as projects choose. */
  projects: Project[]
}

export const companiesPerLayer = 60
export const developersPerLayer = 25

/** Four of sixty are new and have no project yet. */
const isNew = (index: number) => index >= 48 && index <= 51

const weights: Record<CertificateLevel, number> = { first: 1, second: 0.45, third: 0.18, provisional: 0.03, none: 0.12 }

/** How many projects and people each district has beside the others: the inner city is dense. */
export const density: Record<string, number> = {
  370102: 150,
  370103: 140,
  370104: 110,
  370105: 120,
  370112: 150,
  370113: 50,
  370114: 70,
  370115: 30,
  370116: 50,
  370117: 15,
  370124: 15,
  370126: 15,
  370176: 85,
}

/** A street of a district, sooner one that stands early in the list: those are the seats and the centre. */
export function streetIn(ground: Ground, district: string): Street {
  const streets = ground.streets.filter(street => street.district_code === district)
  const place = new Map(streets.map((street, index) => [street, index]))
  return ground.random.weigh(streets, street => (street.name.endsWith('街道') ? 1 : 0.3) / (1 + 0.25 * (place.get(street) ?? 0)))
}

/** A district, as dense as it is. */
export function anyDistrict(ground: Ground): string {
  const districts = [...new Set(ground.streets.map(street => street.district_code))]
  return ground.random.weigh(districts, code => density[code] ?? 0)
}

/** An address that is on no map. */
export function addressIn(ground: Ground, street: Street): string {
  return `${shortDistrict(street.district_name)}${street.name}${roadName(ground.random)}${ground.random.int(1, 260)}号`
}

/** 物业企业: the first two of the first layer belong to the demo accounts. */
export function addCompanies(ground: Ground): Company[] {
  return Array.from({ length: companiesPerLayer }, (_, index) => addCompany(ground, index))
}

function addCompany(ground: Ground, index: number): Company {
  const { random, today } = ground
  const serial = ground.layer * companiesPerLayer + index
  const origin = originOf(index)
  const demo = ground.layer === 0 ? demoCompanies[index] : undefined
  const street = placeOf(ground, index)
  const level = levelOf(index)
  const established_on = addDays(today, isNew(index) ? -random.int(40, 420) : -random.int(...ages[level]))
  const home = origin === 'city' ? undefined : at(outside[origin], index % 3)
  const kind = random.pick(['物业服务有限公司', '物业管理有限公司', '物业服务有限公司', '城市服务有限公司'])
  const root = (home?.name ?? '济南') + side(serial) + wordOf(serial, 0) + kind
  const branch = home !== undefined && street !== undefined
  const name = demo ?? (branch ? `${root}济南分公司` : root)
  const legal = humanOf('legal-person', serial)
  const legal_person = personName(random, legal.gender, Number(legal.born_on.slice(0, 4)))
  const address = street ? addressIn(ground, street) : `${home?.name}市${roadName(random)}${random.int(1, 200)}号`
  const state =
    index === 44 || index === 45
      ? 'watched'
      : random.share({ normal: 94, warned: isNew(index) || index < 2 ? 0 : 5, suspended: index > 12 ? 1 : 0 })
  const id = registerCompany(ground, {
    serial,
    name,
    code: creditCodeOf(serial, street?.district_code ?? home?.code ?? '370100'),
    origin,
    street,
    established_on,
    legal_person,
    address,
    state,
    capitals: capitals[level],
    ...(branch ? { head_office: { name: root, code: creditCodeOf(30_000 + serial, home.code) } } : {}),
  })
  const weight = isNew(index) || !street ? 0 : weights[level]
  return { id, index, name, origin, level, street, established_on, weight, projects: [] }
}

export interface Registered extends Pick<Company, 'name' | 'origin' | 'street' | 'established_on'> {
  /** Gives it a legal person and telephone numbers of its own. */
  serial: number
  code: string
  legal_person: string
  address: string
  state: CompanyState
  /** 万元, one of them. */
  capitals: readonly number[]
  /** Of a branch. */
  head_office?: { name: string; code: string }
}

/** Writes a company into the archives. @returns its id */
export function registerCompany(ground: Ground, company: Registered): number {
  const { random } = ground
  const { serial, name, code, origin, street, established_on, legal_person, address, state, capitals, head_office } = company
  const id = ground.newId('organisations')
  const profile = profileOf(serial, company)
  const filed = filedAt(ground, established_on)
  const legal = humanOf('legal-person', serial)
  const phone = mobileOf('legal-person', serial)
  const filing = head_office && addFiling(ground, { id, serial, head_office })
  ground.add('organisations', {
    id,
    kind: 'company',
    ...ground.named(name),
    code,
    region_code: street?.district_code ?? '370100',
    district_code: street?.district_code ?? null,
    street_code: street?.code ?? null,
    status: 'active',
    contact: personName(random, 'female', 1990),
    phone: landlineOf(10_000 + serial),
    address: street ? `${address}${random.int(2, 18)}层` : address,
    created_at: filed,
  })
  ground.add('companies', {
    id,
    origin,
    head_office: head_office?.name ?? null,
    head_office_code: head_office?.code ?? null,
    branch_filing_number: filing ?? null,
    ownership: random.share({ limited: 80, state: 9, shares: 5, collective: 3, foreign: 2, other: 1 }),
    legal_person,
    legal_person_id_cipher: encrypt('companies.legal_person_id', legal.id_number),
    legal_person_phone_cipher: encrypt('companies.legal_person_phone', phone),
    legal_person_phone_last4: phone.slice(-4),
    manager: personName(random, random.pick(['male', 'female']), 1978),
    capital: decimal(random.pick(capitals) * 100),
    established_on,
    business_until: random.happens(0.4) ? lastDay(established_on, 30) : null,
    registered_address: address,
    state,
    ...profile,
    head_office_place: head_office ? (placeNames[head_office.code.slice(2, 8)] ?? null) : null,
    source: 'registration',
    created_at: filed,
    updated_at: ground.at,
  })
  const former = addFormerName(ground, { id, serial, name, filed })
  addYears(ground, { id, serial, established_on, weight: Number(capitals[0]), filed })
  if (street)
    ground.add('company_areas', {
      region_code: street.district_code,
      company_id: id,
      basis: head_office ? 'branch' : 'registered',
    })
  ground.index('organisations', id, [name, code, former])
  ground.index('companies', id, [name, code, former])
  return id
}

/** 异地分支机构备案, which holds for a year; the first branch of each layer will have to renew it soon. @returns its number */
function addFiling(
  ground: Ground,
  { id, serial, head_office }: { id: number; serial: number; head_office: { name: string; code: string } },
): string {
  const random = randomFrom(`branch filing of company ${serial}`)
  const ago = serial % companiesPerLayer === firstOutside ? random.int(325, 345) : random.int(20, 280)
  const filed_on = addDays(ground.today, -ago)
  const number = fileNumber(ground, `济物分备〔${filed_on.slice(0, 4)}〕`)
  ground.add('branch_filings', {
    company_id: id,
    number,
    filed_on,
    valid_until: lastDay(filed_on, 1),
    head_office: head_office.name,
    head_office_place: placeNames[head_office.code.slice(2, 8)] ?? '外地',
    head_office_qualification: random.pick(['一级', '二级', null]),
    branch_head: personName(random, random.pick(['male', 'female']), random.int(1972, 1990)),
    ...stamps(ground.at),
  })
  return number
}

/** The archive was opened some weeks after the company, or when the register was first kept. */
function filedAt({ at }: Ground, established_on: string): Date {
  const day = addDays(established_on, 20)
  const filed = new Date(`${day < firstRegister ? firstRegister : day}T01:30:00Z`)
  return filed < at ? filed : at
}
const firstRegister = '2010-03-01'

/** What a company tells of itself, drawn apart so that the rest of the city stays as it is. */
function profileOf(serial: number, { code, established_on, head_office }: Registered) {
  const random = randomFrom(`profile of company ${serial}`)
  const scopes = ['住宅小区物业管理', '商业物业管理', '停车场管理服务', '园林绿化养护', '房屋维修', '保洁服务', '家政服务']
  const isOld = established_on < '2015-10-01'
  return {
    old_code: isOld ? `${code.slice(8, 16)}-${code.slice(16, 17)}` : null,
    licence_number: isOld ? `370100${String(200_000_000 + serial)}` : code,
    nature: head_office ? 'branch' : random.share({ independent: 70, subsidiary: 15, 'developer-owned': 13, other: 2 }),
    business_scope: `${random.shuffle(scopes).slice(0, random.int(3, 6)).join('；')}。`,
    email: `office${serial + 1}@example.com`,
    website: random.happens(0.3) ? `https://wuye${serial + 1}.example.com` : null,
    bank: random.happens(0.6) ? `泉城示范银行第${random.int(1, 30)}支行` : null,
    certifications: random.happens(0.4)
      ? random.pick(['质量管理体系认证', '质量、环境管理体系认证', '质量、环境、职业健康安全管理体系认证'])
      : null,
    party_branch: random.happens(0.35) ? `中共${shortName(serial)}支部委员会` : null,
    awards: random.happens(0.2) ? `${random.int(2018, 2025)} 年市级物业服务示范项目 ${random.int(1, 3)} 个` : null,
  }
}
const shortName = (serial: number) => `${wordOf(serial, 0)}物业`

/** Some companies once had another name; the archive knows it and the search finds it. */
function addFormerName(
  ground: Ground,
  { id, serial, name, filed }: { id: number; serial: number; name: string; filed: Date },
): string | null {
  const random = randomFrom(`former name of company ${serial}`)
  const former = name.replace(/物业服务(?=有限公司)/, '物业管理')
  const day = addDays(ground.today, -random.int(60, 1500))
  const at = new Date(`${day}T02:${random.int(10, 59)}:00Z`)
  if (former === name || at < filed || !random.happens(0.3)) return null
  ground.add('changes', {
    at,
    user_id: null,
    table_name: 'organisations',
    row_id: id,
    field: 'name',
    before: former,
    after: name,
    case_id: null,
  })
  return former
}

/** 经营情况 of the last closed years in 万元; some have not reported the newest yet. */
function addYears(
  ground: Ground,
  {
    id,
    serial,
    established_on,
    weight,
    filed,
  }: { id: number; serial: number; established_on: string; weight: number; filed: Date },
): void {
  const random = randomFrom(`years of company ${serial}`)
  const last = Number(ground.today.slice(0, 4)) - 1
  let revenue = weight * random.int(150, 400)
  for (let year = last - 3; year <= last; year++) {
    revenue = Math.round(revenue * (0.95 + random.next() * 0.25))
    if (`${year}` <= established_on.slice(0, 4) || (year === last && random.happens(0.2))) continue
    const reported = new Date(`${year + 1}-04-${random.int(10, 28)}T03:00:00Z`)
    const assets = Math.round(revenue * (0.5 + random.next()))
    const profit = Math.round(revenue * (random.next() * 0.16 - 0.03))
    ground.add('company_years', {
      company_id: id,
      year,
      revenue: decimal(revenue),
      main_revenue: decimal(Math.round(revenue * (0.8 + random.next() * 0.18))),
      profit: profit < 0 ? `-${decimal(-profit)}` : decimal(profit),
      tax: decimal(Math.round(revenue * 0.055)),
      assets: decimal(assets),
      liabilities: decimal(Math.round(assets * (0.2 + random.next() * 0.6))),
      created_at: reported > filed && reported < ground.at ? reported : ground.at,
      updated_at: ground.at,
    })
  }
}

const placeNames: Readonly<Record<string, string>> = {
  370200: '青岛市',
  370300: '淄博市',
  370600: '烟台市',
  320100: '南京市',
  130100: '石家庄市',
  410100: '郑州市',
}

/** Days since the foundation, by level. */
const ages: Record<CertificateLevel, [number, number]> = {
  first: [6500, 9500],
  second: [4600, 8200],
  third: [2400, 6800],
  provisional: [450, 900],
  none: [1500, 6000],
}
const capitals: Record<CertificateLevel, number[]> = {
  first: [1000, 2000, 5000],
  second: [500, 600, 1000],
  third: [100, 200, 300, 500],
  provisional: [50, 100],
  none: [300, 500, 1000, 3000],
}
const outside = {
  city: [],
  province: [
    { name: '青岛', code: '370200' },
    { name: '淄博', code: '370300' },
    { name: '烟台', code: '370600' },
  ],
  elsewhere: [
    { name: '南京', code: '320100' },
    { name: '石家庄', code: '130100' },
    { name: '郑州', code: '410100' },
  ],
} satisfies Record<Origin, { name: string; code: string }[]>

/** Companies from here on are registered elsewhere. */
const firstOutside = 52

function originOf(index: number): Origin {
  if (index < firstOutside) return 'city'
  return index % 2 ? 'elsewhere' : 'province'
}

/** Companies 58 and 59 have no office in the city. */
function placeOf(ground: Ground, index: number): Street | undefined {
  if (index >= 58) return undefined
  const known = ground.layer === 0 ? ground.streets.find(street => street.code === demoStreets[index]) : undefined
  return known ?? streetIn(ground, anyDistrict(ground))
}

function levelOf(index: number): CertificateLevel {
  if (index === 0) return 'second'
  if (index === 1) return 'third'
  if (index < 5) return 'first'
  if (index < 12) return 'second'
  if (index < 46) return 'third'
  return index < 52 ? 'provisional' : 'none'
}

/** The districts and streets whose projects a company serves may see it too. */
export function addAreas(ground: Ground, companies: Company[]): void {
  for (const company of companies) {
    const codes = new Set(company.projects.flatMap(({ street }) => [street.district_code, street.code]))
    for (const region_code of codes) ground.add('company_areas', { region_code, company_id: company.id, basis: 'project' })
  }
}

/** Tells names apart once all words have been used. */
export function side(serial: number): string {
  return '东南西北中'.charAt(roundOf(serial) - 1)
}

export interface Developer {
  id: number
  name: string
  street: Street
}

/** 开发企业: the first two of the first layer belong to the demo accounts. */
export function addDevelopers(ground: Ground): Developer[] {
  return Array.from({ length: developersPerLayer }, (_, index) => addDeveloper(ground, index))
}

function addDeveloper(ground: Ground, index: number): Developer {
  const { random, today } = ground
  const serial = ground.layer * developersPerLayer + index
  const known = ground.layer === 0 ? ground.streets.find(street => street.code === demoStreets[index]) : undefined
  const street = known ?? streetIn(ground, anyDistrict(ground))
  const kind = random.pick(['置业有限公司', '房地产开发有限公司', '城市建设有限公司'])
  const name = (ground.layer === 0 && demoDevelopers[index]) || `济南${side(serial)}${wordOf(serial, 1)}${kind}`
  const code = creditCodeOf(20_000 + serial, street.district_code)
  const id = ground.newId('organisations')
  const established_on = addDays(today, -random.int(2500, 9500))
  const legal = humanOf('legal-person', 100_000 + serial)
  const phone = mobileOf('legal-person', 100_000 + serial)
  const address = addressIn(ground, street)
  const filed = filedAt(ground, established_on)
  ground.add('organisations', {
    id,
    kind: 'developer',
    ...ground.named(name),
    code,
    region_code: street.district_code,
    district_code: street.district_code,
    street_code: street.code,
    status: 'active',
    contact: personName(random, 'male', 1986),
    phone: landlineOf(40_000 + serial),
    address,
    created_at: filed,
  })
  ground.add('developers', {
    id,
    ownership: random.share({ limited: 78, state: 16, shares: 6 }),
    legal_person: personName(random, legal.gender, Number(legal.born_on.slice(0, 4))),
    legal_person_id_cipher: encrypt('developers.legal_person_id', legal.id_number),
    legal_person_phone_cipher: encrypt('developers.legal_person_phone', phone),
    legal_person_phone_last4: phone.slice(-4),
    capital: decimal(random.pick([800, 1000, 2000, 5000, 10_000]) * 100),
    established_on,
    business_until: lastDay(established_on, 40),
    registered_address: address,
    qualification_level: random.pick(['一级', '二级', '二级', '二级']),
    qualification_number: `鲁济建开DEM${String(serial).padStart(4, '0')}`,
    qualification_until: addDays(today, random.int(-60, 1000)),
    state: 'normal',
    licence_number: code,
    email: `developer${serial + 1}@example.com`,
    source: 'registration',
    created_at: filed,
    updated_at: ground.at,
  })
  ground.index('organisations', id, [name, code])
  ground.index('developers', id, [name, code])
  return { id, name, street }
}
