import type { Knex } from 'knex'

/** Which days are worked: the city's calendar where it says something, otherwise Monday to Friday. */
export interface Calendar {
  isWorked(day: string): boolean
}

/**
 * Reads the calendar of a span of days.
 * @param from first day, `until` last day, both `YYYY-MM-DD`
 */
export async function readCalendar(db: Knex, { from, until }: { from: string; until: string }): Promise<Calendar> {
  const rows: { day: string; works: number }[] = await db('workdays').whereBetween('day', [from, until]).select('day', 'works')
  const told = new Map(rows.map(row => [row.day, row.works === 1]))
  return { isWorked: day => told.get(day) ?? weekday(day) < 6 }
}

/** 1 is Monday, 7 is Sunday. */
export function weekday(day: string): number {
  return new Date(`${day}T00:00:00Z`).getUTCDay() || 7
}

/** The day `days` after a day; negative is before. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}

/** The last day of a limit of `limit` working days that begins the day after `day` (民法典 第二百零一条: the first day does not count). */
export function workdayAfter(calendar: Calendar, day: string, limit: number): string {
  let on = day
  for (let left = limit; left > 0; ) {
    on = addDays(on, 1)
    if (calendar.isWorked(on)) left--
  }
  return on
}

/** Working days from today until a due day: 0 is due today, negative is overdue by as many. */
export function workdaysLeft(calendar: Calendar, today: string, due: string): number {
  const sign = due < today ? -1 : 1
  const [from, until] = sign < 0 ? [due, today] : [today, due]
  let count = 0
  for (let on = addDays(from, 1); on <= until; on = addDays(on, 1)) if (calendar.isWorked(on)) count++
  return sign * count || 0
}
