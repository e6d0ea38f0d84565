import type { Knex } from 'knex'
import { settingsNow } from '../admin/settings.ts'
import { now } from '../clock.ts'
import { config } from '../config.ts'
import { decrypt, encrypt } from '../crypto.ts'

/**
 * 消息: what the portal tells people. Everything is written in the transaction of what it tells of: the inbox row is the message,
 * text messages and mails wait in the outbox until the commit and are sent by `deliverOutbox`.
 */

/** Who is told: persons, everybody of an organisation, or the officials who hold a role in a region. */
export type Recipients = { user_ids: readonly number[] } | { organisation_id: number } | { role: string; region_code: string }

export type Channel = 'inbox' | 'sms' | 'mail'

export interface Message {
  to: Recipients
  /** One sentence; it also goes out as text message and mail, so nothing personal stands in it. */
  title: string
  /** More to read, in the inbox alone: an opinion may name people. */
  body?: string
  /** Where it leads, inside the portal. */
  link?: string
  case_id?: number
  /** The inbox alone, unless said otherwise. */
  channels?: readonly Channel[]
  /** Says in text message and mail what the title must not, because it names somebody. */
  outside?: string
}

/** More officials of one role in one region are a mistake in the grants rather than readers. */
const mostOfficials = 50
const longestTitle = 200

/**
 * Tells people something, once each.
 * @returns the ids of those who were told
 */
export async function tell(trx: Knex.Transaction, message: Message): Promise<number[]> {
  const readers = await readersOf(trx, message.to)
  if (!readers.length) return []
  const { channels = ['inbox'], link, case_id } = message
  const title = cut(message.title)
  const at = now()
  if (channels.includes('inbox'))
    await trx.batchInsert(
      'messages',
      readers.map(({ id }) => ({
        user_id: id,
        title,
        body: message.body || null,
        link: link ?? null,
        case_id: case_id ?? null,
        created_at: at,
      })),
      500,
    )
  if (channels.includes('sms') || channels.includes('mail')) {
    const letters = await lettersFor(trx, readers, channels, { title: cut(message.outside ?? title), link })
    await trx.batchInsert(
      'outbox',
      letters.map(letter => ({ ...letter, case_id: case_id ?? null, state: 'ready', send_at: at, created_at: at })),
      500,
    )
  }
  return readers.map(({ id }) => id)
}

interface Reader {
  id: number
  phone_cipher: string | null
  email_cipher: string | null
}

async function readersOf(trx: Knex.Transaction, to: Recipients): Promise<Reader[]> {
  const active = trx('users')
    .join('organisations', 'organisations.id', 'users.organisation_id')
    .where({ 'users.status': 'active', 'organisations.status': 'active' })
    .orderBy('users.id')
    .select('users.id', 'users.phone_cipher', 'users.email_cipher')
  if ('user_ids' in to) return to.user_ids.length ? await active.whereIn('users.id', [...new Set(to.user_ids)]) : []
  // Owners share one organisation and are told by name.
  if ('organisation_id' in to)
    return await active.where({ 'organisations.id': to.organisation_id }).whereNot({ 'organisations.kind': 'owners' })
  const { role, region_code } = to
  const holders = trx('user_roles').where({ role, region_code }).select('user_id')
  return await active.whereIn('users.id', holders).limit(mostOfficials)
}

interface Letter {
  channel: 'sms' | 'mail'
  user_id: number
  recipient_cipher: string
  subject: string | null
  body_cipher: string
}

async function lettersFor(
  trx: Knex.Transaction,
  readers: readonly Reader[],
  channels: readonly Channel[],
  { title, link }: { title: string; link: string | undefined },
): Promise<Letter[]> {
  const set = await settingsNow(trx)
  const portal = set['city.portal']
  const text = `【${set['city.bureau']}】${title}请登录${portal}查看。`
  const mail = [title, '', `详情请登录${portal}查看：${config.baseUrl}${link ?? '/desk'}`, '', set['city.bureau']].join('\n')
  const letters: Letter[] = []
  for (const { id: user_id, phone_cipher, email_cipher } of readers) {
    const phone = channels.includes('sms') && phone_cipher ? decrypt('users.phone', phone_cipher) : ''
    if (/^1\d{10}$/.test(phone)) letters.push({ channel: 'sms', user_id, subject: null, ...sealed(phone, text) })
    if (channels.includes('mail') && email_cipher)
      letters.push({ channel: 'mail', user_id, subject: title, ...sealed(decrypt('users.email', email_cipher), mail) })
  }
  return letters
}

function sealed(recipient: string, body: string) {
  return { recipient_cipher: encrypt('outbox.recipient', recipient), body_cipher: encrypt('outbox.body', body) }
}

/** One line that fits its column: a header made of it cannot be split by a line break. */
function cut(title: string): string {
  const line = title.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim()
  const signs = [...line]
  return signs.length > longestTitle ? `${signs.slice(0, longestTitle - 1).join('')}…` : line
}
