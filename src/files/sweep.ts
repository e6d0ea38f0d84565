import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import type { Knex } from 'knex'
import { portalItself, record } from '../admin/action-log.ts'
import type { StoredFile } from '../cases/case.ts'
import { now } from '../clock.ts'
import { type Storage, storage } from './storage.ts'

const hour = 3600_000
const day = 24 * hour
const batch = 500
/** How many files of each sort the log names. */
const mostNamed = 100
/** How many files are read whole in one night. */
const mostRead = 500

export interface Sweep {
  /** Uploads that were never finished, and content without a row, removed. */
  unfinished: number
  orphans: number
  /** Ids of files whose content is gone or has another size: they must come back from the backup. */
  missing: number[]
  /** Ids of files of the right size whose bytes are not those that were handed in, or cannot be read: likewise. */
  altered: number[]
}

/**
 * Compares rows and content (R5, R21). What lies in the storage without a row for more than a day is removed: an upload whose
 * request broke off, a draft that was deleted. A row without its content is reported, and one whose content has another SHA-256;
 * for that each file is read whole when it is its turn. The action log has what was found.
 * @param most how many files are read whole
 */
export async function sweepFiles(db: Knex, most = mostRead): Promise<Sweep> {
  const sweep: Sweep = {
    unfinished: await storage.clear(hour),
    orphans: await removeOrphans(db, storage),
    ...(await findDamage(db, storage, most)),
  }
  const { unfinished, orphans, missing, altered } = sweep
  if (unfinished || orphans || missing.length || altered.length)
    await record(db, portalItself, {
      action: 'file.sweep',
      object: { type: 'storage', id: 'files' },
      result: missing.length || altered.length ? 'failed' : 'ok',
      detail: {
        unfinished,
        orphans,
        missing: missing.slice(0, mostNamed),
        missing_total: missing.length,
        altered: altered.slice(0, mostNamed),
        altered_total: altered.length,
      },
    })
  return sweep
}

async function removeOrphans(db: Knex, storage: Storage): Promise<number> {
  let removed = 0
  let keys: string[] = []
  const settle = async () => {
    const known = new Set<string>([
      ...(await db('files').whereIn('storage_key', keys).pluck('storage_key')),
      ...(await db('imports').whereIn('storage_key', keys).pluck('storage_key')),
      ...(await db('imports').whereIn('annotated_key', keys).pluck('annotated_key')),
    ])
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

async function findDamage(db: Knex, storage: Storage, most: number): Promise<Pick<Sweep, 'missing' | 'altered'>> {
  const isDue = await turnOf(db, most)
  const damage: Pick<Sweep, 'missing' | 'altered'> = { missing: [], altered: [] }
  for (let from = 0; ; ) {
    const rows: Pick<StoredFile, 'id' | 'storage_key' | 'size' | 'sha256'>[] = await db('files')
      .where('id', '>', from)
      .orderBy('id')
      .limit(batch)
      .select('id', 'storage_key', 'size', 'sha256')
    const last = rows.at(-1)
    if (!last) return damage
    const found: typeof damage = { missing: [], altered: [] }
    for (const row of rows)
      if ((await storage.size(row.storage_key)) !== row.size) found.missing.push(row.id)
      else if (isDue(row.id) && (await digestOf(storage, row.storage_key)) !== row.sha256) found.altered.push(row.id)
    // One that was deleted meanwhile is neither.
    for (const sort of ['missing', 'altered'] as const)
      if (found[sort].length) damage[sort].push(...(await db('files').whereIn('id', found[sort]).orderBy('id').pluck('id')))
    from = last.id
  }
}

/**
 * Which files are read whole tonight. The ids go round: there are as many nights in a round as it takes to read no more than
 * `most` in any of them, and each file has the one its id falls on, so nothing has to be kept of when it was read last.
 */
async function turnOf(db: Knex, most: number): Promise<(id: number) => boolean> {
  const highest: { id?: number | null } | undefined = await db('files').max({ id: 'id' }).first()
  const nights = Math.max(1, Math.ceil(Number(highest?.id ?? 0) / most))
  const tonight = Math.floor(now().getTime() / day) % nights
  return id => id % nights === tonight
}

/** The SHA-256 of what lies under a key; nothing where it cannot be read, which must not keep the sweep from the other files. */
async function digestOf(storage: Storage, key: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    const content = await storage.open(key)
    if (!content) return undefined
    await pipeline(content, hash)
    return hash.digest('hex')
  } catch {
    return undefined
  }
}
