import type { WorkCalendar } from '../calendar.ts'
import type { Case } from './case.ts'
import { noDue } from './case.ts'
import type { Place } from './kind.ts'

/** Time left, as everybody sees it: colour, shape and words (look.md). */
export interface Light {
  light: 'green' | 'yellow' | 'red' | 'rest'
  text: string
}

/** Three working days or fewer are yellow (domain.md §3.2). */
export const few = 3

/** The light of something due on a day, counted in working days. */
export function lightOf(calendar: WorkCalendar, today: string, due_on: string): Light {
  const left = calendar.workdaysBetween(today, due_on)
  if (due_on < today) return { light: 'red', text: left ? `超期 ${-left} 个工作日` : '已超期' }
  if (due_on === today) return { light: 'yellow', text: '今天到期' }
  return { light: left <= few ? 'yellow' : 'green', text: `剩 ${left} 个工作日` }
}

/** The light of a case as far as its row knows it, for lists and blocks; nothing while no limit runs. Its page reads the clocks. */
export function lightOfCase(
  calendar: WorkCalendar,
  today: string,
  { state, due_on, paused }: Pick<Case, 'state' | 'due_on' | 'paused'>,
  place: Place | undefined,
): Light | undefined {
  if (due_on === noDue) return undefined
  if (!paused) return lightOf(calendar, today, due_on)
  if (state === 'waiting' && place) {
    const left = calendar.workdaysBetween(today, due_on)
    return { light: 'rest', text: waitInWords(place.label, { today, due_on, left: `${left} 个工作日` }) }
  }
  return { light: 'rest', text: `暂停，${pauseInWords(state, place)}` }
}

/** Why a limit rests. */
export function pauseInWords(state: Case['state'], place: Place | undefined): string {
  if (state === 'supplement') return '补正中'
  return place?.sort === 'external' ? `${place.authority}办理中` : (place?.state ?? '等待中')
}

/** How long a timed wait still takes; nobody can be late with it. */
export function waitInWords(label: string, { today, due_on, left }: { today: string; due_on: string; left: string }): string {
  if (due_on < today) return `${label}期已满`
  return due_on === today ? `${label}今天期满` : `${label}还有 ${left}`
}
