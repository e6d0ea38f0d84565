import type { Knex } from 'knex'
import { type Role, roles } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { addDays } from '../../calendar.ts'
import { stateOn } from '../../documents/documents.ts'
import { type ContractFact, contractState } from './project-facts.ts'
import { visibleCompanies, visiblePeople, visibleProjects } from './visible.ts'
import {
  type CertificateLevel,
  type ContractState,
  certificateLevels,
  certificateStates,
  contractStates,
  type Post,
  posts,
  propertyTypes,
  servicePhases,
  stages,
  titles,
} from './words.ts'

/**
 * What the tables know of a company beside its own row, on a day: certificates, projects, contracts, people. Rows with a period tell
 * of past days too; `past` is the day, nothing for today.
 */

/** How many rows of each kind a page shows; the rest is in the lists. */
const shown = 8

type Query = Knex.QueryBuilder

/** Narrows rows with a period to those that stood on the day. */
function standing(query: Query, table: string, past: string | undefined): Query {
  if (!past) return query.where({ [`${table}.live`]: 1 })
  return query
    .where(`${table}.starts_on`, '<=', past)
    .where(open => open.whereNull(`${table}.ends_on`).orWhere(`${table}.ends_on`, '>=', past))
    .whereIn(`${table}.state`, stood[table] ?? [])
}

/** States of rows that stood for a time, and do or did so by the regulator's register. */
const stood: Readonly<Record<string, readonly string[]>> = {
  project_links: ['linked', 'ended'],
  employments: ['employed', 'leaving', 'left', 'disputed'],
}

// ── 资质证书 ─────────────────────────────────────────────────────────────────────────────────

export interface CertificateFact {
  id: number
  number: string
  level: string
  state: string
  good: boolean
  approved_on: string
  valid_until: string | null
  ended_on: string | null
  issuer: string
}

interface CertificateRow extends Omit<CertificateFact, 'good'> {
  issued_on: string
  renewing: number
}

/** All certificates of a company, the newest first, as they stood on the day. */
export async function certificatesOf(db: Knex, company_id: number, day: string): Promise<CertificateFact[]> {
  const rows: CertificateRow[] = await db('certificates')
    .where({ company_id })
    .where('approved_on', '<=', day)
    .orderBy([
      { column: 'approved_on', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .select('id', 'number', 'level', 'state', 'approved_on', 'issued_on', 'valid_until', 'ended_on', 'issuer', 'renewing')
  return rows.map(row => {
    // What ended later was still valid then.
    const state = row.ended_on && row.ended_on > day ? 'valid' : row.state
    const code = stateOn({ ...row, state }, day)
    return {
      ...row,
      level: certificateLevels[row.level as CertificateLevel] ?? row.level, // a code of the dictionary
      state: code === 'doubtful' ? '不能确认' : certificateStates[code],
      good: code === 'valid' || code === 'expiring',
      ended_on: row.ended_on && row.ended_on > day ? null : row.ended_on,
    }
  })
}

// ── 项目 ─────────────────────────────────────────────────────────────────────────────────────

/** Columns of a project by type of building, as the figures name them. */
const areaNames = {
  multi_storey_area: propertyTypes['multi-storey'],
  high_rise_area: propertyTypes['high-rise'],
  villa_area: propertyTypes.villa,
  office_area: propertyTypes.office,
  commercial_area: propertyTypes.commercial,
  industrial_area: propertyTypes.industrial,
  school_area: propertyTypes.school,
  hospital_area: propertyTypes.hospital,
  other_area: propertyTypes.other,
  underground_area: '地下',
} as const

export interface ServedFigures {
  projects: number
  houses: number
  area: number
  types: { label: string; area: number }[]
}

/** How much a company serves on the day: all of it, wherever in the city. */
export async function servedFigures(db: Knex, company_id: number, past?: string): Promise<ServedFigures> {
  const query = db('project_links')
    .join('projects', 'projects.id', 'project_links.project_id')
    .where({ 'project_links.company_id': company_id })
  return await sumProjects(db, standing(query, 'project_links', past))
}

/** How much a developer has built or builds. */
export async function builtFigures(db: Knex, developer_id: number): Promise<ServedFigures> {
  return await sumProjects(db, db('projects').where({ developer_id }))
}

async function sumProjects(db: Knex, query: Query): Promise<ServedFigures> {
  const columns = Object.keys(areaNames)
  const row: Record<string, string | number | null> | undefined = await query.first(
    db.raw('count(*) as projects, sum(projects.house_count) as houses, sum(projects.floor_area) as area'),
    ...columns.map(column => db.raw('sum(??) as ??', [`projects.${column}`, column])),
  )
  const told = (name: string) => Number(row?.[name] ?? 0)
  return {
    projects: told('projects'),
    houses: told('houses'),
    area: told('area'),
    types: Object.entries(areaNames)
      .map(([column, label]) => ({ label, area: told(column) }))
      .filter(type => type.area > 0)
      .sort((one, other) => other.area - one.area),
  }
}

export interface ProjectFact {
  id: number
  name: string
  code: string
  district_code: string
  stage: string
  type: string
  floor_area: string
  phase: string
  starts_on: string
  ends_on: string | null
}

/** The projects a reader may see among those a company serves on the day, or served before, newest first. */
export async function servedProjects(
  db: Knex,
  user: User,
  company_id: number,
  { past, before }: { past?: string | undefined; before?: boolean } = {},
): Promise<{ rows: ProjectFact[]; total: number }> {
  const all = () => {
    const query = visibleProjects(db, user)
      .join('project_links', 'project_links.project_id', 'projects.id')
      .where({ 'project_links.company_id': company_id })
    if (!before) return standing(query, 'project_links', past)
    query.where({ 'project_links.state': 'ended' })
    return past ? query.where('project_links.ends_on', '<', past) : query
  }
  const [rows, count] = await Promise.all([
    all()
      .orderBy([
        { column: before ? 'project_links.ends_on' : 'project_links.starts_on', order: 'desc' },
        { column: 'projects.id', order: 'desc' },
      ])
      .limit(shown)
      .select(
        'projects.id',
        'projects.name',
        'projects.code',
        'projects.district_code',
        'projects.stage',
        'projects.property_type as type',
        'projects.floor_area',
        'project_links.phase',
        'project_links.starts_on',
        'project_links.ends_on',
      ) as Promise<ProjectFact[]>,
    all().count({ n: '*' }).first() as Promise<{ n: number } | undefined>,
  ])
  return { rows: rows.map(inWords), total: Number(count?.n ?? 0) }
}

const wordIn = (words: Readonly<Record<string, string>>, code: string) =>
  Object.hasOwn(words, code) ? (words[code] ?? code) : code

function inWords(row: ProjectFact): ProjectFact {
  const { stage, type, phase } = row
  return { ...row, stage: wordIn(stages, stage), type: wordIn(propertyTypes, type), phase: wordIn(servicePhases, phase) }
}

export interface BuiltProject {
  id: number
  name: string
  code: string
  district_code: string
  stage: string
  floor_area: string
  house_count: number
  delivered_count: number
  company_id: number | null
  company: string | null
}

/** The projects of a developer that a reader may see, with who serves them now. */
export async function builtProjects(
  db: Knex,
  user: User,
  developer_id: number,
): Promise<{ rows: BuiltProject[]; total: number; stages: { label: string; n: number }[] }> {
  const all = () => visibleProjects(db, user).where({ 'projects.developer_id': developer_id })
  const [rows, counts]: [BuiltProject[], { stage: string; n: number }[]] = await Promise.all([
    all()
      .leftJoin('project_links', join =>
        join.on('project_links.project_id', 'projects.id').andOn('project_links.live', db.raw('1')),
      )
      .leftJoin('organisations', 'organisations.id', 'project_links.company_id')
      .orderBy(['projects.name_key', 'projects.id'])
      .limit(shown)
      .select(
        'projects.id',
        'projects.name',
        'projects.code',
        'projects.district_code',
        'projects.stage',
        'projects.floor_area',
        'projects.house_count',
        'projects.delivered_count',
        'organisations.id as company_id',
        'organisations.name as company',
      ),
    all().groupBy('projects.stage').select('projects.stage').count({ n: '*' }),
  ])
  return {
    rows: rows.map(row => ({ ...row, stage: wordIn(stages, row.stage) })),
    total: counts.reduce((sum, { n }) => sum + Number(n), 0),
    stages: counts.map(({ stage, n }) => ({ label: wordIn(stages, stage), n: Number(n) })),
  }
}

// ── 合同 ─────────────────────────────────────────────────────────────────────────────────────

export interface CompanyContract {
  id: number
  project_id: number
  project: string
  number: string | null
  starts_on: string
  ends_on: string
  fee: string
  code: ContractState
  state: string
}

/** 即将到期 is what ends within so many days (domain.md §5.6). */
const soon = 90

/** The contracts of a company a reader may see: those that run on the day and end first, then those that are over. */
export async function contractsOf(
  db: Knex,
  user: User,
  company_id: number,
  day: string,
): Promise<{ rows: CompanyContract[]; total: number }> {
  const all = () =>
    visibleProjects(db, user)
      .join('contracts', 'contracts.project_id', 'projects.id')
      .where({ 'contracts.company_id': company_id })
      .where('contracts.signed_on', '<=', day)
  const [rows, count] = await Promise.all([
    all()
      .orderByRaw('coalesce(contracts.ended_on, contracts.ends_on) >= ? desc', [day])
      .orderBy(['contracts.ends_on', 'contracts.id'])
      .limit(shown)
      .select('contracts.*', 'projects.name as project') as Promise<
      (ContractFact & Pick<CompanyContract, 'project_id' | 'project'>)[]
    >,
    all().count({ n: '*' }).first() as Promise<{ n: number } | undefined>,
  ])
  return {
    rows: rows.map(row => {
      const code = contractState(row, day)
      return { ...row, code, state: contractStates[code] }
    }),
    total: Number(count?.n ?? 0),
  }
}

/** How many contracts of a company end soon and have no successor yet. */
export async function endingContracts(db: Knex, company_id: number, day: string): Promise<number> {
  const row = await db('contracts')
    .where({ company_id })
    .whereIn('state', ['filed', 'changed', 'ended', 'dissolved'])
    .where('starts_on', '<=', day)
    .whereBetween('ends_on', [day, addDays(day, soon)])
    .where(open => open.whereNull('ended_on').orWhere('ended_on', '>', day))
    .whereNotExists(
      db('contracts as next')
        .whereRaw('next.previous_id = contracts.id')
        .where('next.signed_on', '<=', day)
        .whereIn('next.state', ['filed', 'filing'])
        .select(db.raw('1')),
    )
    .count({ n: '*' })
    .first()
  return Number(row?.n ?? 0)
}

// ── 人员 ─────────────────────────────────────────────────────────────────────────────────────

export interface StaffFigures {
  total: number
  managing: number
  technical: number
  operative: number
  titled: number
  certified: number
}

const managing: readonly Post[] = ['head', 'engineering-head', 'finance-head', 'project-manager', 'steward']

/** Who works for a company on the day, by post, title and certificate; titles and certificates are those of today. */
export async function staffFigures(db: Knex, company_id: number, past?: string): Promise<StaffFigures> {
  const query = db('employments')
    .join('people', 'people.id', 'employments.person_id')
    .where({ 'employments.company_id': company_id })
  const marks = managing.map(() => '?').join(', ')
  const row: Record<keyof StaffFigures, string | number | null> | undefined = await standing(query, 'employments', past).first(
    db.raw(
      `count(*) as total, sum(employments.post in (${marks})) as managing, sum(employments.post = 'technician') as technical,
       sum(employments.post = 'operative') as operative, sum(people.title in ('intermediate', 'associate-senior', 'senior')) as titled,
       sum(people.credential is not null) as certified`,
      [...managing],
    ),
  )
  const told = (name: keyof StaffFigures) => Number(row?.[name] ?? 0)
  return {
    total: told('total'),
    managing: told('managing'),
    technical: told('technical'),
    operative: told('operative'),
    titled: told('titled'),
    certified: told('certified'),
  }
}

export interface StaffFact {
  id: number
  name: string
  post: string
  title: string
  credential_until: string | null
  starts_on: string
}

/** The first of the people of a company on the day, by post: heads first. */
export async function staffOf(db: Knex, user: User, company_id: number, past?: string): Promise<StaffFact[]> {
  const query = visiblePeople(db, user)
    .join('employments', 'employments.person_id', 'people.id')
    .where({ 'employments.company_id': company_id })
  const order = Object.keys(posts)
  const rows: StaffFact[] = await standing(query, 'employments', past)
    .orderByRaw(`field(employments.post, ${order.map(() => '?').join(', ')})`, order)
    .orderBy(['people.name_key', 'people.id'])
    .limit(shown)
    .select('people.id', 'people.name', 'people.title', 'people.credential_until', 'employments.post', 'employments.starts_on')
  return rows.map(row => ({ ...row, post: wordIn(posts, row.post), title: wordIn(titles, row.title) }))
}

// ── 经营情况, 分支机构, 账号 ──────────────────────────────────────────────────────────────────────

export interface YearFact {
  id: number
  case_id: number | null
  year: number
  revenue: string
  main_revenue: string
  profit: string
  tax: string
  assets: string
  liabilities: string
  created_at: Date
}

/** 经营情况 by year, the newest first. */
export async function yearsOf(db: Knex, company_id: number): Promise<YearFact[]> {
  return await db('company_years').where({ company_id }).orderBy('year', 'desc').limit(10)
}

/** The branches of a head office, or the head office of a branch, as far as the reader sees them. */
export async function officesOf(
  db: Knex,
  user: User,
  { id, code, head_office_code }: { id: number; code: string; head_office_code: string },
): Promise<{ branches: { id: number; name: string }[]; head: { id: number; name: string } | undefined }> {
  const [branches, head]: [{ id: number; name: string }[], { id: number; name: string } | undefined] = await Promise.all([
    code
      ? visibleCompanies(db, user)
          .where({ 'companies.head_office_code': code })
          .whereNot({ 'companies.id': id })
          .orderBy(['organisations.name_key', 'companies.id'])
          .limit(20)
          .select('companies.id', 'organisations.name')
      : [],
    head_office_code
      ? visibleCompanies(db, user).where({ 'organisations.code': head_office_code }).first('companies.id', 'organisations.name')
      : undefined,
  ])
  return { branches, head }
}

export interface AccountFact {
  id: number
  name: string
  roles: string
  status: string
  last_signed_in_at: Date | null
}

/** The accounts of an organisation. */
export async function accountsOf(db: Knex, organisation_id: number): Promise<AccountFact[]> {
  const rows: (Omit<AccountFact, 'roles'> & { role: Role | null })[] = await db('users')
    .leftJoin('user_roles', 'user_roles.user_id', 'users.id')
    .where({ 'users.organisation_id': organisation_id })
    .orderBy(['users.status', 'users.name_key', 'users.id', 'user_roles.id'])
    .limit(60)
    .select('users.id', 'users.name', 'users.status', 'users.last_signed_in_at', 'user_roles.role')
  const byId = new Map<number, AccountFact>()
  for (const { role, ...row } of rows) {
    const label = role ? roles[role].label : ''
    const known = byId.get(row.id)
    if (known) known.roles = [known.roles, label].filter(Boolean).join('、')
    else byId.set(row.id, { ...row, roles: label })
  }
  return [...byId.values()]
}
