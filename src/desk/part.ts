import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import type { WorkCalendar } from '../calendar.ts'
import type { Light } from '../cases/light.ts'
import type { Count } from '../lists/rows.ts'
import type { Cell } from './week.ts'

/** One line of a block of the home page. */
export interface Line {
  title: string
  href?: string
  /** What kind of thing it is, in a column of its own. */
  kind?: string
  /** The unit or person it is about. */
  who?: string
  /** `YYYY-MM-DD`: the last lawful day; lines with one carry a light. */
  due_on?: string
  /** The light, where it follows from more than the day. */
  light?: Light
  /** `YYYY-MM-DD`: a day worth showing where nothing is due. */
  on?: string
  state?: { label: string; tone: string; icon: string }
  level?: string
}

/** What one source gives to a block. */
export interface Part {
  /** What is counted, to name the link to the rest. */
  label: string
  total: Count
  /** The first lines, most urgent first. */
  lines: Line[]
  /** How many fall into each cell of the week, where things are due. */
  week?: Count[]
  /** Where the rest is; all of it, or what falls into a cell. */
  all?: string
  narrowed?(cell: Cell): string
}

/** Rows flow into a block from sources; one that has nothing to do with somebody says nothing. */
export type Source = (db: Knex, user: User, calendar: WorkCalendar, week: readonly Cell[]) => Promise<Part | undefined>

/** So many lines are enough for a block; the rest is in its list. */
export const shown = 9
