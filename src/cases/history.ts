import type { Knex } from 'knex'
import { roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { portalItself as portalActor, record } from '../admin/action-log.ts'
import { now } from '../clock.ts'
import { sign } from '../crypto.ts'
import { digestOf } from '../documents/documents.ts'
import { currentTrace } from '../trace.ts'
import type { Case, HistoryRow, StepPayload } from './case.ts'
import { isStep, type NoteCode, type State } from './lifecycle.ts'

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
    // What does not move the case does not make an open page stale; a new objection does, because 异议成立 answers all of them.
    version: kase.version + (isStep(line.step) || line.step === 'object' ? 1 : 0),
    history_count: fields.sequence,
    history_hash: hash,
    updated_at: at,
  }
  const updated = await trx('cases').where({ id: kase.id, version: kase.version, history_count: kase.history_count }).update(next)
  if (updated !== 1) throw new Error(`case ${kase.id} moved under its lock`)
  const open = (changes.closed_at ?? kase.closed_at) ? null : 1
  if (user)
    await trx('case_handlers')
      .insert({ user_id: user.id, case_id: kase.id, at, open })
      .onConflict(['user_id', 'case_id'])
      .merge({ at, open })
  if (changes.closed_at) await trx('case_handlers').where({ case_id: kase.id }).update({ open })
  // The sealed log holds the end of each chain as well: whoever cuts lines off and sets the case back is found out by it.
  if (isStep(line.step))
    await record(
      trx,
      {
        ...portalActor,
        ...(user && { user_id: user.id, user_name: user.name, role: user.role, organisation_id: user.organisation_id }),
        ...currentTrace(),
      },
      {
        action: 'case.step',
        object: { type: 'case', id: kase.id, label: kase.title },
        detail: { step: line.step, sequence: fields.sequence, hash },
      },
    )
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
