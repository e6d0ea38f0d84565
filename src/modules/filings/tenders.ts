import type { Knex } from 'knex'
import { now, today } from '../../clock.ts'
import { registerFiled } from '../../documents/documents.ts'
import { NotFound, NotNow } from '../../errors.ts'
import { changeRecord } from '../archives/archive.ts'
import { projects } from '../archives/project.ts'
import { draftArticle } from './articles.ts'
import { lockProject } from './project.ts'
import { touchProject } from './touched.ts'
import { type BidState, type TenderMethod, type TenderState, tenderStates } from './words.ts'

/**
 * 前期招标: the register, and how a tender goes from the filing to the contract (domain.md §5.2, §5.3). One tender of a project runs,
 * or has a winner without a contract, at a time; after 流标 the next filing is the next row.
 */

export interface Tender {
  id: number
  project_id: number
  developer_id: number
  case_id: number | null
  award_case_id: number | null
  previous_id: number | null
  state: TenderState
  method: TenderMethod
  organising: 'self' | 'agency'
  number: string | null
  filed_on: string | null
  agency: string | null
  service_level: number | null
  fee: string | null
  term_months: number | null
  floor_area: string
  announce_on: string | null
  documents_from: string | null
  documents_until: string | null
  bids_until: string | null
  opens_on: string | null
  opens_at: string | null
  opening_place: string | null
  committee_size: number | null
  valid_until: string | null
  opened_on: string | null
  failed_on: string | null
  failed_reason: string | null
  award_number: string | null
  awarded_on: string | null
  award_filed_on: string | null
  winner_id: number | null
  winner: string | null
  price: string | null
  manager: string | null
  version: number
}

/** Where a tender can go from each state; where nothing is left it is over. */
export const tenderMoves: Readonly<Record<TenderState, readonly TenderState[]>> = {
  // A developer that enters the opening with the award goes there at once.
  tendering: ['opened', 'awarded', 'failed', 'cancelled'],
  opened: ['awarded', 'failed', 'cancelled'],
  awarded: ['settled', 'cancelled'],
  agreed: ['settled', 'cancelled'],
  settled: [],
  failed: [],
  cancelled: [],
}

/** The tender of a project that runs, or whose winner has no contract yet; nothing where there is none. */
export async function liveTender(db: Knex, project_id: number): Promise<Tender | undefined> {
  return await db('tenders').where({ project_id, live: 1 }).first()
}

/** The tender of a project that came to nothing last, unless a later one went on; a new filing or an agreement follows it. */
export async function failedTender(db: Knex, project_id: number): Promise<Tender | undefined> {
  const last: Tender | undefined = await db('tenders').where({ project_id }).orderBy('id', 'desc').first()
  return last?.state === 'failed' ? last : undefined
}

/** Who was chosen for a project by a filed award or an approved agreement, and has no contract filed yet. */
export async function awardOf(db: Knex, project_id: number): Promise<Tender | undefined> {
  const tender = await liveTender(db, project_id)
  return tender && (tender.state === 'agreed' || (tender.state === 'awarded' && tender.award_filed_on)) ? tender : undefined
}

/** A tender with its row locked; lock its project first. @throws NotFound */
export async function lockTender(trx: Knex.Transaction, id: number): Promise<Tender> {
  const row: Tender | undefined = await trx('tenders').where({ id }).forUpdate().first()
  if (!row) throw new NotFound()
  return row
}

/**
 * Enters what a filing or an approval begins. The row before, if it failed, is named in it.
 * @returns its id
 * @throws NotNow while another tender of the project runs
 */
export async function enterTender(
  trx: Knex.Transaction,
  facts: Partial<Tender> & Pick<Tender, 'project_id' | 'developer_id' | 'state' | 'method' | 'organising'>,
): Promise<number> {
  const { district_code, street_code, floor_area } = await lockProject(trx, facts.project_id)
  const held = await liveTender(trx, facts.project_id)
  if (held) throw new NotNow(`现在不能通过：${runningSentence(held)}本件请不通过并说明理由。`)
  const at = now()
  const [id = 0] = await trx('tenders').insert({
    ...facts,
    previous_id: (await failedTender(trx, facts.project_id))?.id ?? null,
    district_code,
    street_code,
    floor_area,
    created_at: at,
    updated_at: at,
  })
  return id
}

/** That a tender of the project is there already, with how it stands. */
export function runningSentence({ number, state }: Pick<Tender, 'number' | 'state'>): string {
  return `这个项目的招标${number ? ` ${number} ` : ''}现在${tenderStates[state]}，没有办结以前不能再招标。`
}

/**
 * Moves a tender on; the caller holds its lock.
 * @throws NotNow for a step that does not exist
 */
export async function moveTender(
  trx: Knex.Transaction,
  tender: Pick<Tender, 'id' | 'state' | 'version'>,
  state: TenderState,
  changes: Partial<Tender> = {},
): Promise<void> {
  if (!tenderMoves[tender.state].includes(state))
    throw new NotNow(`这次招标现在${tenderStates[tender.state]}，不能改为${tenderStates[state]}。`)
  await trx('tenders')
    .where({ id: tender.id })
    .update({ ...changes, state, updated_at: now(), version: tender.version + 1 })
}

/**
 * 流标: the tender ends, the project waits for the next one, and 流标公告 is drafted. Project and tender are locked here.
 * @param reason why, for the register and the public
 * @throws NotFound, NotNow when it has an award or has ended
 */
export async function failTender(trx: Knex.Transaction, id: number, reason: string): Promise<void> {
  const found: Pick<Tender, 'project_id'> | undefined = await trx('tenders').where({ id }).first('project_id')
  if (!found) throw new NotFound()
  const project = await lockProject(trx, found.project_id)
  const tender = await lockTender(trx, id)
  const failed_on = today()
  await moveTender(trx, tender, 'failed', { failed_on, failed_reason: reason })
  await turnStage(trx, project.id, 'tendering', 'divided', tender.case_id)
  await draftArticle(trx, {
    column: 'awards',
    title: `${project.name}前期物业服务招标流标公告`,
    body: `${project.name}前期物业服务招标（备案编号 ${tender.number ?? '无'}）流标。\n\n原因：${reason}\n\n日期：${failed_on}`,
    source: `tender-failed:${id}`,
    case_id: tender.case_id,
  })
  await touchProject(trx, project.id)
}

/** Turns the stage of a project that is where a tender takes it from; one that is elsewhere, as when it is served already, stays. */
export async function turnStage(
  trx: Knex.Transaction,
  project_id: number,
  from: 'divided' | 'tendering',
  to: 'divided' | 'tendering',
  case_id: number | null,
): Promise<void> {
  const { stage } = await lockProject(trx, project_id)
  if (stage === from) await changeRecord(trx, projects, project_id, { answers: { stage: to }, by: { user_id: null, case_id } })
}

export interface Bid {
  name: string
  code: string | null
  company_id: number | null
  price: string
  score: string | null
  standing: number | null
  state: BidState
  reason: string | null
}

/** The bids of a tender, candidates first. */
export async function bidsOf(db: Knex, tender_id: number): Promise<Bid[]> {
  return await db('tender_bids')
    .where({ tender_id })
    .orderByRaw('standing is null, standing, id')
    .select('name', 'code', 'company_id', 'price', 'score', 'standing', 'state', 'reason')
}

/** Writes what the award says of the bids over what the opening did. */
export async function keepBids(trx: Knex.Transaction, tender_id: number, bids: readonly Bid[]): Promise<void> {
  const at = now()
  await trx('tender_bids')
    .insert(bids.map(bid => ({ ...bid, tender_id, created_at: at, updated_at: at })))
    .onConflict(['tender_id', 'name'])
    .merge(['code', 'company_id', 'price', 'score', 'standing', 'state', 'updated_at'])
}

// What 招标备案证明, 中标备案证明 and 协议选聘批复 are worth (verification page): what came to nothing stands no more.
for (const type of ['tender', 'tender-award'])
  registerFiled(type, async (db, id) => {
    const row: Pick<Tender, 'state' | 'failed_on'> | undefined = await db('tenders').where({ id }).first('state', 'failed_on')
    const isOver = row?.state === 'failed' || row?.state === 'cancelled'
    return row && { valid_until: null, ended_on: isOver ? (row.failed_on ?? today()) : null }
  })
