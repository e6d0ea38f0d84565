import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { addDays } from '../../calendar.ts'
import type { Subject } from '../../cases/kind.ts'
import { today } from '../../clock.ts'
import { decrypt } from '../../crypto.ts'
import { NotNow } from '../../errors.ts'
import type { AnswerRow, Answers } from '../../forms/answers.ts'
import { type CertificateLevel, type PropertyType, propertyTypes } from '../archives/words.ts'
import { areaText, hundredths } from './area-index.ts'

/** What the archives know of the company that applies. */

export interface HeldCertificate {
  id: number
  number: string
  level: CertificateLevel
  approved_on: string
  valid_until: string | null
}

/** The certificate whose state is 有效, or nothing; whether its last day has passed is for the caller to look at. */
export async function certificateOf(db: Knex, company_id: number): Promise<HeldCertificate | undefined> {
  return await db('certificates').where({ company_id, live: 1 }).first('id', 'number', 'level', 'approved_on', 'valid_until')
}

/** Whether a certificate still runs on a day. */
export function runsOn({ valid_until }: Pick<HeldCertificate, 'valid_until'>, day = today()): boolean {
  return valid_until === null || valid_until >= day
}

/**
 * The company of the person who applies.
 * @throws Conflict for a company whose district is unknown, or that is registered elsewhere
 */
export async function applicantCompany(db: Knex, { organisation_id }: User): Promise<Subject> {
  const row: { id: number; name: string; origin: string; district_code: string | null; street_code: string | null } | undefined =
    await db('companies')
      .join('organisations', 'organisations.id', 'companies.id')
      .where({ 'companies.id': organisation_id })
      .first('companies.id', 'organisations.name', 'companies.origin', 'organisations.district_code', 'organisations.street_code')
  if (!row) throw new NotNow('没有找到本单位的企业档案，请联系注册地区县主管部门核对后再申请。')
  if (row.origin !== 'city') throw new NotNow('外地企业的资质由注册地核发，在本市办理分支机构备案，不在这里申请资质证书。')
  if (!row.district_code) throw new NotNow('企业档案没有登记注册地区县，不知道由哪个区县初审。请先联系市局补正档案。')
  return { type: 'company', id: row.id, name: row.name, district_code: row.district_code, street_code: row.street_code }
}

/** 企业基本情况 and 人员情况 as the archives have them today. */
export async function companyAnswers(db: Knex, company_id: number): Promise<Answers> {
  const [company, people] = await Promise.all([
    db('companies')
      .join('organisations', 'organisations.id', 'companies.id')
      .where({ 'companies.id': company_id })
      .first(
        'organisations.name',
        'organisations.code',
        'organisations.contact',
        'organisations.phone',
        'organisations.address',
        'companies.*',
      ),
    peopleOf(db, company_id),
  ])
  if (!company) throw new NotNow('没有找到本单位的企业档案，请联系注册地区县主管部门核对后再申请。')
  const opened = (column: string, cipher: string | null) => (cipher ? decrypt(column, cipher) : '')
  return {
    company_name: company.name,
    credit_code: company.code ?? '',
    legal_person: company.legal_person,
    legal_person_id: opened('companies.legal_person_id', company.legal_person_id_cipher),
    legal_person_phone: opened('companies.legal_person_phone', company.legal_person_phone_cipher),
    capital: company.capital ?? '',
    ownership: company.ownership,
    established_on: company.established_on ?? '',
    registered_address: company.registered_address,
    office_address: company.address ?? '',
    contact: company.contact ?? '',
    contact_phone: company.phone ?? '',
    people,
  }
}

async function peopleOf(db: Knex, company_id: number): Promise<AnswerRow[]> {
  const people: {
    name: string
    id_number_cipher: string
    post: string
    title: string
    title_number: string | null
    credential: string | null
    credential_number: string | null
    contract_until: string | null
  }[] = await db('employments')
    .join('people', 'people.id', 'employments.person_id')
    .where({ 'employments.company_id': company_id, 'employments.live': 1 })
    .whereNot({ 'employments.post': 'operative' })
    .orderBy(['employments.post', 'people.name_key', 'people.id'])
    .limit(300)
    .select(
      'people.name',
      'people.id_number_cipher',
      'employments.post',
      'people.title',
      'people.title_number',
      'people.credential',
      'people.credential_number',
      'employments.contract_until',
    )
  return people.map(person => ({
    name: person.name,
    id_number: decrypt('people.id_number', person.id_number_cipher),
    post: person.post,
    title: person.title,
    title_number: person.title_number ?? '',
    credential: person.credential ?? '',
    credential_number: person.credential_number ?? '',
    contract_until: person.contract_until ?? '',
  }))
}

/** A project a company serves under a filed contract. */
export interface ServedProject {
  name: string
  property_type: PropertyType
  floor_area: string
  since: string
  from: string
  until: string
  /** ㎡ by property type. */
  areas: { type: PropertyType; area: string }[]
}

/** The columns of a project that hold its area by type. */
const areaColumns: Readonly<Record<PropertyType, string>> = {
  'multi-storey': 'multi_storey_area',
  'high-rise': 'high_rise_area',
  villa: 'villa_area',
  office: 'office_area',
  commercial: 'commercial_area',
  industrial: 'industrial_area',
  school: 'school_area',
  hospital: 'hospital_area',
  other: 'other_area',
}
const areaTypes = Object.entries(areaColumns) as [PropertyType, string][] // Object.entries forgets the keys' type

/** 管辖项目: linked to the company, with a filed contract in force on the day; each once, whatever contracts it has. */
export async function servedProjects(db: Knex, company_id: number, day = today()): Promise<ServedProject[]> {
  const found: (Omit<ServedProject, 'areas'> & { id: number } & Record<string, string>)[] = await db('project_links')
    .join('projects', 'projects.id', 'project_links.project_id')
    .join('contracts', join =>
      join.on('contracts.project_id', 'project_links.project_id').on('contracts.company_id', 'project_links.company_id'),
    )
    .where({ 'project_links.company_id': company_id, 'project_links.live': 1, 'contracts.state': 'filed' })
    .where('contracts.starts_on', '<=', day)
    .where('contracts.ends_on', '>=', day)
    .whereNull('contracts.ended_on')
    .orderBy(['project_links.starts_on', 'projects.id', 'contracts.starts_on'])
    .limit(1000)
    .select(
      'projects.id',
      'projects.name',
      'projects.property_type',
      'projects.floor_area',
      'project_links.starts_on as since',
      'contracts.starts_on as from',
      'contracts.ends_on as until',
      ...areaTypes.map(([, column]) => `projects.${column}`),
    )
  const projects = [...new Map(found.map(row => [row.id, row])).values()]
  return projects.map(({ name, property_type, floor_area, since, from, until, ...row }) => {
    const told = areaTypes.flatMap(([type, column]) => (hundredths(row[column] ?? '') ? [{ type, area: row[column] ?? '' }] : []))
    // Where nobody has entered areas by type, the whole project is of its own type.
    const areas = told.length ? told : [{ type: property_type, area: floor_area }]
    return { name, property_type, floor_area, since, from, until, areas }
  })
}

/** 管辖项目情况, as the form lists it. */
export async function projectRows(db: Knex, company_id: number, day = today()): Promise<AnswerRow[]> {
  return listed(await servedProjects(db, company_id, day))
}

/** 管辖项目情况 and 各类物业面积 of the same projects. */
export async function projectAnswers(
  db: Knex,
  company_id: number,
  day = today(),
): Promise<{ projects: AnswerRow[]; areas: AnswerRow[] }> {
  const served = await servedProjects(db, company_id, day)
  const parts = served.flatMap(({ areas }) => areas)
  const areas = areaTypes.flatMap(([type]): AnswerRow[] => {
    const ofType = parts.filter(part => part.type === type)
    const sum = ofType.reduce((sum, { area }) => sum + hundredths(area), 0n)
    return sum ? [{ type, count: String(ofType.length), area: areaText(sum) }] : []
  })
  return { projects: listed(served), areas }
}

function listed(projects: readonly ServedProject[]): AnswerRow[] {
  return projects.map(({ name, property_type, floor_area, since, from, until }) => ({
    name,
    type: propertyTypes[property_type],
    area: floor_area,
    since,
    contract: `${from} 至 ${until}`,
  }))
}

/** The last day of a certificate that begins on a day and runs some years: 2026-11-23 and one year give 2027-11-22. */
export function lastDayAfter(day: string, years: number): string {
  const [year = '', ...rest] = day.split('-')
  const same = `${Number(year) + years}-${rest.join('-')}`
  // A 29 February has no namesake in most years; Date turns it into 1 March, and the day before is the 28th.
  return addDays(new Date(`${same}T00:00:00Z`).toISOString().slice(0, 10), -1)
}
