import type { Response } from 'express'
import type { Knex } from 'knex'
import { type Cell, cellOf, readersOf } from './cells.ts'
import { type Choices, columnsOf } from './choices.ts'
import { describe, readSearch, smaller } from './grammar.ts'
import { type Column, type ColumnType, type Filter, type Link, type List, pageSizes, type Words } from './list.ts'
import { type Asked, addressWith, type Condition, namesOf, narrowingOf } from './question.ts'
import { type Count, countRows, type PageOfRows, type Question, readPage } from './rows.ts'
import { mostMatches } from './search.ts'

/** Reads what is asked and renders the page of the list: 422 when a condition is wrong, 400 when the address is. */
export async function showList(db: Knex, res: Response, asked: Asked, choices: Choices): Promise<void> {
  const { question, wish, mistakes, strays } = asked
  const isRead = Object.keys(mistakes).length === 0
  const [page, readers] = await Promise.all([
    isRead ? readPage(db, question, choices.columns, wish) : nothing,
    readersOf(db, choices.columns),
  ])
  const { list, user } = question
  const rows = page.rows.map(row => {
    const href = list.href?.(row, user)
    return readers.map((reader, at): Cell => ({ ...cellOf(reader, row), ...(at === 0 && href ? { href } : {}) }))
  })
  res.status(isRead ? (strays.length ? 400 : 200) : 422).render('lists/list', {
    ...fixedParts(asked, choices),
    mistakes,
    strays,
    rows,
    ...(isRead ? answerParts(asked, page) : {}),
    ...(isRead && !rows.length ? { empty: await whyEmpty(db, asked, page) } : {}),
  })
}

const nothing: PageOfRows = { rows: [], count: { n: 0, exact: true }, partial: false, start: 0 }

/** What the page has whatever was found. */
function fixedParts(asked: Asked, { columns, size }: Choices) {
  const { question, wish, given, conditions } = asked
  const { list, user } = question
  const address = (changes: Record<string, string>) => addressWith(list, given, changes)
  const parts = new Map(list.columns.map(column => [column.name, columnPart(column, asked)]))
  return {
    list: { code: list.code, label: list.label, about: list.about, phone: list.phone ?? 'cards' },
    actions: list.actions?.(user) ?? [],
    search: list.search && { about: list.search.about, q: given.q ?? '' },
    filters: (list.filters ?? []).map(filter => filterPart(filter, asked)),
    chips: conditions.map(condition => ({
      ...condition,
      without: address(Object.fromEntries(condition.names.map(name => [name, '']))),
    })),
    clear: withoutConditions(list, given),
    carried: Object.entries(given).filter(([name]) => name === 'sort' || name === 'size'),
    query: new URLSearchParams(given).toString(),
    columns: columns.map(({ name }) => parts.get(name)),
    sorts: [...parts.values()].filter(({ sort }) => sort),
    chooser: choosable(list, columns),
    sizes: pageSizes.map(value => ({ value, chosen: value === (wish.size ?? size) })),
    files: (['xlsx', 'csv', 'json'] as const).map(format => ({
      label: { xlsx: 'Excel 表格（.xlsx）', csv: 'CSV 文本（.csv）', json: 'JSON 数据（.json）' }[format],
      href: exportAddress(list, given, format),
    })),
  }
}

const conditionNames = (list: List) => ['q', ...(list.filters ?? []).flatMap(namesOf)]

function exportAddress(list: List, given: Record<string, string>, format: string): string {
  const { size: _size, ...rest } = given
  return addressWith(list, rest).replace(/(\?|$)/, `/export.${format}$1`)
}

function filterPart(filter: Filter, { given, options, mistakes }: Asked) {
  const { name, label, type } = filter
  const field = (name: string, label: string) => ({ name, label, value: given[name] ?? '', mistake: mistakes[name] })
  if (type === 'period')
    return { type, name, label, from: field(`${name}_from`, `${label}，从`), to: field(`${name}_to`, `${label}，到`) }
  const words: Words =
    type === 'flag' ? { yes: filter.words?.[0] ?? '是', no: filter.words?.[1] ?? '否' } : (options.get(name) ?? {})
  return { ...field(name, label), type: 'select', options: Object.entries(words).map(([value, label]) => ({ value, label })) }
}

/** What a column is called, where its cells stand, and the ways to sort by it. */
function columnPart(column: Column, { question, given }: Asked) {
  const { name, label, type = 'text', unit } = column
  const place = places[type]
  return {
    name,
    label: unit ? `${label}（${unit}）` : label,
    place,
    heading: name === question.list.heading,
    named: place !== '' || type === 'flag',
    sort: column.sort === undefined ? undefined : sortPart(question, given, name, place),
  }
}

const places: Record<ColumnType, 'num' | 'date' | 'code' | ''> = {
  text: '',
  code: 'code',
  number: 'num',
  area: 'num',
  money: 'num',
  date: 'date',
  moment: 'date',
  second: 'date',
  state: '',
  flag: '',
}

/** Upwards and downwards, as one says it of what stands in such a column. */
const directions = {
  num: ['从小到大', '从大到小'],
  date: ['从旧到新', '从新到旧'],
  code: ['正序', '倒序'],
  '': ['正序', '倒序'],
} as const

function sortPart({ list, sort, descending }: Question, given: Asked['given'], name: string, place: keyof typeof directions) {
  const current = sort.name === name
  // Numbers and days are looked at from the largest and newest, names from the beginning.
  const downwards = current ? !descending : place === 'num' || place === 'date'
  const next = `${downwards ? '-' : ''}${name}`
  return {
    href: addressWith(list, given, { sort: next === list.sort ? '' : next }),
    direction: current ? (descending ? 'descending' : 'ascending') : undefined,
    next: directions[place][downwards ? 1 : 0],
  }
}

function choosable(list: List, shown: readonly Column[]) {
  const fixed = columnsOf(list).map(({ name }) => name)
  return {
    columns: list.columns.map(({ name, label }) => ({
      name,
      label,
      fixed: name === list.heading,
      chosen: shown.some(column => column.name === name),
    })),
    isStandard: fixed.join() === shown.map(({ name }) => name).join(),
  }
}

/** What the page says about the rows it found. */
function answerParts({ question, given, conditions }: Asked, { rows, count, partial, start, previous, next }: PageOfRows) {
  const { list } = question
  const to = (name: string, place: string | undefined) => place && addressWith(list, given, { [name]: place })
  return {
    count: countInWords(count),
    isExact: count.exact,
    partial: partial
      ? `符合的很多，这里只按顺序列出其中最新的 ${grouped(mostMatches)} 条。再加一个词可以缩小范围；导出则包含全部。`
      : '',
    exactly: count.exact ? undefined : addressWith(list, given, { count: 'exact' }),
    from: rows.length ? grouped(start + 1) : '',
    to: grouped(start + rows.length),
    first: start > 0 || previous ? addressWith(list, given) : undefined,
    previous: to('before', previous),
    next: to('after', next),
    summary: conditions.map(inWords).join('；'),
  }
}

const numbers = new Intl.NumberFormat('zh-CN')
const grouped = (n: number) => numbers.format(n)

/** `1,532`, or `1,000+` where counting has stopped. */
export function countInWords({ n, exact }: Count): string {
  return exact ? grouped(n) : `${grouped(n)}+`
}

/** A condition as one reads it: `状态：停用`. */
export function inWords({ label, text }: Condition): string {
  return `${label}：${text}`
}

interface Empty {
  icon: string
  title: string
  text?: string
  /** Where to go from here, in the words of `partials/empty`. */
  ways: Link[]
}

/** Why there is no row, and the next useful place: never a bare "no data". */
async function whyEmpty(db: Knex, asked: Asked, { start }: PageOfRows): Promise<Empty> {
  const { question, conditions, given } = asked
  const { list, user, search } = question
  if (start > 0)
    return {
      icon: 'inbox',
      title: '这一页已经没有内容',
      text: '原来在这里的行已被移走或修改，前面的还在。',
      ways: [{ label: '回到第一页', href: addressWith(list, given) }],
    }
  if (!conditions.length) {
    const action = list.empty?.action?.(user)
    return {
      icon: 'inbox',
      title: list.empty?.title ?? `还没有${list.label}`,
      ...(list.empty?.text ? { text: list.empty.text } : {}),
      ways: action ? [action] : [],
    }
  }
  const found = (await lesserWays(db, asked)).filter(way => way.count.n > 0)
  const filters = conditions.filter(({ narrow }) => narrow).map(condition => `“${inWords(condition)}”`).join('、') // biome-ignore format: one sentence
  return {
    icon: 'search',
    title: search ? `${filters && `在${filters}里`}没有${describe(search)}的${list.label}` : `没有符合${filters}的${list.label}`,
    text: found.length
      ? `${found.map(({ doing, count }) => `${doing}，有 ${countInWords(count)} 条`).join('；')}。`
      : '换一个词，或少用几个条件再试。',
    ways: [
      ...found.map(({ doing, href }) => ({ label: doing, href })),
      { label: '清除全部条件', href: withoutConditions(list, given) },
    ],
  }
}

function withoutConditions(list: List, given: Record<string, string>): string {
  return addressWith(list, given, Object.fromEntries(conditionNames(list).map(name => [name, ''])))
}

const mostOffered = 4

/** Questions that ask for one thing less and may find something: without one word, without one filter. Few, because each is counted. */
async function lesserWays(
  db: Knex,
  { question, conditions, given }: Asked,
): Promise<{ doing: string; href: string; count: Count }[]> {
  const { list, search } = question
  const filters = conditions.length > 1 ? conditions.filter(({ narrow }) => narrow) : []
  const wider = filters.map(dropped => ({
    doing: `去掉“${dropped.text}”再查`,
    given: without(given, dropped.names),
    question: { ...question, narrowing: narrowingOf(conditions.filter(condition => condition !== dropped)) },
  }))
  const shorter = (search ? smaller(search) : []).flatMap(({ text, without: word }) => {
    const less = readSearch(text).search
    return less ? [{ doing: `去掉“${word}”再搜`, given: { ...given, q: text }, question: { ...question, search: less } }] : []
  })
  const ways = [...shorter, ...wider].slice(0, mostOffered).map(async ({ doing, given, question }) => ({
    doing,
    href: addressWith(list, given),
    count: await countRows(db, question),
  }))
  return Promise.all(ways)
}

function without(given: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)))
}
