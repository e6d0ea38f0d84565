import type { Knex } from 'knex'
import { pinyin } from 'pinyin-pro'

/** A text to be found by; a person's name has its surname read as one (曾 is zeng, 单 is shan). */
export type SearchText = string | { text: string; person: true }

/** What rows are found by, read from the table itself, so that the terms can be made anew. */
export interface TermSource {
  /** What the rows are called at the console. */
  label: string
  /**
   * Up to `limit` rows behind `afterId`, by id. Plain selects only: the rebuild reads them in a transaction that locks what it reads.
   * The texts are made by the function that also makes them when a row is written.
   */
  rows(db: Knex, afterId: number, limit: number): Promise<{ id: number; texts: readonly SearchText[] }[]>
}

const sources = new Map<string, TermSource>()

/** Names the rows behind a scope of terms. @throws Error when the scope has other rows already */
export function registerTerms(scope: string, source: TermSource): void {
  const present = sources.get(scope)
  if (present && present !== source) throw new Error(`two sources of terms for ${scope}`)
  sources.set(scope, source)
}

/** All scopes that can be made anew, with their rows. */
export function termSources(): ReadonlyMap<string, TermSource> {
  return sources
}

/** The longest term, without its one-letter prefix, in signs. */
export const termLength = 24

/**
 * What a text can be found by. Neither server has a full-text index for Chinese that both share, so the portal keeps its own:
 * each pair of neighbouring Han characters (the last one also alone), each word of letters and digits from every sign to its end
 * behind a `w`, and the pinyin of each run, in initials and in full from every syllable to the end, behind a `p`.
 * Width and case are folded first.
 * @param text any length, as shown
 * @param person whether it is a person's name
 * @returns different terms of at most 25 signs, in no particular order
 */
export function terms(text: string, person = false): string[] {
  const found = new Set<string>()
  for (const run of runs(text)) {
    if (isHan(run)) addHan(found, run, person)
    else addWord(found, run)
  }
  return [...found]
}

/** The runs of Han characters and of other letters and digits in a text, folded; what lies between them cannot be searched. */
export function runs(text: string): string[] {
  return fold(text).match(/\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}])+/gu) ?? []
}

/** One width, one case: `Ａ１` and `a1` are the same to whoever searches. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

export function isHan(run: string): boolean {
  return /^\p{Script=Han}/u.test(run)
}

/**
 * Makes a row findable by these texts and by nothing else, inside the transaction that writes the row. Only what differs from
 * before is written.
 * @param scope the list of terms the row belongs to, usually its table
 * @param id the row's id
 * @param texts what it is found by; empty makes it unfindable
 */
export async function indexTerms(trx: Knex, scope: string, id: number, texts: readonly SearchText[]): Promise<void> {
  await indexMany(trx, scope, [{ id, texts }])
}

/** The same for several rows at once. @returns how many of them had other terms before */
export async function indexMany(
  trx: Knex,
  scope: string,
  docs: readonly { id: number; texts: readonly SearchText[] }[],
): Promise<number> {
  const present = new Map(docs.map(({ id }) => [id, new Set<string>()]))
  const rows: { doc_id: number; term: string }[] = await trx('search_terms')
    .where({ scope })
    .whereIn('doc_id', [...present.keys()])
    .select('doc_id', 'term')
  for (const { doc_id, term } of rows) present.get(doc_id)?.add(term)
  const changes = docs.map(({ id, texts }) => {
    const wanted = termsOf(texts)
    const before = present.get(id) ?? new Set()
    return { id, gone: [...before].filter(term => !wanted.has(term)), added: [...wanted].filter(term => !before.has(term)) }
  })
  for (const { id, gone } of changes)
    if (gone.length) await trx('search_terms').where({ scope, doc_id: id }).whereIn('term', gone).delete()
  // One order for all writers, so that two of them cannot wait for each other.
  const added = changes
    .flatMap(({ id, added }) => added.map(term => ({ scope, term, doc_id: id })))
    .sort((one, other) => (one.term < other.term ? -1 : one.term > other.term ? 1 : one.doc_id - other.doc_id))
  for (let at = 0; at < added.length; at += 5000) await trx('search_terms').insert(added.slice(at, at + 5000))
  return changes.filter(({ gone, added }) => gone.length || added.length).length
}

function termsOf(texts: readonly SearchText[]): Set<string> {
  return new Set(texts.flatMap(text => (typeof text === 'string' ? terms(text) : terms(text.text, text.person))))
}

function addHan(found: Set<string>, run: string, person: boolean) {
  const signs = [...run]
  for (const [at, sign] of signs.entries()) found.add(sign + (signs[at + 1] ?? ''))
  const readings = pinyin(run, { toneType: 'none', type: 'array', v: true, ...(person ? { mode: 'surname' as const } : {}) })
  for (const syllables of readable(readings)) {
    const initials = syllables.map(syllable => syllable[0]).join('')
    for (let at = 0; at < syllables.length; at++) {
      found.add(`p${syllables.slice(at).join('').slice(0, termLength)}`)
      // A single initial would find a tenth of all rows.
      if (at < initials.length - 1) found.add(`p${initials.slice(at, at + termLength)}`)
    }
  }
}

/** Splits the readings where a rare character has none. */
function readable(readings: string[]): string[][] {
  const parts: string[][] = [[]]
  for (const reading of readings) {
    if (/^[a-z]+$/.test(reading)) parts.at(-1)?.push(reading)
    else parts.push([])
  }
  return parts.filter(part => part.length)
}

function addWord(found: Set<string>, run: string) {
  const signs = [...run]
  for (const at of signs.keys()) found.add(`w${signs.slice(at, at + termLength).join('')}`)
}
