import type { Knex } from 'knex'
import { now } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { indexMany, type TermSource } from './terms.ts'

/** How a rebuild stands: rows read, those whose terms were wrong, and the last id done. */
export interface Progress {
  docs: number
  changed: number
  last_id: number
}

const batch = 200

/**
 * Makes the terms of a scope anew from the rows themselves, batch by batch, while the portal runs: one transaction reads rows and
 * locks them, so that nobody changes one between its reading and its terms. Terms of rows that are gone go too. Stopped half
 * way, it goes on from there when called again.
 * @param report is told after each batch
 * @returns what was done in all, also before an interruption
 */
export async function rebuildTerms(scope: string, source: TermSource, report: (progress: Progress) => void): Promise<Progress> {
  let progress: Progress = await resume(scope)
  for (let more = true; more; report(progress)) {
    // Plain selects then lock what they read, and the gaps too: a row that comes in waits until its place is done.
    const step = await inTransaction(trx => rebuildBatch(trx, scope, source, progress), 'serializable')
    progress = step.progress
    more = step.more
  }
  return progress
}

async function resume(scope: string): Promise<Progress> {
  const open: Progress | undefined = await db('search_rebuilds')
    .where({ scope })
    .whereNull('finished_at')
    .first('docs', 'changed', 'last_id')
  if (open) return open
  const fresh = { last_id: 0, docs: 0, changed: 0, started_at: now(), updated_at: now(), finished_at: null }
  await db('search_rebuilds')
    .insert({ scope, ...fresh })
    .onConflict('scope')
    .merge(fresh)
  return { docs: 0, changed: 0, last_id: 0 }
}

async function rebuildBatch(
  trx: Knex.Transaction,
  scope: string,
  source: TermSource,
  { docs, changed, last_id }: Progress,
): Promise<{ progress: Progress; more: boolean }> {
  const rows = await source.rows(trx, last_id, batch)
  const more = rows.length === batch
  const last = rows.at(-1)?.id ?? last_id
  const wrong = await indexMany(trx, scope, rows)
  const lost = await dropOthers(trx, scope, { after: last_id, upTo: more ? last : undefined, ids: rows.map(({ id }) => id) })
  const progress = { docs: docs + rows.length, changed: changed + wrong + lost, last_id: last }
  await trx('search_rebuilds')
    .where({ scope })
    .update({ ...progress, updated_at: now(), ...(more ? {} : { finished_at: now() }) })
  return { progress, more }
}

/** Terms that lead to rows which are no more. @returns how many rows that were */
async function dropOthers(
  trx: Knex.Transaction,
  scope: string,
  { after, upTo, ids }: { after: number; upTo: number | undefined; ids: number[] },
): Promise<number> {
  const found = trx('search_terms').where({ scope }).where('doc_id', '>', after).whereNotIn('doc_id', ids).distinct('doc_id')
  const lost: number[] = await (upTo === undefined ? found : found.where('doc_id', '<=', upTo)).pluck('doc_id')
  if (lost.length) await trx('search_terms').where({ scope }).whereIn('doc_id', lost).delete()
  return lost.length
}
