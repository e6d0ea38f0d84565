import type { Response } from 'express'
import type { Knex } from 'knex'
import { type Cell, cellOf, readersOf } from './cells.ts'
import { columnsOf } from './choices.ts'
import { whyEmpty } from './empty.ts'
import { inWords } from './filters.ts'
import { groupsOf } from './groups.ts'
import {
  type Column,
  type ColumnType,
  type Filter,
  formats,
  type List,
  namesOf,
  pageSizes,
  standardBulk,
  type Words,
} from './list.ts'
import { type Asked, addressWith, queryHere, withoutConditions } from './question.ts'
import { countInWords, inGroups, type PageOfRows, type Question, readPage } from './rows.ts'
import { mostMatches } from './search.ts'
import { viewMenu } from './views.ts'

/** Reads what is asked and renders the page of the list: 422 when a condition is wrong, 400 when the address is. */
export async function showList(db: Knex, res: Response, asked: Asked): Promise<void> {
  const { question, wish, mistakes, strays, choices } = asked
  const { list, user } = question
  const isRead = Object.keys(mistakes).length === 0
  const [page, readers, groups, views, about] = await Promise.all([
    isRead ? readPage(db, question, choices.columns, wish) : nothing,
    readersOf(db, choices.columns),
    isRead ? groupsOf(db, asked) : [],
    viewMenu(list, user, asked),
    typeof list.about === 'function' ? list.about(db) : list.about,
  ])
  const rows = page.rows.map(row => {
    const href = list.href?.(row, user)
    return readers.map((reader, at): Cell => ({ ...cellOf(reader, row), ...(at === 0 && href ? { href } : {}) }))
  })
  res.status(isRead ? (strays.length ? 400 : 200) : 422).render('lists/list', {
    ...fixedParts(asked, about),
    mistakes,
    strays,
    // What is chosen is this very page.
    groups: groups.map(group => (group.current ? { ...group, count: countInWords(page.count) } : group)),
    grouped: list.filters?.find(({ name }) => name === list.groups?.filter)?.label,
    viewMenu: views,
    rows,
    keys: page.rows.map(({ key }) => String(key)),
    ...(isRead ? answerParts(asked, page) : {}),
    ...(isRead && !rows.length ? { empty: await whyEmpty(db, asked, page.start) } : {}),
  })
}

const nothing: PageOfRows = { rows: [], count: { n: 0, exact: true }, partial: false, start: 0 }

/** What the page has whatever was found. */
function fixedParts(asked: Asked, about: string | undefined) {
  const { question, wish, given, conditions, typed, choices } = asked
  const { list, user } = question
  const { columns, size } = choices
  const address = (changes: Record<string, string>) => addressWith(list, given, changes)
  const parts = new Map(list.columns.map(column => [column.name, columnPart(column, asked)]))
  return {
    list: { code: list.code, label: list.label, about, phone: list.phone ?? 'cards' },
    actions: list.actions?.(user) ?? [],
    search: list.search && { about: list.search.about, q: typed },
    // A filter by one record of thousands is there while it is asked for.
    filters: (list.filters ?? [])
      .map(filter => filterPart(filter, asked))
      .filter(part => !('options' in part) || part.options.length || part.mistake),
    chips: conditions.map(condition => ({
      ...condition,
      without: address(Object.fromEntries(condition.names.map(name => [name, '']))),
    })),
    clear: withoutConditions(list, given),
    carried: Object.entries(given).filter(([name]) => ['sort', 'size', 'columns', 'view'].includes(name)),
    query: new URLSearchParams(given).toString(),
    here: queryHere(asked),
    columns: columns.map(({ name, phone }, at) => ({ ...parts.get(name), folded: phone === false || at > unfolded })),
    bulk: bulkFor(list, user),
    sorts: [...parts.values()].filter(({ sort }) => sort),
    chooser: choosable(list, columns),
    sizes: pageSizes.map(value => ({ value, chosen: value === (wish.size ?? size) })),
    files: formats.map(format => ({ label: fileNames[format], href: below(list, given, `export.${format}`) })),
    print: below(list, given, 'print'),
  }
}

/** How many columns behind the heading a block on a phone shows before it is unfolded. */
const unfolded = 6

/** What this person may do with picked rows. */
function bulkFor(list: List, { role }: Asked['question']['user']) {
  const own = (list.bulk ?? []).filter(({ roles }) => !roles || roles.includes(role))
  return [
    ...own.map(({ code, label, icon }) => ({ code, label, icon })),
    { code: 'export', label: standardBulk.export, icon: 'download' },
    { code: 'print', label: standardBulk.print, icon: 'printer' },
  ]
}

const fileNames = { xlsx: 'Excel 表格（.xlsx）', csv: 'CSV 文本（.csv）', json: 'JSON 数据（.json）' }

/** An address below the list that asks the same, whatever the size of a page. */
function below(list: List, given: Record<string, string>, part: string): string {
  const { size: _size, view: _view, ...rest } = given
  return addressWith(list, rest).replace(/(\?|$)/, `/${part}$1`)
}

function filterPart(filter: Filter, { given, options, mistakes }: Asked) {
  const { name, label, type } = filter
  const field = (name: string, label: string) => ({ name, label, value: given[name] ?? '', mistake: mistakes[name] })
  if (type === 'period' || type === 'range') {
    const [from = '', to = ''] = namesOf(filter)
    const unit = type === 'range' ? filter.unit : undefined
    return { type, name, label, unit, from: field(from, `${label}，从`), to: field(to, `${label}，到`) }
  }
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
      ? `符合的很多，这里只按顺序列出其中最新的 ${inGroups(mostMatches)} 条。再加一个词可以缩小范围；导出则包含全部。`
      : '',
    exactly: count.exact ? undefined : addressWith(list, given, { count: 'exact' }),
    from: rows.length ? inGroups(start + 1) : '',
    to: inGroups(start + rows.length),
    first: start > 0 || previous ? addressWith(list, given) : undefined,
    previous: to('before', previous),
    next: to('after', next),
    summary: conditions.map(inWords).join('；'),
  }
}
