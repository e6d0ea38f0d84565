import { hostname } from 'node:os'
import { Cron } from 'croner'
import type { Knex } from 'knex'
import type { Logger } from 'pino'
import { now } from '../clock.ts'
import { db } from '../db.ts'

/**
 * What runs by the clock, once, whichever process is up. Each turn is a row with a unique key (name and minute), so of several
 * processes one makes it; a worker takes it with a lease, and a turn whose worker died is taken again. After a downtime the
 * newest missed turn runs, because work here is "everything that is due", not "what this minute brought".
 */
export interface Job {
  name: string
  /** Cron expression in Beijing time. */
  at: string
  run(db: Knex): Promise<unknown>
}

const lease = 10 * 60_000
const worker = `${hostname()}:${process.pid}`.slice(0, 64)

/** Starts the clock. @returns a function that stops it and waits for what is running */
export function startJobs(jobs: Job[], log: Logger): () => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  const turn = (job: Job, at?: Date) => {
    running = running.then(() => runJob(job, at)).catch(error => log.error({ err: error, job: job.name }, 'job failed'))
  }
  const crons = jobs.map(job => {
    const cron = new Cron(job.at, { timezone: 'Asia/Shanghai', unref: true }, () => turn(job))
    // What a stopped portal missed.
    turn(job, cron.previousRuns(1)[0])
    return cron
  })
  return async () => {
    for (const cron of crons) cron.stop()
    await running
  }
}

/**
 * Makes the turn of this minute, unless another process has, and takes every turn of the job that is due.
 * @throws what the job threw; its turn is tried again later, three times in all
 */
export async function runJob(job: Job, at: Date = now()): Promise<void> {
  const unique_key = `${job.name} ${at.toISOString().slice(0, 16)}`
  await db('jobs')
    .insert({ name: job.name, unique_key, state: 'ready', run_at: at, created_at: now() })
    .onConflict('unique_key')
    .ignore()
  for (let turn = await take(job.name); turn; turn = await take(job.name)) {
    try {
      await job.run(db)
      await db('jobs').where({ id: turn.id }).update({ state: 'done', finished_at: now(), error: null })
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string } // a database error is named by its code: its text quotes values
      const text = code ?? message ?? 'failed'
      const state = turn.attempts >= 3 ? 'failed' : 'ready'
      await db('jobs')
        .where({ id: turn.id })
        .update({ state, error: text.slice(0, 1000), run_at: new Date(now().getTime() + turn.attempts * 60_000) })
      throw error
    }
  }
}

async function take(name: string): Promise<{ id: number; attempts: number } | undefined> {
  return await db.transaction(
    async trx => {
      const turn: { id: number; attempts: number } | undefined = await trx('jobs')
        .where({ name })
        .where(due =>
          due
            .where({ state: 'ready' })
            .where('run_at', '<=', now())
            .orWhere(stuck => stuck.where({ state: 'running' }).where('lease_until', '<', now())),
        )
        .orderBy('id')
        .forUpdate()
        .skipLocked()
        .first('id', 'attempts')
      if (!turn) return undefined
      const attempts = turn.attempts + 1
      await trx('jobs')
        .where({ id: turn.id })
        .update({ state: 'running', worker, attempts, lease_until: new Date(now().getTime() + lease) })
      return { ...turn, attempts }
    },
    { isolationLevel: 'read committed' },
  )
}
