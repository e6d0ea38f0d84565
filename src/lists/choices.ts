import type { Request } from 'express'
import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { now } from '../clock.ts'
import { type Column, type List, pageSizes, standardSize } from './list.ts'

/** How a person likes to see a list. */
export interface Choices {
  columns: readonly Column[]
  size: number
}

/** The same as it is kept: names with blanks between them; what is empty follows the declaration. */
interface Kept {
  columns: string | null
  size: number | null
}

declare module 'express-session' {
  interface SessionData {
    /** What is kept for the lists opened in this session. Another device of the same person sees a change after the next sign-in. */
    list_choices: Record<string, Kept>
  }
}

type Session = Request['session']

/** What this person has chosen before, or what the list is declared with. Columns that are gone since are left out. */
export async function readChoices(db: Knex, session: Session, { id }: User, list: List): Promise<Choices> {
  const { columns, size } = session.list_choices?.[list.code] ?? (await recall(db, session, id, list))
  return { columns: columnsOf(list, columns?.split(' ')), size: pageSizes.find(known => known === size) ?? standardSize }
}

/** The columns of these names in the order of the declaration, the heading always first; without names those shown by default. */
export function columnsOf({ columns, heading }: List, names?: readonly string[]): Column[] {
  const chosen = columns.filter(({ name, shown }) => name !== heading && (names ? names.includes(name) : shown !== false))
  return [...columns.filter(({ name }) => name === heading), ...chosen]
}

/** Remembers columns, or the default again when there are no names. Unknown names are left out. */
export async function keepColumns(db: Knex, session: Session, user: User, list: List, names?: readonly string[]) {
  const columns = names
    ? columnsOf(list, names)
        .map(({ name }) => name)
        .join(' ')
    : null
  await keep(db, session, user, list, { columns })
}

/** Remembers how many rows a page has. */
export async function keepSize(db: Knex, session: Session, user: User, list: List, size: number) {
  await keep(db, session, user, list, { size })
}

/** Every page of a list needs this, and the session is read anyway. */
async function recall(db: Knex, session: Session, user_id: number, { code }: List): Promise<Kept> {
  const row: Kept | undefined = await db('list_choices').where({ user_id, list: code }).first('columns', 'size')
  const kept = { columns: row?.columns ?? null, size: row?.size ?? null }
  session.list_choices = { ...session.list_choices, [code]: kept }
  return kept
}

async function keep(db: Knex, session: Session, { id }: User, list: List, choice: Partial<Kept>): Promise<void> {
  const row = { ...choice, updated_at: now() }
  await db('list_choices')
    .insert({ user_id: id, list: list.code, ...row })
    .onConflict(['user_id', 'list'])
    .merge(row)
  await recall(db, session, id, list)
}
