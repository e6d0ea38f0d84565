import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../accounts/users.ts'
import { BadRequest } from '../errors.ts'
import type { Choices } from './choices.ts'
import { readPlace } from './cursor.ts'
import { readSearch } from './grammar.ts'
import { type Column, type Filter, type List, pageSizes, type Words } from './list.ts'
import type { Question, Wish } from './rows.ts'

/** A condition in force, in words, with the parameters of the address that make it. */
export interface Condition {
  label: string
  text: string
  names: readonly string[]
  /** What it does to the rows; the search does it in its own way. */
  narrow?: (query: Knex.QueryBuilder) => void
}

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
  /** The options of the select filters. */
  options: Map<string, Words>
}

const own = ['q', 'sort', 'size', 'after', 'before', 'count'] as const

/** The parameters a filter has in the address. */
export function namesOf(filter: Filter): string[] {
  return filter.type === 'period' ? [`${filter.name}_from`, `${filter.name}_to`] : [filter.name]
}

/**
 * Reads the address of a list. Parameters it does not know are left alone.
 * @param query `req.query`
 * @throws BadRequest when a parameter is there twice
 */
export async function readAsked(db: Knex, list: List, user: User, query: unknown, choices: Choices): Promise<Asked> {
  const filters = list.filters ?? []
  const given = readTexts(list, query)
  const [mistakes, strays, conditions]: [Asked['mistakes'], string[], Condition[]] = [{}, [], []]

  const { search, mistake } = readSearch(given.q ?? '')
  if (mistake) mistakes.q = mistake
  if (search) conditions.push({ label: '搜索', text: search.text, names: ['q'] })

  const options = await optionsOf(db, user, filters)
  const read = filters.map(filter => readFilter(filter, given, options.get(filter.name) ?? {}, user))
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
    given: kept(given, { sort: sort.known, size: Boolean(size) }),
    options,
  }
}

/** What the conditions do to the rows. */
export function narrowingOf(conditions: readonly Condition[]): Question['narrowing'] {
  return conditions.flatMap(({ narrow }) => (narrow ? [narrow] : []))
}

/** The address of a list with what is asked, changed in some parameters; an empty text removes one. Paging starts anew. */
export function addressWith(list: List, given: Record<string, string>, changes: Record<string, string> = {}): string {
  const all = Object.entries({ ...given, ...changes }).filter(([, value]) => value !== '')
  return `/desk/lists/${list.code}${all.length ? `?${new URLSearchParams(all)}` : ''}`
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

function readTexts(list: List, query: unknown): Record<string, string> {
  const read = schemaOf(list).safeParse(query)
  if (!read.success) throw new BadRequest()
  return Object.fromEntries(
    Object.entries(read.data).flatMap(([name, value]) =>
      typeof value === 'string' && value.trim() ? [[name, value.trim()]] : [],
    ),
  )
}

/** What goes on from page to page: conditions, a sort and a size that exist; never a place. */
function kept(given: Record<string, string>, { sort, size }: { sort: boolean; size: boolean }): Record<string, string> {
  const { after: _after, before: _before, count: _count, ...rest } = given
  if (!sort) delete rest.sort
  if (!size) delete rest.size
  return rest
}

async function optionsOf(db: Knex, user: User, filters: readonly Filter[]): Promise<Map<string, Words>> {
  const read = filters.map(async filter => {
    if (filter.type !== 'select') return [filter.name, {}] as const
    return [filter.name, typeof filter.options === 'function' ? await filter.options(db, user) : filter.options] as const
  })
  return new Map(await Promise.all(read))
}

interface ReadFilter {
  condition?: Condition
  mistakes?: Record<string, string>
}

function readFilter(filter: Filter, given: Record<string, string>, options: Words, user: User): ReadFilter {
  switch (filter.type) {
    case 'select':
      return readSelect(filter, given[filter.name], options, user)
    case 'flag':
      return readFlag(filter, given[filter.name])
    case 'period':
      return readPeriod(filter, given)
  }
}

function readSelect(filter: Filter & { type: 'select' }, code: string | undefined, options: Words, user: User): ReadFilter {
  const { name, label, where } = filter
  if (!code) return {}
  const text = Object.hasOwn(options, code) ? options[code] : undefined
  if (!text) return { mistakes: { [name]: `${label}里没有“${code.slice(0, 20)}”，请重新选择。` } }
  return {
    condition: {
      label,
      text,
      names: [name],
      narrow: query => void (typeof where === 'string' ? query.where(where, code) : where(query, code, user)),
    },
  }
}

function readFlag(
  { name, label, where, words = ['是', '否'] }: Filter & { type: 'flag' },
  given: string | undefined,
): ReadFilter {
  if (!given) return {}
  if (given !== 'yes' && given !== 'no') return { mistakes: { [name]: `${label}只能选“${words[0]}”或“${words[1]}”。` } }
  const yes = given === 'yes'
  return { condition: { label, text: words[yes ? 0 : 1], names: [name], narrow: query => where(query, yes) } }
}

const day = z.iso.date().refine(text => text >= '1900-01-01' && text < '2200-01-01')

function readPeriod(filter: Filter & { type: 'period' }, given: Record<string, string>): ReadFilter {
  const { name, label, of, where } = filter
  const [from, to] = [given[`${name}_from`], given[`${name}_to`]]
  if (!from && !to) return {}
  const mistakes: Record<string, string> = {}
  const wrong = (which: string) => `${label}的${which}日期请填写成 2026-11-23 这样、确实存在的日期。`
  if (from && !day.safeParse(from).success) mistakes[`${name}_from`] = wrong('起始')
  if (to && !day.safeParse(to).success) mistakes[`${name}_to`] = wrong('截止')
  if (Object.keys(mistakes).length) return { mistakes }
  if (from && to && from > to) return { mistakes: { [`${name}_to`]: `${label}的起始日期晚于截止日期 ${to}，请对调或改一个。` } }

  const bound = (text: string, days: number) =>
    of === 'date' ? text : new Date(Date.parse(`${text}T00:00:00+08:00`) + days * 86_400_000)
  const text = from && to ? `${from} 至 ${to}` : from ? `${from} 起` : `至 ${to}`
  const narrow = (query: Knex.QueryBuilder) => {
    if (from) query.where(where, '>=', bound(from, 0))
    if (to) query.where(where, of === 'date' ? '<=' : '<', bound(to, 1))
  }
  return { condition: { label, text, names: namesOf(filter), narrow } }
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
