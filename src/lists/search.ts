import type { Knex } from 'knex'
import type { Search } from './grammar.ts'
import type { List } from './list.ts'
import { type Way, waysFor } from './ways.ts'

type Query = Knex.QueryBuilder
type Key = string | number

/** How many rows a search may find for all of them to be sorted; beyond, the newest this many are. */
export const mostMatches = 2000

/** A search made ready for one list: each word with its ways. */
export interface Plan {
  alternatives: Way[][][]
}

/** Works out how to find what is searched for. */
export async function planSearch(db: Knex, list: List, { alternatives }: Search): Promise<Plan> {
  const waysOf = await waysFor(db, list, alternatives.flat())
  return { alternatives: alternatives.map(words => words.map(waysOf)) }
}

/**
 * The keys of the rows found, at most one more than are sorted. Each alternative is led by its word with the fewest rows; the
 * other words only have to agree.
 * @param base gives a fresh query of the rows in question, with scope and filters
 */
export async function findKeys(db: Knex, list: List, { alternatives }: Plan, base: () => Query): Promise<Key[]> {
  const parts = alternatives.flatMap(words => {
    const [first, ...others] = words
      .map(ways => ways.filter(way => way.rows > 0))
      .sort((one, other) => rowsOf(one) - rowsOf(other))
    return (first ?? []).map(way => {
      const query = base()
      way.apply(query, true)
      for (const ways of others) query.where(part => matchAny(part, ways))
      return query
        .select({ key: list.key })
        .orderBy(list.key, 'desc')
        .limit(mostMatches + 1)
    })
  })
  const [only, ...more] = parts
  if (!only) return []
  const found = more.length
    ? db
        .from(db.union(parts, true).as('found'))
        .select('key')
        .orderBy('key', 'desc')
        .limit(mostMatches + 1)
    : only
  const rows: { key: Key }[] = await found
  return rows.map(row => row.key)
}

/** Narrows a query to the rows found, whatever their number. */
export function narrow(query: Query, { alternatives }: Plan): Query {
  return query.where(either => {
    for (const words of alternatives)
      either.orWhere(all => {
        for (const ways of words) all.where(part => matchAny(part, ways))
      })
  })
}

const rowsOf = (ways: Way[]) => ways.reduce((sum, way) => sum + way.rows, 0)

function matchAny(query: Query, ways: Way[]) {
  if (!ways.length) query.whereRaw('false')
  for (const way of ways) query.orWhere(part => way.apply(part, false))
}
