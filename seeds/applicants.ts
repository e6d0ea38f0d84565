import type { WorkCalendar } from '../src/calendar.ts'
import { demoApplicants, demoDevelopers } from './accounts.ts'
import { addCertificate } from './certificates.ts'
import { addAreas, addressIn, type Company, type Developer, registerCompany, streetIn } from './companies.ts'
import { addDays, addYears } from './days.ts'
import type { Ground, Street } from './ground.ts'
import { creditCodeOf, humanOf, mobileOf } from './identities.ts'
import { inspect } from './inspections.ts'
import { personName } from './names.ts'
import { settleOwners } from './owners.ts'
import { hireTeam, managersByProject } from './people.ts'
import { addServedProject, type Project } from './projects.ts'
import { serveOne } from './services.ts'
import { addUser, demoAccount } from './users.ts'

export interface Applicant {
  name: string
  /** Where it is registered. */
  district: '370102' | '370103' | '370112' | '370114'
  /** How many working days ago it filed, and how many days old its business licence was then. */
  files: number
  age?: number
  /** In how many days its 三级（暂定） certificate runs out; a company without one is new. */
  certificate?: number
  /** The project it serves. */
  project?: string
  /** It has too few people. */
  isShort?: boolean
  /** The demo account it belongs to. */
  account?: 'company3' | 'company4'
}

/** The companies of the demo cases, by the code of their case, and the two that are free to file. Nobody else is called so. */
export const applicants = {
  confirmed: { name: '济南枫渡物业服务有限公司', district: '370102', files: 41, certificate: 10, project: '栎桐里' },
  licensed: { name: '济南桐舟物业服务有限公司', district: '370102', files: 34, age: 16 },
  refused: { name: '济南麓宁物业管理有限公司', district: '370102', files: 30, age: 21, isShort: true },
  overdue: { name: '济南岚亭城市服务有限公司', district: '370102', files: 25, age: 19 },
  objected: { name: '济南棠序物业服务有限公司', district: '370102', files: 23, age: 12 },
  reviewing: { name: '济南鹭屏物业管理有限公司', district: '370102', files: 20, certificate: 50, project: '岑安花园' },
  declined: { name: '济南漫川城市服务有限公司', district: '370114', files: 19, age: 25 },
  publicised: { name: '济南芃岸物业服务有限公司', district: '370103', files: 17, age: 9 },
  withdrawn: { name: '济南柠安物业管理有限公司', district: '370103', files: 16, age: 44 },
  approving: { name: '济南樾溪物业服务有限公司', district: '370102', files: 15, age: 22 },
  corrected: { name: '济南澜庭物业服务有限公司', district: '370102', files: 12, age: 14 },
  'city-desk': { name: '济南川禾物业管理有限公司', district: '370102', files: 11, certificate: 25 },
  correcting: { name: '济南汐岸物业服务有限公司', district: '370102', files: 8, age: 27 },
  'first-review': { name: '济南泠松物业服务有限公司', district: '370103', files: 6, age: 38 },
  'near-limit': { name: '济南莳园物业服务有限公司', district: '370102', files: 4, age: 11 },
  fresh: { name: '济南霖语物业管理有限公司', district: '370103', files: 1, age: 18 },
  'draft-new': { name: '济南晗光物业服务有限公司', district: '370112', files: 1, age: 8 },
  'draft-confirm': { name: '济南桦宁物业管理有限公司', district: '370103', files: 1, certificate: 80 },
  'free-new': { name: demoApplicants[0], district: '370102', files: 0, age: 12, account: 'company3' },
  'free-confirm': {
    name: demoApplicants[1],
    district: '370102',
    files: 0,
    certificate: 70,
    project: '梧野家园',
    account: 'company4',
  },
} as const satisfies Record<string, Applicant>
export type ApplicantCode = keyof typeof applicants

export interface ApplicantFacts {
  calendar: WorkCalendar
  /** The hash of the shared password. */
  hash: string
  /** Who built the projects: the first of the demo developers. */
  developer_id: number
}

/** Companies that apply for 三级（暂定） or 三级 and have everything the law asks for, unless said otherwise; in every size the same. */
export function addApplicants(ground: Ground, facts: ApplicantFacts): void {
  const companies = Object.values<Applicant>(applicants).map((applicant, index) => {
    const street = streetIn(ground, applicant.district)
    const company = foundCompany(ground, applicant, { index, street, calendar: facts.calendar })
    const developer = { id: facts.developer_id, name: demoDevelopers[0], street }
    return { applicant, company, project: applicant.project && buildProject(ground, company, applicant.project, developer) }
  })
  settleOwners(
    ground,
    companies.flatMap(({ project }) => project || []),
  )
  for (const { applicant, company, project } of companies) {
    const people = hireTeam(ground, company, applicant.isShort ?? false)
    if (project) serveOne(ground, project, addDays(ground.today, 500), managersByProject([company], people))
    addAccount(ground, company, applicant, facts.hash)
  }
  addAreas(
    ground,
    companies.map(({ company }) => company),
  )
}

/** Few enough to have no shops, which firms would buy. */
const housesPerProject = 36
/** Credit codes from here on belong to these companies. */
const firstSerial = 10_000
/** A new company has its certificate so many days after its business licence. */
const untilApproval = 25

function foundCompany(
  ground: Ground,
  { name, district, files, age = 0, certificate }: Applicant,
  { index, street, calendar }: { index: number; street: Street; calendar: WorkCalendar },
): Company {
  const { random, today } = ground
  const approved_on = certificate === undefined ? undefined : addYears(addDays(today, certificate + 1), -1)
  const established_on = approved_on ? addDays(approved_on, -untilApproval) : addDays(calendar.addWorkdays(today, -files), -age)
  const serial = firstSerial + index
  const legal = humanOf('legal-person', serial)
  const id = registerCompany(ground, {
    serial,
    name,
    code: creditCodeOf(serial, district),
    origin: 'city',
    street,
    established_on,
    legal_person: personName(random, legal.gender, Number(legal.born_on.slice(0, 4))),
    address: addressIn(ground, street),
    state: 'normal',
    capitals: [100, 200, 300],
  })
  const level = approved_on ? 'provisional' : 'none'
  const company: Company = { id, index, name, origin: 'city', level, street, established_on, weight: 0, projects: [] }
  // Nothing against them: a case of theirs is to show what is wrong with it, and nothing else.
  if (approved_on)
    inspect(ground, [addCertificate(ground, company, { level: 'provisional', approved_on, state: 'valid' }, null)], 'passed')
  return company
}

function buildProject(ground: Ground, company: Company, name: string, developer: Developer): Project {
  const delivered_on = addDays(company.established_on, ground.random.int(70, 110))
  return addServedProject(ground, company, { name, street: developer.street, developer, delivered_on, size: housesPerProject })
}

/** Somebody files for the company; nobody knows the password but that of the demo accounts. */
function addAccount(ground: Ground, company: Company, { district, account }: Applicant, hash: string): void {
  const { random } = ground
  addUser(
    ground,
    {
      name: account ? demoAccount(account).name : personName(random, random.pick(['male', 'female']), random.int(1976, 1999)),
      organisation_id: company.id,
      phone: mobileOf('user', ground.lastId('users') + 1),
      roles: [{ role: 'company-admin', region_code: district }],
      joined: new Date(`${addDays(company.established_on, 2)}T02:00:00Z`),
    },
    account && { username: account, hash },
  )
}
