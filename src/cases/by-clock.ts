import type { Knex } from 'knex'
import { workCalendar } from '../calendar.ts'
import { dayOf, today } from '../clock.ts'
import { inTransaction } from '../db.ts'
import { NotNow } from '../errors.ts'
import { tellOfSilence } from '../messages/case-messages.ts'
import { dueWaits } from '../publicity/publicity.ts'
import type { Case } from './case.ts'
import { moveByClock, settingsFor, standingOf } from './cases.ts'
import { abandonment, findKind } from './kind.ts'
import { isOpen, placeOf, type Standing } from './steps.ts'

/**
 * Moves every case whose timed wait is over, whose party did not answer in time, or whose correction nobody made. Each in a transaction of its own and looked at
 * again under its lock, so it may run at any time, on several machines, and after a downtime.
 * @returns how many moved
 * @throws the first fault, after all others have moved: one case that cannot is no reason for the rest to wait
 */
export async function moveDueCases(db: Knex): Promise<number> {
  const day = today()
  let moved = 0
  const faults: unknown[] = []
  const move = async (...asked: Parameters<typeof moveByClock>) => {
    try {
      if (await moveByClock(...asked)) moved++
    } catch (error) {
      const [id, code, isDue] = asked
      // An approval that cannot take effect goes back to who decided, with the reason.
      if (!(error instanceof NotNow) || code !== 'expire' || !(await moveByClock(id, 'bounce', isDue, error.message)))
        faults.push(error)
    }
  }
  for (const id of await dueWaits(db, day)) await move(id, 'expire', isPublicityOver)
  for (const { id, sort } of await quietlyDue(db))
    await move(id, sort === 'wait' ? 'expire' : 'lapse', async standing => isLimitOver(db, standing))
  for (const id of await unanswered(db)) {
    await move(id, 'abandon', async standing => isAbandoned(db, standing), '逾期未补正，视为撤回申请。')
    await warnUnanswered(db, id).catch(error => void faults.push(error))
  }
  if (faults.length) throw faults[0]
  return moved
}

async function isPublicityOver({ kase }: Standing): Promise<boolean> {
  // An objection that came meanwhile gives the case a holder again.
  return kase.holder_role === null
}

/** Waits that are not public and parties that must answer; few at any time. */
async function quietlyDue(db: Knex): Promise<{ id: number; sort: 'wait' | 'party' }[]> {
  const rows = await db<Case>('cases')
    .where(open =>
      open.where({ state: 'waiting' }).orWhere(asked => asked.where({ state: 'reviewing' }).whereNotNull('holder_id')),
    )
    .select('*')
  const found: { id: number; sort: 'wait' | 'party' }[] = []
  for (const kase of rows) {
    if (!findKind(kase.kind)) continue
    const place = placeOf({ kase, settings: await settingsFor(db, kase) })
    if ((place?.sort === 'wait' && !place.public) || place?.sort === 'party') found.push({ id: kase.id, sort: place.sort })
  }
  return found
}

async function isLimitOver(db: Knex, standing: Standing): Promise<boolean> {
  const place = placeOf(standing)
  if (place?.sort !== 'wait' && place?.sort !== 'party') return false
  const calendar = await workCalendar(db)
  return calendar.dueOn(dayOf(standing.kase.held_since), place.limit) < today()
}

/** So many working days before an application counts as taken back the applicant hears of it. */
const warnDays = 5

/** Where a correction was asked for and not made; few at any time. */
async function unanswered(db: Knex): Promise<number[]> {
  const rows = await db<Case>('cases').where({ state: 'supplement' }).orderBy('id').select('id', 'kind')
  return rows.filter(({ kind }) => findKind(kind)).map(({ id }) => id)
}

/** The last day to correct, after which the application counts as taken back; nothing where the settings set none. */
async function lastDayToCorrect(db: Knex, { kase, settings }: Standing): Promise<string | undefined> {
  const limit = abandonment(settings)
  return limit && (await workCalendar(db)).dueOn(dayOf(kase.held_since), limit)
}

async function isAbandoned(db: Knex, standing: Standing): Promise<boolean> {
  const last = await lastDayToCorrect(db, standing)
  return last !== undefined && last < today()
}

async function warnUnanswered(db: Knex, id: number): Promise<void> {
  await inTransaction(async trx => {
    const kase = await trx<Case>('cases').where({ id }).forUpdate().first()
    if (kase?.state !== 'supplement') return
    const standing = await standingOf(trx, kase)
    const dueOn = isOpen('abandon', standing) && (await lastDayToCorrect(db, standing))
    if (!dueOn || dueOn < today() || (await standing.kind.suspended?.(trx))) return
    if ((await workCalendar(db)).workdaysBetween(today(), dueOn) <= warnDays)
      await tellOfSilence(trx, { kase, kind: standing.kind, dueOn })
  })
}
