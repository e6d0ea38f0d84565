import { createHash } from 'node:crypto'
import type { Knex } from 'knex'
import { RateLimiterMySQL, RateLimiterRes } from 'rate-limiter-flexible'
import { db } from '../db.ts'
import { TooMany } from '../errors.ts'

/** How many attempts fit into a window. After the last one the key is blocked for as long as the window. */
export interface Limit {
  name: string
  points: number
  seconds: number
}

const limiters = new Map<string, RateLimiterMySQL>()

function limiter({ name, points, seconds }: Limit): RateLimiterMySQL {
  const key = `${name}/${points}/${seconds}`
  const known = limiters.get(key)
  if (known) return known
  const made = new RateLimiterMySQL({
    storeClient: db,
    storeType: 'knex',
    dbName: db.client.config.connection.database,
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: name,
    points,
    duration: seconds,
    blockDuration: seconds,
  })
  limiters.set(key, made)
  return made
}

// Digests, so that the table holds neither names nor addresses.
const keyOf = (who: string) => createHash('sha256').update(who).digest('base64url')

/**
 * Takes one attempt from the key; the counters lie in the database and count for all processes together.
 * @returns seconds to wait when there are none left, else 0
 */
export async function takeAttempt(limit: Limit, who: string): Promise<number> {
  try {
    await limiter(limit).consume(keyOf(who))
    return 0
  } catch (error) {
    if (error instanceof RateLimiterRes) return Math.max(1, Math.ceil(error.msBeforeNext / 1000))
    throw error
  }
}

/**
 * Whether no attempt is left, without taking one.
 * @returns seconds to wait when there are none left, else 0
 */
export async function waitFor(db: Knex, { name, points }: Limit, who: string): Promise<number> {
  const row: { expire: number } | undefined = await db('rate_limits')
    .where({ key: `${name}:${keyOf(who)}` })
    .where('points', '>=', points)
    .where('expire', '>', Date.now())
    .first('expire')
  return row ? Math.max(1, Math.ceil((Number(row.expire) - Date.now()) / 1000)) : 0
}

/** Gives all attempts back: after a success. */
export async function forgiveAttempts(limit: Limit, who: string): Promise<void> {
  await limiter(limit).delete(keyOf(who))
}

/** Gives one attempt back. */
export async function returnAttempt(limit: Limit, who: string): Promise<void> {
  await limiter(limit).reward(keyOf(who))
}

/**
 * Takes one attempt or refuses with 429 and the time to wait.
 * @param what what there was too much of, as the beginning of a sentence
 * @throws TooMany
 */
export async function limitTo(limit: Limit, who: string, what = '同一地址提交太频繁'): Promise<void> {
  const wait = await takeAttempt(limit, who)
  if (wait) throw new TooMany(`${what}，请 ${Math.ceil(wait / 60)} 分钟后再试。这一次没有执行。`, wait)
}

/** Looking at whole phone and ID numbers: often enough for a day's work, too seldom to copy a register (ASVS 2.4.1). */
export async function limitReveals(userId: number): Promise<void> {
  await limitTo({ name: 'reveal', points: 30, seconds: 3600 }, String(userId), '一小时内查看完整个人信息的次数已满')
}

/** Removes counters whose window has passed. */
export async function clearAttempts(): Promise<number> {
  return await db('rate_limits').where('expire', '<', Date.now()).delete()
}
