import knex, { type Knex } from 'knex'
import { config } from './config.ts'

/** The one Knex instance of the process, set by `connect` before anything asks for it. */
export let db: Knex

/** Opens the pool on `url` (`mysql://user:password@host:port/name`, or with `?socketPath=…`) and makes it the portal's database. */
export function connect(url: string): Knex {
  return useDatabase(openPool(url))
}

/** Makes an open pool the portal's database. */
export function useDatabase(pool: Knex): Knex {
  db = pool
  return db
}

/** A pool of its own, for tools and tests. */
export function openPool(url: string, size = config.databasePool): Knex {
  const at = new URL(url)
  const socketPath = at.searchParams.get('socketPath')
  return knex({
    client: 'mysql2',
    connection: {
      ...(socketPath ? { socketPath } : { host: at.hostname, port: Number(at.port || 3306) }),
      user: decodeURIComponent(at.username),
      password: decodeURIComponent(at.password),
      database: decodeURIComponent(at.pathname.slice(1)),
      charset: 'utf8mb4',
      timezone: 'Z',
      // A DATE as a JavaScript Date is local midnight and slips a day; it stays text.
      dateStrings: ['DATE'] as unknown as boolean, // mysql2 takes a list of types; Knex's types know only the flag
      supportBigNumbers: true,
      connectTimeout: 5000,
    },
    pool: { min: 0, max: size, afterCreate: prepareConnection },
    // A full pool answers 503 after this time instead of letting requests queue without end.
    acquireConnectionTimeout: 8000,
    // With its values in the message, a failed statement would carry names and session ids into the log.
    compileSqlOnError: false,
    log: { warn: () => undefined, error: () => undefined },
  })
}

type Ready = (error: Error | null, connection: unknown) => void
interface Connection {
  query(sql: string, done: (error: Error | null, rows: { version: string }[]) => void): void
}

/** Settings that both servers need and neither has by default; the statement limit has a name of its own in each. */
function prepareConnection(connection: Connection, ready: Ready) {
  connection.query('select version() as version', (error, rows) => {
    if (error) return ready(error, connection)
    const limit = /mariadb/i.test(rows[0]?.version ?? '') ? 'max_statement_time = 30' : 'max_execution_time = 30000'
    const modes =
      'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'
    connection.query(`set time_zone = '+00:00', innodb_lock_wait_timeout = 10, sql_mode = '${modes}', ${limit}`, error =>
      ready(error, connection),
    )
  })
}

const lost = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_LOCK_WAIT_TIMEOUT',
])

/** Whether an error says that the database is away or has no connection to spare, rather than that the request was wrong. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error.name === 'KnexTimeoutError') return true
  // The statement limit: 1969 on MariaDB, 3024 on MySQL.
  if ('errno' in error && (error.errno === 1969 || error.errno === 3024)) return true
  // What a transaction hears that is in the middle of its work when the server dies; mysql2 gives it no code.
  if ('fatal' in error && error.message.endsWith('connection is in closed state')) return true
  // A missing file is no missing socket.
  if ('code' in error && error.code === 'ENOENT' && 'syscall' in error && error.syscall !== 'connect') return false
  return 'code' in error && lost.has(String(error.code)) && ('fatal' in error || 'errno' in error || 'sql' in error)
}

/** Whether the database refused a row because a unique key already has it; `key` narrows it to that key. */
export function isDuplicate(error: unknown, key?: string): boolean {
  if (!(error instanceof Error) || !('errno' in error) || error.errno !== 1062) return false
  return !key || new RegExp(`[.']${key}'`).test(error.message)
}

/**
 * Runs a transaction in READ COMMITTED and repeats it whole, three times at most, when the database chose it as the victim of
 * a deadlock or it waited too long for a lock. What leaves the database belongs after it.
 * @param isolationLevel `serializable` locks all that is read, for what is read many rows at a time and written from them
 */
export async function inTransaction<T>(
  work: (trx: Knex.Transaction) => Promise<T>,
  isolationLevel: 'read committed' | 'serializable' = 'read committed',
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work, { isolationLevel })
    } catch (error) {
      const errno = error instanceof Error && 'errno' in error ? error.errno : 0
      if ((errno !== 1213 && errno !== 1205) || attempt === 3) throw error
      await new Promise(resolve => setTimeout(resolve, 20 * attempt + Math.random() * 40))
    }
  }
}
