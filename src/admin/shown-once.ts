import type { Request } from 'express'
import type {} from 'express-session'
import { now } from '../clock.ts'
import { decrypt, encrypt } from '../crypto.ts'

/** What one page may show exactly once: an initial password, a telephone number in full. It waits encrypted in the session. */
export interface ShownOnce {
  what: 'password' | 'phone'
  /** The account it belongs to; no other page shows it. */
  user_id: number
  value: string
}

declare module 'express-session' {
  interface SessionData {
    shown_once: { cipher: string; until: number }
  }
}

const column = 'sessions.shown_once'
const life = 10 * 60_000

/** Keeps a value for the next page. */
export function showOnce(req: Request, shown: ShownOnce): void {
  req.session.shown_once = { cipher: encrypt(column, JSON.stringify(shown)), until: now().getTime() + life }
}

/** Takes the value for the page of this account, if one waits; it is gone afterwards. */
export function takeShownOnce(req: Request, userId: number): ShownOnce | undefined {
  const kept = req.session.shown_once
  if (!kept) return undefined
  const shown: ShownOnce = JSON.parse(decrypt(column, kept.cipher))
  const isOver = now().getTime() > kept.until
  if (!isOver && shown.user_id !== userId) return undefined
  delete req.session.shown_once
  return isOver ? undefined : shown
}
