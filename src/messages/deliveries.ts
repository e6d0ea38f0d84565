import type { Knex } from 'knex'
import { decrypt } from '../crypto.ts'
import { mostTries } from './deliver.ts'
import { type Carrier, maskRecipient } from './transports.ts'

/** What became of a text message or mail, as the officer of the case reads it. */
export interface Delivery {
  /** 短信 or 邮件. */
  channel: string
  /** Masked. */
  recipient: string
  /** Whose it is. */
  name: string
  state: { label: string; tone: string; icon: string }
  /** When it was sent, or written where it was not. */
  at: Date
  /** Why it was not taken, and what happens next. */
  why?: string
}

const channels = { sms: '短信', mail: '邮件' }
const mostShown = 100

interface Row {
  channel: keyof typeof channels
  recipient_cipher: string
  state: 'ready' | 'sending' | 'sent' | 'failed'
  attempts: number
  carrier: Carrier | null
  error: string | null
  created_at: Date
  sent_at: Date | null
  name: string | null
}

/** The text messages and mails of a case, newest first. */
export async function deliveriesOf(db: Knex, case_id: number): Promise<Delivery[]> {
  const rows: Row[] = await db('outbox')
    .leftJoin('users', 'users.id', 'outbox.user_id')
    .where({ 'outbox.case_id': case_id })
    .orderBy('outbox.id', 'desc')
    .limit(mostShown)
    .select(
      'outbox.channel',
      'outbox.recipient_cipher',
      'outbox.state',
      'outbox.attempts',
      'outbox.carrier',
      'outbox.error',
      'outbox.created_at',
      'outbox.sent_at',
      'users.name',
    )
  return rows.map(row => ({
    channel: channels[row.channel],
    recipient: maskRecipient(decrypt('outbox.recipient', row.recipient_cipher)),
    name: row.name ?? '',
    state: stateOf(row),
    at: row.sent_at ?? row.created_at,
    ...(row.error
      ? {
          why: `第 ${row.attempts} 次没有发出：${row.error}${row.state === 'ready' ? `，还会再试 ${mostTries - row.attempts} 次。` : ''}`,
        }
      : {}),
  }))
}

function stateOf({ state, carrier, attempts }: Row): Delivery['state'] {
  switch (state) {
    case 'ready':
      return attempts ? { label: '等待重发', tone: 'you', icon: 'refresh' } : { label: '待发送', tone: 'rest', icon: 'hourglass' }
    case 'sending':
      return { label: '发送中', tone: 'desk', icon: 'mail' }
    case 'sent':
      return carrier === 'smtp'
        ? { label: '已发出', tone: 'done', icon: 'check' }
        : { label: '仅记入日志', tone: 'rest', icon: 'file-text' }
    case 'failed':
      return { label: '发送失败', tone: 'no', icon: 'circle-x' }
  }
}
