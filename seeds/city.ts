import type { Knex } from 'knex'
import { hashPassword } from '../src/accounts/passwords.ts'
import { forgetCalendar, loadKnownDays, workCalendar } from '../src/calendar.ts'
import { recomputeDue } from '../src/cases/due.ts'
import { now, shiftClock, today } from '../src/clock.ts'
import * as database from '../src/db.ts'
// The kinds of cases are known to whoever imports them.
import { settleDuties } from '../src/modules/filings/duties.ts'
import '../src/modules/index.ts'
import { type DemoAccount, demoAccounts, demoDevelopers, demoPassword } from './accounts.ts'
import { addApplicants, applicants } from './applicants.ts'
import { type DemoCase, demoCases } from './cases.ts'
import { addDesks, ownersName } from './desks.ts'
import { type Beginning, Ground, type Numbered, numbered, type Street } from './ground.ts'
import { addSeasons } from './inspections.ts'
import { addLayer } from './layer.ts'
import { Play } from './play.ts'
import { addRegistrations } from './registrations.ts'

export { type DemoAccount, demoAccounts, demoPassword } from './accounts.ts'

export interface Options {
  /** How many times larger than the smallest city, a whole number from 1 to 100. */
  size: number
  /** Told in one Chinese sentence how far the loading is. */
  onProgress?: (line: string) => void
}

/** The row in `settings` that says how far the loading is. It moves on in the transaction of each step. */
const marker = 'demo-city'

interface Progress extends Beginning {
  /** Steps written: the desks are the first, each layer is one more, the companies that file are the last. */
  done: number
  /** Codes of the demo cases that have been played. */
  cases?: string[]
}

/**
 * Fills the database with a believable city around the present day of the clock. The same size on the same day gives the same
 * rows, apart from the random parts of encrypted values, verification codes and what is signed. Loading goes in steps of one
 * transaction each, the cases too, so a process that is killed leaves whole steps behind and the next call goes on after them,
 * with the size and the day of the beginning; two processes that load at once take turns. A city that is already there stays as
 * it is, whatever the size asked for, and gets what it lacks. Clock and database of the process are as before when it returns.
 * @param db an empty, migrated schema with the regions of 济南市; accounts that are there already do not disturb
 * @returns the accounts that can be signed in with, all with `demoPassword`
 * @throws Error in production, for a size out of range and for the regions of another city
 */
export async function loadDemoCity(db: Knex, { size, onProgress = () => {} }: Options): Promise<DemoAccount[]> {
  if (process.env.NODE_ENV === 'production') throw new Error('演示城市只用于开发和演示，正式环境不能装入。')
  if (!Number.isInteger(size) || size < 1 || size > 100) throw new Error(`演示城市的规模应为 1 至 100 的整数，现为 ${size}。`)
  const { city, streets } = await readRegions(db)
  const begun = await begin(db, size)
  if (begun.size !== size) onProgress(`演示城市已按规模 ${begun.size} 装入，不再按 ${size} 重装。要换规模，请先清空数据库。`)
  const steps = begun.size + 2
  const hash = begun.done < steps ? await hashPassword(demoPassword) : ''
  const missing = demoCases.filter(({ code }) => !begun.cases?.includes(code))
  // Limits are counted in working days, and nobody works on a holiday.
  if (missing.length) await loadKnownDays(db).then(forgetCalendar)
  for (let step = begun.done; step < steps; step++) {
    const written = await patiently(() => takeStep(db, { step, city, streets, hash }))
    if (written) onProgress(sentenceOf(step, begun))
  }
  let played = 0
  for (const demoCase of missing) if (await patiently(() => inTurn(() => playCase(db, demoCase)))) played++
  if (played) onProgress(`演示城市：办件 ${played} 件。`)
  if (played || begun.done < steps) await patiently(() => settleDuties(db))
  return [...demoAccounts]
}

function sentenceOf(step: number, { size }: Progress): string {
  if (!step) return '演示城市：市、区县、街道和演示账号。'
  return step > size ? '演示城市：申报资质的企业。' : `演示城市：第 ${step} 层，共 ${size} 层。`
}

async function readRegions(db: Knex): Promise<{ city: string; streets: Street[] }> {
  const regions: { code: string; name: string; level: string; parent_code: string | null; managed_by: string | null }[] =
    await db('regions').select('code', 'name', 'level', 'parent_code', 'managed_by').orderBy('code')
  const names = new Map(regions.map(region => [region.code, region.name]))
  const city = regions.find(region => region.level === 'city')
  if (city?.code !== '370100')
    throw new Error('演示城市以济南市（370100）为样子，现在的行政区划不是济南市。请去掉 CITY，或以 DEMO_SIZE=0 不装演示数据。')
  const streets = regions
    .filter(region => region.level === 'street')
    .map(({ code, name, parent_code, managed_by }) => {
      const district_code = managed_by ?? parent_code ?? ''
      return { code, name, district_code, district_name: names.get(district_code) ?? '' }
    })
  return { city: city.code, streets }
}

/** Reads how far an earlier loading came, or notes that a new one begins. */
async function begin(db: Knex, size: number): Promise<Progress> {
  const before = await highestIds(db)
  const progress: Progress = { size, today: today(), before, done: 0 }
  const at = now()
  await db('settings')
    .insert({ code: marker, value: JSON.stringify(progress), created_at: at, updated_at: at })
    .onConflict('code')
    .ignore()
  return readProgress(await db('settings').where({ code: marker }).first('value'))
}

async function highestIds(db: Knex): Promise<Record<Numbered, number>> {
  const ids = await Promise.all(
    numbered.map(async table => {
      const [row]: { id: number | null }[] = await db(table).max('id as id')
      return [table, row?.id ?? 0]
    }),
  )
  return Object.fromEntries(ids) as Record<Numbered, number> // Object.fromEntries forgets the keys' type
}

function readProgress(row: { value: string } | undefined): Progress {
  if (!row) throw new Error('演示城市装入到一半时，进度记录被删除。请清空数据库后重新启动。')
  return JSON.parse(row.value) as Progress // written by `begin` alone
}

/** @returns false when another process has written this step meanwhile */
async function takeStep(
  db: Knex,
  { step, city, streets, hash }: { step: number; city: string; streets: Street[]; hash: string },
): Promise<boolean> {
  return db.transaction(
    async trx => {
      const progress = readProgress(await trx('settings').where({ code: marker }).forUpdate().first('value'))
      if (progress.done !== step) return false
      const counters: { prefix: string; value: number }[] = await trx('counters').select('prefix', 'value')
      // A city loaded before companies could file has other ids behind those reserved for its layers.
      const after = step > progress.size ? await highestIds(trx) : undefined
      const ground = new Ground(progress, step, streets, new Map(counters.map(({ prefix, value }) => [prefix, value])), after)
      if (step > progress.size)
        addApplicants(ground, {
          calendar: await workCalendar(trx),
          hash,
          developer_id: await organisationId(trx, 'developer', demoDevelopers[0]),
        })
      else if (step) addLayer(ground, { city, hash, owners_id: await organisationId(trx, 'owners', ownersName) })
      else {
        addDesks(ground, city, hash)
        addSeasons(ground)
        await addRegistrations(ground)
      }
      await ground.write(trx)
      await trx('settings')
        .where({ code: marker })
        .update({ value: JSON.stringify({ ...progress, done: step + 1 }), updated_at: now() })
      return true
    },
    { isolationLevel: 'read committed' },
  )
}

async function organisationId(trx: Knex.Transaction, kind: string, name: string): Promise<number> {
  const row: { id: number } | undefined = await trx('organisations').where({ kind, name }).first('id')
  if (!row) throw new Error(`没有找到单位“${name}”。请清空数据库后重新启动。`)
  return row.id
}

let turn: Promise<unknown> = Promise.resolve()

/** One after another within this process, which has only one clock and one database. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(work)
  turn = mine.catch(() => undefined)
  return mine
}

/**
 * Plays a demo case: the engine works in the transaction that also moves the progress on, with the clock set to past days.
 * @returns false when another process has played it meanwhile
 */
async function playCase(db: Knex, { code, company, kind, starter, play }: DemoCase): Promise<boolean> {
  return await db.transaction(
    async trx => {
      const progress = readProgress(await trx('settings').where({ code: marker }).forUpdate().first('value'))
      const cases = progress.cases ?? []
      if (cases.includes(code)) return false
      const [usual, shift] = [database.db, presentShift()]
      database.useDatabase(trx)
      try {
        const scene = { trx, calendar: await workCalendar(trx), today: progress.today }
        const whom = typeof company === 'string' ? applicants[company] : await company(trx, progress.today)
        if (whom) await play(new Play(scene, code, whom, kind(), starter))
        shiftClock(shift)
        // Limits that rest move on with the days.
        await recomputeDue(trx)
      } finally {
        shiftClock(shift)
        database.useDatabase(usual)
      }
      await trx('settings')
        .where({ code: marker })
        .update({ value: JSON.stringify({ ...progress, cases: [...cases, code] }), updated_at: now() })
      return true
    },
    { isolationLevel: 'read committed' },
  )
}

/** By how much the clock is shifted now, to the millisecond. */
function presentShift(): number {
  for (;;) {
    const real = Date.now()
    const shift = now().getTime() - real
    if (Date.now() === real) return shift
  }
}

/** Waits for another process that is writing a step: the lock gives up long before a large step is written. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const errno = error instanceof Error && 'errno' in error ? error.errno : 0
      if ((errno !== 1205 && errno !== 1213) || attempt === 20) throw error
    }
  }
}
