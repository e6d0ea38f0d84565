import { createRequire } from 'node:module'
import type { Knex } from 'knex'
import { now } from './clock.ts'

/**
 * 工作日历 (domain.md §3.2). Table `workdays` holds the days that do not follow their weekday: holidays and make-up days. Limits count
 * from the day after the event (民法典 第二百零一条); a limit in calendar days that ends on a day of rest ends on the next working
 * day (第二百零三条). Days are `YYYY-MM-DD` throughout.
 */
export class WorkCalendar {
  #told: ReadonlyMap<number, boolean>

  /** @param told whether people work, for the days that do not follow their weekday */
  constructor(told: ReadonlyMap<string, boolean>) {
    this.#told = new Map([...told].map(([day, works]) => [numberOf(day), works]))
  }

  /** Whether the day is worked: as the calendar says, else Monday to Friday. */
  isWorkday(day: string): boolean {
    return this.#isWorked(numberOf(day))
  }

  /** The day itself if it is worked, else the next one that is. */
  nextWorkday(day: string): string {
    return this.isWorkday(day) ? day : this.addWorkdays(day, 1)
  }

  /** The `n`-th working day after a day, which itself does not count; negative counts backwards, 0 is the day itself. */
  addWorkdays(day: string, n: number): string {
    const step = Math.sign(n)
    let on = numberOf(day)
    for (let left = Math.abs(n); left > 0; ) {
      on += step
      if (this.#isWorked(on)) left--
    }
    return dayAt(on)
  }

  /** How many working days lie after `from`, up to and including `to`; negative when `to` is earlier. */
  workdaysBetween(from: string, to: string): number {
    if (to < from) return -this.workdaysBetween(to, from)
    let count = 0
    const last = numberOf(to)
    for (let on = numberOf(from) + 1; on <= last; on++) if (this.#isWorked(on)) count++
    return count
  }

  /** The last day of a limit that begins with the event of `day`. */
  dueOn(day: string, { limit, unit }: Limit): string {
    return unit === 'working-day' ? this.addWorkdays(day, limit) : this.nextWorkday(addDays(day, limit))
  }

  #isWorked(number: number): boolean {
    // Day 0 was a Thursday, and the days before it are negative.
    return this.#told.get(number) ?? (((number + 3) % 7) + 7) % 7 < 5
  }
}

/** Days are counted by number, from 1970 on: a list page looks at hundreds, and their texts cost a tenth of the page. */
function numberOf(day: string): number {
  const number = Date.parse(`${day}T00:00:00Z`) / 86_400_000
  if (Number.isNaN(number)) throw new RangeError(`not a day: ${day}`)
  return number
}

function dayAt(number: number): string {
  return new Date(number * 86_400_000).toISOString().slice(0, 10)
}

export interface Limit {
  limit: number
  unit: 'working-day' | 'calendar-day'
}

let cached: { calendar: WorkCalendar; until: number } | undefined
const keep = 5000

/** The calendar in force. A change reaches every process within five seconds; the one that made it, at once. */
export async function workCalendar(db: Knex): Promise<WorkCalendar> {
  // Real time on purpose: a shifted clock must not freeze or flood this cache.
  if (cached && cached.until > Date.now()) return cached.calendar
  const rows: { day: string; works: number }[] = await db('workdays').select('day', 'works')
  const calendar = new WorkCalendar(new Map(rows.map(row => [row.day, row.works === 1])))
  cached = { calendar, until: Date.now() + keep }
  return calendar
}

/** Forgets the cached calendar, after a change. */
export function forgetCalendar(): void {
  cached = undefined
}

/** How many calendar days lie after `from`, up to and including `to`; negative when `to` is earlier. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000)
}

/** The day `days` calendar days after a day; negative is before. */
export function addDays(day: string, days: number): string {
  return dayAt(numberOf(day) + days)
}

/** 1 is Monday, 7 is Sunday. */
export function weekdayOf(day: string): number {
  return new Date(`${day}T00:00:00Z`).getUTCDay() || 7
}

/** The first year the portal looks at; earlier days have no running limits. */
const firstYear = '2025'

/**
 * Writes the holidays and make-up days that the package `chinese-days` knows (as the State Council announced them), where the
 * regulator has not said anything about the day. Safe to run again: what is there stays.
 * @returns how many days were new
 */
export async function loadKnownDays(db: Knex): Promise<number> {
  const known: { holidays: Record<string, string>; workdays: Record<string, string> } = createRequire(import.meta.url)(
    'chinese-days/dist/chinese-days.json',
  )
  const at = now()
  const stamps = { source: 'package', created_at: at, updated_at: at }
  const rows = [known.holidays, known.workdays].flatMap((days, which) =>
    Object.entries(days)
      .filter(([day]) => day >= firstYear)
      // A name there is `Spring Festival,春节,4`.
      .map(([day, name]) => ({ day, works: which === 1, note: name.split(',')[1] ?? name, ...stamps })),
  )
  const present = new Set<string>(await db('workdays').pluck('day'))
  const fresh = rows.filter(row => !present.has(row.day)).sort((one, other) => (one.day < other.day ? -1 : 1))
  if (fresh.length) await db('workdays').insert(fresh).onConflict('day').ignore()
  return fresh.length
}
