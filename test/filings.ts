import assert from 'node:assert/strict'
import type { TestPortal } from './portal.ts'
import { type Applicant, newCompany, newUser } from './qualification.ts'

/** Developers, projects, links, contracts and committees for tests of 业务管理, as rows from before the portal. */

let serial = 0

async function stamps() {
  const { now } = await import('../src/clock.ts')
  const at = now()
  return { created_at: at, updated_at: at }
}

/** A developer of 历下区 with one account. */
export async function newDeveloper(portal: TestPortal): Promise<Applicant> {
  const { nameKey } = await import('../src/database/names.ts')
  const { checkSignOfCreditCode, checkSignOfOrganisationCode } = await import('../src/identifiers.ts')
  serial++
  const name = `济南试${String.fromCodePoint(0x5e00 + (process.pid % 500) + serial * 7)}置业有限公司${serial}`
  const body8 = `MD${String(process.pid % 1000).padStart(3, '0')}${String(serial).padStart(3, '0')}`
  const first17 = `91370102${body8}${checkSignOfOrganisationCode(body8)}`
  const [id = 0] = await portal.db('organisations').insert({
    kind: 'developer',
    name,
    name_key: nameKey(name),
    code: first17 + checkSignOfCreditCode(first17),
    region_code: '370102',
    district_code: '370102',
    contact: '赵小禾',
    phone: '15400000011',
    address: '历下区试验路2号',
    ...(await stamps()),
  })
  await portal.db('developers').insert({
    id,
    ownership: 'limited',
    legal_person: '孙大川',
    registered_address: '历下区试验路2号',
    ...(await stamps()),
  })
  const username = await newUser(portal, { organisation_id: id, role: 'developer', region_code: '370102' })
  return { id, username, name, agent: await portal.as(username) }
}

export interface TestProject {
  id: number
  name: string
  code: string
}

/** A project of a developer in 历下区: divided, nobody serves it yet, unless told. */
export async function newProject(
  portal: TestPortal,
  developer_id: number | null,
  changes: Record<string, string | number | boolean | null> = {},
): Promise<TestProject> {
  const { nameKey } = await import('../src/database/names.ts')
  serial++
  const name = `试园${String.fromCodePoint(0x4e00 + (process.pid % 500) + serial * 11)}苑${serial}`
  const street: { code: string } | undefined = await portal
    .db('regions')
    .where({ level: 'street', parent_code: '370102' })
    .orderBy('code')
    .first('code')
  assert.ok(street)
  const code = `370102T${String(process.pid % 10_000)}${serial}`
  const [id = 0] = await portal.db('projects').insert({
    code,
    name,
    name_key: nameKey(name),
    address: `历下区试园路${serial}号`,
    district_code: '370102',
    street_code: street.code,
    developer_id,
    stage: 'divided',
    property_type: 'high-rise',
    floor_area: '50000.00',
    high_rise_area: '50000.00',
    service_room_area: '260.00',
    committee_room_area: '20.00',
    building_count: 6,
    house_count: 480,
    residence_count: 480,
    ...(await stamps()),
    ...changes,
  })
  return { id, name, code }
}

/** The registered area of a project, as one from before the portal. @returns its id */
export async function holdArea(portal: TestPortal, project_id: number, changes: Record<string, string | number | null> = {}) {
  const { today } = await import('../src/clock.ts')
  const { addDays } = await import('../src/calendar.ts')
  serial++
  const project = await portal.db('projects').where({ id: project_id }).first()
  assert.ok(project)
  const [id = 0] = await portal.db('areas').insert({
    project_id,
    developer_id: project.developer_id,
    state: 'registered',
    number: `济物划〔2020〕370102-T${process.pid}${serial}号`,
    registered_on: addDays(today(), -100),
    name: project.name,
    name_key: project.name_key,
    address: project.address,
    district_code: project.district_code,
    street_code: project.street_code,
    floor_area: project.floor_area,
    house_count: project.house_count,
    building_count: project.building_count,
    service_room_area: project.service_room_area,
    ...(await stamps()),
    ...changes,
  })
  return id
}

/** A company that serves a project. @returns the id of the link */
export async function linkTo(
  portal: TestPortal,
  project_id: number,
  company_id: number,
  changes: Record<string, string | number | null> = {},
): Promise<number> {
  const { today } = await import('../src/clock.ts')
  const { addDays } = await import('../src/calendar.ts')
  const [id = 0] = await portal.db('project_links').insert({
    project_id,
    company_id,
    phase: 'early',
    method: 'open',
    state: 'linked',
    decided_on: addDays(today(), -400),
    starts_on: addDays(today(), -390),
    ...(await stamps()),
    ...changes,
  })
  await portal.db('projects').where({ id: project_id, stage: 'divided' }).update({ stage: 'early' })
  return id
}

/** A filed contract in force, unless told. @returns its id */
export async function holdContract(
  portal: TestPortal,
  project_id: number,
  company_id: number,
  changes: Record<string, string | number | null> = {},
): Promise<number> {
  const { today } = await import('../src/clock.ts')
  const { addDays } = await import('../src/calendar.ts')
  serial++
  const project = await portal
    .db('projects')
    .leftJoin('organisations', 'organisations.id', 'projects.developer_id')
    .where({ 'projects.id': project_id })
    .first('projects.floor_area', 'organisations.name as developer')
  assert.ok(project)
  const starts_on = String(changes.starts_on ?? addDays(today(), -390))
  const [id = 0] = await portal.db('contracts').insert({
    project_id,
    company_id,
    phase: 'early',
    filing: 'new',
    state: 'filed',
    number: `济物合备〔2020〕370102-T${process.pid}${serial}号`,
    party: project.developer ?? '试园建设单位',
    signed_on: addDays(starts_on, -10),
    starts_on,
    ends_on: addDays(today(), 400),
    filed_on: addDays(starts_on, -5),
    begun_on: starts_on <= today() ? starts_on : null,
    fee_mode: 'lump-sum',
    pricing: 'market',
    service_level: 3,
    fee: '1.80',
    serviced_area: project.floor_area,
    ...(await stamps()),
    ...changes,
  })
  return id
}

/** The tender of a project, its award filed unless told. @returns its id */
export async function holdTender(
  portal: TestPortal,
  project_id: number,
  changes: Record<string, string | number | null> = {},
): Promise<number> {
  const { today } = await import('../src/clock.ts')
  const { addDays } = await import('../src/calendar.ts')
  serial++
  const project = await portal.db('projects').where({ id: project_id }).first()
  assert.ok(project)
  const [id = 0] = await portal.db('tenders').insert({
    project_id,
    developer_id: project.developer_id,
    district_code: project.district_code,
    street_code: project.street_code,
    state: 'awarded',
    method: 'open',
    organising: 'self',
    award_number: `济物中备〔2020〕T${process.pid}${serial}号`,
    awarded_on: addDays(today(), -20),
    award_filed_on: addDays(today(), -12),
    price: '2.20',
    service_level: 3,
    manager: '王小满',
    ...(await stamps()),
    ...changes,
  })
  return id
}

/** A committee in its term, with one account. */
export async function newCommittee(portal: TestPortal, project: TestProject): Promise<Applicant> {
  const { nameKey } = await import('../src/database/names.ts')
  const { today } = await import('../src/clock.ts')
  const { addDays } = await import('../src/calendar.ts')
  serial++
  const row = await portal.db('projects').where({ id: project.id }).first()
  assert.ok(row)
  const name = `${project.name}业主委员会`
  const [id = 0] = await portal.db('organisations').insert({
    kind: 'committee',
    name,
    name_key: nameKey(name),
    region_code: row.street_code,
    district_code: row.district_code,
    street_code: row.street_code,
    ...(await stamps()),
  })
  await portal.db('committees').insert({
    id,
    project_id: project.id,
    state: 'in-term',
    formed_on: addDays(today(), -200),
    ...(await stamps()),
  })
  await portal.db('committee_terms').insert({
    committee_id: id,
    sequence: 1,
    state: 'current',
    seats: 7,
    elected_on: addDays(today(), -210),
    starts_on: addDays(today(), -200),
    ends_on: addDays(today(), 1600),
    number: `济业备〔2020〕370102-T${process.pid}${serial}号`,
    ...(await stamps()),
  })
  const username = await newUser(portal, { organisation_id: id, role: 'committee', region_code: row.street_code })
  return { id, username, name, agent: await portal.as(username) }
}

export { newCompany }
