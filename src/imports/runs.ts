import { buffer } from 'node:stream/consumers'
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { findUser, type User } from '../accounts/users.ts'
import { type Actor, record } from '../admin/action-log.ts'
import { fromNow, now } from '../clock.ts'
import { decrypt, encrypt, randomCode } from '../crypto.ts'
import { db, inTransaction, isDuplicate } from '../db.ts'
import { Conflict, NotFound } from '../errors.ts'
import { dropFiles, type ReceivedFile } from '../files/receive.ts'
import { storage } from '../files/storage.ts'
import { annotatedWorkbook } from './annotated.ts'
import { type Checked, checkFile, checkRows, type Mistake, Wrong } from './check.ts'
import { actorInBackground, findImport, type Handout, type Import, type Written } from './import.ts'
import { Unreadable } from './workbook.ts'

/**
 * What becomes of a file that was handed in: it is checked in the background, then waits for a yes, then is written in one
 * transaction. Any process may take the next turn; a lease says that one has, and a turn whose process died is taken up again,
 * except the writing, which left nothing behind and asks for the yes once more.
 */

export const states = {
  checking: '检查中',
  refused: '需要修改',
  checked: '待确认',
  writing: '写入中',
  done: '已完成',
  failed: '没有完成',
  dropped: '已放弃',
} as const
export type RunState = keyof typeof states

export interface Run {
  id: number
  code: string
  user_id: number
  role_id: number
  file_name: string
  size: number
  sha256: string
  storage_key: string | null
  annotated_key: string | null
  state: RunState
  version: number
  row_count: number
  new_count: number
  same_count: number
  mistake_count: number
  work_done: number
  work_total: number
  report_cipher: string | null
  handout_cipher: string | null
  worker: string | null
  lease_until: Date | null
  attempts: number
  error: string | null
  created_at: Date
  checked_at: Date | null
  confirmed_at: Date | null
  finished_at: Date | null
  handed_at: Date | null
  erased_at: Date | null
}

/** What a page tells of a run beside its counts. It may hold personal data, so it is kept encrypted. */
export interface Report {
  /** Why nothing more was looked at, or what happened last. */
  sentence?: string
  warnings: string[]
  /** The first of them; all stand in the annotated workbook. */
  mistakes: Mistake[]
  facts: { label: string; value: string }[]
  handout?: string
}

/** So many days file, report and handout are kept. */
export const keptDays = 7
/** So many mistakes stand on the page. */
const mostShown = 200
const mostAttempts = 3
// Longer than anything that happens between two steps.
const lease = 2 * 60_000
const column = { report: 'imports.report', handout: 'imports.handout' } as const

const emptyReport: Report = { warnings: [], mistakes: [], facts: [] }

/** What is told of a run. */
export function reportOf({ report_cipher }: Run): Report {
  return report_cipher ? (JSON.parse(decrypt(column.report, report_cipher)) as Report) : emptyReport // what `sealed` wrote
}

const sealed = (report: Partial<Report>) => encrypt(column.report, JSON.stringify({ ...emptyReport, ...report }))

/** Takes a file in; it is checked when its turn comes. @returns the id of the run */
export async function startRun(user: User, declared: Import, file: ReceivedFile, actor: Actor): Promise<number> {
  return await inTransaction(async trx => {
    const [id = 0] = await trx('imports').insert({
      code: declared.code,
      user_id: user.id,
      role_id: user.role_id,
      file_name: file.name,
      size: file.size,
      sha256: file.sha256,
      storage_key: file.key,
      state: 'checking' satisfies RunState,
      created_at: now(),
    })
    await log(trx, actor, 'import.upload', { id, declared, detail: { size: file.size, sha256: file.sha256 } })
    return id
  })
}

/** A run of this person, and nobody else's. @throws NotFound */
export async function findRun(user: User, declared: Import, id: number): Promise<Run> {
  const run = await db<Run>('imports').where({ id, user_id: user.id, code: declared.code }).first()
  if (!run) throw new NotFound()
  return run
}

/** The last runs of this person, newest first. */
export async function lastRuns(user: User, { code }: Import): Promise<Run[]> {
  return await db<Run>('imports').where({ user_id: user.id, code }).orderBy('id', 'desc').limit(10)
}

/**
 * Says yes to what was checked: it is written when its turn comes. Saying it twice has the effect of once.
 * @throws Conflict when the run has gone on meanwhile
 */
export async function confirmRun(user: User, declared: Import, id: number, version: number, actor: Actor): Promise<void> {
  await inTransaction(async trx => {
    const run = await lockRun(trx, user, declared, id)
    if (run.version === version + 1 && run.state === 'writing') return
    if (run.state !== 'checked' || run.version !== version)
      throw new Conflict(`这次导入现在是“${states[run.state]}”，没有再次写入。请看最新结果。`)
    await change(trx, run, { state: 'writing', confirmed_at: now(), work_done: 0, lease_until: null, worker: null })
    await log(trx, actor, 'import.confirm', { id, declared, detail: { rows: run.row_count, new: run.new_count } })
  })
}

/** Gives a run up that waits for somebody, and erases what it holds. @throws Conflict when it does not wait */
export async function dropRun(user: User, declared: Import, id: number): Promise<void> {
  const keys = await inTransaction(async trx => {
    const run = await lockRun(trx, user, declared, id)
    if (run.state === 'dropped') return []
    if (run.state !== 'checked' && run.state !== 'refused')
      throw new Conflict(`这次导入现在是“${states[run.state]}”，不能放弃。请看最新结果。`)
    await change(trx, run, { state: 'dropped', finished_at: now(), ...erased() })
    return keysOf(run)
  })
  await dropFiles(keys)
}

/** Takes out what the office hands on; afterwards it is gone. Nothing where it was fetched before, or erased. */
export async function takeHandout(user: User, declared: Import, id: number, actor: Actor): Promise<Handout | undefined> {
  return await inTransaction(async trx => {
    const run = await lockRun(trx, user, declared, id)
    if (!run.handout_cipher) return undefined
    const handout: Handout = JSON.parse(decrypt(column.handout, run.handout_cipher))
    await change(trx, run, { handout_cipher: null, handed_at: now() })
    await log(trx, actor, 'import.handout', { id, declared, detail: { rows: handout.rows.length } })
    return handout
  })
}

async function lockRun(trx: Knex.Transaction, user: User, { code }: Import, id: number): Promise<Run> {
  const run = await trx<Run>('imports').where({ id, user_id: user.id, code }).forUpdate().first()
  if (!run) throw new NotFound()
  return run
}

async function change(trx: Knex, { id, version }: Run, to: Partial<Run>): Promise<void> {
  await trx('imports')
    .where({ id })
    .update({ ...to, version: version + 1 })
}

interface Told {
  id: number
  declared: Import
  detail: object
}

async function log(
  trx: Knex,
  actor: Actor,
  action: 'import.upload' | 'import.confirm' | 'import.finish' | 'import.handout',
  { id, declared, detail }: Told,
): Promise<void> {
  await record(trx, actor, { action, object: { type: 'import', id, label: declared.label }, detail })
}

/** What is left of a run whose file is erased. */
const erased = () => ({
  storage_key: null,
  annotated_key: null,
  report_cipher: null,
  handout_cipher: null,
  erased_at: now(),
})
const keysOf = (run: Pick<Run, 'storage_key' | 'annotated_key'>) =>
  [run.storage_key, run.annotated_key].filter(key => key !== null)

/**
 * Erases files, reports and handouts after their days. Runs that still waited for somebody are given up.
 * @returns how many
 */
export async function eraseOldRuns(): Promise<number> {
  let count = 0
  for (;;) {
    const runs = await db<Run>('imports')
      .whereNull('erased_at')
      .where('created_at', '<', fromNow(-keptDays * 86_400_000))
      .whereNotIn('state', ['checking', 'writing'])
      .orderBy('created_at')
      .limit(100)
    if (!runs.length) return count
    for (const run of runs) {
      const state = run.state === 'done' || run.state === 'failed' ? run.state : 'dropped'
      const changed = await db('imports')
        .where({ id: run.id, version: run.version })
        .update({ ...erased(), state, version: run.version + 1 })
      if (changed) await dropFiles(keysOf(run))
      count++
    }
  }
}

// ── The turns ──────────────────────────────────────────────────────────────────────────────────────

let turns: Promise<unknown> = Promise.resolve()

/**
 * Takes every turn that is due, one after another in this process.
 * @throws what went wrong in the last of them that failed; each run tells its own
 */
export async function workRuns(): Promise<void> {
  const mine = turns.then(async () => {
    let fault: unknown
    for (let run = await next(); run; run = await next())
      await work(run).catch(error => {
        fault = error
      })
    if (fault) throw fault
  })
  turns = mine.catch(() => undefined)
  await mine
}

/** Takes up what another process left, without waiting for it: what goes wrong stands with the run. */
export function resumeRuns(): void {
  workRuns().catch(() => undefined)
}

let isStopping = false
const next = async () => (isStopping ? undefined : await take())

/** Breaks off what runs, before the portal stops: a check begins anew later, and what was being written asks for its yes again. */
export async function stopRuns(): Promise<void> {
  isStopping = true
  // What is not at a step by then is taken up later, when its lease is over.
  await Promise.race([turns, sleep(4000)])
}

/** The next run that waits for a worker, or whose worker died. */
async function take(): Promise<Run | undefined> {
  return await db.transaction(
    async trx => {
      const run: Run | undefined = await trx<Run>('imports')
        .whereIn('state', ['checking', 'writing'])
        .where(free => free.whereNull('lease_until').orWhere('lease_until', '<', now()))
        .orderBy('id')
        .forUpdate()
        .skipLocked()
        .first()
      if (!run) return undefined
      const mine = { worker: randomCode(12), lease_until: fromNow(lease), attempts: run.attempts + 1, version: run.version + 1 }
      await trx('imports').where({ id: run.id }).update(mine)
      return { ...run, ...mine, lease_until: run.lease_until }
    },
    { isolationLevel: 'read committed' },
  )
}

async function work(run: Run): Promise<void> {
  const declared = findImport(run.code)
  const user = await findUser(db, run.user_id, run.role_id)
  if (!user || user.role_id !== run.role_id || !declared.roles.includes(user.role))
    return await settle(run, { state: 'failed', report: { sentence: '您的账号或身份有变动，这次导入没有进行。' } })
  try {
    if (run.state === 'checking') await check(run, declared, user)
    // The transaction of a worker that died was taken back whole.
    else if (run.lease_until) await askAgain(run, interrupted)
    else await write(run, declared, user)
  } catch (error) {
    if (error instanceof LostLease) return
    if (error instanceof Stopped) return await layDown(run)
    await stumble(run, error)
    throw error
  }
}

/** Gives a run back before its time. */
async function layDown(run: Run): Promise<void> {
  if (run.state === 'writing') await askAgain(run, interrupted)
  else
    await db('imports')
      .where(mine(run))
      .update({ worker: null, lease_until: null, attempts: run.attempts - 1 })
}

/** Something of ours went wrong: a check is tried again, writing asks once more. */
async function stumble(run: Run, error: unknown): Promise<void> {
  // A database error is named by its code: its text quotes values.
  const { code, message } = error as { code?: string; message?: string }
  await db('imports')
    .where(mine(run))
    .update({ error: (code ?? message ?? 'failed').slice(0, 200) })
  if (run.state === 'writing') {
    // Somebody wrote the same at the same moment, past the last check.
    const why = isDuplicate(error) ? '写入时有人刚好登记了同样的内容' : '写入时系统出错'
    await askAgain(run, `${why}，一行也没有写入。请再确认一次。`)
  } else if (run.attempts >= mostAttempts)
    await settle(run, { state: 'failed', report: { sentence: '检查时系统出错，没有完成。请稍后重新上传。' } })
  // Soon, but not at once.
  else
    await db('imports')
      .where(mine(run))
      .update({ lease_until: fromNow(20_000) })
}

async function askAgain(run: Run, sentence: string): Promise<void> {
  await settle(run, { state: 'checked', report: { ...reportOf(run), sentence } })
}

const interrupted = '写入中途系统停止，一行也没有写入。请再确认一次。'

/** Another worker has taken the run, since this one seemed dead. */
class LostLease extends Error {}
/** The portal is about to stop. */
class Stopped extends Error {}

const mine = ({ id, worker }: Run) => ({ id, worker })

/** Ends the turn. @throws LostLease */
async function settle(
  run: Run,
  { state, report, ...to }: Partial<Run> & { state: RunState; report: Partial<Report> },
  trx: Knex = db,
): Promise<void> {
  const changed = await trx('imports')
    .where(mine(run))
    .update({
      ...to,
      state,
      report_cipher: sealed(report),
      worker: null,
      lease_until: null,
      version: run.version + 1,
      ...(state === 'done' || state === 'failed' ? { finished_at: now() } : {}),
    })
  if (!changed) throw new LostLease()
}

/** Writing a row takes as long as looking at it so many times. */
const writing = 7

/** Counts the work done; says so, keeps the lease and lets others have their turn. */
function progressOf(run: Run): (rows: number, weight?: number) => Promise<void> {
  let [done, told] = [0, performance.now()]
  return async (rows, weight = 1) => {
    if (isStopping) throw new Stopped()
    done += rows * weight
    if (performance.now() - told > 800) {
      told = performance.now()
      const changed = await db('imports')
        .where(mine(run))
        .update({ work_done: done, lease_until: fromNow(lease) })
      if (!changed) throw new LostLease()
    }
    await breathe()
  }
}

async function bytesOf({ storage_key }: Run): Promise<Buffer> {
  const content = storage_key ? await storage.open(storage_key) : undefined
  if (!content) throw new Error('the file of an import is gone')
  return await buffer(content)
}

async function check(run: Run, declared: Import, user: User): Promise<void> {
  const result = await read(run, declared, user)
  if (result instanceof Unreadable)
    return await settle(run, { state: 'refused', report: { sentence: result.message }, checked_at: now() })
  const row_count = result.tables.reduce((sum, { rows }) => sum + rows.length, 0)
  const counts = {
    row_count,
    new_count: result.rows.length - result.same.size,
    same_count: result.same.size,
    mistake_count: result.total,
    work_done: 0,
    // Read, checked and checked again, then written.
    work_total: row_count * (3 + writing),
    checked_at: now(),
  }
  const { warnings } = result
  if (result.total) {
    const annotated_key = await storage.put(inPieces(await annotatedWorkbook(result)))
    await settle(run, {
      state: 'refused',
      report: { warnings, mistakes: result.mistakes.slice(0, mostShown) },
      annotated_key,
      ...counts,
    }).catch(async error => {
      await dropFiles([annotated_key])
      throw error
    })
  } else await settle(run, { state: counts.new_count ? 'checked' : 'done', report: { warnings }, ...counts })
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function read(run: Run, declared: Import, user: User): Promise<Checked | Unreadable> {
  try {
    const count = (rows: number) =>
      db('imports')
        .where(mine(run))
        .update({ row_count: rows, work_total: rows * 2 })
    return await checkFile(db, user, declared, await bytesOf(run), { step: progressOf(run), count })
  } catch (error) {
    if (error instanceof Unreadable) return error
    throw error
  }
}

/**
 * Writes what was confirmed. The rules of the import are asked again inside the transaction, which alone sees what is true now.
 */
async function write(run: Run, declared: Import, user: User): Promise<void> {
  const step = progressOf(run)
  const result = await checkFile(db, user, declared, await bytesOf(run), { step })
  const found = await inTransaction(async trx => {
    const wrong = new Wrong(result.tables)
    const same = await checkRows(trx, user, declared, result.rows, wrong, step)
    if (wrong.total || result.total) return wrong
    const fresh = result.rows.filter(row => !same.has(row))
    await keepWritten(trx, run, declared, user, { rows: fresh.length, same: same.size, ...(await declared.write(trx, user, fresh, rows => step(rows, writing))) }) // biome-ignore format: one step
    return undefined
  })
  if (!found) return
  const mistakes = found.total ? found.inOrder() : result.mistakes
  await settle(run, {
    state: 'refused',
    mistake_count: mistakes.length,
    report: {
      sentence: '您确认之后，档案有了变动，一行也没有写入。请按下面所说改好，重新上传。',
      warnings: result.warnings,
      mistakes: mistakes.slice(0, mostShown),
    },
  })
}

interface Kept extends Written {
  rows: number
  same: number
}

async function keepWritten(
  trx: Knex.Transaction,
  run: Run,
  declared: Import,
  user: User,
  { rows, same, ids, facts = [], handout }: Kept,
): Promise<void> {
  await trx.batchInsert('import_rows', ids.map(row_id => ({ import_id: run.id, row_id })), 1000) // biome-ignore format: one step
  await log(trx, actorInBackground(user), 'import.finish', { id: run.id, declared, detail: { rows, same } })
  const { warnings } = reportOf(run)
  await settle(
    run,
    {
      state: 'done',
      new_count: rows,
      same_count: same,
      report: { warnings, facts: [...facts], ...(handout ? { handout: handout.label } : {}) },
      ...(handout ? { handout_cipher: encrypt(column.handout, JSON.stringify(handout)) } : {}),
    },
    trx,
  )
}
