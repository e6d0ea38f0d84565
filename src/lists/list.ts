import type { Request, Response } from 'express'
import type { Knex } from 'knex'
import type { Role } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import type { Action } from '../admin/action-log.ts'
import type { Mask } from './masks.ts'

/** What a column of a row holds, as the database gives it; DECIMAL comes as text. */
export type Value = string | number | Date | null
export type Row<Name extends string = string> = Readonly<Record<Name | 'key', Value>>

/** What codes are called: a dictionary in code, or read from the database (and kept there for a while by whoever reads it). */
export type Words = Readonly<Record<string, string>>
export type WordSource = Words | ((db: Knex) => Promise<Words>)

/** `moment` shows minutes, `second` seconds, both in Beijing time; `code` is for numbers and codes that are read as text. */
export type ColumnType = 'text' | 'code' | 'number' | 'area' | 'money' | 'date' | 'moment' | 'second' | 'state' | 'flag'
export type Tone = 'desk' | 'you' | 'public' | 'done' | 'no' | 'rest'
export type Light = 'green' | 'yellow' | 'red' | 'rest'

/** What a column shows of a row, and how it looks: a state by tone and icon, time left by a light. */
export interface Look {
  text: string | null
  tone?: Tone
  icon?: string
  light?: Light
}

export interface Column<Name extends string = string> {
  name: Name
  label: string
  type?: ColumnType
  /** The SQL column (`users.name`), or an expression. */
  source: string | ((db: Knex) => Knex.Raw)
  /**
   * Whether the list can be sorted by it: `true` by its source, or the SQL column that holds the order (`users.name_key`), in
   * ASCII or numbers. What is sorted by is never empty and has an index together with the key (and the scope, where one holds).
   */
  sort?: true | string
  /** `false`: only shown when somebody chooses it. */
  shown?: false
  mask?: Mask
  words?: WordSource
  /** For a state: who holds it now, by code. */
  tones?: Readonly<Record<string, Tone>>
  /** What is shown instead of the value, where that takes more than one column or a dictionary. */
  text?(row: Row): string | null
  /** The same where it takes more than the row, such as the calendar, which is loaded once a page. */
  look?(db: Knex): Promise<(row: Row) => Look>
  /** `false`: stays on the screen. */
  export?: false
  /** `false`: folded away in the blocks of a phone until somebody unfolds them. */
  phone?: false
  unit?: string
}

/** A period as the database compares it: moments end before `to`, dates with it. */
export interface Bounds {
  from?: string | Date
  to?: string | Date
}
type Narrow = (query: Knex.QueryBuilder, code: string, user: User) => void

/** Numbers from and to, both included, as plain decimal text that fits the column. */
export interface NumberBounds {
  from?: string
  to?: string
}

/**
 * `where` is the SQL column that must equal the choice, or does the narrowing itself; `load` where that takes something from the database.
 * What many lists ask in the same words (has or has not, expiring, district and street) is made by src/lists/narrowings.ts.
 */
export type Filter =
  | {
      name: string
      label: string
      type: 'select'
      /** A function is told what the address chose: of a record among thousands only that one is offered, and none without a choice. */
      options: Words | ((db: Knex, user: User, chosen: string) => Promise<Words>)
      where: string | Narrow | { load(db: Knex): Promise<Narrow> }
      /** Which option a row belongs to, as SQL, where `where` does the narrowing itself: the counts above a list then take one pass. */
      code?(db: Knex): Knex.Raw
    }
  /** From a day to a day, both included; `of` says what the SQL column holds. */
  | {
      name: string
      label: string
      type: 'period'
      of: 'date' | 'moment'
      where: string | ((query: Knex.QueryBuilder, bounds: Bounds) => void)
    }
  /** From a number to a number, both included; `digits` behind the point, none unless told. Never below zero. */
  | {
      name: string
      label: string
      type: 'range'
      unit?: string
      digits?: 0 | 2
      where: string | ((query: Knex.QueryBuilder, bounds: NumberBounds) => void)
    }
  | {
      name: string
      label: string
      type: 'flag'
      words?: readonly [yes: string, no: string]
      where: (query: Knex.QueryBuilder, yes: boolean) => void
    }

/** A text as SQL: a column, or an expression for texts of other rows, such as former names. It is only asked of rows with the terms. */
export type SearchedText = string | ((db: Knex) => Knex.Raw)

/** Terms of another table that a column points to: an account is also found by the name of its organisation. */
export interface Through {
  source: string
  terms: string
  texts: readonly SearchedText[]
}

/** What a search looks at. A word matches a row when any of these has it. */
export interface SearchPlan {
  /** Names what can be searched, for the line beneath the box: `姓名、登录账号，拼音首字母也行`. */
  about: string
  /** The scope in `search_terms` whose `doc_id` is the key of this list. */
  terms?: string
  /** The texts those terms are made of, SQL columns or expressions; a word of several terms must stand in one of them as it was typed. */
  texts?: readonly SearchedText[]
  through?: readonly Through[]
  /** ASCII columns found by their beginning. Each needs an index. */
  codes?: readonly string[]
  /** Text columns of tables by their own name, found by their beginning. Each needs an index. */
  starts?: readonly string[]
  /** Text columns of a small table, looked through as they stand; at 100,000 rows that takes a tenth of a second. */
  contains?: readonly string[]
  /**
   * SQL columns found by what their codes are called, as are all columns with `words` unless the list has `shown`; `loosely` also by a part of the name
   * and its pinyin, as one says 历下 for 历下区.
   */
  words?: readonly { source: string; words: WordSource; loosely?: true }[]
  /**
   * What is found by the whole word only, such as an ID number by its keyed hash: the narrowing for a word that can be one, nothing
   * for any other. Each needs an index.
   */
  exact?(word: string): ((query: Knex.QueryBuilder) => void) | undefined
}

export interface Link {
  href: string
  label: string
  icon?: string
}

/** The rows somebody has picked on a page, read again within what they may see. */
export interface Picked {
  list: List
  user: User
  rows: readonly Row[]
  /** How many of those picked are gone, or never were within their sight. */
  missing: number
  /** The page of the list they were picked on, to go back to. */
  back: string
}

/** What can be done with picked rows; 导出所选 and 打印所选 every list has. */
export interface Bulk {
  /** The last part of the address it is posted to. */
  code: string
  label: string
  icon?: string
  /** Who is offered it; everybody who may open the list unless told. */
  roles?: readonly Role[]
  /**
   * Does it and answers the request: a redirect to `back` with a flash, or a page that asks for more. It is the one to check each row
   * against the law, in one transaction, and to stand a second press.
   */
  run(picked: Picked, req: Request, res: Response): Promise<void>
}

export interface List<Name extends string = string> {
  /** The last part of the address. */
  code: string
  label: string
  /** One soft line beside the heading; a function where it depends on a setting. */
  about?: string | ((db: Knex) => Promise<string | undefined>)
  /** Who may open it. */
  roles: readonly Role[]
  /** The rows this person may see. Others do not exist: not in the list, the search, the count or an export. What is only shown is left joined. */
  from(db: Knex, user: User): Knex.QueryBuilder
  /**
   * The same rows, whoever's they are, with all that is only shown joined from the left: for the rows of a page, once `from` has found
   * them. Without it `from` has everything; nothing that is joined here alone can be narrowed, searched or sorted by.
   */
  shown?(db: Knex, user: User): Knex.QueryBuilder
  /** The SQL column of the primary key; breaks ties of the sort and takes the row to its page. */
  key: string
  columns: readonly Column<Name>[]
  /** The column that names the row: first, always shown, and the link. */
  heading: NoInfer<Name>
  /** The order before anybody chooses one; `-` before the name is downwards. */
  sort: NoInfer<Name> | `-${NoInfer<Name>}`
  filters?: readonly Filter[]
  /**
   * Counts above the list, one link per option of this `select` filter. What its `where` narrows by needs an index together with the
   * scope: each option is counted up to a thousand.
   */
  groups?: { filter: string }
  search?: SearchPlan
  /** Takes part in `/desk/search`, in this order among the lists; needs `search`. */
  everywhere?: number
  /** What can be done with picked rows, besides exporting and printing them. */
  bulk?: readonly Bulk[]
  /** Where the row's own page is, if this person may open it. */
  href?(row: Row<NoInfer<Name>>, user: User): string | undefined
  /** Buttons in the head, the first one the primary. */
  actions?(user: User): readonly Link[]
  /** What to say and offer while there is not a single row. */
  empty?: { title: string; text?: string; action?(user: User): Link | undefined }
  /** On a phone rows become blocks, or the table keeps its columns and scrolls in its frame. */
  phone?: 'cards' | 'frame'
  /** Opening the list is itself written to the action log, as this (ASVS 16.3.1: reads of a log). */
  logged?: Action
}

export const pageSizes = [10, 20, 50, 100] as const
export const standardSize = 20
export const formats = ['xlsx', 'csv', 'json'] as const

/** What can be done with the picked rows of every list. */
export const standardBulk = { export: '导出所选', print: '打印所选' } as const

/** The parameters a filter has in the address. */
export function namesOf({ name, type }: Filter): string[] {
  return type === 'period' || type === 'range' ? [`${name}_from`, `${name}_to`] : [name]
}

/** What an address or a row of a list holds besides, so no filter or column can have such a name. */
const reserved = new Set([
  'q',
  'sort',
  'size',
  'after',
  'before',
  'count',
  'key',
  'sort_value',
  'found',
  'tab',
  'columns',
  'view',
])

/**
 * Declares a list: page, filters, search, sort, paging, columns to choose, print view and exports come from it.
 * @throws Error when the declaration contradicts itself, at start and not before a user
 */
export function defineList<const Name extends string>(list: List<Name>): List {
  const wrong = (why: string) => new Error(`list ${list.code}: ${why}`)
  const parameters = (list.filters ?? []).flatMap(namesOf)
  const columns = new Map(list.columns.map(column => [column.name as string, column]))
  if (!/^[a-z][a-z0-9-]{1,39}$/.test(list.code)) throw wrong('code')
  if (/[[\]:*?/\\]/.test(list.label) || list.label.length > 25) throw wrong('label cannot name an Excel sheet')
  if (columns.size < list.columns.length) throw wrong('two columns of one name')
  if (new Set(parameters).size < parameters.length) throw wrong('two filters of one name')
  for (const name of [...columns.keys(), ...parameters])
    if (!/^[a-z][a-z0-9_]{0,39}$/.test(name) || reserved.has(name)) throw wrong(`name ${name}`)
  if (!columns.has(list.heading)) throw wrong('heading')
  if (columns.get(list.sort.replace('-', ''))?.sort === undefined) throw wrong('sort')
  if (list.groups && list.filters?.find(({ name }) => name === list.groups?.filter)?.type !== 'select') throw wrong('groups')
  if (list.everywhere !== undefined && !list.search) throw wrong('everywhere without a search')
  for (const { code } of list.bulk ?? [])
    if (!/^[a-z][a-z-]{1,39}$/.test(code) || code in standardBulk) throw wrong(`bulk ${code}`)
  for (const column of list.columns) {
    if (column.sort === true && typeof column.source !== 'string') throw wrong(`${column.name} is sorted by an expression`)
    if (column.type === 'state' ? !column.tones && !column.look : column.tones) throw wrong(`${column.name}: a state has tones`)
  }
  return list
}

/** The SQL column a list is sorted by for one of its columns. @throws Error for a column that is not sortable */
export function sortSource({ name, sort, source }: Column): string {
  const found = sort === true ? source : sort
  if (typeof found !== 'string') throw new Error(`column ${name} is not sortable`)
  return found
}

/** The words of a dictionary, wherever it lies. */
export async function wordsOf(db: Knex, words: WordSource): Promise<Words> {
  return typeof words === 'function' ? words(db) : words
}
