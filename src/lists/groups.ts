import type { Knex } from 'knex'
import { loadFilter, narrowingOf, readFilter } from './filters.ts'
import type { Filter, Words } from './list.ts'
import { type Asked, addressWith } from './question.ts'
import { type Count, countBy, countEach, countInWords, mostCounted, type Question } from './rows.ts'

/** One link of the counts above a list. */
interface Group {
  label: string
  href: string
  /** Missing where counting would take too long. */
  count?: string
  current: boolean
}

/**
 * 全部 and one link per option of the filter the list is grouped by, each with the rows it leads to under all other conditions.
 * Options without a row are left out unless chosen.
 */
export async function groupsOf(db: Knex, { question, conditions, given, options }: Asked): Promise<Group[]> {
  const { list } = question
  const filter = list.filters?.find(({ name }) => name === list.groups?.filter)
  if (filter?.type !== 'select') return []
  const { name } = filter
  const words = options.get(name) ?? {}
  const codes = Object.keys(words)
  const others = { ...question, narrowing: narrowingOf(conditions.filter(({ names }) => !names.includes(name))) }
  const counts = await countCodes(db, others, filter, words)
  const groups = ['', ...codes].map((code, at) => {
    const count = counts?.[at]
    return {
      label: code ? (words[code] ?? code) : '全部',
      href: addressWith(list, given, { [name]: code }),
      current: (given[name] ?? '') === code,
      isEmpty: code !== '' && count?.n === 0 && count.exact,
      ...(count && (count.n || count.exact) ? { count: countInWords(count) } : {}),
    }
  })
  return groups.filter(({ current, isEmpty }) => current || !isEmpty)
}

/**
 * The whole and each code, in one pass over so many rows of the answer. What is rare among them is then counted by itself, from the
 * index of its column; under other conditions no index has both, and it stays "at least".
 */
async function countCodes(
  db: Knex,
  question: Question,
  filter: Filter & { type: 'select' },
  words: Words,
): Promise<Count[] | undefined> {
  const { narrowing, search } = question
  const codes = Object.keys(words)
  const column = typeof filter.where === 'string' ? filter.where : filter.code?.(db)
  if (!column) return countNarrowed(db, question, filter, words, ['', ...codes])
  const countOf = await countBy(db, question, column)
  if (!countOf || search || narrowing.length) return countOf && [countOf(), ...codes.map(code => countOf(code))]
  const open = codes.filter(code => !countOf(code).exact && countOf(code).n < mostCounted)
  const counted = open.length ? await countNarrowed(db, question, filter, words, open) : undefined
  const exact = new Map(counted?.map((count, at) => [open[at] ?? '', count]))
  return [countOf(), ...codes.map(code => exact.get(code) ?? countOf(code))]
}

/** Each of these codes by its own narrowing; the empty one is the whole. */
async function countNarrowed(
  db: Knex,
  question: Question,
  filter: Filter & { type: 'select' },
  words: Words,
  codes: readonly string[],
): Promise<Count[] | undefined> {
  const { name } = filter
  const loaded = await loadFilter(db, filter, { [name]: 'any' })
  const narrowings = codes.map(
    code => readFilter(loaded, { [name]: code }, words, question.user).condition?.narrow ?? (() => undefined),
  )
  return countEach(db, question, narrowings)
}
