import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../accounts/users.ts'
import { type Filter, namesOf, type Words } from './list.ts'

/** A condition in force, in words, with the parameters of the address that make it. */
export interface Condition {
  label: string
  text: string
  names: readonly string[]
  /** What it does to the rows; the search does it in its own way. */
  narrow?: (query: Knex.QueryBuilder) => void
}

/** A condition as one reads it: `状态：停用`. */
export function inWords({ label, text }: Condition): string {
  return `${label}：${text}`
}

/** What the conditions do to the rows. */
export function narrowingOf(conditions: readonly Condition[]): ((query: Knex.QueryBuilder) => void)[] {
  return conditions.flatMap(({ narrow }) => (narrow ? [narrow] : []))
}

/** What the address says of one filter: nothing, a condition, or mistakes by parameter. */
interface ReadFilter {
  condition?: Condition
  mistakes?: Record<string, string>
}

/** Reads one filter from the parameters of an address. */
export function readFilter(filter: Filter, given: Record<string, string>, options: Words, user: User): ReadFilter {
  switch (filter.type) {
    case 'select':
      return readSelect(filter, given[filter.name], options, user)
    case 'flag':
      return readFlag(filter, given[filter.name])
    case 'period':
      return readPeriod(filter, given)
    case 'range':
      return readRange(filter, given)
  }
}

/** The filter with what its narrowing takes from the database, loaded if it is asked for. */
export async function loadFilter(db: Knex, filter: Filter, given: Record<string, string>): Promise<Filter> {
  if (filter.type !== 'select' || typeof filter.where !== 'object' || !given[filter.name]) return filter
  return { ...filter, where: await filter.where.load(db) }
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
      narrow: query => {
        if (typeof where === 'string') query.where(where, code)
        else if (typeof where === 'function') where(query, code, user)
      },
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
  const bounds = { ...(from ? { from: bound(from, 0) } : {}), ...(to ? { to: bound(to, 1) } : {}) }
  const narrow = (query: Knex.QueryBuilder) => {
    if (typeof where === 'function') return where(query, bounds)
    if (bounds.from) query.where(where, '>=', bounds.from)
    if (bounds.to) query.where(where, of === 'date' ? '<=' : '<', bounds.to)
  }
  return { condition: { label, text, names: namesOf(filter), narrow } }
}

function readRange(filter: Filter & { type: 'range' }, given: Record<string, string>): ReadFilter {
  const { name, label, where, unit = '', digits = 0 } = filter
  const [from, to] = [numberIn(given[`${name}_from`], digits), numberIn(given[`${name}_to`], digits)]
  if (from === '' && to === '') return {}
  const mistakes: Record<string, string> = {}
  const wrong = (which: string) =>
    `${label}的${which}请填写${digits ? `数字，最多 ${digits} 位小数` : '整数'}，如 ${digits ? '1000.50' : '1000'}。`
  if (from === undefined) mistakes[`${name}_from`] = wrong('起始数')
  if (to === undefined) mistakes[`${name}_to`] = wrong('截止数')
  if (from === undefined || to === undefined) return { mistakes }
  if (from && to && Number(from) > Number(to))
    return { mistakes: { [`${name}_to`]: `${label}的起始数大于截止数 ${to}，请对调或改一个。` } }

  const bounds = { ...(from ? { from } : {}), ...(to ? { to } : {}) }
  const text = `${from && to ? `${from} 至 ${to}` : from ? `${from} 起` : `至 ${to}`}${unit && ` ${unit}`}`
  const narrow = (query: Knex.QueryBuilder) => {
    if (typeof where === 'function') return where(query, bounds)
    if (bounds.from) query.where(where, '>=', bounds.from)
    if (bounds.to) query.where(where, '<=', bounds.to)
  }
  return { condition: { label, text, names: namesOf(filter), narrow } }
}

/** A number as people write it, in plain digits; empty when nothing was given. @returns nothing when it is none */
function numberIn(given: string | undefined, digits: number): string | undefined {
  const text = (given ?? '').normalize('NFKC').replace(/[,\s]/g, '')
  const pattern = digits ? new RegExp(`^\\d{1,12}(\\.\\d{1,${digits}})?$`) : /^\d{1,12}$/
  return text === '' || pattern.test(text) ? text : undefined
}
