import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../accounts/users.ts'
import { BadRequest } from '../errors.ts'
import type { Choices } from './choices.ts'
import { readPlace } from './cursor.ts'
import { type Condition, loadFilter, narrowingOf, readFilter } from './filters.ts'
import { readSearch } from './grammar.ts'
import { type Column, type Filter, type List, namesOf, pageSizes, type Words } from './list.ts'
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
  /** The options of the select filters. */
  options: Map<string, Words>
}

const own = ['q', 'sort', 'size', 'after', 'before', 'count'] as const

/**
 * Reads the address of a list. Parameters it does not know are left alone.
 * @param query `req.query`
 * @throws BadRequest when a parameter is there twice
 */
export async function readAsked(db: Knex, list: List, user: User, query: unknown, choices: Choices): Promise<Asked> {
  const filters = list.filters ?? []
  const given = readTexts(list, query)
  const [mistakes, strays, conditions]: [Asked['mistakes'], string[], Condition[]] = [{}, [], []]

  const { search, mistake } = readSearch((list.search && given.q) ?? '')
  if (mistake) mistakes.q = mistake
  if (search) conditions.push({ label: '搜索', text: search.text, names: ['q'] })

  const options = await optionsOf(db, user, filters)
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

/** The address without any condition; sort and size stay. */
export function withoutConditions(list: List, given: Record<string, string>): string {
  const names = ['q', ...(list.filters ?? []).flatMap(namesOf)]
  return addressWith(list, given, Object.fromEntries(names.map(name => [name, ''])))
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
