import { blindIndex, encrypt } from '../src/crypto.ts'
import type { CertificateLevel, Credential, LeaveReason, Post, Title } from '../src/modules/archives/words.ts'
import type { Company } from './companies.ts'
import { addDays, addYears, daysBetween, earlier, later } from './days.ts'
import type { Ground } from './ground.ts'
import { type Human, humanOf, mobileOf } from './identities.ts'
import { personName } from './names.ts'
import { apportion, at, last } from './random.ts'
import { stamps } from './rows.ts'

export interface Person {
  id: number
  name: string
  company: Company
  post: Post
  title: Title
  human: Human
}

export const peoplePerLayer = 1500

/** Staff beside that of others, and how many of it hold at least an intermediate title (资质 asks for 20, 10, 5, 5). */
const staff: Record<CertificateLevel, { weight: number; titled: number }> = {
  first: { weight: 70, titled: 20 },
  second: { weight: 36, titled: 10 },
  third: { weight: 20, titled: 5 },
  provisional: { weight: 9, titled: 5 },
  none: { weight: 14, titled: 3 },
}

/** A project manager has three projects at most. */
const projectsPerManager = 3

const managersOf = ({ projects }: Company) => Math.ceil(projects.length / projectsPerManager)

/** Of 1,500 people so many have left. Who waits to be admitted or let go, or is claimed, does so in a demo case. */
const left = 60

/** 从业人员 and where they work and worked. */
export function hirePeople(ground: Ground, companies: Company[]): Person[] {
  const { random } = ground
  const sizes = apportion(
    peoplePerLayer,
    companies.map(company => (company.street ? staff[company.level].weight : 0)),
    index => (at(companies, index).street ? 4 + managersOf(at(companies, index)) : 0),
  )
  const people = companies.flatMap((company, index) => hireStaff(ground, company, at(sizes, index)))
  const plain = random.shuffle(people.filter(person => ['steward', 'technician', 'operative'].includes(person.post)))
  const gone = new Set(plain.slice(0, left))
  for (const person of people) employ(ground, person, gone.has(person), companies)
  return people
}

/** What 三级 asks for, and a little more (domain.md §4.1): both heads and three others with a title, certificates for whoever manages. */
const team: readonly (readonly [Post, Title, Credential | null])[] = [
  ['head', 'associate-senior', 'property-manager'],
  ['engineering-head', 'intermediate', 'electrician'],
  ['finance-head', 'intermediate', null],
  ['project-manager', 'intermediate', 'project-manager'],
  ['technician', 'intermediate', 'fire-control'],
  ['steward', 'junior', 'property-director'],
  ['steward', 'none', 'assistant-manager'],
  ['steward', 'none', 'assistant-manager'],
  ['steward', 'none', 'property-director'],
  ['technician', 'junior', 'electrician'],
  ['technician', 'none', 'elevator'],
  ['technician', 'none', 'fire-control'],
]
/** Too few people, and neither the books nor the estate in trained hands. */
const shortTeam: typeof team = [
  ['head', 'intermediate', 'property-manager'],
  ['engineering-head', 'intermediate', 'electrician'],
  ['finance-head', 'junior', null],
  ['project-manager', 'intermediate', 'project-manager'],
  ['steward', 'none', 'assistant-manager'],
  ['steward', 'none', null],
  ['technician', 'none', 'electrician'],
]
const operatives = 4
/** Instead of a title somebody is too young for; the oldest of a team are old enough for 中级. */
const below: Partial<Record<Title, Title>> = { 'associate-senior': 'intermediate', junior: 'none' }
/** Those who belong to the whole company stand first in a team. */
const leaders = 4

/** The people of a company that applies for its certificate; where it serves projects, also those who clean and guard. */
export function hireTeam(ground: Ground, company: Company, isShort: boolean): Person[] {
  const { random, today } = ground
  const plan = [
    ...(isShort ? shortTeam : team),
    ...company.projects.flatMap(() => Array<(typeof team)[number]>(operatives).fill(['operative', 'none', null])),
  ]
  const humans = recruit(ground, plan.length)
  return plan.map(([post, wanted, credential], place) => {
    const human = at(humans, place)
    const isYoung = daysBetween(human.born_on, today) / 365 < titleAges[wanted]
    const title = (isYoung && below[wanted]) || wanted
    const name = personName(random, human.gender, Number(human.born_on.slice(0, 4)))
    const person: Person = { id: human.id, name, company, post, title, human }
    addPerson(ground, { ...human, name, post, title, credential, isCurrent: true })
    addEmployment(ground, person, {
      company,
      project_id: place < leaders ? null : (company.projects[0]?.id ?? null),
      state: 'employed',
      starts_on: earlier(addDays(company.established_on, random.int(0, 12)), addDays(today, -3)),
      ends_on: null,
      end_reason: null,
    })
    return person
  })
}

/** New people, the oldest first: they lead and hold the titles. */
function recruit(ground: Ground, size: number) {
  const humans = Array.from({ length: size }, () => {
    const id = ground.newId('people')
    const serial = ground.serialOf('people', id)
    return { id, serial, ...humanOf('practitioner', serial) }
  })
  return humans.sort((a, b) => (a.born_on < b.born_on ? -1 : 1))
}

function hireStaff(ground: Ground, company: Company, size: number): Person[] {
  const { random } = ground
  const humans = recruit(ground, size)
  const titled = staff[company.level].titled + (random.happens(0.08) ? -1 : random.int(0, 3))
  return humans.map((human, place) => {
    const post = postOf(ground, company, place, place < titled)
    const title = titleOf(ground, human, post, place < titled)
    const name = personName(random, human.gender, Number(human.born_on.slice(0, 4)))
    addPerson(ground, { ...human, name, post, title, credential: credentialOf(ground, post) })
    return { id: human.id, name, company, post, title, human }
  })
}

function postOf({ random }: Ground, company: Company, place: number, isTitled: boolean): Post {
  const fixed: Post[] = ['head', 'engineering-head', 'finance-head']
  if (place < fixed.length) return at(fixed, place)
  if (place < fixed.length + managersOf(company)) return 'project-manager'
  return random.share({ steward: 28, technician: 22, operative: isTitled ? 0 : 60 })
}

function titleOf({ random, today }: Ground, { born_on }: Human, post: Post, isTitled: boolean): Title {
  const age = daysBetween(born_on, today) / 365
  if (!isTitled || age < titleAges.intermediate)
    return random.share({ none: 70, junior: post === 'operative' || age < titleAges.junior ? 0 : 30 })
  return random.share({
    intermediate: 72,
    'associate-senior': age > titleAges['associate-senior'] ? 22 : 0,
    senior: age > titleAges.senior ? 6 : 0,
  })
}

/** Younger than this nobody holds the title. */
const titleAges: Record<Title, number> = { none: 0, junior: 23, intermediate: 28, 'associate-senior': 36, senior: 44 }

const titleNames: Record<Title, (craft: string) => string | null> = {
  none: () => null,
  junior: craft => `助理${craft}`,
  intermediate: craft => craft,
  'associate-senior': craft => `高级${craft}`,
  senior: craft => `正高级${craft}`,
}

const crafts: Partial<Record<Post, string>> = { 'engineering-head': '工程师', technician: '工程师', 'finance-head': '会计师' }

interface Hired extends Human {
  id: number
  serial: number
  name: string
  post: Post
  title: Title
  credential: Credential | null
  /** The credential has not run out. */
  isCurrent?: boolean
}

function addPerson(ground: Ground, person: Hired) {
  const { random, today } = ground
  const { id, serial, name, id_number, gender, born_on, post, title, credential, isCurrent } = person
  const phone = mobileOf('practitioner', serial)
  const craft = crafts[post] ?? '经济师'
  const title_name = titleNames[title](craft)
  const isLearned = title !== 'none' && title !== 'junior'
  const isHigh = title === 'associate-senior' || title === 'senior'
  const education = isLearned
    ? random.share({ college: 40, bachelor: 52, master: 8 })
    : random.share({ school: post === 'operative' ? 110 : 10, college: 45, bachelor: title === 'none' ? 12 : 35 })
  const title_number = title_name && `演职字第${String(serial).padStart(7, '0')}号`
  const credential_number = credential && `演证字第${String(serial).padStart(7, '0')}号`
  ground.add('people', {
    id,
    ...ground.named(name, true),
    id_number_cipher: encrypt('people.id_number', id_number),
    id_number_index: blindIndex('people.id_number', id_number),
    id_number_last4: id_number.slice(-4),
    gender,
    born_on,
    phone_cipher: encrypt('people.phone', phone),
    phone_index: blindIndex('people.phone', phone),
    phone_last4: phone.slice(-4),
    ethnicity: serial % 31 ? '汉族' : '回族',
    education,
    specialty:
      education === 'school' ? null : random.pick(['物业管理', '工程管理', '会计学', '工商管理', '电气自动化', '给排水工程']),
    title,
    title_name,
    title_number,
    title_issuer: title_name && (isHigh ? '山东省人力资源和社会保障厅' : '济南市人力资源和社会保障局'),
    title_issued_on:
      title_name &&
      earlier(addDays(today, -random.int(3, 30)), addDays(addYears(born_on, titleAges[title]), random.int(0, 4000))),
    credential,
    credential_number,
    // A few have run out or soon will.
    credential_until:
      credential && credential !== 'property-manager' ? addDays(today, random.int(isCurrent ? 90 : -40, 1400)) : null,
    training_hours: post === 'operative' ? null : (serial * 7) % 49,
    record: serial % 43 ? null : `${Number(today.slice(0, 4)) - 1} 年度全市物业行业优秀工作者`,
  })
  ground.index('people', id, [{ text: name, person: true }, title_number, credential_number])
}

function credentialOf({ random }: Ground, post: Post): Credential | null {
  const usual: Partial<Record<Credential, number>> | undefined = {
    head: { 'property-manager': 2, 'property-director': 1 },
    'engineering-head': { electrician: 1, 'fire-control': 1 },
    'finance-head': undefined,
    'project-manager': { 'project-manager': 3, 'property-manager': 1 },
    steward: { 'assistant-manager': 1, 'property-director': 1 },
    technician: { electrician: 4, elevator: 2, 'fire-control': 4 },
    operative: undefined,
  }[post]
  return usual && random.happens(post === 'project-manager' ? 1 : 0.7) ? random.share(usual) : null
}

function employ(ground: Ground, person: Person, left: boolean, companies: Company[]) {
  const { random, today } = ground
  const { company, post, human } = person
  const grown = later(addYears(human.born_on, 19), company.established_on)
  const span = Math.min(2800, daysBetween(grown, today) - 40)
  const starts_on = addDays(today, -(30 + Math.floor(Math.max(0, span) * random.next())))
  const ends_on = left ? addDays(starts_on, random.int(20, Math.max(20, daysBetween(starts_on, today) - 1))) : null
  const project =
    post === 'project-manager' || !company.projects.length || random.happens(0.2) ? undefined : random.pick(company.projects)
  addEmployment(ground, person, {
    company,
    project_id: post === 'head' || post.endsWith('-head') ? null : (project?.id ?? null),
    state: left ? 'left' : 'employed',
    starts_on,
    ends_on: ends_on && earlier(ends_on, today),
    end_reason: left ? leaveReason(ground, human) : null,
  })
  const other = random.pick(
    companies.filter(one => one.street && one !== company && one.established_on < addDays(starts_on, -400)),
  )
  // Some have worked for another company before.
  const before = addDays(starts_on, -random.int(240, 1800))
  if (random.happens(0.15) && before > later(addYears(human.born_on, 19), other.established_on))
    addEmployment(ground, person, {
      company: other,
      project_id: null,
      state: 'left',
      starts_on: before,
      ends_on: addDays(starts_on, -random.int(1, 200)),
      end_reason: random.share({ resigned: 8, transferred: 2 }),
    })
}

function leaveReason({ random, today }: Ground, { born_on }: Human): LeaveReason {
  return daysBetween(born_on, today) > 58 * 365 ? 'retired' : random.share({ resigned: 85, transferred: 14, died: 1 })
}

function addEmployment(
  ground: Ground,
  person: Person,
  job: {
    company: Company
    project_id: number | null
    state: string
    starts_on: string
    ends_on: string | null
    end_reason: LeaveReason | null
  },
) {
  const { company, ...rest } = job
  const contract_until = job.state === 'left' ? null : addDays(ground.today, ground.random.int(20, 1000))
  ground.add('employments', {
    person_id: person.id,
    company_id: company.id,
    post: person.post,
    ...rest,
    contract_type: contract_until && 'fixed',
    // Contracts run three years.
    contract_from: contract_until && later(job.starts_on, addYears(contract_until, -3)),
    contract_until,
    insured_at: '济南市',
    insured_since: job.starts_on,
    ...stamps(ground.at),
  })
}

/** Who leads which project: the managers of a company share its projects, three at most for each. */
export function managersByProject(companies: Company[], people: Person[]): Map<number, number> {
  const managers = new Map<number, number>()
  for (const company of companies) {
    const own = people.filter(person => person.company === company && person.post === 'project-manager')
    for (const [index, project] of company.projects.entries())
      managers.set(project.id, (own[Math.floor(index / projectsPerManager)] ?? last(own)).id)
  }
  return managers
}
