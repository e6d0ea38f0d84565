import { createHash } from 'node:crypto'
import type { Knex } from 'knex'
import { roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { now } from '../clock.ts'
import { isSame, sign } from '../crypto.ts'
import type { Case, HistoryRow, StepPayload } from './case.ts'
import { type NoteCode, type State, stepLabel } from './lifecycle.ts'

/**
 * 办理记录: append-only and chained per case (GB/T 22239-2019 8.1.4.7). Each line carries an HMAC over its fields, the digest of its
 * payload and the line before; the case keeps count and last hash, so a cut tail shows too. The lock on the case row puts the lines
 * in order.
 */

/** The portal itself, when the clock moves a case. */
const portalItself = { user_id: null, user_name: '系统', role: null, organisation_id: null, organisation_name: '系统' }

export interface Line {
  step: string
  from: State
  to: State
  place: string | null
  placeLabel: string
  toPlace: string | null
  /** Whether the applicant sees it. */
  open: boolean
  payload?: StepPayload | undefined
  /** A payload written already: the submitted edition of the form. */
  stored?: { id: number; digest: string } | undefined
  at?: Date
}

/**
 * Writes one line and moves count, hash and version of the case on; the caller holds the lock of the case row.
 * @param changes what else becomes different in the case, in the same guarded update
 * @returns the case as it is now
 * @throws Error when the row is not of the version that was read, which the lock excludes
 */
export async function writeLine(
  trx: Knex.Transaction,
  kase: Case,
  user: User | null,
  line: Line,
  changes: Partial<Case> = {},
): Promise<{ kase: Case; row: HistoryRow }> {
  const at = line.at ?? now()
  const stored =
    line.stored ?? (line.payload ? await storePayload(trx, kase, 'step', JSON.stringify(sorted(line.payload))) : undefined)
  const fields = {
    case_id: kase.id,
    sequence: kase.history_count + 1,
    at,
    ...(user
      ? {
          user_id: user.id,
          user_name: user.name,
          role: user.role,
          organisation_id: user.organisation_id,
          organisation_name: user.organisation_name,
        }
      : portalItself),
    step: line.step,
    from_state: line.from,
    to_state: line.to,
    place: line.place,
    place_label: line.placeLabel,
    to_place: line.toPlace,
    edition: changes.edition ?? kase.edition,
    case_version: kase.version,
    open: line.open ? 1 : 0,
    payload_id: stored?.id ?? null,
    payload_digest: stored?.digest ?? null,
  }
  const hash = hashOf(fields, kase.history_hash)
  const [id = 0] = await trx('case_history').insert({ ...fields, hash })
  const next: Partial<Case> = {
    ...changes,
    version: kase.version + 1,
    history_count: fields.sequence,
    history_hash: hash,
    updated_at: at,
  }
  const updated = await trx('cases').where({ id: kase.id, version: kase.version }).update(next)
  if (updated !== 1) throw new Error(`case ${kase.id} moved under its lock`)
  const open = (changes.closed_at ?? kase.closed_at) ? null : 1
  if (user)
    await trx('case_handlers')
      .insert({ user_id: user.id, case_id: kase.id, at, open })
      .onConflict(['user_id', 'case_id'])
      .merge({ at, open })
  if (changes.closed_at) await trx('case_handlers').where({ case_id: kase.id }).update({ open })
  return { kase: { ...kase, ...next }, row: { id, ...fields, hash } }
}

/**
 * Notes in the history what does not move the case: 内部备注, 催办, 核验原件, 收到异议.
 * @param user nobody when the portal itself notes something
 */
export async function addNote(
  trx: Knex.Transaction,
  kase: Case,
  user: User | null,
  { step, payload, open = false }: { step: NoteCode; payload?: StepPayload; open?: boolean },
  changes: Partial<Case> = {},
): Promise<Case> {
  const placeLabel = user ? deskName(user) : '系统'
  const line = { step, from: kase.state, to: kase.state, place: kase.place, placeLabel, toPlace: kase.place, open, payload }
  return (await writeLine(trx, kase, user, line, changes)).kase
}

/** How the history names where somebody sits, when it is not a place of the chain. */
export function deskName(user: User): string {
  return roles[user.role].staff ? user.role_label : user.organisation_name.slice(0, 60)
}

/** Writes what a line points to. @returns its id and SHA-256 */
export async function storePayload(
  trx: Knex.Transaction,
  { id: case_id, edition }: Pick<Case, 'id' | 'edition'>,
  sort: 'form' | 'step',
  body: string,
): Promise<{ id: number; digest: string }> {
  const digest = digestOf(body)
  const [id = 0] = await trx('case_payloads').insert({ case_id, sort, edition, body, digest, created_at: now() })
  return { id, digest }
}

/** What the lines of a case point to, by payload id; erased ones are missing. */
export async function payloadsOf(db: Knex, case_id: number): Promise<Map<number, StepPayload>> {
  const rows: { id: number; body: string | null }[] = await db('case_payloads')
    .where({ case_id, sort: 'step' })
    .select('id', 'body')
  return new Map(rows.flatMap(row => (row.body ? [[row.id, JSON.parse(row.body) as StepPayload]] : []))) // written by writeLine alone
}

function digestOf(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** The HMAC that chains a line to the one before; for the first line `previous` is empty. */
export function hashOf(row: Omit<HistoryRow, 'id' | 'hash'>, previous: string): string {
  return sign(
    'case history',
    JSON.stringify([
      previous,
      row.case_id,
      row.sequence,
      row.at.toISOString(),
      row.user_id,
      row.user_name,
      row.role,
      row.organisation_id,
      row.organisation_name,
      row.step,
      row.from_state,
      row.to_state,
      row.place,
      row.place_label,
      row.to_place,
      row.edition,
      row.case_version,
      row.open,
      row.payload_id,
      row.payload_digest,
    ]),
  )
}

export interface HistoryCheck {
  cases: number
  lines: number
  /** One sentence per fault found, in Chinese. */
  faults: string[]
}

const mostFaults = 200

/**
 * Checks every line of every case against its hash, its payload against the digest, and the case against count and last hash.
 * Memory does not grow with the cases.
 */
export async function checkHistory(db: Knex): Promise<HistoryCheck> {
  const check: HistoryCheck = { cases: 0, lines: 0, faults: [] }
  for (let from = 0; check.faults.length < mostFaults; ) {
    const cases: Pick<Case, 'id' | 'serial' | 'title' | 'history_count' | 'history_hash'>[] = await db('cases')
      .where('id', '>', from)
      .orderBy('id')
      .limit(200)
      .select('id', 'serial', 'title', 'history_count', 'history_hash')
    if (!cases.length) break
    const ids = cases.map(({ id }) => id)
    const [lines, payloads] = await Promise.all([
      db<HistoryRow>('case_history').whereIn('case_id', ids).orderBy(['case_id', 'sequence']),
      db('case_payloads').whereIn('case_id', ids).select('id', 'body', 'digest') as Promise<
        { id: number; body: string | null; digest: string }[]
      >,
    ])
    const byCase = new Map<number, HistoryRow[]>(ids.map(id => [id, []]))
    for (const line of lines) byCase.get(line.case_id)?.push(line)
    const byId = new Map(payloads.map(payload => [payload.id, payload]))
    for (const kase of cases) {
      const own = byCase.get(kase.id) ?? []
      check.cases++
      check.lines += own.length
      check.faults.push(...faultsIn(kase, own, byId))
    }
    from = cases.at(-1)?.id ?? from
  }
  return check
}

function faultsIn(
  kase: Pick<Case, 'id' | 'serial' | 'title' | 'history_count' | 'history_hash'>,
  lines: HistoryRow[],
  payloads: Map<number, { body: string | null; digest: string }>,
): string[] {
  const name = `办件 ${kase.serial ?? kase.id}（${kase.title}）`
  const faults: string[] = []
  let previous = ''
  for (const [index, line] of lines.entries()) {
    const which = `${name}的第 ${line.sequence} 条办理记录（${stepLabel(line.step)}）`
    if (line.sequence !== index + 1) return [...faults, `${name}的办理记录从第 ${index + 1} 条起缺失或被插入。`]
    if (!isSame(line.hash, hashOf(line, previous))) return [...faults, `${which}与签名不符，已被改动或不是系统写入。`]
    previous = line.hash
    if (line.payload_id === null) continue
    const payload = payloads.get(line.payload_id)
    // Erased by law: the digest stays in the line.
    if (payload?.body === null) continue
    if (!payload || digestOf(payload.body) !== line.payload_digest) faults.push(`${which}所附的内容已被改动或删除。`)
  }
  if (lines.length !== kase.history_count || !isSame(previous, kase.history_hash))
    faults.push(`${name}应有 ${kase.history_count} 条办理记录，现有 ${lines.length} 条，末尾被删除或添加。`)
  return faults
}
