import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { now } from '../clock.ts'
import { type Column, type List, pageSizes, standardSize } from './list.ts'

/** How a person likes to see a list. */
export interface Choices {
  columns: readonly Column[]
  size: number
}

/** What this person has chosen before, or what the list is declared with. Columns that are gone since are left out. */
export async function readChoices(db: Knex, { id }: User, list: List): Promise<Choices> {
  const kept: { columns: string | null; size: number | null } | undefined = await db('list_choices')
    .where({ user_id: id, list: list.code })
    .first('columns', 'size')
  const names = kept?.columns?.split(' ')
  return { columns: columnsOf(list, names), size: pageSizes.find(size => size === kept?.size) ?? standardSize }
}

/** The columns of these names in the order of the declaration, the heading always first; without names those shown by default. */
export function columnsOf({ columns, heading }: List, names?: readonly string[]): Column[] {
  const chosen = columns.filter(({ name, shown }) => name !== heading && (names ? names.includes(name) : shown !== false))
  return [...columns.filter(({ name }) => name === heading), ...chosen]
}

/** Remembers columns, or the default again when there are no names. Unknown names are left out. */
export async function keepColumns(db: Knex, user: User, list: List, names?: readonly string[]): Promise<void> {
  const columns = names ? columnsOf(list, names).map(({ name }) => name).join(' ') : null // biome-ignore format: one thing
  await keep(db, user, list, { columns })
}

/** Remembers how many rows a page has. */
export async function keepSize(db: Knex, user: User, list: List, size: number): Promise<void> {
  await keep(db, user, list, { size })
}

async function keep(db: Knex, { id }: User, { code }: List, choice: { columns: string | null } | { size: number }) {
  const row = { ...choice, updated_at: now() }
  await db('list_choices')
    .insert({ user_id: id, list: code, ...row })
    .onConflict(['user_id', 'list'])
    .merge(row)
}
