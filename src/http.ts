import { isIP } from 'node:net'
import type { Request, RequestHandler, Response } from 'express'
import type {} from 'express-session'
import type { Role } from './accounts/roles.ts'
import type { User } from './accounts/users.ts'
import { BadRequest, Forbidden, NotFound } from './errors.ts'

/** A sentence shown once on the next page; `link` leads on. */
export interface Flash {
  tone: 'ok' | 'warn' | 'bad'
  text: string
  link?: { href: string; label: string }
}

declare module 'express-session' {
  interface SessionData {
    /** Set on what was read from the store, so that a session ended meanwhile is not written again. */
    stored: boolean
    started_at: number
    seen_at: number
    role_id: number
    flash: Flash[]
    /** Password checked, second factor still to come. */
    pending: { user_id: number; since: number; next: string }
    /** A new second factor, shown until it is confirmed; encrypted. */
    totp_draft: string
    /** Recovery codes, shown once on the next page. */
    recovery_codes: string[]
    confirmed_at: number
  }
}

declare module 'express-serve-static-core' {
  interface Locals {
    requestId: string
    user?: User
  }
}

/** The signed-in person. @throws Error where no `allow` stands before the route, which is a fault of ours. */
export function currentUser(res: Response): User {
  if (!res.locals.user) throw new Error('route without allow()')
  return res.locals.user
}

/** The positive integer in the address; anything else is simply not found. */
export function recordId(req: Request, name = 'id'): number {
  const text = req.params[name]
  if (typeof text !== 'string' || !/^[1-9]\d{0,14}$/.test(text)) throw new NotFound()
  return Number(text)
}

/** A guard that knows which roles it lets pass, so that the matrix of roles and pages can be read off the routes. */
export type Guard = RequestHandler & { roles: readonly Role[] | 'anyone signed in' }

/** Lets only these roles pass; without arguments, everybody who is signed in. Every route of the desk starts with it. */
export function allow(...roles: readonly Role[]): Guard {
  const guard: RequestHandler = (_req, res, next) => {
    const user = currentUser(res)
    if (roles.length && !roles.includes(user.role))
      throw new Forbidden('这一页不属于您现在的身份。如果您还有其他身份，请在右上角切换后再打开。')
    next()
  }
  return Object.assign(guard, { roles: roles.length ? roles : ('anyone signed in' as const) })
}

/** Puts a sentence on the next page this person opens. */
export function flash(req: Request, message: Flash): void {
  req.session.flash = [...(req.session.flash ?? []), message]
}

/** A path inside the portal to go to next; anything that could lead elsewhere becomes `fallback`. */
export function ownPath(target: unknown, fallback = '/desk'): string {
  if (typeof target !== 'string' || target.length > 500) return fallback
  return /^\/(?![/\\])[^\s\\]*$/.test(target) && !/^\/log(in|out)\b/.test(target) ? target : fallback
}

/** The one value of a query parameter; a parameter sent twice is refused. */
export function queryText(req: Request, name: string): string {
  const value = req.query[name]
  if (value === undefined) return ''
  if (typeof value !== 'string') throw new BadRequest()
  return value
}

/** The client's address as the trusted proxy tells it, cut to what the log columns hold. */
export function addressOf(req: Request): string {
  const address = (req.ip ?? '').replace(/^::ffff:/, '')
  // A proxy that hands on what the client made up: the connection itself cannot lie.
  return isIP(address) ? address : (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}
