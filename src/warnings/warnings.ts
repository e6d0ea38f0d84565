import type { Knex } from 'knex'
import type { Role } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { now } from '../clock.ts'
import { branchExpiry } from './branch-expiry.ts'
import { caseLimits } from './case-limits.ts'
import { certificateExpiry } from './certificate-expiry.ts'
import { contractWatch } from './contract-watch.ts'
import { documentWatch } from './document-watch.ts'
import { inspectionWatch } from './inspection-watch.ts'
import { staffShortage } from './staff-shortage.ts'

/** A standing fact that somebody must look at. */
export interface Warning {
  id: number
  kind: string
  level: Level
  stage: string
  title: string
  link: string | null
  organisation_id: number | null
  district_code: string | null
  street_code: string | null
  due_on: string | null
  object_id: number | null
  open_key: string | null
  created_at: Date
  raised_at: Date
  closed_at: Date | null
}

export type Level = 'yellow' | 'red'
export const levels: Record<Level, string> = { yellow: '黄色', red: '红色' }

/** What a cause says of one thing that it is about. */
export interface Finding extends Pick<Warning, 'level' | 'stage' | 'title' | 'link' | 'due_on'> {
  object_id: number
  /** Who has to do with it: an organisation, a street, a district; the city sees all of them. */
  organisation_id: number | null
  district_code: string | null
  street_code: string | null
}

/** A reason for warnings. */
export interface Cause {
  kind: string
  label: string
  /** What a stage is called. */
  stages: Readonly<Record<string, string>>
  /** Who reads them, within their scope. */
  roles: readonly Role[]
  /** Everything that is to be warned of now, in batches. */
  find(db: Knex): AsyncGenerator<Finding[]>
  /** Makes a query ask for what is warned of in `warnings.object_id`, if that still stands. */
  standing(db: Knex): Promise<(query: Knex.QueryBuilder) => void>
}

/** Everything the portal warns of. */
export const causes: readonly Cause[] = [
  caseLimits,
  certificateExpiry,
  branchExpiry,
  ...documentWatch,
  staffShortage,
  ...inspectionWatch,
  ...contractWatch,
]

/** The cause of a warning, or nothing for one whose cause is gone. */
export function causeOf({ kind }: Pick<Warning, 'kind'>): Cause | undefined {
  return causes.find(cause => cause.kind === kind)
}

/** Every read of warnings starts here: those of the causes meant for this role, within its scope. */
export function visibleWarnings(db: Knex, { role, scope }: User): Knex.QueryBuilder {
  const kinds = causes.filter(({ roles }) => roles.includes(role)).map(({ kind }) => kind)
  const warnings = db('warnings').whereIn('warnings.kind', kinds)
  switch (scope.level) {
    case 'city':
      return warnings
    case 'district':
      return warnings.where({ 'warnings.district_code': scope.code })
    case 'street':
      return warnings.where({ 'warnings.street_code': scope.code })
    case 'organisation':
      return warnings.where({ 'warnings.organisation_id': scope.organisation_id })
    case 'none':
      return warnings.whereRaw('1 = 0')
  }
}

/** Narrows warnings to those this person has read in their present stage, or has not. */
export function readBy(query: Knex.QueryBuilder, user: Pick<User, 'id'>, yes: boolean): Knex.QueryBuilder {
  const receipt = (receipts: Knex.QueryBuilder) =>
    void receipts
      .from('warning_receipts')
      .where({ 'warning_receipts.user_id': user.id })
      .whereRaw('warning_receipts.warning_id = warnings.id and warning_receipts.stage = warnings.stage')
      .select('warning_receipts.warning_id')
  return yes ? query.whereExists(receipt) : query.whereNotExists(receipt)
}

/**
 * Raises what is due, escalates what has become worse, and closes what is no more. A warning stands once for its cause, however
 * often this runs, and by whomever. Memory does not grow with the cases.
 * @returns how many were raised, escalated and closed
 */
export async function computeWarnings(db: Knex): Promise<{ raised: number; escalated: number; closed: number }> {
  const done = { raised: 0, escalated: 0, closed: 0 }
  for (const cause of causes) {
    // First what is gone, so that a thing that comes back is a new warning.
    done.closed += await closeGone(db, cause)
    for await (const findings of cause.find(db)) {
      const { raised, escalated } = await raise(db, cause, findings)
      done.raised += raised
      done.escalated += escalated
    }
  }
  return done
}

const keyOf = ({ kind }: Cause, { object_id }: Pick<Finding, 'object_id'>) => `${kind}:${object_id}`
const told = ['level', 'stage', 'title', 'link', 'due_on', 'organisation_id', 'district_code', 'street_code'] as const

async function raise(db: Knex, cause: Cause, findings: readonly Finding[]): Promise<{ raised: number; escalated: number }> {
  const done = { raised: 0, escalated: 0 }
  const rows: Warning[] = await db<Warning>('warnings').whereIn(
    'open_key',
    findings.map(finding => keyOf(cause, finding)),
  )
  const open = new Map(rows.map(row => [row.open_key, row]))
  const at = now()
  const fresh = findings.filter(finding => !open.has(keyOf(cause, finding)))
  if (fresh.length) {
    const row = (finding: Finding) => ({
      ...finding,
      kind: cause.kind,
      open_key: keyOf(cause, finding),
      created_at: at,
      raised_at: at,
    })
    // Another process may be raising the same.
    await db('warnings').insert(fresh.map(row)).onConflict('open_key').ignore()
    done.raised += fresh.length
  }
  for (const finding of findings) {
    const row = open.get(keyOf(cause, finding))
    if (!row || told.every(column => row[column] === finding[column])) continue
    const escalates = row.stage !== finding.stage
    await db('warnings')
      .where({ id: row.id })
      .whereNull('closed_at')
      .update({ ...finding, ...(escalates ? { raised_at: at } : {}) })
    if (escalates) done.escalated++
  }
  return done
}

const batch = 500

async function closeGone(db: Knex, cause: Cause): Promise<number> {
  for (let closed = 0; ; ) {
    const standing = await cause.standing(db)
    const ids: number[] = await db('warnings')
      .where({ 'warnings.kind': cause.kind })
      .whereNull('warnings.closed_at')
      .whereNotExists(standing)
      .limit(batch)
      .pluck('warnings.id')
    if (ids.length) closed += await db('warnings').whereIn('id', ids).update({ closed_at: now(), open_key: null })
    if (ids.length < batch) return closed
  }
}
