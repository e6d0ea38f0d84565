import { createHash } from 'node:crypto'
import fs from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import knex, { type Knex } from 'knex'

// The compiled file lies as deep in dist/ as the source does in the project, so the folder is found the same way from both.
const folder = fileURLToPath(new URL('../../migrations', import.meta.url))
const extension = path.extname(fileURLToPath(import.meta.url))

/** Bare names (`0001_regions`), so that a database knows its migrations again whether they come from `.ts` or compiled from `.js`. */
const migrationSource: Knex.MigrationSource<string> = {
  async getMigrations() {
    const files = await fs.readdir(folder)
    return files
      .filter(file => /^\d+_[^.]+\.[jt]s$/.test(file) && file.endsWith(extension))
      .map(file => path.parse(file).name)
      .sort()
  },
  getMigrationName: name => name,
  getMigration: name => import(pathToFileURL(path.join(folder, name + extension)).href),
}

/** What Knex needs to know about our migrations; for the command line too. */
export const migrations: Knex.MigratorConfig = {
  migrationSource,
  // MySQL commits each DDL statement by itself; a transaction around it would only pretend.
  disableTransactions: true,
}

/**
 * Brings the schema of `db` up to date, one instance at a time: others wait up to 120 s and then find nothing to do.
 * It works on a connection of its own, which holds the lock, so a process that is killed gives it back, and the pool's limit on
 * the time of a statement does not cut a long change short.
 * @returns how many migrations were run now
 * @throws if a migration fails (those before it stay) or another instance needs longer than 120 s
 */
export async function migrateToLatest(db: Knex): Promise<number> {
  const { config } = db.client
  const own = knex({ ...config, pool: { ...config.pool, min: 1, max: 1 } })
  try {
    await liftLimits(own)
    await lock(own)
    // Left behind by a process killed half-way; nobody else can be at it now.
    await own.migrate.forceFreeMigrationsLock(migrations)
    // An older version that is restarted while a newer one is being rolled out finds names it does not know, and goes on.
    const [, run] = await own.migrate.latest({ ...migrations, disableMigrationsListValidation: true })
    return run.length
  } finally {
    await own.destroy()
  }
}

async function liftLimits(own: Knex) {
  const [[{ version }]] = await own.raw('select version() as version')
  await own.raw(/mariadb/i.test(version) ? 'set max_statement_time = 0' : 'set max_execution_time = 0')
  // A change that waits for a table makes everybody behind it wait too: rather fail, and be started again.
  await own.raw('set lock_wait_timeout = 60')
}

async function lock(own: Knex) {
  const [[{ schema }]] = await own.raw('select database() as `schema`')
  // Such locks belong to the whole server, and their names end at 64 characters.
  const name = `migrate-${createHash('sha256').update(schema).digest('hex').slice(0, 40)}`
  for (const until = Date.now() + 120_000; Date.now() < until; await sleep(50)) {
    const [[{ taken }]] = await own.raw('select get_lock(?, 1) as taken', [name])
    if (taken === 1) return
  }
  throw new Error(`另一个进程正在更新数据库 ${schema} 的表结构，等了 2 分钟仍未结束。请等它完成后重新启动。`)
}
