import type { Request, Response } from 'express'
import { z } from 'zod'
import { browserName } from '../accounts/browsers.ts'
import { limitReveals } from '../accounts/limits.ts'
import { administrators, organisationKinds, type Role, roles } from '../accounts/roles.ts'
import { outcomes } from '../accounts/sign-in.ts'
import { normaliseUsername, usernamePattern, usernameRule } from '../accounts/users.ts'
import { now } from '../clock.ts'
import { db } from '../db.ts'
import { choice, fieldsOf, type Mistakes, optionalText, readForm, text, typed, type Values, version } from '../forms/form.ts'
import { renderForm, valuesOf } from '../forms/page.ts'
import { allow, currentUser, flash, queryText, recordId } from '../http.ts'
import { actorOf } from './action-log.ts'
import { changesOf } from './changes.ts'
import { phoneHint, phonePattern, reasonForm } from './fields.ts'
import { findOrganisation, type Organisation, searchOrganisations } from './organisations.ts'
import { admin } from './router.ts'
import { showOnce, takeShownOnce } from './shown-once.ts'
import {
  type Account,
  createAccount,
  disableAccount,
  enableAccount,
  findAccount,
  grantRole,
  grantsOf,
  maskedPhone,
  type Outcome,
  passwordState,
  phoneOf,
  regionsFor,
  resetPassword,
  resetSecondFactor,
  revealPhone,
  revokeRole,
  rolesFor,
  signOutAccount,
  updateAccount,
} from './users.ts'

// Pages of accounts.

const keeper = allow('system-admin')
const granter = allow('security-admin')

// 人名 as people write them: letters of any script, the dot of 阿依古丽·买买提, brackets for namesakes. Rare Han characters are letters.
const namePattern = /^[\p{L}\p{M}\p{N} .·•（）()－-]+$/u

const name = text({
  label: '姓名',
  max: 30,
  autocomplete: 'off',
  pattern: namePattern,
  patternHint: '姓名只用文字、间隔点和括号，请去掉其他符号。',
  hint: '一人一号，填使用人本人的姓名。',
})
const organisation = text({
  label: '所属单位',
  max: 200,
  hint: '填单位名称、名称的一部分、拼音首字母或信用代码；有几个相符时，提交后从中选一个。',
})
const organisation_id = optionalText({
  label: '所属单位',
  type: 'hidden',
  max: 15,
  pattern: /^[1-9]\d{0,14}$/,
  patternHint: '请在找到的单位里选一个。',
})

/** A masked number that comes back unchanged means: leave it. */
function phone(masked = '') {
  return optionalText({
    label: '手机或电话',
    type: 'tel',
    max: 20,
    autocomplete: 'off',
    hint: masked ? '显示的是隐去中间几位的号码，不改就照原样留着；要换号请填写完整号码。' : phoneHint,
    normalise: text => text.normalize('NFKC').replace(/[\s—–]/g, ''),
    rule: text =>
      text === masked || phonePattern.test(text)
        ? undefined
        : `${phoneHint}${text.includes('*') ? `不改号码请保持 ${masked || '空白'}。` : ''}`,
  })
}

const username = text({
  label: '账号',
  max: 32,
  autocomplete: 'off',
  hint: `${usernameRule}；建立后不能改。`,
  normalise: normaliseUsername,
  pattern: usernamePattern,
  patternHint: `账号为 ${usernameRule}。`,
})
const newForm = z.object({ username, name, organisation, organisation_id, phone: phone() })
const editForm = (masked: string) => z.object({ version, name, organisation, organisation_id, phone: phone(masked) })

admin.get('/users/new', keeper, async (req, res) => {
  const asked = queryText(req, 'organisation')
  const chosen = /^[1-9]\d{0,14}$/.test(asked) ? await findOrganisation(db, Number(asked)) : undefined
  showNew(res, { values: chosen ? { organisation: chosen.name, organisation_id: String(chosen.id) } : {} })
})

admin.post('/users/new', keeper, async (req, res) => {
  const form = readForm(newForm, req.body)
  const values = typed(newForm, req.body)
  const { chosen, found, mistake } = await chooseOrganisation(values)
  const mistakes = { ...(mistake && { organisation: mistake }), ...(form.ok ? {} : form.mistakes) }
  if (!form.ok || !chosen) return showNew(res, { values, mistakes, found })
  const made = await createAccount(actorOf(req, res), { ...form.data, organisation: chosen })
  if (!made.ok) return showNew(res, { values, mistakes: made.mistakes, found })
  showOnce(req, { what: 'password', user_id: made.id, value: made.password })
  res.redirect(303, `/desk/admin/users/${made.id}`)
})

function showNew(res: Response, shown: { values?: Values; mistakes?: Mistakes; found?: Organisation[] }) {
  renderForm(res, 'admin/user-new', { form: newForm, found: [], kinds: organisationKinds, ...shown })
}

admin.get('/users/:id', allow('system-admin', 'security-admin', 'audit-admin'), async (req, res) => showAccount(req, res))

admin.get('/users/:id/edit', keeper, async (req, res) => {
  const account = await findAccount(db, recordId(req))
  showEdit(res, account)
})

admin.post('/users/:id/edit', keeper, async (req, res) => {
  const account = await findAccount(db, recordId(req))
  const masked = maskedPhone(account)
  const form = readForm(editForm(masked), req.body)
  const values = typed(editForm(masked), req.body)
  const { chosen, found, mistake } = await chooseOrganisation(values, account)
  const mistakes = { ...(mistake && { organisation: mistake }), ...(form.ok ? {} : form.mistakes) }
  if (!form.ok || !chosen) return showEdit(res, account, { values, mistakes, found })
  const { phone, ...rest } = form.data
  const saved = await updateAccount(actorOf(req, res), account.id, {
    ...rest,
    organisation: chosen,
    phone: phone && phone === masked ? undefined : phone,
  })
  if (!saved.ok)
    return showEdit(res, await findAccount(db, account.id), { values, mistakes: saved.mistakes, found, stale: saved.stale })
  flash(
    req,
    saved.changed ? { tone: 'ok', text: `“${form.data.name}”的资料已修改。` } : { tone: 'ok', text: '没有改动，资料照旧。' },
  )
  res.redirect(303, `/desk/admin/users/${account.id}`)
})

interface Shown {
  values?: Values
  mistakes?: Mistakes
  found?: Organisation[]
  stale?: string | undefined
}

function showEdit(res: Response, account: Account, { values, mistakes = {}, found = [], stale }: Shown = {}) {
  const masked = maskedPhone(account)
  const own = valuesOf({
    name: account.name,
    organisation: account.organisation_name,
    organisation_id: account.organisation_id,
    phone: masked,
  })
  if (stale) res.status(409)
  renderForm(res, 'admin/user-edit', {
    form: editForm(masked),
    // After somebody was faster the typed text stays, and sending it again means the row as it is now.
    values: { ...own, ...values, version: stale ? String(account.version) : (values?.version ?? String(account.version)) },
    mistakes,
    found,
    stale,
    account,
    kinds: organisationKinds,
  })
}

const mostFound = 20

/** The organisation meant by the text, or those it could mean. A choice counts as long as the text still leads to it. */
async function chooseOrganisation(
  values: Values,
  account?: Account,
): Promise<{ chosen?: { id: number; name: string }; found: Organisation[]; mistake?: string }> {
  const words = (values.organisation ?? '').trim().slice(0, 200)
  const id = Number(values.organisation_id)
  if (account && words === account.organisation_name && (!id || id === account.organisation_id))
    return { chosen: { id: account.organisation_id, name: words }, found: [] }
  if (!words) return { found: [] }
  const found = await searchOrganisations(db, words, mostFound + 1)
  const exact = found.filter(one => one.name === words || one.code === words.toUpperCase())
  const chosen = found.find(one => one.id === id) ?? (exact.length === 1 ? exact[0] : undefined)
  if (chosen) return { chosen, found }
  if (!found.length) return { found, mistake: `没有找到名称含“${words.slice(0, 30)}”的在用单位，请换几个字再试，或先新建单位。` }
  const [only] = found
  if (only && found.length === 1) return { found, mistake: `找到“${only.name}”，是它就再提交一次。` }
  const many = found.length > mostFound ? `超过 ${mostFound} 个` : ` ${found.length} 个`
  return {
    found: found.slice(0, mostFound),
    mistake: `有${many}单位相符，请在下面选一个${found.length > mostFound ? '，或多写几个字' : ''}。`,
  }
}

const reason = {
  disable: reasonForm('停用原因'),
  enable: reasonForm('恢复原因'),
  factor: reasonForm('重置原因'),
  reveal: reasonForm('查看原因'),
}
const stepForm = z.object({ version })

admin.post('/users/:id/disable', keeper, async (req, res) => {
  await takeStep(req, res, {
    part: 'disable',
    form: reason.disable,
    work: disableAccount,
    done: name => `${name}的账号已停用，登录已全部退出。`,
  })
})

admin.post('/users/:id/enable', keeper, async (req, res) => {
  await takeStep(req, res, {
    part: 'enable',
    form: reason.enable,
    work: enableAccount,
    done: name => `${name}的账号已恢复，可以用原来的密码登录。`,
  })
})

admin.post('/users/:id/second-factor', granter, async (req, res) => {
  const work = async (...given: Parameters<typeof resetSecondFactor>) => {
    await resetSecondFactor(...given)
    return { ok: true as const }
  }
  await takeStep(req, res, {
    part: 'factor',
    form: reason.factor,
    work,
    done: name => `${name}的动态验证码已重置，下次登录只凭密码，请提醒本人尽快重新启用。`,
  })
})

interface Step {
  part: keyof typeof reason
  form: ReturnType<typeof reasonForm>
  work(actor: ReturnType<typeof actorOf>, id: number, form: { version: number; reason: string }): Promise<Outcome>
  done(name: string): string
}

/** One thing done to one account for a reason: back to its page with a sentence, or the same page with what is wrong. */
async function takeStep(req: Request, res: Response, { part, form, work, done }: Step): Promise<void> {
  const account = await findAccount(db, recordId(req))
  const read = readForm(form, req.body)
  if (!read.ok) return showAccount(req, res, { part, values: read.values, mistakes: read.mistakes })
  const outcome = await work(actorOf(req, res), account.id, read.data)
  if (!outcome.ok) return showAccount(req, res, { part, values: typed(form, req.body), mistakes: outcome.mistakes })
  flash(req, { tone: 'ok', text: done(account.name) })
  res.redirect(303, `/desk/admin/users/${account.id}`)
}

admin.post('/users/:id/password', keeper, async (req, res) => {
  const { id } = await findAccount(db, recordId(req))
  const form = readForm(stepForm, req.body)
  const { password } = await resetPassword(actorOf(req, res), id, form.ok ? form.data : { version: 0 })
  showOnce(req, { what: 'password', user_id: id, value: password })
  res.redirect(303, `/desk/admin/users/${id}`)
})

admin.post('/users/:id/sessions', keeper, async (req, res) => {
  const { name, ended } = await signOutAccount(actorOf(req, res), recordId(req))
  flash(req, { tone: 'ok', text: ended ? `${name}的 ${ended} 处登录已退出。` : `${name}没有在登录。` })
  res.redirect(303, `/desk/admin/users/${recordId(req)}`)
})

admin.post('/users/:id/reveal', keeper, async (req, res) => {
  const { id } = await findAccount(db, recordId(req))
  const form = readForm(reason.reveal, req.body)
  if (!form.ok) return showAccount(req, res, { part: 'reveal', values: form.values, mistakes: form.mistakes })
  await limitReveals(currentUser(res).id)
  showOnce(req, { what: 'phone', user_id: id, value: await revealPhone(actorOf(req, res), id, form.data) })
  res.redirect(303, `/desk/admin/users/${id}`)
})

admin.post('/users/:id/grants', granter, async (req, res) => {
  const account = await findAccount(db, recordId(req))
  const form = await grantForm(account)
  const read = readForm(form, req.body)
  if (!read.ok) return showAccount(req, res, { part: 'grant', values: read.values, mistakes: read.mistakes })
  const outcome = await grantRole(actorOf(req, res), account.id, read.data)
  if (!outcome.ok) return showAccount(req, res, { part: 'grant', values: typed(form, req.body), mistakes: outcome.mistakes })
  flash(req, {
    tone: 'ok',
    text: `已授予${account.name}“${roles[read.data.role].label}”，${account.name}下次打开页面即可切换使用。`,
  })
  res.redirect(303, `/desk/admin/users/${account.id}`)
})

admin.post('/users/:id/grants/:grant/revoke', granter, async (req, res) => {
  const account = await findAccount(db, recordId(req))
  const form = readForm(stepForm, req.body)
  const outcome = await revokeRole(actorOf(req, res), account.id, {
    version: form.ok ? form.data.version : 0,
    grant_id: recordId(req, 'grant'),
  })
  if (!outcome.ok) return showAccount(req, res, { part: 'revoke', mistakes: outcome.mistakes })
  flash(req, { tone: 'ok', text: `已收回${account.name}的“${roles[outcome.role].label}”。` })
  res.redirect(303, `/desk/admin/users/${account.id}`)
})

async function grantForm(account: Account) {
  const options = rolesFor(account.organisation_kind).map(role => ({ value: role, label: roles[role].label }))
  const regions = await regionsFor(db, account)
  return z.object({
    version,
    role: choice<Role>({ label: '角色', options, hint: '按所属单位的类型列出。' }),
    region_code: choice({ label: '管辖区域', options: regions, hint: '决定能看到哪里的数据。' }),
  })
}

interface Part {
  /** The form of the page that came back. */
  part?: string
  values?: Values
  mistakes?: Mistakes
}

async function showAccount(req: Request, res: Response, { part, values = {}, mistakes = {} }: Part = {}): Promise<void> {
  const user = currentUser(res)
  const account = await findAccount(db, recordId(req))
  const isOwn = account.id === user.id
  const [grants, signIns, changes, devices, form] = await Promise.all([
    grantsOf(db, account.id),
    db('sign_ins')
      .where({ user_id: account.id })
      .orderBy([
        { column: 'at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(10),
    changesOf(db, { type: 'user', id: account.id }, 10),
    db('sessions').where({ user_id: account.id }).where('expired', '>', now()).count({ n: '*' }).first(),
    grantForm(account),
  ])
  const shown = takeShownOnce(req, account.id)
  const held = (res.locals.held ?? {}) as Values // restoreHeld keeps only texts
  const standard = fieldsOf(form).find(field => field.name === 'region_code')?.options
  renderForm(res, 'admin/user', {
    form,
    values: {
      region_code: standard?.find(option => option.value === account.organisation_region)?.value ?? standard?.[0]?.value ?? '',
      ...values,
    },
    mistakes,
    part: part ?? held.part,
    reasons: Object.fromEntries(
      Object.entries(reason).map(([part, form]) => [part, fieldsOf(form).filter(field => field.name === 'reason')]),
    ),
    account,
    isOwn,
    keeps: user.role === 'system-admin' && !isOwn,
    edits: user.role === 'system-admin',
    resets: !isOwn && !grants.some(grant => administrators.includes(grant.role)),
    grantsRoles: user.role === 'security-admin' && !isOwn,
    audits: user.role === 'audit-admin',
    phone: phoneOf(account) ? maskedPhone(account) : undefined,
    password: passwordState(account),
    grants: grants.map(grant => ({ ...grant, label: roles[grant.role].label })),
    signIns: signIns.map(row => ({
      ...row,
      browser: browserName(row.agent),
      label: outcomes[row.outcome as keyof typeof outcomes] ?? row.outcome,
    })), // undefined for words of another version
    changes,
    kinds: organisationKinds,
    devices: Number(devices?.n ?? 0),
    shown,
  })
}
