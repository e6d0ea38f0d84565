import type { NextFunction, Request, Response } from 'express'
import { fromNow, now } from '../clock.ts'
import { decrypt, encrypt, randomCode } from '../crypto.ts'
import { db } from '../db.ts'
import { addressOf, ownPath } from '../http.ts'
import { type Limit, takeAttempt } from './limits.ts'
import { sessionCookie } from './sessions.ts'

/**
 * What was typed when the session had already ended (R26): kept encrypted for an hour under a code only this browser gets,
 * and put back into the form after signing in again.
 */

const column = 'held_forms.body'
const secrets = /password|token/i
const mostHeld = 64_000
const holds: Limit = { name: 'held', points: 20, seconds: 900 }

/**
 * Keeps the fields of a refused POST, for a browser that had a session with us; strangers have nothing to come back to.
 * @returns the address to go to after signing in
 */
export async function holdForm(req: Request): Promise<string> {
  const from = ownPath(refererPath(req), '/desk')
  if (req.method !== 'POST' || !req.get('cookie')?.includes(`${sessionCookie}=`)) return from
  const fields = Object.entries(req.body ?? {}).filter(([name, value]) => typeof value === 'string' && !secrets.test(name))
  if (!fields.length) return from
  const text = JSON.stringify(Object.fromEntries(fields))
  if (text.length > mostHeld || (await takeAttempt(holds, addressOf(req)))) return from
  const token = randomCode(32)
  const body_cipher = encrypt(column, text)
  await db('held_forms').insert({ token, path: from.split('?')[0]?.slice(0, 500), body_cipher, expires_at: fromNow(3600_000) })
  return `${from}${from.includes('?') ? '&' : '?'}held=${token}`
}

function refererPath(req: Request): string | undefined {
  try {
    const referer = new URL(req.get('referer') ?? '')
    return referer.host === req.get('host') ? referer.pathname + referer.search : undefined
  } catch {
    return undefined
  }
}

/** Puts held fields into `res.locals.held` for the page they belong to, once. */
export async function restoreHeld(req: Request, res: Response, next: NextFunction): Promise<void> {
  const token = req.method === 'GET' ? req.query.held : undefined
  if (typeof token !== 'string' || !/^[\w-]{43}$/.test(token) || !res.locals.user) return next()
  const row: { body_cipher: string } | undefined = await db('held_forms')
    .where({ token, path: (req.baseUrl + req.path).slice(0, 500) })
    .where('expires_at', '>', now())
    .first('body_cipher')
  if (row) {
    res.locals.held = JSON.parse(decrypt(column, row.body_cipher))
    await db('held_forms').where({ token }).delete()
  }
  next()
}

/** Removes what nobody came back for. */
export async function clearHeldForms(): Promise<number> {
  return await db('held_forms').where('expires_at', '<', now()).delete()
}
