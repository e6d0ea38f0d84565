import type { Knex } from 'knex'
import { addDays } from '../../calendar.ts'
import { dayOf } from '../../clock.ts'
import { recordOn } from './archive.ts'
import { projectLinks } from './project.ts'
import { stoodOn } from './record-pages.ts'
import type { ContractState } from './words.ts'

/** What the tables know of a project beside its own row: who served it, by which contract, and who speaks for its owners. */

/** 项目挂接 of a project, as it stood on a day. */
export interface LinkFact {
  id: number
  company_id: number
  company: string
  phase: string
  method: string
  state: string
  number: string | null
  decided_on: string | null
  starts_on: string
  ends_on: string | null
  end_reason: string | null
  manager_id: number | null
  manager: string | null
}

/** 物业服务合同. `shown` is its state on the day asked for. */
export interface ContractFact {
  id: number
  company_id: number
  company: string
  phase: string
  filing: string
  state: string
  shown: ContractState
  number: string | null
  party: string
  signed_on: string
  starts_on: string
  ends_on: string
  filed_on: string | null
  ended_on: string | null
  fee_mode: string
  fee: string
}

export interface TermFact {
  sequence: number
  seats: number
  elected_on: string
  starts_on: string
  ends_on: string
  number: string | null
}

/** 业主委员会, with its newest term on the day asked for. */
export interface CommitteeFact {
  id: number
  name: string
  state: string
  formed_on: string | null
  cancelled_on: string | null
  term: TermFact | undefined
}

/** A case about the project that is through. */
export interface DoneFact {
  kind: string
  number: string | null
  on: string
}

/** 物业服务区域 of the project. */
export interface AreaFact {
  number: string
  registered_on: string
}

/** The newest 招标 or 协议选聘 of the project, as it stood on the day asked for. */
export interface TenderFact {
  id: number
  state: 'tendering' | 'opened' | 'awarded' | 'agreed' | 'failed' | 'settled' | 'cancelled'
  number: string | null
  filed_on: string | null
  announce_on: string | null
  bids_until: string | null
  opened_on: string | null
  failed_on: string | null
  award_number: string | null
  award_filed_on: string | null
  awarded_on: string | null
  winner_id: number | null
  winner: string | null
}

export interface ProjectFacts {
  links: LinkFact[]
  contracts: ContractFact[]
  committee: CommitteeFact | undefined
  area: AreaFact | undefined
  tender: TenderFact | undefined
  done: DoneFact[]
}

/** Days before its end in which a contract is 即将到期 (domain.md §5.6). */
const soon = 90

/** The state of a contract on a day: what is stored, and what follows from the date. */
export function contractState(
  { state, starts_on, ends_on, ended_on }: Pick<ContractFact, 'state' | 'starts_on' | 'ends_on' | 'ended_on'>,
  day: string,
): ContractState {
  if (state === 'filing') return 'filing'
  // What was dissolved before its first day never runs.
  if (day < starts_on && !(ended_on && day > ended_on)) return 'filed'
  // What ended later still ran on that day.
  const last = ended_on ?? ends_on
  if (day > last) return state === 'filed' ? 'lapsed' : (state as ContractState) // only states of a contract are stored
  return addDays(day, soon) >= last ? 'expiring' : 'running'
}

/**
 * Everything about a project that has begun by a day.
 * @param day `YYYY-MM-DD`, Beijing
 * @param past whether the day lies behind: then whoever is in charge is read back from the changes
 */
export async function projectFacts(db: Knex, project_id: number, day: string, past = false): Promise<ProjectFacts> {
  const [links, contracts, committees, area, tender, done] = await Promise.all([
    linksOf(db, project_id, day, past),
    db('contracts')
      .join('organisations', 'organisations.id', 'contracts.company_id')
      .where({ 'contracts.project_id': project_id })
      .where('contracts.signed_on', '<=', day)
      .orderBy([
        { column: 'contracts.starts_on', order: 'desc' },
        { column: 'contracts.id', order: 'desc' },
      ])
      .select('contracts.*', 'organisations.name as company') as Promise<ContractFact[]>,
    committeesOf(db, project_id, day),
    db('areas').where({ project_id }).where('registered_on', '<=', day).orderBy('id', 'desc').first('number', 'registered_on'),
    tenderOn(db, project_id, day, past),
    db('cases')
      .where({ subject_type: 'project', subject_id: project_id, state: 'done' })
      .orderBy('closed_at')
      .select('kind', 'number', 'closed_at') as Promise<{ kind: string; number: string | null; closed_at: Date }[]>,
  ])
  return {
    links,
    contracts: contracts.map(contract => ({
      ...contract,
      shown: contractState(contract, day),
      // On a past day nobody knew yet that it would end early.
      ended_on: contract.ended_on && contract.ended_on <= day ? contract.ended_on : null,
    })),
    committee: committees,
    area,
    tender,
    done: done.map(({ kind, number, closed_at }) => ({ kind, number, on: dayOf(closed_at) })).filter(({ on }) => on <= day),
  }
}

/** The newest tender begun by a day; of a past day its state follows from its dates. */
async function tenderOn(db: Knex, project_id: number, day: string, past: boolean): Promise<TenderFact | undefined> {
  const row: TenderFact | undefined = await db('tenders')
    .where({ project_id })
    .where('filed_on', '<=', day)
    .whereNot({ state: 'cancelled' })
    .orderBy('id', 'desc')
    .first()
  if (!row || !past) return row
  const by = (on: string | null) => on !== null && on <= day
  if (row.state === 'agreed' || !row.award_filed_on) return { ...row, state: by(row.failed_on) ? 'failed' : row.state }
  return by(row.award_filed_on)
    ? { ...row, state: 'awarded' }
    : { ...row, state: by(row.opened_on) ? 'opened' : 'tendering', award_filed_on: null, award_number: null }
}

async function linksOf(db: Knex, project_id: number, day: string, past: boolean): Promise<LinkFact[]> {
  const rows: LinkFact[] = await db('project_links')
    .join('organisations', 'organisations.id', 'project_links.company_id')
    .leftJoin('people', 'people.id', 'project_links.manager_id')
    .where({ 'project_links.project_id': project_id })
    .whereIn('project_links.state', ['linked', 'ended', 'pending'])
    .where(begun => begun.where('project_links.starts_on', '<=', day).orWhere({ 'project_links.state': 'pending' }))
    .orderBy([
      { column: 'project_links.starts_on', order: 'desc' },
      { column: 'project_links.id', order: 'desc' },
    ])
    .select('project_links.*', 'organisations.name as company', 'people.name as manager')
  if (!past) return rows
  const then = rows
    .filter(({ state }) => state !== 'pending')
    .map(link => (link.ends_on && link.ends_on < day ? link : { ...link, state: 'linked', ends_on: null, end_reason: null }))
  return await Promise.all(then.map(link => (link.state === 'linked' ? managedThen(db, link, day) : link)))
}

/** Who was in charge on a past day. */
async function managedThen(db: Knex, link: LinkFact, day: string): Promise<LinkFact> {
  const record = await recordOn(db, projectLinks, link.id, day)
  const manager_id = record?.answers.manager_id ? Number(record.answers.manager_id) : null
  if (manager_id === link.manager_id) return link
  const person: { name: string } | undefined = manager_id ? await db('people').where({ id: manager_id }).first('name') : undefined
  return { ...link, manager_id, manager: person?.name ?? null }
}

async function committeesOf(db: Knex, project_id: number, day: string): Promise<CommitteeFact | undefined> {
  const rows: (CommitteeFact & { created_at: Date })[] = await db('committees')
    .join('organisations', 'organisations.id', 'committees.id')
    .where({ 'committees.project_id': project_id })
    .orderBy('committees.id', 'desc')
    .select(
      'committees.id',
      'organisations.name',
      'committees.state',
      'committees.formed_on',
      'committees.cancelled_on',
      'committees.created_at',
    )
  const found = rows.find(({ formed_on, created_at, cancelled_on }) =>
    stoodOn({ starts_on: formed_on ?? dayOf(created_at), ends_on: cancelled_on }, day),
  )
  if (!found) return undefined
  const { created_at: _, ...committee } = found
  const term: TermFact | undefined = await db('committee_terms')
    .where({ committee_id: found.id })
    .where('starts_on', '<=', day)
    .orderBy('sequence', 'desc')
    .first('sequence', 'seats', 'elected_on', 'starts_on', 'ends_on', 'number')
  return { ...committee, term }
}

/** The company that serves a project, with its link, as the facts have it. */
export function serving({ links }: ProjectFacts): LinkFact | undefined {
  return links.find(({ state }) => state === 'linked')
}

/** The contract that holds now: the newest that has begun. */
export function presentContract({ contracts }: ProjectFacts): ContractFact | undefined {
  return (
    contracts.find(({ shown }) => shown === 'running' || shown === 'expiring') ??
    contracts.find(({ shown }) => shown === 'lapsed')
  )
}
