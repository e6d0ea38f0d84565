import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../accounts/users.ts'
import { BadRequest } from '../errors.ts'
import type { Choices } from './choices.ts'
import { columnsOf } from './choices.ts'
import { readPlace, writePlace } from './cursor.ts'
import { type Condition, loadFilter, narrowingOf, readFilter } from './filters.ts'
import { readSearch, type Search } from './grammar.ts'
import { type Column, type Filter, type List, namesOf, pageSizes, type Words } from './list.ts'
import { openWords, sealWords } from './private-words.ts'
import type { Question, Wish } from './rows.ts'

/** What an address asks of a list, read once at the edge. */
export interface Asked {
  question: Question
  wish: Wish
  conditions: Condition[]
  /** What a person typed or chose wrongly: one sentence per parameter. The list is not read then. */
  mistakes: Record<string, string>
  /** What the address says and no page of ours would: one sentence each. That part falls back to the standard. */
  strays: string[]
  /** Everything the address says, to be shown again and carried on. */
  given: Record<string, string>
  /** What stands in the search box; in the address it may be sealed. */
  typed: string
  /** How it is seen: the columns of the address, or those of this person. */
  choices: Choices
  /** The options of the select filters. */
  options: Map<string, Words>
}

const own = ['q', 'sort', 'size', 'after', 'before', 'count', 'columns', 'view'] as const

/**
 * Reads the address of a list. Parameters it does not know are left alone.
 * @param query `req.query`
 * @throws BadRequest when a parameter is there twice
 */
export async function readAsked(db: Knex, list: List, user: User, query: unknown, choices: Choices): Promise<Asked> {
  const filters = list.filters ?? []
  const given = readTexts(list, query)
  const [mistakes, strays, conditions]: [Asked['mistakes'], string[], Condition[]] = [{}, [], []]

  const typed = openWords(user, (list.search && given.q) || '')
  const { search, mistake } = readSearch(typed ?? '')
  if (mistake) mistakes.q = mistake
  if (typed === undefined) mistakes.q = '网址里的搜索词含证件号或手机号，只有搜索的本人能打开。请重新输入。'
  if (search) conditions.push({ label: '搜索', text: search.text, names: ['q'] })

  const options = await optionsOf(db, user, filters, given)
  const loaded = await Promise.all(filters.map(filter => loadFilter(db, filter, given)))
  const read = loaded.map(filter => readFilter(filter, given, options.get(filter.name) ?? {}, user))
  for (const one of read) {
    Object.assign(mistakes, one.mistakes)
    if (one.condition) conditions.push(one.condition)
  }

  const sort = readSort(list, given.sort ?? '')
  if (given.sort && !sort.known) strays.push('网址里的排序方式这个列表没有，已按默认顺序排列。')
  const size = pageSizes.find(size => String(size) === given.size)
  if (given.size && !size) strays.push(`每页行数只能是 ${pageSizes.join('、')}，已按每页 ${choices.size} 行显示。`)
  const name = `${sort.descending ? '-' : ''}${sort.column.name}`
  const after = given.after ? readPlace(given.after, name, sort.column) : undefined
  const before = given.before && !given.after ? readPlace(given.before, name, sort.column) : undefined
  const columns = given.columns ? columnsOf(list, given.columns.split('.')) : choices.columns
  if ((given.after && !after) || (given.before && !given.after && !before)) strays.push('网址里的翻页位置已失效，已回到第一页。')

  return {
    question: {
      list,
      user,
      ...(search && { search }),
      narrowing: narrowingOf(conditions),
      sort: sort.column,
      descending: sort.descending,
    },
    wish: { size: size ?? choices.size, ...(after && { after }), ...(before && { before }), exact: given.count === 'exact' },
    conditions,
    mistakes,
    strays,
    given: kept(given, { q: typed ? sealed(user, list, given.q, typed) : '', sort: sort.known, size: Boolean(size) }),
    typed: typed ?? '',
    choices: { ...choices, columns },
    options,
  }
}

/** A search in a list as it opens: without filters, in its own order. */
export function plainQuestion(list: List, user: User, search: Search): Question {
  const { column, descending } = readSort(list, '')
  return { list, user, search, narrowing: [], sort: column, descending }
}

/** A search that came sealed stays as it came, so that an address does not change by being opened. */
function sealed(user: User, list: List, given: string | undefined, typed: string): string {
  return given && given !== typed ? given : sealWords(user, [list], typed)
}

/** The address without any condition; sort and size stay. */
export function withoutConditions(list: List, given: Record<string, string>): string {
  const names = ['q', 'view', ...(list.filters ?? []).flatMap(namesOf)]
  return addressWith(list, given, Object.fromEntries(names.map(name => [name, ''])))
}

/** The address of a list with what is asked, changed in some parameters; an empty text removes one. Paging starts anew. */
export function addressWith(list: List, given: Record<string, string>, changes: Record<string, string> = {}): string {
  const all = Object.entries({ ...given, ...changes }).filter(([, value]) => value !== '')
  return `/desk/lists/${list.code}${all.length ? `?${new URLSearchParams(all)}` : ''}`
}

/** The whole question as an address could say it, also what this person only prefers: to be kept, and compared with what was kept. */
export function wholeQuery({ question, wish, given, choices }: Asked): string {
  const { view: _view, ...rest } = given
  const seen = {
    sort: `${question.descending ? '-' : ''}${question.sort.name}`,
    size: String(wish.size),
    columns: choices.columns.map(({ name }) => name).join('.'),
  }
  const all = new URLSearchParams({ ...rest, ...seen })
  all.sort()
  return all.toString()
}

/** The address of this very page of a list, to come back to. */
export function queryHere({ given, wish: { after, before } }: Asked): string {
  const place = { ...(after && { after: writePlace(after) }), ...(before && { before: writePlace(before) }) }
  return new URLSearchParams({ ...given, ...place }).toString()
}

const schemas = new WeakMap<List, z.ZodObject>()

/** Zod compiles a schema when it is first used, so each list has one for good. */
function schemaOf(list: List): z.ZodObject {
  const present = schemas.get(list)
  if (present) return present
  const names = [...own, ...(list.filters ?? []).flatMap(namesOf)]
  const made = z.object(Object.fromEntries(names.map(name => [name, z.string().optional()])))
  schemas.set(list, made)
  return made
}

/** The parameters a list knows, out of an address or a form; blanks around them and empty ones are gone. @throws BadRequest when one is there twice */
export function readTexts(list: List, query: unknown): Record<string, string> {
  const read = schemaOf(list).safeParse(query)
  if (!read.success) throw new BadRequest()
  return Object.fromEntries(
    Object.entries(read.data).flatMap(([name, value]) =>
      typeof value === 'string' && value.trim() ? [[name, value.trim()]] : [],
    ),
  )
}

/** What goes on from page to page: conditions, a sort and a size that exist; never a place. */
function kept(
  given: Record<string, string>,
  { q, sort, size }: { q: string; sort: boolean; size: boolean },
): Record<string, string> {
  const rest: Record<string, string> = { ...given, q }
  for (const name of ['after', 'before', 'count']) delete rest[name]
  if (!q) delete rest.q
  if (!/^[1-9]\d{0,14}$/.test(rest.view ?? '')) delete rest.view
  if (!sort) delete rest.sort
  if (!size) delete rest.size
  return rest
}

async function optionsOf(
  db: Knex,
  user: User,
  filters: readonly Filter[],
  given: Record<string, string>,
): Promise<Map<string, Words>> {
  const read = filters.map(async filter => {
    if (filter.type !== 'select') return [filter.name, {}] as const
    const { name, options } = filter
    return [name, typeof options === 'function' ? await options(db, user, given[name] ?? '') : options] as const
  })
  return new Map(await Promise.all(read))
}

function readSort(list: List, asked: string): { column: Column; descending: boolean; known: boolean } {
  const find = (text: string) => {
    const column = list.columns.find(({ name, sort }) => sort !== undefined && name === text.replace(/^-/, ''))
    return column && { column, descending: text.startsWith('-') }
  }
  const found = find(asked)
  const standard = find(list.sort)
  if (!standard) throw new Error(`list ${list.code} has no sort`)
  return found ? { ...found, known: true } : { ...standard, known: false }
}
