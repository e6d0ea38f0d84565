import fs from 'node:fs/promises'
import path from 'node:path'
import { createTransport } from 'nodemailer'
import { beijing, now } from '../clock.ts'
import { config } from '../config.ts'
import { maskNumbers, maskPhone } from '../lists/masks.ts'

/** What leaves the outbox. */
export interface Letter {
  channel: 'sms' | 'mail'
  /** The same for every try of the same letter, so that the receiver can tell a repetition. */
  key: string
  to: string
  subject: string
  text: string
}

/** What carries letters away: `log` only writes them down, which is no delivery. */
export type Carrier = 'log' | 'smtp'

export interface Transport {
  carrier: Carrier
  /** @throws when the letter was not taken; it is tried again later */
  send(letter: Letter): Promise<void>
  close(): void
}

export type Transports = Record<Letter['channel'], Transport>

/** What SMS_TRANSPORT can name. A gateway of the city is added here. */
const smsTransports = { log: () => logTransport() }

/** The transports of the settings. Close them after use. */
export function openTransports(): Transports {
  return { sms: smsTransports[config.smsTransport](), mail: config.smtp ? smtpTransport(config.smtp) : logTransport() }
}

/** Writes letters to `outbox.log` in the data folder, the recipient masked: for development, and until a real channel is there. */
export function logTransport(file = path.join(config.dataDir, 'outbox.log')): Transport {
  return {
    carrier: 'log',
    async send({ channel, key, to, subject, text }) {
      const line = { at: beijing(now()), channel, key, to: maskRecipient(to), subject, text: maskNumbers(text) }
      await fs.appendFile(file, `${JSON.stringify(line)}\n`, { mode: 0o600 })
    },
    close: () => undefined,
  }
}

/** Sends mails by SMTP, one connection for all of a turn. The Message-ID is the letter's key, so a repetition carries the same. */
export function smtpTransport({ url, from }: { url: string; from: string }): Transport {
  const host = /@([^\s<>@]+)>?$/.exec(from)?.[1] ?? 'localhost'
  const transporter = createTransport({
    url,
    pool: true,
    maxConnections: 1,
    connectionTimeout: 5_000,
    greetingTimeout: 5_000,
    socketTimeout: 20_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    carrier: 'smtp',
    async send({ key, to, subject, text }) {
      // A line break in an address or a heading would begin a header of its own (ASVS 1.3.11).
      if (!/^[^\s<>@,;:"]+@[^\s<>@,;:"]+$/.test(to)) throw new Error('收件地址的格式不对')
      await transporter.sendMail({
        from,
        to,
        subject: subject.replace(/[\p{Cc}\u2028\u2029]+/gu, ' '),
        text,
        messageId: `<${key}@${host}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
    },
    close: () => transporter.close(),
  }
}

/** 138****5678, z***@example.cn: enough to know which one it is. */
export function maskRecipient(to: string): string {
  const at = to.lastIndexOf('@')
  return at > 0 ? `${[...to][0]}***${to.slice(at)}` : maskPhone(to)
}
