import express, { type Request, type Response } from 'express'
import QRCode from 'qrcode'
import { z } from 'zod'
import { actorOf, record } from '../admin/action-log.ts'
import { settingsNow } from '../admin/settings.ts'
import { fromNow, now } from '../clock.ts'
import { decrypt, encrypt } from '../crypto.ts'
import { db, inTransaction } from '../db.ts'
import { type Mistakes, optionalText, readForm, secret, text, typed, type Values } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { currentUser, flash } from '../http.ts'
import { maskRecipient } from '../messages/transports.ts'
import { browserName } from './browsers.ts'
import { type Limit, limitTo } from './limits.ts'
import { hashPassword, isPassword, passwordMistake } from './passwords.ts'
import { roles } from './roles.ts'
import { codeStep, newRecoveryCodes, newSecret, openSecret, secretAddress } from './second-factor.ts'
import { endOtherSessions, renewSession } from './sessions.ts'
import { outcomes, switchRole } from './sign-in.ts'
import type { User } from './users.ts'

/** One's own account: password, second factor, sign-in history, devices, role. */
export const account = express.Router()

const passwordForm = z.object({
  password: secret({ label: '现在的密码', autocomplete: 'current-password' }),
  new_password: secret({
    label: '新密码',
    autocomplete: 'new-password',
    hint: '至少 10 个字符，含大写、小写、数字、符号中的三类；可以用一句话。',
  }),
  again: secret({ label: '再输入一次新密码', autocomplete: 'new-password' }),
})
const confirmForm = z.object({ password: secret({ label: '密码', autocomplete: 'current-password' }) })

account.get('/account', async (req, res) => {
  const user = currentUser(res)
  const [history, devices, kept, mail] = await Promise.all([
    db('sign_ins')
      .where({ user_id: user.id })
      .orderBy([
        { column: 'at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(20),
    db('sessions')
      .where({ user_id: user.id })
      .where('expired', '>', now())
      .whereNot({ sid: req.sessionID })
      .count({ n: '*' })
      .first(),
    db('recovery_codes').where({ user_id: user.id }).whereNull('used_at').count({ n: '*' }).first(),
    mailOf(user),
  ])
  const codes = req.session.recovery_codes
  if (codes) delete req.session.recovery_codes
  res.render('accounts/account', {
    history: history.map(row => ({
      ...row,
      browser: browserName(row.agent),
      label: outcomes[row.outcome as keyof typeof outcomes] ?? row.outcome,
    })),
    others: Number(devices?.n ?? 0),
    codesLeft: Number(kept?.n ?? 0),
    codes,
    email: mail && maskRecipient(mail),
  })
})

account.get('/account/password', (_req, res) => showPassword(res))

account.post('/account/password', async (req, res) => {
  const user = currentUser(res)
  const form = readForm(passwordForm, req.body)
  if (!form.ok) return showPassword(res, form.mistakes)
  const { password, new_password, again } = form.data
  const mistakes: Record<string, string> = {}
  if (!(await hasPassword(user, password))) mistakes.password = '现在的密码不对。'
  const weak = passwordMistake(new_password, [user.username, user.name, user.organisation_name])
  if (weak) mistakes.new_password = weak
  else if (new_password === password) mistakes.new_password = '新密码不能与现在的密码相同。'
  if (new_password !== again) mistakes.again = '两次输入的新密码不一样。'
  if (Object.keys(mistakes).length) return showPassword(res, mistakes)

  const password_hash = await hashPassword(new_password)
  await inTransaction(async trx => {
    await trx('users').where({ id: user.id }).update({
      password_hash,
      password_changed_at: now(),
      password_expires_at: null,
      must_change_password: false,
      updated_at: now(),
    })
    await record(trx, actorOf(req, res), { action: 'password.change', object: { type: 'user', id: user.id, label: user.name } })
  })
  await endOtherSessions(db, user.id, req.sessionID)
  await renewSession(req)
  flash(req, { tone: 'ok', text: '密码已修改，其他设备上的登录已退出。' })
  res.redirect(303, user.must_change_password ? '/desk' : '/account')
})

function showPassword(res: Response, mistakes: Record<string, string> = {}) {
  renderForm(res, 'accounts/password', { form: passwordForm, mistakes, forced: currentUser(res).must_change_password })
}

const mailForm = z.object({
  email: optionalText({
    label: '电子邮箱',
    type: 'email',
    max: 120,
    autocomplete: 'email',
    hint: '需要补正、作出决定时，除短信外也发到这里。不填就不发邮件。',
    normalise: text => text.normalize('NFKC'),
    pattern: /^[^\s<>@,;:"]+@[^\s<>@,;:"]+\.[^\s<>@,;:"]+$/,
    patternHint: '请填写完整的邮箱地址，如 zhao@example.cn。',
  }),
  password: secret({ label: '密码', autocomplete: 'current-password' }),
})

account.get('/account/email', async (_req, res) => {
  showMail(res, { values: { email: (await mailOf(currentUser(res))) ?? '' } })
})

account.post('/account/email', async (req, res) => {
  const user = currentUser(res)
  const form = readForm(mailForm, req.body)
  if (!form.ok) return showMail(res, form)
  if (!(await hasPassword(user, form.data.password)))
    return showMail(res, { values: typed(mailForm, req.body), mistakes: { password: '密码不对。' } })
  const { email } = form.data
  await inTransaction(async trx => {
    await trx('users')
      .where({ id: user.id })
      .update({ email_cipher: email && encrypt('users.email', email), updated_at: now() })
    await record(trx, actorOf(req, res), { action: 'email.change', object: { type: 'user', id: user.id, label: user.name } })
  })
  flash(req, { tone: 'ok', text: email ? '邮箱已保存，通知会同时发到这里。' : '邮箱已删除，不再发邮件。' })
  res.redirect(303, '/account')
})

function showMail(res: Response, { values = {}, mistakes = {} }: { values?: Values; mistakes?: Mistakes }) {
  renderForm(res, 'accounts/email', { form: mailForm, values, mistakes })
}

/** The own mailbox, or nothing. */
async function mailOf({ id }: User): Promise<string | undefined> {
  const row: { email_cipher: string | null } | undefined = await db('users').where({ id }).first('email_cipher')
  return row?.email_cipher ? decrypt('users.email', row.email_cipher) : undefined
}

/** Guesses at the own password or code, wherever it is asked for again. */
export const passwordTries: Limit = { name: 'own', points: 10, seconds: 900 }

/** Asks for the own password again before something weighty (ASVS 7.5.1); guessing it from a stolen session is limited. */
export async function hasPassword(user: User, password: string): Promise<boolean> {
  await limitTo(passwordTries, String(user.id), '密码输错次数过多')
  const row: { password_hash: string | null } | undefined = await db('users').where({ id: user.id }).first('password_hash')
  return await isPassword(password, row?.password_hash)
}

const enableForm = z.object({
  password: secret({ label: '密码', autocomplete: 'current-password' }),
  code: text({ label: '应用里显示的 6 位数字', max: 10, inputmode: 'numeric', autocomplete: 'one-time-code' }),
})

account.get('/account/second-factor', async (req, res) => {
  const user = currentUser(res)
  if (user.has_second_factor) return renderForm(res, 'accounts/second-factor-off', { form: confirmForm })
  await showEnable(req, res)
})

account.post('/account/second-factor', async (req, res) => {
  const user = currentUser(res)
  const draft = req.session.totp_draft
  if (user.has_second_factor || !draft) return res.redirect(303, '/account/second-factor')
  const form = readForm(enableForm, req.body)
  if (!form.ok) return showEnable(req, res, form.mistakes)
  if (!(await hasPassword(user, form.data.password))) return showEnable(req, res, { password: '密码不对。' })
  const step = codeStep(openSecret(draft), form.data.code)
  if (step === undefined) return showEnable(req, res, { code: '验证码不对。请核对手机时间是否准确，再输入现在显示的数字。' })

  const codes = await inTransaction(async trx => {
    await trx('users')
      .where({ id: user.id })
      .update({ totp_secret: draft, totp_confirmed_at: now(), totp_last_step: step, updated_at: now() })
    await record(trx, actorOf(req, res), {
      action: 'second-factor.enable',
      object: { type: 'user', id: user.id, label: user.name },
    })
    return await newRecoveryCodes(trx, user.id)
  })
  await endOtherSessions(db, user.id, req.sessionID)
  delete req.session.totp_draft
  await renewSession(req)
  req.session.recovery_codes = codes
  flash(req, { tone: 'ok', text: '动态验证码已启用，下次登录起使用。' })
  res.redirect(303, '/account')
})

async function showEnable(req: Request, res: Response, mistakes: Record<string, string> = {}) {
  const { cipher } = req.session.totp_draft ? { cipher: req.session.totp_draft } : newSecret()
  req.session.totp_draft = cipher
  const key = openSecret(cipher)
  const limits = await settingsNow(db)
  const qr = await QRCode.toDataURL(secretAddress(key, currentUser(res).username, limits['city.portal']), {
    margin: 1,
    width: 220,
  })
  renderForm(res, 'accounts/second-factor', {
    form: enableForm,
    mistakes,
    qr,
    key: key.replace(/(.{4})/g, '$1 ').trim(),
    required: isRequired(currentUser(res), limits['second-factor.required']),
  })
}

account.post('/account/second-factor/off', async (req, res) => {
  const user = currentUser(res)
  const form = readForm(confirmForm, req.body)
  const mistakes = form.ok ? {} : form.mistakes
  if (form.ok && !(await hasPassword(user, form.data.password))) mistakes.password = '密码不对。'
  if (Object.keys(mistakes).length) return renderForm(res, 'accounts/second-factor-off', { form: confirmForm, mistakes })
  await inTransaction(async trx => {
    await trx('users')
      .where({ id: user.id })
      .update({ totp_secret: null, totp_confirmed_at: null, totp_last_step: 0, updated_at: now() })
    await trx('recovery_codes').where({ user_id: user.id }).delete()
    await record(trx, actorOf(req, res), {
      action: 'second-factor.disable',
      object: { type: 'user', id: user.id, label: user.name },
    })
  })
  await endOtherSessions(db, user.id, req.sessionID)
  await renewSession(req)
  flash(req, { tone: 'ok', text: '动态验证码已停用。' })
  res.redirect(303, '/account')
})

account.post('/account/sessions/end', async (req, res) => {
  const user = currentUser(res)
  const ended = await inTransaction(async trx => {
    const ended = await endOtherSessions(trx, user.id, req.sessionID)
    await record(trx, actorOf(req, res), {
      action: 'session.end',
      object: { type: 'user', id: user.id, label: user.name },
      detail: { ended },
    })
    return ended
  })
  flash(req, { tone: 'ok', text: ended ? `已退出其他 ${ended} 处登录。` : '没有其他设备登录着。' })
  res.redirect(303, '/account')
})

const roleForm = z.object({ role_id: z.coerce.number().int() })

account.post('/desk/role', async (req, res) => {
  const user = currentUser(res)
  const form = roleForm.safeParse(req.body)
  const held = form.success && user.roles.find(role => role.id === form.data.role_id)
  if (!held) {
    flash(req, { tone: 'bad', text: '您没有这个身份，身份没有变。' })
    return res.redirect(303, '/desk')
  }
  if (held.id !== user.role_id) await switchRole(req, res, user, held.id)
  flash(req, { tone: 'ok', text: `现在以“${held.label}”身份办理，菜单和看到的数据随之变化。` })
  res.redirect(303, '/desk')
})

/** Tells the server that the person is still there; answers how long the session lasts from now. */
account.post('/desk/alive', async (req, res) => {
  req.session.seen_at = now().getTime()
  const { 'session.idle-minutes': minutes } = await settingsNow(db)
  res.json({ until: fromNow(minutes * 60_000) })
})

/** Whether this person must have a second factor: officials and administrators, when the policy says so; never the demo accounts. */
export function isRequired(user: User, policy: boolean): boolean {
  return policy && roles[user.role].staff && !user.demo
}

/** Whether an official's password is older than the policy's `days` (GB/T 22239-2019 8.1.4.1 a); 0 means no limit. */
export function isOutdated(user: User, days: number): boolean {
  if (!days || !roles[user.role].staff || user.demo) return false
  return (user.password_changed_at?.getTime() ?? 0) < fromNow(-days * 86_400_000).getTime()
}
