import type {
  ContractEndReason,
  ContractFiling,
  ContractState,
  PropertyType,
  SelectionMethod,
  ServicePhase,
  Stage,
} from '../src/modules/archives/words.ts'
import type { Committee } from './committees.ts'
import type { Company } from './companies.ts'
import { addDays, addYears, daysBetween, earlier, lastDay, later } from './days.ts'
import { addFees, type Priced } from './fees.ts'
import { fileNumber, type Ground } from './ground.ts'
import { recordTurns } from './project-files.ts'
import type { Project } from './projects.ts'
import { at, last } from './random.ts'
import { decimal, type Row, stamps } from './rows.ts'

/**
 * When the present contracts end, in days from today: some have run out and nobody has signed again, some end within the spans
 * of the reminders, the others later.
 */
const contractEnds: readonly (readonly [count: number, from: number, to: number])[] = [
  [14, -240, -3],
  [7, 1, 29],
  [7, 31, 59],
  [7, 61, 89],
]
/** Projects of the demo companies: one contract ends in 25 days, one has run out, the next two go on. */
const demoContractEnds = [25, -20, 400, 700]

/** Renewals that wait for their filing, and projects whose newly chosen company waits for its link. */
const waiting = { contracts: 5, links: 6 }

interface Agreement {
  project: Project
  company: Company
  phase: ServicePhase
  filing: ContractFiling
  state: ContractState
  starts_on: string
  ends_on: string
  ended_on?: string
  end_reason?: ContractEndReason
  party: string
}

interface Service {
  company: Company
  phase: ServicePhase
  starts_on: string
  ends_on?: string
  end_reason?: ContractEndReason
}

/** 项目挂接 and 物业服务合同 of every project, from its first delivery (or 2008, when the records begin) to today. */
export function serveProjects(
  ground: Ground,
  projects: Project[],
  { companies, committees, managers }: { companies: Company[]; committees: Committee[]; managers: Map<number, number> },
): void {
  const committeeOf = new Map(committees.map(committee => [committee.project, committee]))
  const endOf = endsOf(ground, projects, committeeOf)

  const agreements: Agreement[] = []
  for (const project of projects) {
    const end = endOf.get(project)
    const committee = committeeOf.get(project)
    const { services, contracts } = end
      ? present(ground, project, { end, committee })
      : project.former
        ? past(ground, project, project.former)
        : { services: [], contracts: [] }
    for (const service of services) addLink(ground, project, service, managers)
    agreements.push(...contracts)
    addStages(ground, project, services, contracts)
  }
  renewSome(ground, agreements)
  const lapsed = projects.filter(({ stage, index }) => stage === 'selected' && index > 3)
  chooseAnew(
    ground,
    lapsed.filter(project => (endOf.get(project) ?? ground.today) < ground.today),
    companies,
  )
  addContracts(ground, agreements)
}

/** 挂接 and 合同 of one project that its company has served from the first, until the day its present contract ends. */
export function serveOne(ground: Ground, project: Project, end: string, managers: Map<number, number>): void {
  const { services, contracts } = present(ground, project, { end, committee: undefined })
  for (const service of services) addLink(ground, project, service, managers)
  addStages(ground, project, services, contracts)
  addContracts(ground, contracts)
}

/** How the stage of a project came to be what it is. */
function addStages(ground: Ground, project: Project, services: Service[], contracts: Agreement[]) {
  const { stage, turns } = project
  const begin = services[0]?.starts_on ?? addDays(ground.today, stage === 'tendering' ? 40 : 400)
  const selected = contracts.find(({ phase }) => phase === 'selected')?.starts_on
  const gone = services.at(-1)?.ends_on
  const turn = (on: string, before: Stage, after: Stage) => turns.push({ on, field: 'stage', before, after })
  if (stage !== 'divided') turn(addDays(begin, -90), 'divided', 'tendering')
  if (services.length) turn(begin, 'tendering', 'early')
  if (selected) turn(selected, 'early', 'selected')
  if (!project.company && gone) turn(addDays(gone, 1), 'early', stage)
  recordTurns(ground, project, turns)
}

/** When the present contract of each served project ends. Only those served for some years are about to run out. */
function endsOf({ random, today }: Ground, projects: Project[], committeeOf: Map<Project, Committee>): Map<Project, string> {
  const drawn = contractEnds.flatMap(([count, from, to]) => Array.from({ length: count }, () => random.int(from, to)))
  const isSettled = (project: Project) =>
    [project.delivered_on, project.company?.established_on, committeeOf.get(project)?.formed_on ?? ''].every(
      day => day !== undefined && day < addDays(today, -1200),
    )
  const served = projects.filter(project => project.company)
  const settled = random.shuffle(served.filter(project => project.index > 3 && isSettled(project))).slice(0, drawn.length)
  if (settled.length < drawn.length) throw new Error(`only ${settled.length} projects have been served for long`)
  const days = new Map(settled.map((project, index) => [project, at(drawn, index)]))
  return new Map(
    served.map(project => [
      project,
      addDays(today, days.get(project) ?? (project.index < 4 ? at(demoContractEnds, project.index) : random.int(91, 1500))),
    ]),
  )
}

/** Who serves a project now, and who did before its owners chose. */
function present(ground: Ground, project: Project, { end, committee }: { end: string; committee: Committee | undefined }) {
  const { random, today } = ground
  const company = project.company
  if (!company) throw new Error(`${project.name} has a contract and no company`)
  const begin = beginOf(ground, project, project.former ?? company)
  const party = project.developer.name
  if (project.stage !== 'selected' || !committee) {
    const contracts = chain(
      ground,
      { project, company, phase: 'early', party },
      { from: begin, until: end, begunBy: addDays(today, -20) },
    )
    return { services: [{ company, phase: 'early', starts_on: begin } satisfies Service], contracts }
  }
  // The owners choose some months after they have a committee.
  const chosen = earlier(addDays(committee.formed_on, random.int(60, 500)), addDays(today, -random.int(20, 60)))
  const takeover = later(later(chosen, addDays(begin, 200)), addDays(company.established_on, 60))
  const before = { project, company: project.former ?? company, phase: 'early', party } as const
  const agreed = addDays(takeover, random.int(-1, 400))
  const early = cutShort(chain(ground, before, { from: begin, until: agreed, begunBy: addDays(takeover, -100) }), takeover)
  const selected = chain(
    ground,
    { project, company, phase: 'selected', party: committee.name },
    { from: takeover, until: later(end, addDays(takeover, 300)), begunBy: addDays(today, -20) },
  )
  const services: Service[] = project.former
    ? [
        {
          company: project.former,
          phase: 'early',
          starts_on: begin,
          ends_on: addDays(takeover, -1),
          end_reason: last(early).end_reason,
        },
        { company, phase: 'selected', starts_on: takeover },
      ]
    : // The same company chosen again needs no new link.
      [{ company, phase: 'early', starts_on: begin }]
  return { services, contracts: [...early, ...selected] }
}

/** Projects nobody serves any more. */
function past(ground: Ground, project: Project, company: Company) {
  const { random, today } = ground
  const begin = beginOf(ground, project, company)
  const [least, most] = goneSince[project.stage] ?? [100, 500]
  const gone = later(addDays(today, -random.int(least, most)), addDays(begin, 300))
  const reason: ContractEndReason =
    project.stage === 'self-managed'
      ? 'term-over'
      : project.stage === 'withdrawn'
        ? 'withdrawn'
        : random.pick(['withdrawn', 'agreed', 'dismissed'])
  const over = reason === 'term-over'
  const contracts = chain(
    ground,
    { project, company, phase: 'early', party: project.developer.name },
    { from: begin, until: over ? gone : addDays(gone, random.int(30, 500)), begunBy: addDays(gone, -100) },
  )
  const end = last(contracts)
  Object.assign(end, {
    state: over ? 'ended' : 'dissolved',
    ended_on: over ? undefined : gone,
    end_reason: reason,
  } satisfies Partial<Agreement>)
  return {
    services: [{ company, phase: 'early', starts_on: begin, ends_on: gone, end_reason: reason } satisfies Service],
    contracts,
  }
}

/** How many days ago the last company left, by stage. */
const goneSince: Partial<Record<Stage, readonly [number, number]>> = {
  'self-managed': [300, 1800],
  unmanaged: [200, 2500],
  withdrawn: [10, 200],
}

/** The records begin in 2008; a company comes two months before the first keys are handed over, if it existed then. */
function beginOf({ random, today }: Ground, { delivered_on }: Project, company: Company): string {
  const come = delivered_on
    ? later(addDays(delivered_on, -60), `2008-0${random.int(1, 9)}-01`)
    : addDays(today, -random.int(30, 300))
  return later(earlier(come, addDays(today, -25)), addDays(company.established_on, 60))
}

/**
 * Contracts without a gap from one day to another, of two to five years each and the first a little longer where that saves a
 * short one. The last has begun by the day given.
 */
function chain(
  { random }: Ground,
  common: Pick<Agreement, 'project' | 'company' | 'phase' | 'party'>,
  { from, until, begunBy }: { from: string; until: string; begunBy: string },
): Agreement[] {
  const contracts: Agreement[] = []
  for (let ends_on = until; ends_on >= from; ) {
    const starts = [2, 3, 3, 5].map(years => addYears(addDays(ends_on, 1), -years))
    const lawful = starts.filter(day => day <= begunBy)
    const start = contracts.length || !lawful.length ? random.pick(starts) : random.pick(lawful)
    const starts_on = daysBetween(from, start) < 360 ? from : start
    const isLast = !contracts.length
    contracts.unshift({
      ...common,
      filing: starts_on === from ? 'new' : 'renewal',
      state: isLast ? 'filed' : 'ended',
      starts_on,
      ends_on,
      ...(isLast ? {} : { end_reason: 'term-over' }),
    })
    ends_on = addDays(starts_on, -1)
  }
  return contracts
}

/** A contract signed by the committee ends the early one the day before it takes effect. */
function cutShort(contracts: Agreement[], takeover: string): Agreement[] {
  return contracts
    .filter(contract => contract.starts_on < takeover)
    .map(contract => {
      if (contract.ends_on < takeover) return { ...contract, state: 'ended', end_reason: 'term-over' }
      return { ...contract, state: 'ended', ended_on: addDays(takeover, -1), end_reason: 'committee-contract' }
    })
}

/** Some whose contract ends soon have signed again and wait for the filing. */
function renewSome(ground: Ground, contracts: Agreement[]) {
  const { random, today } = ground
  const soon = contracts.filter(
    ({ state, ends_on, project }) => state === 'filed' && ends_on > today && ends_on < addDays(today, 60) && project.index > 3,
  )
  for (const old of random.shuffle(soon).slice(0, waiting.contracts)) {
    const starts_on = addDays(old.ends_on, 1)
    const next: Agreement = { ...old, filing: 'renewal', state: 'filing', starts_on, ends_on: lastDay(starts_on, 3) }
    contracts.splice(contracts.indexOf(old) + 1, 0, next)
  }
}

/** Some whose contract has run out have chosen another company, which asks for its link. */
function chooseAnew(ground: Ground, projects: Project[], companies: Company[]) {
  const { random, today } = ground
  for (const project of projects.slice(0, waiting.links)) {
    const company = random.weigh(companies, company => (company === project.company ? 0 : company.weight))
    ground.add('project_links', {
      ...linkRow(project, { company, phase: 'selected', starts_on: addDays(today, random.int(10, 40)) }),
      method: random.share<SelectionMethod>({ open: 3, agreed: 7 }),
      manager_id: null,
      state: 'pending',
      number: null,
      decided_on: addDays(today, -random.int(5, 40)),
      ...stamps(ground.at),
    })
  }
}

function addLink(ground: Ground, project: Project, service: Service, managers: Map<number, number>) {
  const { random } = ground
  const isLarge = project.floor_area > 3_000_000
  ground.add('project_links', {
    ...linkRow(project, service),
    method: random.share<SelectionMethod>(
      service.phase === 'early' ? { open: isLarge ? 8 : 5, invited: 3, agreed: isLarge ? 0 : 3 } : { open: 4, agreed: 6 },
    ),
    manager_id: service.ends_on ? null : (managers.get(project.id) ?? null),
    state: service.ends_on ? 'ended' : 'linked',
    number: service.phase === 'selected' ? fileNumber(ground, `济物挂〔${service.starts_on.slice(0, 4)}〕`) : null,
    // Chosen before the contract is signed, which is at most forty days before it begins.
    decided_on: addDays(service.starts_on, -random.int(45, 90)),
    ...stamps(ground.at),
  })
}

function linkRow(project: Project, { company, phase, starts_on, ends_on, end_reason }: Service) {
  return {
    project_id: project.id,
    company_id: company.id,
    phase,
    starts_on,
    ends_on: ends_on ?? null,
    end_reason: end_reason ?? null,
  }
}

/** Yuan for a square metre and month, in hundredths. */
const fees: Record<PropertyType, readonly [number, number]> = {
  'multi-storey': [35, 110],
  'high-rise': [110, 280],
  villa: [250, 450],
  office: [300, 900],
  commercial: [400, 1200],
  industrial: [150, 380],
  school: [200, 400],
  hospital: [300, 600],
  other: [200, 500],
}

type ContractRow = Row & {
  id: number
  filed_on: string | null
  fee_mode: string
  fee: string
  pricing: string
  service_level: number
  region: string
}

/** Filed contracts get their numbers in the order of the filing. */
function addContracts(ground: Ground, agreements: Agreement[]) {
  const { random, today } = ground
  const rows: ContractRow[] = []
  let before: ContractRow | undefined
  for (const agreement of agreements) {
    const { project, company, state, starts_on, party, ended_on, end_reason, ...rest } = agreement
    const id = ground.newId('contracts')
    const signed_on =
      state === 'filing'
        ? addDays(today, -random.int(1, 9))
        : earlier(addDays(starts_on, -random.int(5, 40)), addDays(today, -12))
    const isLate = random.happens(0.08)
    const filed_on =
      state === 'filing' ? null : earlier(addDays(signed_on, isLate ? random.int(11, 45) : random.int(2, 10)), today)
    const [low, high] = fees[project.type]
    const level = random.int(1, 5)
    const isHome = project.type === 'multi-storey' || project.type === 'high-rise'
    const known = before?.project_id === project.id && before.company_id === company.id ? before : undefined
    const row = {
      id,
      project_id: project.id,
      company_id: company.id,
      previous_id: known?.id ?? null,
      ...rest,
      state,
      number: null,
      party,
      signed_on,
      starts_on,
      filed_on,
      begun_on: state !== 'filing' && starts_on <= today ? starts_on : null,
      ended_on: ended_on ?? null,
      end_reason: end_reason ?? null,
      fee_mode: known?.fee_mode ?? random.share({ 'lump-sum': 85, remuneration: 15 }),
      pricing: isHome && agreement.phase === 'early' ? 'guided' : 'market',
      service_level: known?.service_level ?? level,
      fee: known?.fee ?? decimal(low + Math.round(((high - low) * (level - 1 + random.next())) / 5)),
      serviced_area: decimal(project.floor_area),
      ...stamps(ground.at),
      region: project.street.district_code,
    }
    rows.push(row)
    before = row
  }
  const numbers = new Map<Row, string>()
  for (const row of rows.filter(row => row.filed_on).sort((a, b) => ((a.filed_on ?? '') < (b.filed_on ?? '') ? -1 : 1))) {
    const year = row.filed_on?.slice(0, 4)
    numbers.set(
      row,
      fileNumber(
        ground,
        row.phase === 'early' && row.filing === 'new' ? `济物前备〔${year}〕` : `济物合备〔${year}〕${row.region}-`,
      ),
    )
  }
  for (const row of rows) {
    const { region: _, ...columns } = row
    ground.add('contracts', { ...columns, number: numbers.get(row) ?? null })
  }
  const held = new Map<Project, Priced[]>()
  for (const [index, { project, state, starts_on, ends_on, ended_on }] of agreements.entries()) {
    const row = at(rows, index)
    if (state === 'filing') continue
    const until = ended_on ?? (state === 'filed' ? undefined : ends_on)
    const { id, fee, pricing, service_level } = row
    held.set(project, [
      ...(held.get(project) ?? []),
      { id, starts_on, until, fee, pricing, service_level, number: numbers.get(row) ?? null },
    ])
  }
  for (const [project, priced] of held) addFees(ground, project, priced)
}
