import { newCompany } from './filings.ts'
import type { TestPortal } from './portal.ts'
import type { Applicant } from './qualification.ts'

/** What the forms of 业务管理 post when they are complete and lawful on the day they are sent; tests change what they are about. */

const { addDays } = await import('../src/calendar.ts')
const { now, today } = await import('../src/clock.ts')
const { nameKey } = await import('../src/database/names.ts')
const { documentParts } = await import('../src/modules/filings/tender-form.ts')

let serial = 0

/** 区域划分登记. */
export function areaForm(street_code: string, changes: Record<string, string> = {}): Record<string, string> {
  serial++
  return {
    name: `试区${String.fromCodePoint(0x4e00 + serial * 13)}府${process.pid}`,
    property_type: 'high-rise',
    address: `历下区试区路${serial}号`,
    street_code,
    east: '凤鸣路',
    south: '经十路',
    west: '凤岐路',
    north: '世纪大道',
    land_area: '20000',
    floor_area: '60000',
    residential_area: '40000',
    other_area: '5000',
    underground_area: '15000',
    building_count: '8',
    house_count: '400',
    parking_count: '420',
    facilities: 'own',
    service_room_area: '300',
    service_room_place: '1 号楼 1 层',
    committee_room_area: '30',
    government_room_area: '60',
    land_permit: `地字第 ${process.pid}${serial} 号`,
    planning_permit: `建字第 ${process.pid}${serial} 号`,
    pledge: 'on',
    ...changes,
  }
}

/** What the deciding desk of a tender ticks. */
export const tenderTicks = Object.fromEntries(Object.keys(documentParts).map(name => [`has_${name}`, 'on']))

/** 前期招标备案: a plan that stands, announced as early as the law lets it. */
export function tenderForm(changes: Record<string, string> = {}): Record<string, string> {
  const announced = addDays(today(), 10)
  const closing = addDays(announced, 20)
  return {
    contact: '赵小禾',
    contact_phone: '15400000011',
    method: 'open',
    organising: 'self',
    content: '公共部位保洁、绿化养护、秩序维护、设施设备运行维护。',
    service_level: '3',
    fee: '1.80',
    term_months: '24',
    qualification: '近三年管理过两个以上住宅项目。',
    prequalification: 'no',
    sale_sort: 'presale',
    sale_on: addDays(today(), 90),
    announce_on: announced,
    media: '济南市物业服务公共平台',
    documents_from: announced,
    documents_until: addDays(announced, 5),
    clarify_until: addDays(closing, -15),
    bids_until: closing,
    opens_on: closing,
    opens_at: '9:30',
    opening_place: '市公共资源交易中心三楼',
    valid_until: addDays(closing, 60),
    evaluation: 'composite',
    committee_size: '5',
    experts: '4',
    pledge: 'on',
    ...changes,
  }
}

const bidRows = (bidders: readonly Applicant[], codes: readonly string[]) =>
  Object.fromEntries(
    bidders.flatMap(({ name }, n) => [
      [`bids.${n}.name`, name],
      [`bids.${n}.code`, codes[n] ?? ''],
      [`bids.${n}.state`, 'valid'],
      [`bids.${n}.price`, (1.7 + n / 100).toFixed(2)],
      [`bids.${n}.score`, String(95 - n)],
      [`bids.${n}.standing`, String(n + 1)],
    ]),
  )

const committee = Object.fromEntries(
  ['试甲', '试乙', '试丙', '试丁', '试戊'].flatMap((name, n) => [
    [`judges.${n}.name`, name],
    [`judges.${n}.sort`, n ? 'expert' : 'tenderer'],
  ]),
)

/** Three companies that bid, with their codes. */
export async function threeBidders(portal: TestPortal) {
  const bidders = [await newCompany(portal), await newCompany(portal), await newCompany(portal)]
  const codes = await Promise.all(
    bidders.map(async ({ id }) => (await portal.db('organisations').where({ id }).first('code')).code as string),
  )
  return { bidders, codes }
}

/** 中标备案: the first of those who bid has won. */
export function awardForm(bidders: readonly Applicant[], codes: readonly string[], changes: Record<string, string> = {}) {
  return {
    opened_on: addDays(today(), -3),
    ...bidRows(bidders, codes),
    ...committee,
    winner: bidders[0]?.name ?? '',
    price: '1.70',
    fixed_on: addDays(today(), -2),
    noticed_on: addDays(today(), -1),
    manager: '李大山',
    choice_reason: '综合得分第一。',
    pledge: 'on',
    ...changes,
  }
}

/** 协议选聘. */
export const agreementForm = (company: Applicant, company_code: string, changes: Record<string, string> = {}) => ({
  contact: '赵小禾',
  contact_phone: '15400000011',
  reason: 'few',
  explanation: '公开招标一次，投标人两家。',
  company_name: company.name,
  company_code,
  selection: '比较三家方案后协商。',
  service_level: '3',
  fee: '1.75',
  term_months: '24',
  manager: '李大山',
  pledge: 'on',
  ...changes,
})

/** What every contract says: how long, for what area, at what price, and by whom. */
export function contractTerms(changes: Record<string, string> = {}): Record<string, string> {
  return {
    starts_on: today(),
    ends_on: addDays(today(), 364),
    serviced_area: '50000',
    fee_mode: 'lump-sum',
    'fees.0.property_type': 'high-rise',
    'fees.0.service_level': '3',
    'fees.0.pricing': 'market',
    'fees.0.price': '2.20',
    breach_terms: '未达到约定标准的，退还相应物业费。',
    manager: '王小满',
    staff_count: '36',
    ...changes,
  }
}

/** 物业方案备案. */
export function planForm(changes: Record<string, string> = {}): Record<string, string> {
  return contractTerms({
    text_source: 'paper',
    contract_code: 'QQ-2026-01',
    signed_on: addDays(today(), -3),
    ends_on: addDays(today(), 729),
    parking_underground_fee: '200',
    room_area: '260',
    room_place: '3 号楼一层',
    fund_terms: '按规定交存，业主大会成立前由主管部门代管。',
    takeover_terms: '交付前 15 日完成承接查验。',
    guarantee: '履约保函 20 万元',
    pledge: 'on',
    ...changes,
  })
}

/** Somebody of a company who may be in charge of a project. */
export async function newManager(portal: TestPortal, company_id: number): Promise<string> {
  serial++
  const stamps = { created_at: now(), updated_at: now() }
  const name = `试经理${serial}`
  const [person_id = 0] = await portal.db('people').insert({
    name,
    name_key: nameKey(name, true),
    id_number_cipher: `cipher-${process.pid}-${serial}`,
    id_number_index: `L${process.pid}-${serial}`,
    id_number_last4: '0000',
    gender: 'male',
    born_on: '1985-01-01',
    ...stamps,
  })
  await portal
    .db('employments')
    .insert({ person_id, company_id, post: 'project-manager', state: 'employed', starts_on: '2020-01-01', ...stamps })
  return String(person_id)
}

/** 项目挂接. */
export async function linkForm(
  portal: TestPortal,
  company: Applicant,
  changes: Record<string, string> = {},
): Promise<Record<string, string>> {
  return {
    manager_id: await newManager(portal, company.id),
    takeover_on: today(),
    selector: 'owners',
    method: 'open',
    ...decisionFields({ decided_on: addDays(today(), -10), area_total: '50000', area_joined: '40000', area_agreed: '30000' }),
    end_reason: 'dismissed',
    end_words: '业主大会决定另聘',
    pledge: 'on',
    ...changes,
  }
}

/** 物业合同备案. */
export function contractForm(changes: Record<string, string> = {}): Record<string, string> {
  return contractTerms({
    filing: 'new',
    party_kind: 'developer',
    text_source: 'paper',
    contract_code: 'HT-2026-18',
    signed_on: addDays(today(), -3),
    'fees.0.elevator_fee': '0.30',
    'fees.1.property_type': 'commercial',
    'fees.1.service_level': '',
    'fees.1.pricing': 'market',
    'fees.1.price': '3.50',
    parking_ground_fee: '80',
    parking_underground_fee: '200',
    breach_terms: '未达到约定服务标准的，退还相应物业费。',
    pledge: 'on',
    ...changes,
  })
}

/** What the owners decided together, as 项目挂接 and 物业合同备案 ask for it. */
export function decisionFields(changes: Record<string, string> = {}): Record<string, string> {
  return {
    decided_on: addDays(today(), -30),
    owners_total: '480',
    area_total: '49000',
    owners_joined: '320',
    area_joined: '33000',
    owners_agreed: '200',
    area_agreed: '20000',
    ...changes,
  }
}

/** 承接查验备案. */
export const takeoverForm = (changes: Record<string, string> = {}) => ({
  inspected_on: addDays(today(), -20),
  delivery_on: addDays(today(), 5),
  agreed_on: addDays(today(), -12),
  handed_on: addDays(today(), -5),
  scope: '外墙、屋面、电梯 6 部、消防系统、二次供水、配电。',
  inspectors: '建设单位、物业企业、街道办',
  documents: '46',
  faults: '3',
  unsettled: '地下车库渗水一处，30 日内修复。',
  pledge: 'on',
  ...changes,
})
