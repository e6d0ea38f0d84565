import { addDays, type WorkCalendar, weekdayOf } from '../calendar.ts'
import { few } from '../cases/light.ts'
import { type Count, mostCounted } from '../lists/rows.ts'

/** One cell of the week on the home page: what falls due in a span of days, both included, or rests. */
export interface Cell {
  label: string
  look: string
  light: 'late' | 'soon' | 'ample' | 'paused'
  from?: string
  to?: string
}

const weekdays = ['', '一', '二', '三', '四', '五', '六', '日']

/** 一 … 日. */
export function weekdayName(day: string): string {
  return weekdays[weekdayOf(day)] ?? ''
}

/** Overdue, today, the next four working days, later, and what rests. What falls due on a day off counts with the working day after it. */
export function weekOf(calendar: WorkCalendar, today: string): Cell[] {
  const cells: Cell[] = [
    { label: '已超期', look: 'late', light: 'late', to: addDays(today, -1) },
    { label: `今天 周${weekdayName(today)}`, look: 'today', light: 'soon', from: today, to: today },
  ]
  let last = today
  for (let n = 1; n <= 4; n++) {
    const day = calendar.addWorkdays(last, 1)
    const light = n <= few ? 'soon' : 'ample'
    const label = `周${weekdayName(day)} ${Number(day.slice(8))}`
    cells.push({ label, look: light === 'soon' ? 'soon' : '', light, from: addDays(last, 1), to: day })
    last = day
  }
  const label = last <= addDays(today, 7 - weekdayOf(today)) ? '下周及以后' : '以后'
  return [...cells, { label, look: '', light: 'ample', from: addDays(last, 1) }, { label: '暂停计时', look: '', light: 'paused' }]
}

/** Counts days that are at hand; none of them rests. */
export function tally(week: readonly Cell[], days: readonly string[]): Count[] {
  return week.map(({ from = '', to = '9999', light }) => {
    const n = light === 'paused' ? 0 : days.filter(day => day >= from && day <= to).length
    return { n, exact: true }
  })
}

/** What several counts come to; where one has stopped counting, all has. */
export function sumOf(counts: readonly Count[]): Count {
  return { n: counts.reduce((sum, { n }) => sum + n, 0), exact: counts.every(({ exact }) => exact) }
}

/** A count that was taken up to one more than is counted. */
export function upTo(n: number, most = mostCounted): Count {
  return n > most ? { n: most, exact: false } : { n, exact: true }
}
