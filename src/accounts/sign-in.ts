import type { Request, Response } from 'express'
import passport from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { actorOf, record } from '../admin/action-log.ts'
import { settingsNow } from '../admin/settings.ts'
import { now } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { addressOf } from '../http.ts'
import { forgiveAttempts, type Limit, returnAttempt, takeAttempt } from './limits.ts'
import { isPassword } from './passwords.ts'
import { useCode } from './second-factor.ts'
import { renewSession, startSession } from './sessions.ts'
import { findUser, isUsername, normaliseUsername, type User } from './users.ts'

/** What a sign-in attempt came to, as the sign-in log keeps it. */
export const outcomes = {
  ok: '成功',
  wrong: '账号或密码不正确',
  locked: '已锁定',
  disabled: '账号停用',
  'password-expired': '初始密码过期',
  'code-asked': '待输入验证码',
  'code-wrong': '验证码不正确',
  'signed-out': '退出',
} as const
export type Outcome = keyof typeof outcomes

export type Attempt = { ok: true; user: User } | { ok: false; outcome: Outcome; message: string; wait?: number; userId?: number }

interface Candidate {
  id: number
  password_hash: string | null
  password_expires_at: Date | null
  totp_confirmed_at: Date | null
}

const minutes = (seconds: number) => Math.ceil(seconds / 60)

/** Registers passport-local. What comes of an attempt is an `Attempt`, good or not; the words are chosen in `attempt`. */
export function useLocalStrategy(): void {
  passport.use(
    new LocalStrategy({ passReqToCallback: true }, (req, username, password, done) => {
      attempt(req, username, password).then(result => done(null, result), done)
    }),
  )
}

/**
 * Checks a name and a password. Unknown name, wrong password and disabled account get the same answer after the same work.
 * Five wrong in a row lock this name from this address; many wrong ones from one address, or against one name from
 * everywhere, lock those too (ASVS 6.3.1).
 */
export async function attempt(req: Request, username: string, password: string): Promise<Attempt> {
  const limits = await settingsNow(db)
  const name = normaliseUsername(username).slice(0, 64)
  const address = addressOf(req)
  const guards = guardsFor(limits, name, address)
  const waits = await Promise.all(guards.map(({ limit, who }) => takeAttempt(limit, who)))
  const wait = Math.max(...waits)
  const found: Candidate | undefined = isUsername(name)
    ? await db('users').where({ username: name, status: 'active' }).first()
    : undefined
  if (wait) {
    const message = `连续输错次数过多，已锁定。请 ${minutes(wait)} 分钟后再试，或联系系统管理员。`
    return { ok: false, outcome: 'locked', message, wait, ...(found && { userId: found.id }) }
  }
  const right = await isPassword(password, found?.password_hash)
  const user = right && found ? await findUser(db, found.id) : undefined
  if (!user || !found) {
    const wrong = `账号或密码不正确。连续输错 ${limits['sign-in.attempts']} 次将锁定 ${limits['sign-in.lock-minutes']} 分钟。`
    return { ok: false, outcome: right ? 'disabled' : 'wrong', message: wrong, ...(found && { userId: found.id }) }
  }
  const [own, ...shared] = guards
  if (own) await forgiveAttempts(own.limit, own.who)
  await Promise.all(shared.map(({ limit, who }) => returnAttempt(limit, who)))
  if (found.password_expires_at && found.password_expires_at < now())
    return { ok: false, outcome: 'password-expired', message: '初始密码已过期，请联系系统管理员重新发放。' }
  return { ok: true, user }
}

function guardsFor(
  limits: Awaited<ReturnType<typeof settingsNow>>,
  name: string,
  address: string,
): { limit: Limit; who: string }[] {
  const lock = limits['sign-in.lock-minutes'] * 60
  return [
    { limit: { name: 'sign-in', points: limits['sign-in.attempts'], seconds: lock }, who: `${name}|${address}` },
    { limit: { name: 'address', points: limits['sign-in.address-attempts'], seconds: 900 }, who: address },
    { limit: { name: 'name', points: limits['sign-in.address-attempts'], seconds: 900 }, who: name },
  ]
}

/** The beginning of a name that no account has, enough to see a pattern of guesses. */
function strangerName(typed: string): string {
  const [first = ''] = normaliseUsername(typed).replace(/\p{C}/gu, '')
  return `${first}***`
}

/** Writes the sign-in log, and the action log for what an auditor must find there (ASVS 16.3.1). */
export async function noteSignIn(
  req: Request,
  res: Response,
  { username, userId, outcome }: { username: string; userId?: number; outcome: Outcome },
) {
  await db.transaction(async trx => {
    await trx('sign_ins').insert({
      at: now(),
      // What is no account's name may be a password or a phone number typed into the wrong field.
      username: userId ? normaliseUsername(username).slice(0, 64) : strangerName(username),
      user_id: userId ?? null,
      outcome,
      address: addressOf(req),
      agent: req.get('user-agent')?.slice(0, 255) ?? null,
      request_id: res.locals.requestId,
    })
    if (outcome === 'code-asked') return
    const action = outcome === 'signed-out' ? 'sign-out' : outcome === 'locked' ? 'sign-in.lock' : 'sign-in'
    const result = outcome === 'ok' || outcome === 'signed-out' ? 'ok' : 'refused'
    // A name nobody has may be a password typed into the wrong field: it stays out of the sealed log.
    const object = userId ? { type: 'user', id: userId, label: normaliseUsername(username) } : undefined
    await record(
      trx,
      { ...actorOf(req, res), user_id: userId ?? null },
      { action, result, ...(object ? { object } : {}), detail: { outcome } },
    )
  })
}

/** Signs in for good: new session id, first role, log. */
export async function completeSignIn(req: Request, res: Response, user: User): Promise<void> {
  await startSession(req, user)
  await db('users').where({ id: user.id }).update({ last_signed_in_at: now() })
  res.locals.user = user
  await noteSignIn(req, res, { username: user.username, userId: user.id, outcome: 'ok' })
}

const codeTries: Limit = { name: 'code', points: 5, seconds: 900 }

/**
 * Checks the second factor of a sign-in that waits for it.
 * @param since when the password was right, milliseconds
 * @returns the person, or the sentence to show
 */
export async function attemptCode(
  { user_id: userId, since }: { user_id: number; since: number },
  code: string,
): Promise<Attempt> {
  const wait = await takeAttempt(codeTries, String(userId))
  if (wait) return { ok: false, outcome: 'locked', message: `验证码输错次数过多，请 ${minutes(wait)} 分钟后再试。`, wait }
  if (!(await useCode(db, userId, code)))
    return { ok: false, outcome: 'code-wrong', message: '验证码不正确或已用过。请输入手机应用里现在显示的 6 位数字。' }
  const user = await findUser(db, userId)
  // The password that was right then may have been changed since, to keep somebody out.
  if (!user || (user.password_changed_at?.getTime() ?? 0) > since)
    return { ok: false, outcome: 'disabled', message: '密码刚刚修改过，或账号现在不能登录。请回到登录页重新登录。' }
  await forgiveAttempts(codeTries, String(userId))
  return { ok: true, user }
}

/** Acts in another of one's own roles, under a new session id. The caller has checked that the role is held. */
export async function switchRole(req: Request, res: Response, user: User, roleId: number): Promise<void> {
  const after = user.roles.find(role => role.id === roleId)
  await inTransaction(async trx => {
    await trx('users').where({ id: user.id }).update({ last_role_id: roleId })
    const object = { type: 'user', id: user.id, label: user.name }
    await record(trx, actorOf(req, res), { action: 'role.switch', object, detail: { role: [user.role_label, after?.label] } })
  })
  await renewSession(req)
  req.session.role_id = roleId
}
