import type { Knex } from 'knex'
import { fromNow, now } from '../clock.ts'
import { decrypt } from '../crypto.ts'
import { maskNumbers } from '../lists/masks.ts'
import { type Letter, maskRecipient, openTransports, type Transports } from './transports.ts'

/**
 * Sends what waits in the outbox (security.md R13). A letter is claimed, sent, then marked, so it arrives at least once: a process that
 * dies between sending and marking leaves it claimed, and after a while it is sent again under the same key. Several processes may
 * do this at once; each takes letters the others have not locked. One letter is in memory at a time.
 */

/** After the fifth try it is given up; before that it waits longer each time. */
export const mostTries = 5
const waits = [1, 5, 30, 120].map(minutes => minutes * 60_000)
/** Longer than any sending takes: what is claimed for longer was abandoned. */
export const longestSending = 5 * 60_000
/** Other jobs wait for this one, so a turn ends here and the next goes on. */
const longestTurn = 30_000
/** A channel that fails so often in a row is down; it rests until the next turn. */
const mostFailures = 3

interface OutboxRow {
  id: number
  channel: Letter['channel']
  recipient_cipher: string
  subject: string | null
  body_cipher: string
  attempts: number
  created_at: Date
}

export interface Delivered {
  sent: number
  /** Not taken this time; tried again later. */
  later: number
  /** Given up. */
  failed: number
}

/**
 * Sends everything that is due.
 * @param transports those of the settings, unless given
 * @returns how many letters became what
 */
export async function deliverOutbox(db: Knex, transports?: Transports): Promise<Delivered> {
  const carriers = transports ?? openTransports()
  const done: Delivered = { sent: 0, later: 0, failed: 0 }
  const failures: Record<Letter['channel'], number> = { sms: 0, mail: 0 }
  // Real time on purpose: how long the machine works has nothing to do with the day the portal is set to.
  const end = performance.now() + longestTurn
  try {
    while (performance.now() < end) {
      const channels = (Object.keys(failures) as Letter['channel'][]).filter(channel => failures[channel] < mostFailures) // forgets the literal types
      const row = await claim(db, channels)
      if (!row) break
      const outcome = row.attempts > mostTries ? await giveUp(db, row, '发送时中断，没有再试。') : await send(db, row, carriers)
      done[outcome]++
      failures[row.channel] = outcome === 'sent' ? 0 : failures[row.channel] + 1
    }
  } finally {
    if (!transports) for (const carrier of Object.values(carriers)) carrier.close()
  }
  return done
}

/** Takes the letter that has waited longest: one that is due, else one whose sender died. `attempts` counts this try. */
async function claim(db: Knex, channels: readonly string[]): Promise<OutboxRow | undefined> {
  return await db.transaction(
    async trx => {
      for (const state of ['ready', 'sending']) {
        const row: OutboxRow | undefined = await trx('outbox')
          .where({ state })
          .where('send_at', '<=', now())
          .whereIn('channel', channels)
          .orderBy(['send_at', 'id'])
          .forUpdate()
          .skipLocked()
          .first('id', 'channel', 'recipient_cipher', 'subject', 'body_cipher', 'attempts', 'created_at')
        if (!row) continue
        const attempts = row.attempts + 1
        await trx('outbox')
          .where({ id: row.id })
          .update({ state: 'sending', attempts, send_at: fromNow(longestSending) })
        return { ...row, attempts }
      }
      return undefined
    },
    { isolationLevel: 'read committed' },
  )
}

async function send(db: Knex, row: OutboxRow, transports: Transports): Promise<keyof Delivered> {
  const transport = transports[row.channel]
  let to = ''
  try {
    to = decrypt('outbox.recipient', row.recipient_cipher)
    const text = decrypt('outbox.body', row.body_cipher)
    await transport.send({ channel: row.channel, key: keyOf(row), to, subject: row.subject ?? '', text })
  } catch (error) {
    const why = reasonOf(error, to)
    if (row.attempts >= mostTries) return await giveUp(db, row, why)
    const send_at = fromNow(waits[row.attempts - 1] ?? 0)
    await mark(db, row, { state: 'ready', send_at, error: why })
    return 'later'
  }
  await mark(db, row, { state: 'sent', sent_at: now(), carrier: transport.carrier, error: null })
  return 'sent'
}

async function giveUp(db: Knex, row: OutboxRow, error: string): Promise<'failed'> {
  await mark(db, row, { state: 'failed', error })
  return 'failed'
}

/** Only while the claim is still ours: another process may have taken an abandoned letter. */
async function mark(db: Knex, { id, attempts }: OutboxRow, change: object): Promise<void> {
  await db('outbox').where({ id, attempts, state: 'sending' }).update(change)
}

/** The number of the row alone would be the same in a test system that sends under the same name. */
function keyOf({ id, created_at }: OutboxRow): string {
  return `outbox.${id}.${created_at.getTime()}`
}

/** Why a letter was not taken, without the address that servers like to repeat. */
function reasonOf(error: unknown, to: string): string {
  const said = error instanceof Error ? error.message : String(error)
  const masked = to ? said.replaceAll(to, maskRecipient(to)) : said
  return maskNumbers(masked.replace(/\s+/g, ' ')).slice(0, 500)
}
