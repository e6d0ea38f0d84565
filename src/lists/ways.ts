import type { Knex } from 'knex'
import { type List, type SearchedText, type Words, wordsOf } from './list.ts'
import { fold, isHan, runs, termLength, terms } from './terms.ts'

type Query = Knex.QueryBuilder

/** One way in which a word can match a row of a list. */
export interface Way {
  /** Roughly how many rows it leads to; 0 is known to be none. */
  rows: number
  /** Narrows a query to the rows that match: as what leads to them, or as a question asked of each. */
  apply(query: Query, leading: boolean): void
}

/**
 * The ways of the words of a search. Where several terms could lead, they are counted first (each as far as it matters), so that
 * the rarest does.
 * @returns what to ask for the ways of one of these words
 */
export async function waysFor(db: Knex, list: List, words: readonly string[]): Promise<(word: string) => Way[]> {
  const labels = await labelsOf(db, list)
  const targets = targetsOf(list)
  const wanted = words.flatMap(word => targets.flatMap(({ scope }) => lookupsOf(word).map(lookup => ({ scope, lookup }))))
  const beginnings = words.flatMap(word => beginningsOf(list, word))
  const none: ReadonlyMap<string, number> = new Map()
  const [known, begun] = await Promise.all([
    wanted.length > 1 ? countTerms(db, wanted) : none,
    words.length > 1 && beginnings.length ? countBeginnings(db, beginnings) : none,
  ])
  return word => [
    ...targets.map(target => termWay(db, target, word, known)),
    ...labels.flatMap(label => labelWay(label, word)),
    ...beginningsOf(list, word).map(beginning => begins(beginning, begun)),
    ...containingWays(db, list, word),
    ...exactWays(list, word),
  ]
}

/** One look into the terms: the term itself, or all that begin with one of these. */
type Lookup = { term: string } | { beginnings: string[] }

/** The terms of a word: all must be there, and then stand side by side. */
function lookupsOf(word: string): Lookup[] {
  const parts = runs(word)
  const [only = ''] = parts
  // Letters alone may be pinyin; a single one would be the initial of a tenth of all rows.
  if (parts.length === 1 && /^[a-z]{2,}$/.test(only)) return [{ beginnings: [`w${cut(only)}`, `p${cut(only)}`] }]
  return parts.flatMap((run): Lookup[] => {
    if (!isHan(run)) return [{ beginnings: [`w${cut(run)}`] }]
    const signs = [...run]
    if (signs.length === 1) return [{ beginnings: [run] }]
    return [...new Set(signs.slice(0, -1).map((sign, at) => sign + signs[at + 1]))].map(term => ({ term }))
  })
}

const cut = (run: string) => [...run].slice(0, termLength).join('')

/** What must also stand in a text as it was typed, unless one term says it all. */
function wholeWord(word: string): string | undefined {
  const [run = '', ...others] = runs(word)
  if (others.length) return word
  if (isHan(run)) return [...run].length > 2 ? word : undefined
  // Full pinyin of more letters than a term holds is found by its beginning; there is no text to check it against.
  return [...run].length > termLength && !/^[a-z]+$/.test(run) ? word : undefined
}

/** Where terms lead: to the key of the list, or to a column that points to another table. */
interface Target {
  scope: string
  column: string
  texts: readonly SearchedText[]
  /** How many rows one of the terms' documents stands for. */
  fan: number
}

function targetsOf({ key, search = { about: '' } }: List): Target[] {
  const own = search.terms ? [{ scope: search.terms, column: key, texts: search.texts ?? [], fan: 1 }] : []
  const through = (search.through ?? []).map(({ source, terms: scope, texts }) => ({ scope, column: source, texts, fan: 20 }))
  return [...own, ...through]
}

function termWay(db: Knex, { scope, column, texts, fan }: Target, word: string, known: ReadonlyMap<string, number>): Way {
  const lookups = lookupsOf(word)
  const counted = lookups.map(lookup => ({ lookup, rows: known.get(nameOf(scope, lookup)) ?? 1 }))
  const [rarest] = counted.sort((one, other) => one.rows - other.rows)
  const whole = wholeWord(word)
  return {
    rows: (rarest?.rows ?? 0) * fan,
    apply(query, leading) {
      if (!rarest) return void query.whereRaw('false')
      const found = lookUp(db, scope, rarest.lookup)
      // As a set the terms lead; as a question they are asked row by row.
      if (leading) query.whereIn(column, found.select('doc_id'))
      else query.whereExists(found.whereRaw('?? = ??', ['search_terms.doc_id', column]).select(db.raw('1')))
      if (whole) query.where(part => contain(db, part, texts, whole))
    },
  }
}

function lookUp(db: Knex, scope: string, lookup: Lookup): Query {
  const query = db('search_terms').where('search_terms.scope', scope)
  if ('term' in lookup) return query.where('search_terms.term', lookup.term)
  return query.where(part => {
    // Terms hold letters and digits only, so there is nothing to escape.
    for (const beginning of lookup.beginnings) part.orWhere('search_terms.term', 'like', `${beginning}%`)
  })
}

function contain(db: Knex, query: Query, texts: readonly SearchedText[], word: string) {
  if (!texts.length) query.whereRaw('false')
  for (const text of texts)
    query.orWhereRaw('convert(? using utf8mb4) collate utf8mb4_unicode_520_ci like ?', [
      typeof text === 'string' ? db.ref(text) : text(db),
      `%${escapeLike(word)}%`,
    ])
}

/** A text as it stands inside a LIKE pattern. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

const nameOf = (scope: string, lookup: Lookup) => JSON.stringify([scope, lookup])

/** A term that has more rows than this is common, however many more. */
const mostCounted = 2000

async function countTerms(db: Knex, wanted: { scope: string; lookup: Lookup }[]): Promise<Map<string, number>> {
  const asked = [...new Map(wanted.map(one => [nameOf(one.scope, one.lookup), one])).values()]
  const counts = asked.map(({ scope, lookup }, at) =>
    db
      .from(lookUp(db, scope, lookup).select('doc_id').limit(mostCounted).as(`t${at}`))
      .select(db.raw('? as at', [at]), db.raw('count(*) as n')),
  )
  const rows: { at: number; n: number }[] = await db.unionAll(counts, true)
  return new Map(rows.map(({ at, n }) => [nameOf(asked[at]?.scope ?? '', asked[at]?.lookup ?? { term: '' }), n]))
}

interface Label {
  source: string
  entries: Entry[]
  loosely: boolean
}

/** A code, what it is called as a whole and in parts (三级 and 暂定 of 三级（暂定）), and its pinyin. */
interface Entry {
  code: string
  label: string
  parts: string[]
  pinyin: string[]
}

/** A label may stand for a large part of the rows, so it leads only where nothing better does. */
const labelRows = 50_000

function labelWay({ source, entries, loosely }: Label, word: string): Way[] {
  const wanted = fold(word)
  if ([...wanted].length < 2) return []
  const isMeant = ({ label, parts, pinyin }: Entry) =>
    label === wanted ||
    parts.includes(wanted) ||
    (loosely && (label.includes(wanted) || pinyin.some(term => term.startsWith(`p${wanted}`))))
  const codes = entries.filter(isMeant).map(({ code }) => code)
  return codes.length ? [{ rows: labelRows, apply: query => void query.whereIn(source, codes) }] : []
}

async function labelsOf(db: Knex, { columns, search, shown: apart }: List): Promise<Label[]> {
  const named = search?.words ?? []
  // Where what is shown is joined apart, the rows have only what the search names itself.
  const searched = apart ? [] : columns
  const shown = searched.flatMap(({ source, words }) => (words && typeof source === 'string' ? [{ source, words }] : []))
  const rest = shown.filter(({ source }) => !named.some(other => other.source === source))
  return Promise.all(
    [...named, ...rest].map(async ({ source, words, ...way }) => ({
      source,
      entries: entriesOf(await wordsOf(db, words)),
      loosely: 'loosely' in way,
    })),
  )
}

const prepared = new WeakMap<Words, Entry[]>()

function entriesOf(words: Words): Entry[] {
  const present = prepared.get(words)
  if (present) return present
  const made = Object.entries(words).map(([code, label]) => ({
    code,
    label: fold(label),
    parts: fold(label).split(/[^\p{L}\p{N}]+/u),
    pinyin: terms(label).filter(term => term.startsWith('p')),
  }))
  prepared.set(words, made)
  return made
}

/** A column whose texts may begin with one of these. */
interface Beginning {
  source: string
  words: readonly string[]
}

function beginningsOf({ search }: List, word: string): Beginning[] {
  const starts = (search?.starts ?? []).map(source => ({ source, words: [word] }))
  // In a column of ASCII a Han word would cost the index; codes are compared byte by byte, so both cases are tried.
  const variants = /^[\x21-\x7e]+$/.test(word) ? [...new Set([word, word.toLowerCase(), word.toUpperCase()])] : []
  const codes = variants.length ? (search?.codes ?? []).map(source => ({ source, words: variants })) : []
  return [...starts, ...codes]
}

function containingWays(db: Knex, { search }: List, word: string): Way[] {
  const { contains } = search ?? {}
  return contains ? [{ rows: 1000, apply: query => void query.where(part => contain(db, part, contains, word)) }] : []
}

function exactWays({ search }: List, word: string): Way[] {
  const narrow = search?.exact?.(word)
  return narrow ? [{ rows: 1, apply: query => void query.where(part => narrow(part)) }] : []
}

/** How many rows a beginning leads to where nothing was counted, and where there are more than are counted. */
const [fewRows, manyRows] = [100, 100_000]

function begins(beginning: Beginning, begun: ReadonlyMap<string, number>): Way {
  const rows = begun.get(JSON.stringify(beginning)) ?? fewRows
  return { rows: rows < mostCounted ? rows : manyRows, apply: query => void query.where(part => beginWith(part, beginning)) }
}

function beginWith(query: Query, { source, words }: Beginning) {
  for (const word of words) query.orWhere(source, 'like', `${escapeLike(word)}%`)
}

/** Beginnings of several words, counted in their own tables: half of all houses begin with `3号楼`, and those must not lead. */
async function countBeginnings(db: Knex, asked: readonly Beginning[]): Promise<Map<string, number>> {
  const counts = asked.map((beginning, at) => {
    const [table = ''] = beginning.source.split('.')
    const rows = db(table).where(part => beginWith(part, beginning))
    return db
      .from(rows.select(db.raw('1')).limit(mostCounted).as(`t${at}`))
      .select(db.raw('? as at', [at]), db.raw('count(*) as n'))
  })
  const rows: { at: number; n: number }[] = await db.unionAll(counts, true)
  return new Map(rows.map(({ at, n }) => [JSON.stringify(asked[at]), n]))
}
