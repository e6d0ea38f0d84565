import type { NextFunction, Request, RequestHandler, Response } from 'express'
import session, { type SessionData, Store } from 'express-session'
import type { Knex } from 'knex'
import passport from 'passport'
import { settingsNow } from '../admin/settings.ts'
import { fromNow, now } from '../clock.ts'
import { config } from '../config.ts'
import { db } from '../db.ts'
import { findUser } from './users.ts'

// The row outlives every limit of the session; which session still counts is decided by its own times below.
const rowLife = 26 * 3600_000

/**
 * Sessions in our own table through our own Knex and clock. The store packages for Knex write on every request and
 * leave a rejected promise behind when the database is away, which would end the process.
 */
class DatabaseStore extends Store {
  override get(sid: string, done: (error: unknown, found?: SessionData | null) => void): void {
    this.#settle(this.#find(sid), done)
  }

  override set(sid: string, data: SessionData, done?: (error?: unknown) => void): void {
    this.#settle(this.#write(sid, data), error => done?.(error))
  }

  override destroy(sid: string, done?: (error?: unknown) => void): void {
    this.#settle(db('sessions').where({ sid }).delete(), error => done?.(error))
  }

  async #find(sid: string): Promise<SessionData | null> {
    const row: { sess: string | SessionData } | undefined = await db('sessions')
      .where({ sid })
      .where('expired', '>', now())
      .first('sess')
    if (!row) return null
    return { ...(typeof row.sess === 'string' ? JSON.parse(row.sess) : row.sess), stored: true }
  }

  /** A session that was read may have been ended since by somebody else: it is changed, never made anew. */
  async #write(sid: string, data: SessionData): Promise<void> {
    const row = { sess: JSON.stringify(data), expired: fromNow(rowLife) }
    if (data.stored) await db('sessions').where({ sid }).update(row)
    else
      await db('sessions')
        .insert({ sid, ...row })
        .onConflict('sid')
        .merge(['sess', 'expired'])
  }

  #settle<T>(work: PromiseLike<T>, done: (error: unknown, value?: T) => void): void {
    work.then(value => done(null, value), done)
  }
}

const secure = config.baseUrl.startsWith('https:')
export const sessionCookie = secure ? '__Host-portal' : 'portal'

/** Session, identity, and the limits of both, for every path that knows who is asking. Anonymous visitors get no cookie. */
export function sessions(): RequestHandler[] {
  passport.serializeUser((user, done) => done(null, (user as { id: number }).id)) // what logIn was given in sign-in.ts
  passport.deserializeUser((id: number, done) => done(null, { id }))
  return [
    session({
      name: sessionCookie,
      store: new DatabaseStore(),
      secret: config.sessionSecrets,
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: 'lax', path: '/', secure: secure ? true : 'auto' },
    }),
    passport.session(),
    saveBeforeRedirect,
    identify,
  ]
}

/**
 * The browser follows a redirect as soon as its head arrives, and express-session sends that before the session is written: the
 * next page would meet the session of before. A session with nothing in it stays unwritten, so strangers get no cookie.
 */
function saveBeforeRedirect(req: Request, res: Response, next: NextFunction): void {
  const redirect = res.redirect.bind(res) as (status: number, url: string) => void // the form every route here uses
  res.redirect = (status: unknown, url?: string) => {
    const go = () => (url === undefined ? redirect(302, String(status)) : redirect(Number(status), url))
    if (Object.keys(req.session).every(name => name === 'cookie')) return go()
    req.session.save(error => (error ? next(error) : go()))
  }
  next()
}

const minute = 60_000

/** Loads who is asking, ends what is over, and notes that the person is still there (at most once a minute). */
async function identify(req: Request, res: Response, next: NextFunction): Promise<void> {
  res.set('Cache-Control', 'no-store')
  const id = (req.user as { id: number } | undefined)?.id // what deserializeUser gave
  if (!id) return next()
  const [user, limits] = await Promise.all([findUser(db, id, req.session.role_id), settingsNow(db)])
  const at = now().getTime()
  const idle = at - (req.session.seen_at ?? 0)
  const age = at - (req.session.started_at ?? 0)
  if (!user || idle > limits['session.idle-minutes'] * minute || age > limits['session.absolute-hours'] * 60 * minute) {
    await endSession(req)
    res.locals.expired = true
    return next()
  }
  // Polling in the background must not keep a session alive that nobody uses.
  if (idle > minute && req.get('x-background') === undefined) req.session.seen_at = at
  res.locals.user = user
  next()
}

/**
 * Starts a signed-in session under a new id; whatever the anonymous session held is dropped.
 * @param roleId the role to act in
 */
export async function startSession(req: Request, user: { id: number; role_id: number }): Promise<void> {
  // Express-session drops the old data; passport would do the same, but only in its own login.
  await new Promise<void>((resolve, reject) => req.logIn({ id: user.id }, error => (error ? reject(error) : resolve())))
  const at = now().getTime()
  Object.assign(req.session, { started_at: at, seen_at: at, role_id: user.role_id })
}

/** A new id for the same session: after a change of role, password or second factor. */
export async function renewSession(req: Request): Promise<void> {
  const { cookie: _cookie, stored: _stored, ...kept } = req.session as unknown as Record<string, unknown>
  await new Promise<void>((resolve, reject) => req.session.regenerate(error => (error ? reject(error) : resolve())))
  for (const [name, value] of Object.entries(kept)) if (typeof value !== 'function') Object.assign(req.session, { [name]: value })
}

/** Ends this session on the server. */
export async function endSession(req: Request): Promise<void> {
  req.user = undefined
  await new Promise<void>((resolve, reject) => req.session.regenerate(error => (error ? reject(error) : resolve())))
}

/** Ends all sessions of a person, but the one given. @returns how many ended */
export async function endOtherSessions(db: Knex, userId: number, but = ''): Promise<number> {
  return await db('sessions').where({ user_id: userId }).whereNot({ sid: but }).delete()
}
