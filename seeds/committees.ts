import { encrypt } from '../src/crypto.ts'
import type { MemberEndReason, Office } from '../src/modules/archives/words.ts'
import { demoCommittees } from './accounts.ts'
import { addDays, addYears, daysBetween, earlier, lastDay } from './days.ts'
import { shortDistrict } from './desks.ts'
import { fileNumber, type Ground } from './ground.ts'
import { landlineOf } from './identities.ts'
import type { Owner } from './owners.ts'
import type { Project } from './projects.ts'
import { at, last } from './random.ts'
import { decimal, stamps } from './rows.ts'

export interface Committee {
  id: number
  project: Project
  name: string
  formed_on: string
  chair: Owner
}

export const committeesPerLayer = 90

/**
 * When the present terms of the committees end, in days from today: nine are overdue, some end within the spans of the
 * reminders, the others later (undefined).
 */
const termEnds: readonly (readonly [count: number, from: number, to: number])[] = [
  [8, -500, -10],
  [3, 5, 29],
  [3, 31, 59],
  [2, 61, 89],
  [6, 91, 179],
]
/** The committees of the demo accounts: one has to prepare its re-election, one is overdue. */
const demoTermEnds = [75, -40]

/** Committees that lost so many members that a new election is due. */
const shortCommittees = 3

/** 业委会: those of projects whose owners chose a company or manage themselves, three young ones, and two that were cancelled. */
export function electCommittees(ground: Ground, projects: Project[]): Committee[] {
  const { random } = ground
  const chosen = projects.filter(({ stage }) => stage === 'selected' || stage === 'self-managed')
  const isMature = ({ houses, type, delivered_on = '' }: Project) =>
    houses.length >= 30 &&
    (type === 'high-rise' || type === 'multi-storey') &&
    delivered_on !== '' &&
    delivered_on < addYears(ground.today, -3)
  const young = projects.filter(project => project.stage === 'early' && project.index > 5 && isMature(project)).slice(0, 3)
  const cancelled = projects
    .filter(project => project.stage === 'unmanaged')
    .slice(0, committeesPerLayer - chosen.length - young.length)
  const drawn = random.shuffle(termEnds.flatMap(([count, from, to]) => Array.from({ length: count }, () => random.int(from, to))))
  const ends = [
    ...demoTermEnds,
    ...random.shuffle([...drawn, ...Array<undefined>(chosen.length - drawn.length - demoTermEnds.length).fill(undefined)]),
  ]

  const committees = [
    ...chosen.map((project, index) => {
      const years = random.pick([3, 5, 5, 5])
      const left = ends[index] ?? random.int(181, years * 365 - 220)
      const starts_on = addYears(addDays(ground.today, left + 1), -years)
      const isShort = index >= chosen.length - shortCommittees
      return addCommittee(ground, project, { terms: termsUntil(ground, project, { starts_on, years }), isShort })
    }),
    ...young.map(project =>
      addCommittee(ground, project, { terms: [{ starts_on: addDays(ground.today, -random.int(20, 120)), years: 5 }] }),
    ),
    ...cancelled.map(project => {
      const starts_on = addDays(ground.today, -random.int(3000, 4200))
      return addCommittee(ground, project, {
        terms: [{ starts_on, years: 3 }],
        cancelled_on: addDays(lastDay(starts_on, 3), random.int(60, 700)),
      })
    }),
  ]
  if (committees.length !== committeesPerLayer)
    throw new Error(`${committees.length} committees instead of ${committeesPerLayer}`)
  return committees
}

interface Term {
  starts_on: string
  years: number
}

/** The present term and those before it, back to a year and a half after the first delivery. */
function termsUntil({ random }: Ground, project: Project, present: Term): Term[] {
  const terms = [present]
  const first = addDays(project.delivered_on ?? '', 540)
  while (terms.length < 3 && random.happens(0.65)) {
    const years = random.pick([3, 5])
    const starts_on = addYears(at(terms, 0).starts_on, -years)
    if (starts_on < first || starts_on < '2010') break
    terms.unshift({ starts_on, years })
  }
  return terms
}

function addCommittee(
  ground: Ground,
  project: Project,
  { terms, isShort = false, cancelled_on }: { terms: Term[]; isShort?: boolean; cancelled_on?: string },
): Committee {
  const { random } = ground
  const { street } = project
  const id = ground.newId('organisations')
  const name =
    (ground.layer === 0 && demoCommittees[project.index]) || `${shortDistrict(street.district_name)}${project.name}业主委员会`
  const formed_on = at(terms, 0).starts_on
  ground.add('organisations', {
    id,
    kind: 'committee',
    ...ground.named(name),
    code: null,
    region_code: street.code,
    district_code: street.district_code,
    street_code: street.code,
    status: cancelled_on ? 'disabled' : 'active',
    contact: null,
    phone: landlineOf(70_000 + ground.serialOf('organisations', id)),
    address: `${project.name}物业服务用房`,
  })
  ground.index('organisations', id, [name])
  ground.add('committees', {
    id,
    project_id: project.id,
    state: cancelled_on ? 'cancelled' : 'in-term',
    seal_number: `370100${String(7_000_000 + ground.serialOf('organisations', id))}`,
    bank_account_cipher: random.happens(0.6) ? encrypt('committees.bank_account', `DEM${String(random.int(1e12, 9e12))}`) : null,
    formed_on,
    cancelled_on: cancelled_on ?? null,
    ...stamps(ground.at),
  })
  const chairs = terms.map((term, index) => {
    const next = terms[index + 1]
    const until = next ? addDays(next.starts_on, -1) : cancelled_on
    return addTerm(ground, project, { ...term, committee_id: id, sequence: index + 1, until, isShort: isShort && !next })
  })
  return { id, project, name, formed_on, chair: last(chairs) }
}

/** @returns the chair */
function addTerm(
  ground: Ground,
  project: Project,
  term: Term & { committee_id: number; sequence: number; until: string | undefined; isShort: boolean },
): Owner {
  const { random, today } = ground
  const { starts_on, years, committee_id, sequence, until } = term
  const id = ground.newId('committee_terms')
  const count = project.houses.length
  const seats = count < 60 ? 5 : count < 150 ? 7 : count < 300 ? 9 : 11
  const filed_on = earlier(addDays(starts_on, random.happens(0.1) ? random.int(31, 70) : random.int(5, 29)), today)
  ground.add('committee_terms', {
    id,
    committee_id,
    sequence,
    state: until ? 'ended' : 'current',
    seats,
    elected_on: starts_on,
    starts_on,
    ends_on: lastDay(starts_on, years),
    number: fileNumber(ground, `济业备〔${filed_on.slice(0, 4)}〕${project.street.district_code}-`),
    filed_on,
    ...vote(ground, project),
    ...stamps(ground.at),
  })
  return addMembers(ground, project, { ...term, id, seats })
}

/**
 * A vote that carried: two thirds took part by number and by area, and more than half of them agreed (民法典 第278条). Each house
 * counts one voter, several houses of one buyer count one, and so do all that are not sold.
 */
function vote({ random }: Ground, { owners, houses }: Project) {
  const buyers = new Map(owners.map(owner => [owner.house, owner.id_number]))
  const voters = new Set(buyers.values()).size + (houses.some(house => house.state === 'unsold') ? 1 : 0)
  const area = houses.reduce((sum, house) => sum + house.area, 0)
  const turnout = 0.68 + random.next() * 0.25
  const consent = 0.55 + random.next() * 0.4
  const voters_present = Math.ceil(voters * turnout)
  const area_present = Math.ceil(area * turnout * (1 + random.next() * 0.04))
  return {
    voters,
    voting_area: decimal(area),
    voters_present,
    area_present: decimal(area_present),
    voters_for: Math.max(Math.ceil(voters_present * consent), Math.floor(voters_present / 2) + 1),
    area_for: decimal(Math.ceil(area_present * consent)),
  }
}

function addMembers(
  ground: Ground,
  project: Project,
  term: Term & { id: number; seats: number; until: string | undefined; isShort: boolean },
): Owner {
  const { random } = ground
  const { seats, until } = term
  const humans = new Map(
    project.owners.filter(owner => owner.isHuman && owner.starts_on <= term.starts_on).map(owner => [owner.id_number, owner]),
  )
  // The first owner of a demo project is the person of the demo account.
  const demo = ground.layer === 0 && project.index < 2 ? [at(project.owners, 0)] : []
  const willing = [...demo, ...random.shuffle([...humans.values()].filter(owner => !demo.includes(owner)))]
  const members = willing.slice(0, seats + (random.happens(0.3) ? random.int(1, 2) : 0))
  if (members.length < seats) throw new Error(`${project.name} has ${members.length} owners for a committee of ${seats}`)
  const resigned = term.isShort ? seats - Math.floor(seats / 2) : !until && random.happens(0.12) ? 1 : 0
  for (const [place, owner] of members.entries()) {
    const office: Office =
      place === 0
        ? 'chair'
        : place === 1
          ? 'vice-chair'
          : place === 2 && seats > 5
            ? 'executive'
            : place < seats
              ? 'member'
              : 'alternate'
    const isGone = place < seats && place >= seats - resigned
    addMember(ground, owner, { ...term, office, isGone })
  }
  return at(members, 0)
}

function addMember(
  ground: Ground,
  owner: Owner,
  {
    id,
    starts_on,
    until,
    office,
    isGone,
  }: { id: number; starts_on: string; until: string | undefined; office: Office; isGone: boolean },
) {
  const { random, today } = ground
  const gone = addDays(starts_on, Math.floor(daysBetween(starts_on, today) * (0.3 + random.next() * 0.6)))
  const end: { ends_on: string | null; end_reason: MemberEndReason | null } = until
    ? { ends_on: until, end_reason: 'term-over' }
    : isGone
      ? { ends_on: gone, end_reason: random.share({ resigned: 6, 'not-owner': 3, died: 1 }) }
      : { ends_on: null, end_reason: null }
  ground.add('committee_members', {
    term_id: id,
    owner_id: owner.id,
    office,
    political_status: random.pick(['群众', '群众', '中共党员', '中共党员', '民主党派']),
    education: random.share({ school: 2, college: 3, bachelor: 4, master: 1 }),
    occupation: random.pick(['退休', '教师', '工程师', '会计', '个体经营', '企业职员', '医生', '公务员', '律师']),
    starts_on,
    ...end,
    ...stamps(ground.at),
  })
}
