import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { type Place, writePlace } from './cursor.ts'
import type { Search } from './grammar.ts'
import { type Column, type List, type Row, sortSource } from './list.ts'
import { findKeys, mostMatches, narrow, planSearch } from './search.ts'

type Query = Knex.QueryBuilder

/** What somebody asks of a list, checked. */
export interface Question {
  list: List
  user: User
  search?: Search
  /** The filters in force, as narrowing. */
  narrowing: readonly ((query: Query) => void)[]
  sort: Column
  descending: boolean
}

/** Which rows answer a question. */
interface Answer {
  /** A fresh query of the rows to show. */
  shown(): Query
  /** A fresh query of all rows found. */
  whole(): Query
  /** How many there are, where the search has counted them already. */
  known?: Count
  /** More were found than can be sorted quickly, so only the newest of them are shown. */
  partial: boolean
}

export interface Count {
  n: number
  /** `false`: there are more than `n`. */
  exact: boolean
}

export interface Wish {
  size: number
  after?: Place
  before?: Place
  /** Count all rows, however many. */
  exact?: boolean
}

export interface PageOfRows {
  rows: Row[]
  count: Count
  partial: boolean
  /** How many rows lie before the first one. */
  start: number
  /** The places before and after this page, where there are more rows. */
  previous?: string
  next?: string
}

/** `1,532`, or `1,000+` where counting has stopped. */
export function countInWords({ n, exact }: Count): string {
  return `${inGroups(n)}${exact ? '' : '+'}`
}

const groups = new Intl.NumberFormat('zh-CN')

/** 1532 as 1,532. */
export function inGroups(n: number): string {
  return groups.format(n)
}

/** Counting is what hurts a long list first (four fifths of the time at 300,000 rows), so it stops here unless asked. */
export const mostCounted = 1000

const batch = 1000

/** One page of the answer. */
export async function readPage(db: Knex, question: Question, columns: readonly Column[], wish: Wish): Promise<PageOfRows> {
  const answer = await findAnswer(db, question)
  const isKnown = answer.known && !(wish.exact && answer.partial)
  const { rows, start, less, more } = await readPart(db, question, columns, answer, { ...wish, counted: !isKnown })
  const mark = (row: Row | undefined, before: number) => row && writePlace(placeOf(question, row, before))
  const [previous, next] = [less ? mark(rows[0], start) : undefined, more ? mark(rows.at(-1), start + rows.length) : undefined]
  const came = rows[0]?.found
  return {
    rows,
    count: typeof came === 'number' ? upTo(came, wish.exact) : await countAnswer(db, answer, wish.exact),
    partial: answer.partial,
    start,
    ...(previous && { previous }),
    ...(next && { next }),
  }
}

/** How many rows answer a question, up to `mostCounted`. */
export async function countRows(db: Knex, question: Question): Promise<Count> {
  return countAnswer(db, await findAnswer(db, question))
}

/** Makes fresh queries of all rows that answer a question, for what draws them otherwise than as a list: sums, a map. */
export async function foundRows(db: Knex, question: Question): Promise<() => Query> {
  return (await findAnswer(db, question)).whole
}

/** How long counting by parts may take; the page does not wait for a number beside it. */
const longestCount = 200

/**
 * How many rows of the answer each of these narrowings leaves, up to `mostCounted`: one statement, each part read from its index
 * as far as it is counted. Where a search found too much to sort, only the newest of it are counted.
 * @returns nothing when that would take too long
 */
export async function countEach(
  db: Knex,
  question: Question,
  parts: readonly ((query: Query) => void)[],
): Promise<Count[] | undefined> {
  const { shown, partial } = await findAnswer(db, question)
  const counts = parts.map((narrow, at) => {
    const rows = shown().select(db.raw('1'))
    narrow(rows)
    return db
      .from(rows.limit(mostCounted + 1).as(`t${at}`))
      .select(db.raw('? as part', [at]))
      .count({ n: '*' })
  })
  const rows: { part: number; n: number }[] | undefined = await inTime(db.unionAll(counts, true))
  const found = new Map(rows?.map(({ part, n }) => [part, n]))
  return rows && parts.map((_part, at) => atLeast(found.get(at) ?? 0, partial))
}

/** How many rows are looked at to count them by the codes of a column. */
const mostGrouped = 10_000

/**
 * How many rows of the answer have each code in this SQL column, read in one pass: exact where the answer is not longer than that,
 * otherwise as many as were seen at least.
 * @returns a count for any code, and all rows for none; nothing when that would take too long
 */
export async function countBy(
  db: Knex,
  question: Question,
  column: string | Knex.Raw,
): Promise<((code?: string) => Count) | undefined> {
  const { shown, partial } = await findAnswer(db, question)
  const seen = shown().select({ code: column }).limit(mostGrouped).as('seen')
  const rows: { code: string | null; n: number }[] | undefined = await inTime(
    db.from(seen).select('code').count({ n: '*' }).groupBy('code'),
  )
  if (!rows) return undefined
  const all = rows.reduce((sum, { n }) => sum + n, 0)
  const counts = new Map(rows.map(({ code, n }) => [code, n]))
  return code => atLeast(code === undefined ? all : (counts.get(code) ?? 0), partial || all === mostGrouped)
}

/** @param more there may be rows that were not counted */
function atLeast(n: number, more: boolean): Count {
  const count = upTo(n)
  return more ? { ...count, exact: false } : count
}

async function inTime<T>(query: Query): Promise<T[] | undefined> {
  try {
    return await query.timeout(longestCount, { cancel: true })
  } catch (error) {
    if (error instanceof Error && error.name === 'KnexTimeoutError') return undefined
    throw error
  }
}

/**
 * All rows of the answer in their order, in batches read one after the other: no statement is long, no connection is held and
 * memory stays flat.
 */
export async function* readAll(db: Knex, question: Question, columns: readonly Column[]): AsyncGenerator<Row[]> {
  const { whole, known, partial } = await findAnswer(db, question)
  const few = known !== undefined && !partial
  const readBehind = (after?: Place) => {
    const rows = select(db, question, columns, whole(), { ...(after && { after }), few, limit: batch })
    // If nobody comes for them any more, nobody hears of their failure either.
    rows.catch(() => undefined)
    return rows
  }
  for (let coming: Promise<Row[]> | undefined = readBehind(); coming; ) {
    const rows: Row[] = await coming
    const last = rows.at(-1)
    // The next rows are on their way while these are written.
    coming = last && rows.length === batch ? readBehind(placeOf(question, last, 0)) : undefined
    if (last) yield rows
  }
}

function base(db: Knex, { list, user, narrowing }: Question): Query {
  const query = list.from(db, user)
  for (const part of narrowing) part(query)
  return query
}

async function findAnswer(db: Knex, question: Question): Promise<Answer> {
  const { list, search } = question
  const all = () => base(db, question)
  if (!search) return { shown: all, whole: all, partial: false }

  const plan = await planSearch(db, list, search)
  const keys = await findKeys(db, list, plan, all)
  const partial = keys.length > mostMatches
  const shown = () => among(all(), list, keys.slice(0, mostMatches))
  if (!partial) return { shown, whole: shown, known: { n: keys.length, exact: true }, partial }
  return { shown, whole: () => narrow(all(), plan), known: { n: mostMatches, exact: false }, partial }
}

function among(query: Query, { key }: List, keys: (string | number)[]): Query {
  // Two thousand bindings cost a millisecond; these are numbers from the database.
  if (keys.length && keys.every(Number.isSafeInteger)) return query.whereRaw(`?? in (${keys.join(',')})`, [key])
  return query.whereIn(key, keys)
}

async function countAnswer(db: Knex, answer: Answer, exact = false): Promise<Count> {
  const { known, partial } = answer
  if (known && !(exact && partial)) return known
  const [row]: { n?: number }[] = await counting(db, answer, exact)
  return upTo(row?.n ?? 0, exact)
}

function counting(db: Knex, { whole }: Answer, exact = false): Query {
  const rows = whole().select(db.raw('1'))
  return db.from((exact ? rows : rows.limit(mostCounted + 1)).as('counted')).count({ n: '*' })
}

function upTo(n: number, exact = false): Count {
  return exact || n <= mostCounted ? { n, exact: true } : { n: mostCounted, exact: false }
}

interface Part {
  rows: Row[]
  start: number
  /** Whether there are rows before and after these. */
  less: boolean
  more: boolean
}

/** @param wish `counted`: the first row brings the number of all rows along, as `found` */
async function readPart(
  db: Knex,
  question: Question,
  columns: readonly Column[],
  answer: Answer,
  wish: Wish & { counted: boolean },
): Promise<Part> {
  const { size, after, before, exact, counted } = wish
  // The server answers this beside the rows; as a statement of its own it would cost the portal as much as they do.
  const count = counted ? { count: counting(db, answer, exact) } : {}
  const few = answer.known !== undefined
  const read = (place: { after?: Place; before?: Place }) =>
    select(db, question, columns, answer.shown(), { ...place, ...count, few, limit: size + 1 })
  if (!before) {
    const rows = await read(after ? { after } : {})
    return { rows: rows.slice(0, size), start: after?.before ?? 0, less: Boolean(after), more: rows.length > size }
  }
  const rows = (await read({ before })).reverse()
  if (rows.length > size) return { rows: rows.slice(1), start: Math.max(before.before - size, 1), less: true, more: true }
  // The way back has reached the beginning: the first page is shown whole, with what has come in meanwhile.
  const { before: _before, ...first } = wish
  return readPart(db, question, columns, answer, first)
}

interface Selection {
  after?: Place
  before?: Place
  limit: number
  /** Whether the query holds few enough rows to be sorted, as a search does. */
  few: boolean
  count?: Query
}

async function select(
  db: Knex,
  { list, user, sort, descending }: Question,
  columns: readonly Column[],
  query: Query,
  { after, before, limit, few, count }: Selection,
): Promise<Row[]> {
  const order = sortSource(sort)
  const place = after ?? before
  const upwards = descending === Boolean(before)
  const direction = upwards ? 'asc' : 'desc'
  if (place) keepBehind(query, { order, key: list.key, place, sign: upwards ? '>' : '<' })
  const page = query
    .select({ page_key: list.key, sort_value: order })
    // MySQL would rather walk the index of the order and look for two thousand rows among all: so it may not see the column.
    .orderBy([
      { column: few ? db.raw('coalesce(??)', [order]) : order, order: direction },
      { column: list.key, order: direction },
    ])
    .limit(limit)
  // First the rows of the page by its index alone, then what they hold: joins and expressions cost per row shown, not per row found.
  const full = (list.shown ?? list.from)(db, user).join(page.as('page'), 'page.page_key', list.key)
  if (count) full.select(count.as('found'))
  for (const { name, source } of list.columns) if (typeof source === 'string') full.select({ [name]: source })
  for (const { name, source } of columns) if (typeof source !== 'string') full.select(db.raw('? as ??', [source(db), name]))
  return full
    .select({ key: list.key, sort_value: 'page.sort_value' })
    .orderBy(['page.sort_value', 'page.page_key'].map(column => ({ column, order: direction })))
}

/** Both servers read this form as two ranges of one index; the row form `(a, b) > (x, y)` they would scan. */
function keepBehind(query: Query, { order, key, place, sign }: { order: string; key: string; place: Place; sign: '>' | '<' }) {
  if (order === key) return query.where(key, sign, place.key)
  return query.where(part =>
    part.where(order, sign, place.value).orWhere(tie => tie.where(order, place.value).where(key, sign, place.key)),
  )
}

function placeOf({ list, sort, descending }: Question, row: Row, before: number): Place {
  const { key, sort_value: value } = row
  if (value === null || value === undefined || key === null || key === undefined || key instanceof Date)
    throw new Error(`list ${list.code}: ${sort.name} or the key is empty`)
  return { sort: `${descending ? '-' : ''}${sort.name}`, value, key, before }
}
