import type { Knex } from 'knex'
import { portalItself, record } from '../admin/action-log.ts'
import type { StoredFile } from '../cases/case.ts'
import { type Storage, storage } from './storage.ts'

const hour = 3600_000
const batch = 500
/** How many missing files the log names. */
const mostNamed = 100

export interface Sweep {
  /** Uploads that were never finished, and content without a row, removed. */
  unfinished: number
  orphans: number
  /** Ids of files whose content is gone or has another size: they must come back from the backup. */
  missing: number[]
}

/**
 * Compares rows and content (R5, R21). What lies in the storage without a row for more than a day is removed: an upload whose
 * request broke off, a draft that was deleted. A row without its content is reported; the action log has what was found.
 */
export async function sweepFiles(db: Knex): Promise<Sweep> {
  const sweep: Sweep = {
    unfinished: await storage.clear(hour),
    orphans: await removeOrphans(db, storage),
    missing: await findMissing(db, storage),
  }
  if (sweep.unfinished || sweep.orphans || sweep.missing.length)
    await record(db, portalItself, {
      action: 'file.sweep',
      object: { type: 'storage', id: 'files' },
      result: sweep.missing.length ? 'failed' : 'ok',
      detail: { ...sweep, missing: sweep.missing.slice(0, mostNamed), missing_total: sweep.missing.length },
    })
  return sweep
}

async function removeOrphans(db: Knex, storage: Storage): Promise<number> {
  let removed = 0
  let keys: string[] = []
  const settle = async () => {
    const rows: { storage_key: string }[] = await db('files').whereIn('storage_key', keys).select('storage_key')
    const known = new Set(rows.map(row => row.storage_key))
    for (const key of keys.filter(key => !known.has(key))) {
      await storage.remove(key)
      removed++
    }
    keys = []
  }
  for await (const { key, age } of storage.list()) {
    // A younger one may belong to a request that is still writing its row.
    if (age > 24 * hour) keys.push(key)
    if (keys.length === batch) await settle()
  }
  if (keys.length) await settle()
  return removed
}

async function findMissing(db: Knex, storage: Storage): Promise<number[]> {
  const missing: number[] = []
  for (let from = 0; ; ) {
    const rows: Pick<StoredFile, 'id' | 'storage_key' | 'size'>[] = await db('files')
      .where('id', '>', from)
      .orderBy('id')
      .limit(batch)
      .select('id', 'storage_key', 'size')
    const last = rows.at(-1)
    if (!last) return missing
    const absent: number[] = []
    for (const row of rows) if ((await storage.size(row.storage_key)) !== row.size) absent.push(row.id)
    // One that was deleted meanwhile is not missing.
    if (absent.length) missing.push(...(await db('files').whereIn('id', absent).orderBy('id').pluck('id')))
    from = last.id
  }
}
