import type { Knex } from 'knex'
import { workCalendar } from '../calendar.ts'
import { today } from '../clock.ts'
import type { Case, HistoryRow } from './case.ts'
import { dueOf, readClocks } from './clock.ts'
import type { State } from './lifecycle.ts'
import { settingsById } from './settings.ts'

/** Where a limit can run. */
export const timedStates: readonly State[] = ['submitted', 'supplement', 'reviewing', 'waiting']

type Timed = Pick<Case, 'id' | 'state' | 'place' | 'settings_id' | 'version' | 'due_on' | 'paused'>
type Past = Pick<HistoryRow, 'case_id' | 'at' | 'step' | 'from_state' | 'to_state' | 'place' | 'to_place'>

const batch = 500

/**
 * Brings `due_on` and `paused` of the open cases up to date: each night, because a limit that rests moves on with the days, and
 * when the calendar was edited. Writes only what differs and leaves the version alone; a case that moves meanwhile has set its own.
 * Safe to run again. Memory does not grow with the cases.
 * @param from the first day of the calendar that was edited: what fell due before it cannot move
 * @returns how many cases were read and changed
 */
export async function recomputeDue(db: Knex, { from }: { from?: string } = {}): Promise<{ read: number; changed: number }> {
  const calendar = await workCalendar(db)
  const day = today()
  const done = { read: 0, changed: 0 }
  for (let last = 0; ; ) {
    const cases: Timed[] = await db<Case>('cases')
      .where('id', '>', last)
      .whereIn('state', [...timedStates])
      .modify(query => void (from && query.where('due_on', '>=', from)))
      .orderBy('id')
      .limit(batch)
      .select('id', 'state', 'place', 'settings_id', 'version', 'due_on', 'paused')
    const histories = await historiesOf(db, cases)
    for (const kase of cases) {
      if (kase.settings_id === null) continue
      const settings = await settingsById(db, kase.settings_id)
      const due = dueOf(readClocks({ kase, settings, history: histories.get(kase.id) ?? [], calendar, today: day }))
      if (due.due_on === kase.due_on && due.paused === (kase.paused === 1)) continue
      done.changed += await db('cases').where({ id: kase.id, version: kase.version }).update(due)
    }
    done.read += cases.length
    if (cases.length < batch) return done
    last = cases.at(-1)?.id ?? last
  }
}

async function historiesOf(db: Knex, cases: readonly Timed[]): Promise<Map<number, Past[]>> {
  const histories = new Map<number, Past[]>(cases.map(({ id }) => [id, []]))
  const rows: Past[] = await db('case_history')
    .whereIn('case_id', [...histories.keys()])
    .orderBy(['case_id', 'sequence'])
    .select('case_id', 'at', 'step', 'from_state', 'to_state', 'place', 'to_place')
  for (const row of rows) histories.get(row.case_id)?.push(row)
  return histories
}
