import type { Knex } from 'knex'
import { portalItself, record } from '../../admin/action-log.ts'
import { addDays } from '../../calendar.ts'
import { now, today } from '../../clock.ts'
import { inTransaction } from '../../db.ts'
import { registerFiled } from '../../documents/documents.ts'
import { NotFound } from '../../errors.ts'
import { changeRecord, createRecord, type RecordAnswers } from '../archives/archive.ts'
import { fees, projects } from '../archives/project.ts'
import { tellCeiling } from '../archives/project-notices.ts'
import {
  type ContractEndReason,
  type ContractFiling,
  contractEndReasons,
  type FeeMode,
  type Pricing,
  type PropertyType,
  type ServicePhase,
  type Stage,
} from '../archives/words.ts'
import { lockProject } from './project.ts'
import { touchProject } from './touched.ts'

/**
 * 物业服务合同 (domain.md §5.4, §5.6): the register, and what follows from a contract on the day it begins or ends. Nobody keeps a
 * state up by hand: what the day says is worked out (`contractState`), what the day changes elsewhere the job does.
 */

/** 收费标准 of a contract for one type of property. */
export interface ContractFee {
  property_type: PropertyType
  service_level: number | null
  pricing: Pricing
  price: string
  elevator_fee: string | null
  parking_ground_fee: string | null
  parking_underground_fee: string | null
  parking_visit_fee: string | null
  waste_fee: string | null
  basis: string | null
}

export interface Contract {
  id: number
  project_id: number
  company_id: number
  /** The contract it continues or changes. */
  previous_id: number | null
  phase: ServicePhase
  filing: ContractFiling
  /** Stored are filing, filed, changed, dissolved, ended. */
  state: 'filing' | 'filed' | 'changed' | 'dissolved' | 'ended'
  number: string | null
  /** Who signed on the other side. */
  party: string
  signed_on: string
  starts_on: string
  ends_on: string
  filed_on: string | null
  ended_on: string | null
  end_reason: string | null
  fee_mode: FeeMode
  pricing: Pricing
  service_level: number | null
  fee: string
  serviced_area: string
  case_id: number | null
  signing_id: number | null
  late_days: number
  begun_on: string | null
}

/** What a filing says of a contract. */
export interface NewContract
  extends Omit<
    Contract,
    'id' | 'state' | 'number' | 'filed_on' | 'ended_on' | 'end_reason' | 'begun_on' | 'previous_id' | 'signing_id' | 'late_days'
  > {
  previous_id?: number | null
  signing_id?: number | null
  late_days?: number
  fees: readonly ContractFee[]
}

const names = [
  'id',
  'project_id',
  'company_id',
  'previous_id',
  'phase',
  'filing',
  'state',
  'number',
  'party',
  'signed_on',
  'starts_on',
  'ends_on',
  'filed_on',
  'ended_on',
  'end_reason',
  'fee_mode',
  'pricing',
  'service_level',
  'fee',
  'serviced_area',
  'case_id',
  'signing_id',
  'late_days',
  'begun_on',
]
/** The columns of a contract, wherever others are joined to it. */
export const contractColumns = names.map(name => `contracts.${name}`)

/** A contract by id. @throws NotFound */
export async function contractAt(db: Knex, id: number): Promise<Contract> {
  const row: Contract | undefined = await db('contracts').where({ id }).first(contractColumns)
  if (!row) throw new NotFound()
  return row
}

/** Its prices, in the order they were written down. */
export async function feesOfContract(db: Knex, contract_id: number): Promise<ContractFee[]> {
  return await db('contract_fees')
    .where({ contract_id })
    .orderBy('id')
    .select(
      'property_type',
      'service_level',
      'pricing',
      'price',
      'elevator_fee',
      'parking_ground_fee',
      'parking_underground_fee',
      'parking_visit_fee',
      'waste_fee',
      'basis',
    )
}

/** The last day a contract runs: the end agreed, or the day it really ended. */
export const lastDayOf = ({ ended_on, ends_on }: Pick<Contract, 'ended_on' | 'ends_on'>) => ended_on ?? ends_on

/** Every contract of a project that was filed, the newest first. */
export async function contractsOf(db: Knex, project_id: number): Promise<Contract[]> {
  return await db('contracts')
    .where({ project_id })
    .whereNot({ state: 'filing' })
    .orderBy([
      { column: 'starts_on', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .select(contractColumns)
}

/** The filed contract a project runs under on a day; nothing where none does. */
export async function contractOn(db: Knex, project_id: number, day = today()): Promise<Contract | undefined> {
  const rows = await contractsOf(db, project_id)
  return rows.find(row => row.starts_on <= day && lastDayOf(row) >= day)
}

/**
 * The filed contracts of a project whose time meets a period, the earliest first: two may not run on one day (domain.md §5.6). Those of
 * the early phase are among them; a contract the committee signs ends them by itself.
 * @param except the contract that the new one continues or changes
 */
export async function overlapping(
  db: Knex,
  project_id: number,
  from: string,
  until: string,
  except?: number,
): Promise<Contract[]> {
  const rows = await contractsOf(db, project_id)
  return rows
    .filter(row => row.id !== except && row.starts_on <= until && lastDayOf(row) >= from && lastDayOf(row) >= row.starts_on)
    .reverse()
}

function rowOf({ fees: _, ...contract }: NewContract) {
  return { ...contract, previous_id: contract.previous_id ?? null, signing_id: contract.signing_id ?? null }
}

async function putFees(trx: Knex.Transaction, contract_id: number, lines: readonly ContractFee[]): Promise<void> {
  await trx('contract_fees').where({ contract_id }).delete()
  if (lines.length) await trx('contract_fees').insert(lines.map(line => ({ ...line, contract_id })))
}

/** The row a case has in the register already, with its lock. */
async function rowOfCase(trx: Knex.Transaction, case_id: number | null): Promise<{ id: number; state: string } | undefined> {
  return case_id === null ? undefined : await trx('contracts').where({ case_id }).forUpdate().first('id', 'state')
}

/**
 * 备案中: the register knows a contract from the submission on; a corrected edition takes the place of the one before.
 * @returns its id
 */
export async function proposeContract(trx: Knex.Transaction, contract: NewContract): Promise<number> {
  await lockProject(trx, contract.project_id)
  const there = await rowOfCase(trx, contract.case_id)
  const at = now()
  const row = { ...rowOf(contract), state: 'filing', updated_at: at }
  let id = there?.id
  if (id) await trx('contracts').where({ id }).update(row)
  else [id = 0] = await trx('contracts').insert({ ...row, created_at: at })
  await putFees(trx, id, contract.fees)
  await touchProject(trx, contract.project_id)
  return id
}

/** The filing came to nothing, or is written anew: the register forgets what was only proposed. */
export async function withdrawContract(trx: Knex.Transaction, case_id: number): Promise<void> {
  const there: { id: number; project_id: number } | undefined = await trx('contracts')
    .where({ case_id, state: 'filing' })
    .first('id', 'project_id')
  if (!there) return
  await lockProject(trx, there.project_id)
  await trx('contract_fees').where({ contract_id: there.id }).delete()
  await trx('contracts').where({ id: there.id, state: 'filing' }).delete()
  await touchProject(trx, there.project_id)
}

/**
 * 已备案: enters a contract in the transaction of its approval, and lets it begin when its day has come.
 * @param filed its number and the day it was filed
 * @returns its id
 */
export async function enterContract(
  trx: Knex.Transaction,
  contract: NewContract,
  { number, filed_on }: { number: string | null; filed_on: string },
): Promise<number> {
  await lockProject(trx, contract.project_id)
  const there = await rowOfCase(trx, contract.case_id)
  const at = now()
  const row = { ...rowOf(contract), state: 'filed', number, filed_on, updated_at: at }
  let id = there?.id
  if (id)
    await trx('contracts')
      .where({ id })
      .update({ ...row, version: trx.raw('version + 1') })
  else [id = 0] = await trx('contracts').insert({ ...row, created_at: at })
  await putFees(trx, id, contract.fees)
  if (contract.starts_on <= today()) await beginContract(trx, id)
  await touchProject(trx, contract.project_id)
  return id
}

/**
 * A filed contract comes into force: its prices become the 收费标准 of the project, the contract it continues or changes is over, and
 * so is that of the early phase when the owners' committee signed this one (物业管理条例 第二十六条). Once done, it does nothing.
 * @returns whether it began now
 */
export async function beginContract(trx: Knex.Transaction, id: number): Promise<boolean> {
  const { project_id } = await contractAt(trx, id)
  const project = await lockProject(trx, project_id)
  const contract: Contract | undefined = await trx('contracts').where({ id }).forUpdate().first(contractColumns)
  if (!contract || contract.state === 'filing' || contract.begun_on || contract.starts_on > today()) return false
  await trx('contracts')
    .where({ id })
    .update({ begun_on: today(), updated_at: now(), version: trx.raw('version + 1') })
  // What was ended before it ever ran changes nothing.
  if (lastDayOf(contract) >= contract.starts_on) {
    await endEarlier(trx, contract)
    await setFees(trx, contract)
    const stage = stageIn(contract.phase, project.stage)
    if (stage && stage !== project.stage)
      await changeRecord(trx, projects, project_id, {
        answers: { stage },
        by: { user_id: null, case_id: contract.case_id },
      })
  }
  await record(trx, portalItself, {
    action: 'contract.begin',
    object: { type: 'contract', id, label: contract.number ?? '' },
    detail: { project: project.name, from: contract.starts_on },
  })
  await touchProject(trx, project_id)
  return true
}

/** The stage a project is in under such a contract; nothing where the contract does not say. */
function stageIn(phase: ServicePhase, present: string): Stage | undefined {
  if (phase === 'selected') return 'selected'
  return phase === 'early' && present !== 'selected' ? 'early' : undefined
}

/** The contracts before this one are over now, each for its own reason. */
async function endEarlier(trx: Knex.Transaction, contract: Contract): Promise<void> {
  const { id, project_id, previous_id, filing, phase, starts_on } = contract
  const others: Contract[] = await trx('contracts')
    .where({ project_id, state: 'filed' })
    .whereNot({ id })
    .where('starts_on', '<', starts_on)
    .forUpdate()
    .select(contractColumns)
  const eve = addDays(starts_on, -1)
  for (const other of others) {
    if (other.id === previous_id && filing === 'change') await close(trx, other, { state: 'changed', on: eve, reason: null })
    else if (other.ends_on < starts_on)
      await close(trx, other, { state: 'ended', on: other.ended_on ?? other.ends_on, reason: 'term-over' })
    else if (other.phase === 'early' && phase === 'selected')
      await close(trx, other, { state: 'ended', on: eve, reason: 'committee-contract' })
  }
}

interface Ending {
  state: 'changed' | 'dissolved' | 'ended'
  /** The last day it runs. */
  on: string
  reason: ContractEndReason | null
}

async function close(trx: Knex.Transaction, { id, ended_on }: Contract, { state, on, reason }: Ending): Promise<void> {
  await trx('contracts')
    .where({ id })
    .update({
      state,
      // What ended earlier already does not come to life again.
      ended_on: ended_on && ended_on < on ? ended_on : on,
      end_reason: reason,
      updated_at: now(),
      version: trx.raw('version + 1'),
    })
}

/**
 * Ends a filed contract: dissolved, or over because another company takes the project.
 * @param ending `on` is the last day it runs, today's, a past one or one to come; its prices stop with it
 * @returns whether it was still open to be ended
 */
export async function endContract(trx: Knex.Transaction, id: number, ending: Ending): Promise<boolean> {
  const { project_id } = await contractAt(trx, id)
  const project = await lockProject(trx, project_id)
  const contract: Contract | undefined = await trx('contracts').where({ id }).forUpdate().first(contractColumns)
  if (contract?.state !== 'filed') return false
  await close(trx, contract, ending)
  if (ending.on < today()) await stopFees(trx, { ...contract, ended_on: ending.on })
  await record(trx, portalItself, {
    action: 'contract.end',
    object: { type: 'contract', id, label: contract.number ?? '' },
    detail: { project: project.name, on: ending.on, ...(ending.reason ? { reason: contractEndReasons[ending.reason] } : {}) },
  })
  await touchProject(trx, project_id)
  return true
}

// ── 收费标准 of the project ────────────────────────────────────────────────────────────────────

interface FeeRow {
  id: number
  contract_id: number | null
  property_type: string
  starts_on: string
  ends_on: string | null
}

const asText = (value: string | number | null) => (value === null ? '' : String(value))

/** The prices of a contract become those of its project from its first day on; what was charged before stays in the history. */
async function setFees(trx: Knex.Transaction, contract: Contract): Promise<void> {
  const { id, project_id, starts_on, case_id } = contract
  const by = { user_id: null, case_id }
  const lines = await feesOfContract(trx, id)
  const held: FeeRow[] = await trx('project_fees')
    .where({ project_id })
    .where(open => open.whereNull('ends_on').orWhere('ends_on', '>=', starts_on))
    .orderBy('starts_on')
    .forUpdate()
    .select('id', 'contract_id', 'property_type', 'starts_on', 'ends_on')
  const types: string[] = lines.map(line => line.property_type)
  const eve = addDays(starts_on, -1)
  for (const fee of held) {
    // What another contract brought and this one does not name is charged no longer; what was written down by hand stays.
    const isReplaced = types.includes(fee.property_type) || (fee.contract_id !== null && lines.length > 0)
    if (isReplaced && fee.starts_on < starts_on) await changeRecord(trx, fees, fee.id, { answers: { ends_on: eve }, by })
  }
  for (const line of lines) {
    const later = held.filter(fee => fee.property_type === line.property_type && fee.starts_on >= starts_on)
    const running = later.find(fee => fee.ends_on === null)
    const answers = answersOf(line, contract)
    await tellCeiling(trx, project_id, answers)
    // A standard written down by hand for the same time gives way to what was agreed.
    if (running) {
      await changeRecord(trx, fees, running.id, { answers, by })
      await trx('project_fees').where({ id: running.id }).update({ contract_id: id })
      continue
    }
    const last = later.at(-1)?.ends_on
    const from = last ? addDays(last, 1) : starts_on
    await createRecord(
      trx,
      fees,
      { ...answers, starts_on: from },
      { by, more: { project_fees: { project_id, contract_id: id } } },
    )
  }
}

const answersOf = (line: ContractFee, { number }: Contract): RecordAnswers => ({
  property_type: line.property_type,
  service_level: asText(line.service_level),
  pricing: line.pricing,
  price: line.price,
  elevator_fee: asText(line.elevator_fee),
  parking_ground_fee: asText(line.parking_ground_fee),
  parking_underground_fee: asText(line.parking_underground_fee),
  parking_visit_fee: asText(line.parking_visit_fee),
  waste_fee: asText(line.waste_fee),
  basis: line.basis ?? (number ? `物业服务合同 ${number}` : ''),
})

/** Prices stop with the contract that brought them. One whose term is over and that nobody renewed goes on (民法典 第九百四十八条). */
async function stopFees(trx: Knex.Transaction, contract: Contract): Promise<void> {
  const on = lastDayOf(contract)
  const running: FeeRow[] = await trx('project_fees')
    .where({ project_id: contract.project_id, contract_id: contract.id })
    .whereNull('ends_on')
    .forUpdate()
    .select('id', 'starts_on')
  for (const fee of running) {
    const answers = { ends_on: fee.starts_on > on ? fee.starts_on : on }
    await changeRecord(trx, fees, fee.id, { answers, by: { user_id: null, case_id: contract.case_id } })
  }
}

// ── By the clock ───────────────────────────────────────────────────────────────────────────────

/**
 * Lets every contract begin whose day has come, and stops the prices of those that ended early. Each in a transaction of its own; may
 * run as often as it likes and after any downtime.
 * @returns how many began and how many stopped
 */
export async function turnContracts(db: Knex): Promise<{ begun: number; stopped: number }> {
  const done = { begun: 0, stopped: 0 }
  const day = today()
  const due: number[] = await db('contracts')
    .whereNull('begun_on')
    .where('starts_on', '<=', day)
    .whereNot({ state: 'filing' })
    .orderBy(['starts_on', 'id'])
    .pluck('id')
  for (const id of due) if (await inTransaction(trx => beginContract(trx, id))) done.begun++
  const over: number[] = await db('project_fees')
    .join('contracts', 'contracts.id', 'project_fees.contract_id')
    .where({ 'project_fees.live': 1 })
    .whereIn('contracts.state', ['changed', 'dissolved', 'ended'])
    .where('contracts.ended_on', '<', day)
    .distinct()
    .orderBy('contracts.id')
    .pluck('contracts.id')
  for (const id of over)
    await inTransaction(async trx => {
      const { project_id } = await contractAt(trx, id)
      await lockProject(trx, project_id)
      await stopFees(trx, await contractAt(trx, id))
      await touchProject(trx, project_id)
      done.stopped++
    })
  return done
}

// What a 备案证明 of a contract is worth (verification page).
registerFiled('contract', async (db, id) => {
  const [row, next]: [Contract | undefined, { number: string } | undefined] = await Promise.all([
    db('contracts').where({ id }).first(contractColumns),
    db('contracts').where({ previous_id: id }).whereNot({ state: 'filing' }).orderBy('id', 'desc').first('number'),
  ])
  // `ended_on` is the last day it ran.
  const isOver = row?.ended_on && row.ended_on < today()
  return row && { valid_until: row.ends_on, ended_on: isOver ? row.ended_on : null, newer: next?.number ?? null }
})
