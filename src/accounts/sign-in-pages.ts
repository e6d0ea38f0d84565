import express, { type Request, type Response } from 'express'
import passport from 'passport'
import { z } from 'zod'
import { now } from '../clock.ts'
import { db } from '../db.ts'
import { readForm, secret, text } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { ownPath } from '../http.ts'
import { endSession, renewSession, sessionCookie } from './sessions.ts'
import { type Attempt, attemptCode, completeSignIn, noteSignIn } from './sign-in.ts'
import { findUser } from './users.ts'

/** Sign-in and sign-out. */
export const signIn = express.Router()

const signInForm = z.object({
  username: text({ label: '账号', max: 64, autocomplete: 'username' }),
  password: secret({ label: '密码', autocomplete: 'current-password' }),
})
const codeForm = z.object({
  code: text({
    label: '动态验证码',
    max: 20,
    autocomplete: 'one-time-code',
    inputmode: 'numeric',
    hint: '手机应用里显示的 6 位数字；手机不在身边时可输入一个备用码。',
  }),
})

signIn.get('/login', (req, res) => {
  if (res.locals.user) return res.redirect(303, ownPath(req.query.next))
  showSignIn(req, res)
})

signIn.post('/login', (req, res, next) => {
  const form = readForm(signInForm, req.body)
  if (!form.ok) return showSignIn(req, res, form)
  const answer = (error: unknown, result?: Attempt) => {
    if (error || !result) return next(error)
    afterPassword(req, res, form.data.username, result).catch(next)
  }
  passport.authenticate('local', { session: false }, answer)(req, res, next)
})

async function afterPassword(req: Request, res: Response, username: string, result: Attempt) {
  if (!result.ok) {
    await noteSignIn(req, res, { username, outcome: result.outcome, ...(result.userId && { userId: result.userId }) })
    if (result.wait) res.set('Retry-After', String(result.wait)).status(429)
    return showSignIn(req, res, { values: { username }, mistakes: { username: result.message } })
  }
  const next = ownPath(req.query.next)
  if (!result.user.has_second_factor) {
    await completeSignIn(req, res, result.user)
    return res.redirect(303, next)
  }
  await noteSignIn(req, res, { username, userId: result.user.id, outcome: 'code-asked' })
  await renewSession(req)
  req.session.pending = { user_id: result.user.id, since: now().getTime(), next }
  res.redirect(303, '/login/code')
}

const pendingLife = 10 * 60_000

signIn.get('/login/code', (req, res) => {
  if (!isPending(req)) return res.redirect(303, '/login')
  renderForm(res, 'accounts/code', { form: codeForm })
})

signIn.post('/login/code', async (req, res) => {
  const pending = req.session.pending
  if (!pending || !isPending(req)) return res.redirect(303, '/login')
  const form = readForm(codeForm, req.body)
  if (!form.ok) return renderForm(res, 'accounts/code', { form: codeForm, ...form })
  const result = await attemptCode(pending, form.data.code)
  if (!result.ok) {
    const user = await findUser(db, pending.user_id)
    await noteSignIn(req, res, { username: user?.username ?? '', userId: pending.user_id, outcome: result.outcome })
    if (result.wait) res.set('Retry-After', String(result.wait)).status(429)
    return renderForm(res, 'accounts/code', { form: codeForm, mistakes: { code: result.message } })
  }
  await completeSignIn(req, res, result.user)
  res.redirect(303, pending.next)
})

function isPending(req: Request): boolean {
  return req.session.pending !== undefined && now().getTime() - req.session.pending.since < pendingLife
}

function showSignIn(
  req: Request,
  res: Response,
  { values = {}, mistakes = {} }: { values?: Record<string, string>; mistakes?: Record<string, string> } = {},
) {
  const next = typeof req.query.next === 'string' ? ownPath(req.query.next, '') : ''
  renderForm(res, 'accounts/login', {
    form: signInForm,
    values,
    mistakes,
    next,
    expired: req.query.expired === '1',
    held: next.includes('held='),
  })
}

signIn.post('/logout', async (req, res) => {
  const user = res.locals.user
  if (user) await noteSignIn(req, res, { username: user.username, userId: user.id, outcome: 'signed-out' })
  await endSession(req)
  res.clearCookie(sessionCookie, { path: '/' })
  // Only what the browser kept of these pages; cookies of other systems on the host are not ours to clear.
  res.set('Clear-Site-Data', '"cache", "storage"')
  res.redirect(303, '/login')
})
