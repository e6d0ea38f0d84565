import type { Knex } from 'knex'
import type { Words } from './list.ts'

interface Region {
  code: string
  name: string
  level: string
}

interface Kept {
  until: number
  regions: Words
  districts: Words
}

// By what its connections are opened with, which a transaction shares with its pool.
const kept = new WeakMap<object, Promise<Kept>>()
const minute = 60_000

/** The name of every region by its code. */
export async function regionNames(db: Knex): Promise<Words> {
  return (await keep(db)).regions
}

/** The name of every district by its code. */
export async function districtNames(db: Knex): Promise<Words> {
  return (await keep(db)).districts
}

/** Regions change about once a year and are asked for on every page, so they are read once a minute. */
async function keep(db: Knex): Promise<Kept> {
  const { config }: { config: object } = db.client
  const present = kept.get(config)
  // Real time on purpose: the age of a cache has nothing to do with the day the portal is set to.
  if (present && (await present).until > performance.now()) return present
  const read = readRegions(db)
  kept.set(config, read)
  read.catch(() => kept.delete(config))
  return read
}

async function readRegions(db: Knex): Promise<Kept> {
  const rows = await db<Region>('regions').orderBy('code').select('code', 'name', 'level')
  const named = (some: Region[]) => Object.fromEntries(some.map(({ code, name }) => [code, name]))
  return {
    until: performance.now() + minute,
    regions: named(rows),
    districts: named(rows.filter(({ level }) => level === 'district')),
  }
}
