import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import { actorOf, record } from '../admin/action-log.ts'
import { now, today } from '../clock.ts'
import { blindIndex, decrypt, encrypt } from '../crypto.ts'
import { nextValue } from '../database/counters.ts'
import { nameKey } from '../database/names.ts'
import { db, inTransaction, isDuplicate } from '../db.ts'
import { Conflict, NotFound } from '../errors.ts'
import { choice, consent, type Mistakes, type Option, readForm, secret, text, typed, version } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { addressOf, allow, currentUser, flash, recordId } from '../http.ts'
import { normaliseCode, socialCreditCodeMistake } from '../identifiers.ts'
import { indexTerms } from '../lists/terms.ts'
import type { AreaBasis } from '../modules/archives/words.ts'
import { type Limit, limitTo } from './limits.ts'
import { hashPassword, isPassword, passwordMistake } from './passwords.ts'
import { normaliseUsername, type User } from './users.ts'

/** 单位注册: companies and developers ask for an account with their credit code, their district confirms (domain.md §2, rule c). */

export const registrationKinds = {
  company: { label: '物业企业', role: 'company-admin' },
  developer: { label: '开发企业', role: 'developer' },
} as const
type Kind = keyof typeof registrationKinds

export const registrationStates = { pending: '待确认', confirmed: '已确认', refused: '已退回' } as const

export interface Registration {
  id: number
  number: string
  kind: Kind
  name: string
  code: string
  district_code: string
  address: string
  legal_person: string
  username: string
  contact: string
  phone_cipher: string
  phone_last4: string
  password_hash: string
  status: keyof typeof registrationStates
  opinion: string | null
  created_at: Date
  decided_at: Date | null
  decided_by: number | null
  version: number
}

const usernamePattern = /^[a-z][a-z0-9._-]{3,31}$/
const phonePattern = /^(1\d{10}|0\d{2,3}-?\d{7,8}(-\d{1,6})?)$/

function registrationForm(districts: readonly Option[]) {
  return z.object({
    code: text({
      label: '统一社会信用代码',
      max: 30,
      hint: '营业执照上的 18 位代码。',
      normalise: normaliseCode,
      rule: socialCreditCodeMistake,
    }),
    name: text({ label: '企业名称', min: 4, max: 100, hint: '与营业执照一致。', autocomplete: 'organization' }),
    legal_person: text({ label: '法定代表人', max: 30 }),
    district_code: choice({ label: '注册地所在区县', options: districts, hint: '外地企业填本市分支机构所在区县。' }),
    address: text({ label: '注册地址', min: 5, max: 200, wide: true }),
    contact: text({ label: '联系人', max: 30, autocomplete: 'name' }),
    phone: text({
      label: '联系电话',
      type: 'tel',
      max: 20,
      autocomplete: 'tel',
      pattern: phonePattern,
      patternHint: '请填写 11 位手机号，或带区号的座机号，如 0531-88880000。',
      normalise: text => text.normalize('NFKC').replace(/[\s—–]/g, ''),
    }),
    username: text({
      label: '登录账号',
      max: 32,
      autocomplete: 'username',
      hint: '4 至 32 位小写字母、数字、点、横线，以字母开头。',
      normalise: normaliseUsername,
      pattern: usernamePattern,
      patternHint: '账号为 4 至 32 位小写字母、数字、点或横线，并以字母开头。',
    }),
    password: secret({ label: '密码', autocomplete: 'new-password', hint: '至少 10 个字符，含大写、小写、数字、符号中的三类。' }),
    again: secret({ label: '再输入一次密码', autocomplete: 'new-password' }),
    consent: consent({
      label: '我已阅读《个人信息处理告知》，同意为办理注册使用上面的联系人姓名和电话',
      message: '请先阅读《个人信息处理告知》并勾选同意。',
      wide: true,
    }),
  })
}
type RegistrationForm = z.infer<ReturnType<typeof registrationForm>>

/** The public pages; they know no session. */
export const registrationPages = express.Router()

const submissions: Limit = { name: 'register', points: 20, seconds: 3600 }

for (const kind of Object.keys(registrationKinds) as Kind[]) {
  registrationPages.get(`/register/${kind}`, async (_req, res) => {
    const form = registrationForm(await districts(db))
    showRegistration(res, { form, kind })
  })
  registrationPages.post(`/register/${kind}`, async (req, res) => {
    const form = registrationForm(await districts(db))
    const reading = readForm(form, req.body)
    if (!reading.ok) return showRegistration(res, { form, kind, ...reading })
    await limitTo(submissions, addressOf(req))
    const outcome = await submit(req, res, kind, reading.data)
    if ('mistakes' in outcome)
      return showRegistration(res, { form, kind, values: typed(form, req.body), mistakes: outcome.mistakes })
    res.status(201).render('accounts/registered', { ...outcome, kind, kinds: registrationKinds })
  })
}

function showRegistration(
  res: Response,
  { form, kind, ...rest }: { form: z.ZodObject; kind: Kind; values?: Record<string, string>; mistakes?: Mistakes },
) {
  renderForm(res, 'accounts/register', { form, kind, kinds: registrationKinds, ...rest })
}

async function districts(db: Knex): Promise<Option[]> {
  const rows: { code: string; name: string }[] = await db('regions')
    .where({ level: 'district' })
    .orderBy('code')
    .select('code', 'name')
  return rows.map(({ code, name }) => ({ value: code, label: name }))
}

type Outcome = { number: string; district: string } | { mistakes: Mistakes }

/** Checks what only the database knows, then writes the request. The same request sent twice is one request. */
async function submit(req: Request, res: Response, kind: Kind, form: RegistrationForm): Promise<Outcome> {
  const mistakes: Mistakes = {}
  const weak = passwordMistake(form.password, [form.username, form.name, form.legal_person, form.contact, form.phone])
  if (weak) mistakes.password = weak
  else if (form.again !== form.password) mistakes.again = '两次输入的密码不一样。'
  const own = await openRequest(form)
  if (own) return own
  const organisation: { id: number; kind: string; status: string } | undefined = await db('organisations')
    .where({ code: form.code })
    .first('id', 'kind', 'status')
  if (organisation && organisation.kind !== kind)
    mistakes.code = `这个代码登记的不是${registrationKinds[kind].label}，请核对或改用另一种注册。`
  else if (organisation?.status === 'disabled') mistakes.code = '这家单位已停用，请联系注册地区县主管部门。'
  else if (organisation && (await hasAccounts(organisation.id)))
    mistakes.code = '这家单位已有账号。忘记密码或需要增加账号，请联系注册地区县主管部门。'
  if (await db('users').where({ username: form.username }).first('id')) mistakes.username = '这个账号已有人使用，请换一个。'
  if (Object.keys(mistakes).length) return { mistakes }

  const password_hash = await hashPassword(form.password)
  try {
    const number = await inTransaction(async trx => {
      const day = today().replaceAll('-', '')
      const row = {
        kind,
        name: form.name,
        code: form.code,
        district_code: form.district_code,
        address: form.address,
        legal_person: form.legal_person,
        username: form.username,
        contact: form.contact,
        phone_cipher: encrypt('registrations.phone', form.phone),
        phone_last4: form.phone.replace(/\D/g, '').slice(-4),
        password_hash,
        consented_at: now(),
        open_key: form.code,
        open_username: form.username,
        created_at: now(),
        updated_at: now(),
      }
      const number = `ZC${day}${String(await nextValue(trx, `ZC${day}`)).padStart(4, '0')}`
      const [id = 0] = await trx('registrations').insert({ ...row, number })
      await record(trx, actorOf(req, res), {
        action: 'registration.submit',
        object: { type: 'registration', id, label: form.name },
        detail: { number, kind, code: form.code },
      })
      return number
    })
    return { number, district: await nameOf(form.district_code) }
  } catch (error) {
    if (isDuplicate(error, 'registrations_open_username_unique'))
      return { mistakes: { username: '这个账号已有人申请，请换一个。' } }
    if (!isDuplicate(error)) throw error
    return (await openRequest(form)) ?? { mistakes: { code: '这家单位已有一份注册申请待区县确认，请用原来的申请编号查询。' } }
  }
}

/** The open request of the same unit by the same person, known by the password: a double click or a retry. */
async function openRequest(form: RegistrationForm): Promise<Outcome | undefined> {
  const row: Registration | undefined = await db('registrations').where({ open_key: form.code }).first()
  if (!row) return undefined
  if (row.username === form.username && (await isPassword(form.password, row.password_hash)))
    return { number: row.number, district: await nameOf(row.district_code) }
  return { mistakes: { code: '这家单位已有一份注册申请待区县确认，请用原来的申请编号查询。' } }
}

async function hasAccounts(organisation_id: number): Promise<boolean> {
  return (await db('users').where({ organisation_id, status: 'active' }).whereNotNull('password_hash').first('id')) !== undefined
}

async function nameOf(code: string): Promise<string> {
  const row: { name: string } | undefined = await db('regions').where({ code }).first('name')
  return row?.name ?? ''
}

const statusForm = z.object({
  number: text({
    label: '申请编号',
    max: 20,
    placeholder: '如 ZC202611230001',
    normalise: text => text.normalize('NFKC').toUpperCase().replace(/\s/g, ''),
    pattern: /^ZC\d{12}$/,
    patternHint: '申请编号是 ZC 加 12 位数字，如 ZC202611230001。',
  }),
  username: text({
    label: '登录账号',
    max: 64,
    normalise: normaliseUsername,
    pattern: usernamePattern,
    patternHint: '账号为 4 至 32 位小写字母、数字、点或横线，并以字母开头。',
  }),
})
const lookUps: Limit = { name: 'register-status', points: 30, seconds: 900 }

registrationPages.get('/register/status', (_req, res) => renderForm(res, 'accounts/registration-status', { form: statusForm }))

registrationPages.post('/register/status', async (req, res) => {
  const form = readForm(statusForm, req.body)
  if (!form.ok) return renderForm(res, 'accounts/registration-status', { form: statusForm, ...form })
  await limitTo(lookUps, addressOf(req))
  const found: Registration | undefined = await db('registrations').where(form.data).first()
  if (!found)
    return renderForm(res, 'accounts/registration-status', {
      form: statusForm,
      values: form.data,
      mistakes: { number: '没有找到这份申请。请核对申请编号和当时填写的登录账号。' },
    })
  renderForm(res, 'accounts/registration-status', {
    form: statusForm,
    values: form.data,
    found,
    district: await nameOf(found.district_code),
    states: registrationStates,
  })
})

/** The district's desk: look at a request, confirm it or send it back. */
export const registrationDesk = express.Router()

const deciders = ['district-clerk', 'district-reviewer'] as const
const readers = [...deciders, 'city-clerk', 'city-reviewer', 'city-approver', 'supervisor'] as const
const decisionForm = z.object({
  version,
  opinion: text({ label: '退回原因', type: 'textarea', max: 300, hint: '申请单位会看到，请写明要改什么。' }),
})
const confirmForm = z.object({ version })

/** Requests a person may see: a district its own, the city all. */
export function visibleRegistrations(db: Knex, user: User) {
  const rows = db<Registration>('registrations')
  if (user.scope.level === 'city') return rows
  if (user.scope.level === 'district') return rows.where({ district_code: user.scope.code })
  return rows.whereRaw('1 = 0')
}

registrationDesk.get('/:id', allow(...readers), async (req, res) => showRequest(req, res))

registrationDesk.post('/:id/confirm', allow(...deciders), async (req, res) => {
  const form = readForm(confirmForm, req.body)
  const id = recordId(req)
  const row = await inTransaction(async trx => {
    const row = await lockOpen(trx, currentUser(res), id, form.ok ? form.data.version : 0)
    await admit(trx, row, currentUser(res).id)
    await decide(trx, row, { status: 'confirmed', opinion: null, decided_by: currentUser(res).id })
    await record(trx, actorOf(req, res), {
      action: 'registration.confirm',
      object: { type: 'registration', id, label: row.name },
      detail: { number: row.number, username: row.username },
    })
    return row
  })
  flash(req, { tone: 'ok', text: `已确认“${row.name}”，账号 ${row.username} 现在可以登录。` })
  res.redirect(303, '/desk/lists/registrations')
})

registrationDesk.post('/:id/refuse', allow(...deciders), async (req, res) => {
  const form = readForm(decisionForm, req.body)
  const id = recordId(req)
  if (!form.ok) {
    await showRequest(req, res, form)
    return
  }
  const row = await inTransaction(async trx => {
    const row = await lockOpen(trx, currentUser(res), id, form.data.version)
    await decide(trx, row, { status: 'refused', opinion: form.data.opinion, decided_by: currentUser(res).id })
    await record(trx, actorOf(req, res), {
      action: 'registration.refuse',
      object: { type: 'registration', id, label: row.name },
      detail: { number: row.number, opinion: form.data.opinion },
    })
    return row
  })
  flash(req, { tone: 'ok', text: `已退回“${row.name}”，申请单位用编号 ${row.number} 可以看到原因。` })
  res.redirect(303, '/desk/lists/registrations')
})

async function showRequest(
  req: Request,
  res: Response,
  { values = {}, mistakes = {} }: { values?: Record<string, string>; mistakes?: Mistakes } = {},
) {
  const user = currentUser(res)
  const found = await visibleRegistrations(db, user)
    .where({ id: recordId(req) })
    .first()
  if (!found) throw new NotFound('没有找到这份注册申请。编号可能有误，或不在您的管辖范围。')
  const [existing, decider, district] = await Promise.all([
    db('organisations').where({ code: found.code }).first('id', 'name', 'address'),
    found.decided_by ? db('users').where({ id: found.decided_by }).first('name') : undefined,
    nameOf(found.district_code),
  ])
  renderForm(res, 'accounts/registration', {
    form: decisionForm,
    values: { ...values, version: String(found.version) },
    mistakes,
    found,
    existing,
    decider,
    district,
    kinds: registrationKinds,
    states: registrationStates,
    open: found.status === 'pending' && (deciders as readonly string[]).includes(user.role),
  })
}

async function lockOpen(trx: Knex.Transaction, user: User, id: number, version: number): Promise<Registration> {
  const row: Registration | undefined = await visibleRegistrations(trx, user).where({ id }).forUpdate().first()
  if (!row) throw new NotFound('没有找到这份注册申请。编号可能有误，或不在您的管辖范围。')
  if (row.status !== 'pending' || row.version !== version) {
    const decider: { name: string } | undefined = row.decided_by
      ? await trx('users').where({ id: row.decided_by }).first('name')
      : undefined
    throw new Conflict(
      `这份申请${decider ? `已由${decider.name}办理，` : ''}现在是“${registrationStates[row.status]}”，您的操作没有执行。`,
    )
  }
  return row
}

async function decide(
  trx: Knex.Transaction,
  row: Registration,
  decision: { status: 'confirmed' | 'refused'; opinion: string | null; decided_by: number },
) {
  await trx('registrations')
    .where({ id: row.id })
    .update({
      ...decision,
      decided_at: now(),
      updated_at: now(),
      updated_by: decision.decided_by,
      open_key: null,
      open_username: null,
      version: row.version + 1,
    })
}

/** Makes the account, and the unit with its archive where the city did not know it yet. */
async function admit(trx: Knex.Transaction, row: Registration, by: number): Promise<void> {
  const stamps = { created_at: now(), updated_at: now(), created_by: by, updated_by: by }
  const known: { id: number; kind: string; status: string } | undefined = await trx('organisations')
    .where({ code: row.code })
    .forUpdate()
    .first('id', 'kind', 'status')
  if (known && (known.kind !== row.kind || known.status !== 'active'))
    throw new Conflict('这个信用代码登记的单位类型不同或已停用，不能确认。请联系市局系统管理员核对单位档案。')
  const organisation_id = known?.id ?? (await newOrganisation(trx, row, stamps))
  const taken = await trx('users').where({ username: row.username }).first('id')
  if (taken) throw new Conflict(`账号 ${row.username} 已被别人使用，请退回申请，请申请单位换一个账号。`)
  const phone = decrypt('registrations.phone', row.phone_cipher)
  const [userId = 0] = await trx('users').insert({
    username: row.username,
    name: row.contact,
    name_key: nameKey(row.contact, true),
    organisation_id,
    phone_cipher: encrypt('users.phone', phone),
    phone_index: blindIndex('users.phone', phone),
    phone_last4: row.phone_last4,
    password_hash: row.password_hash,
    password_changed_at: row.created_at,
    must_change_password: false,
    ...stamps,
  })
  await trx('user_roles').insert({
    user_id: userId,
    role: registrationKinds[row.kind].role,
    region_code: row.district_code,
    granted_at: now(),
    granted_by: by,
  })
  await indexTerms(trx, 'users', userId, [{ text: row.contact, person: true }, row.username])
}

async function newOrganisation(trx: Knex.Transaction, row: Registration, stamps: object): Promise<number> {
  const [id = 0] = await trx('organisations').insert({
    kind: row.kind,
    name: row.name,
    name_key: nameKey(row.name),
    code: row.code,
    region_code: row.district_code,
    district_code: row.district_code,
    contact: row.contact,
    address: row.address,
    ...stamps,
  })
  const archive = { id, ownership: 'other', legal_person: row.legal_person, registered_address: row.address, ...stamps }
  if (row.kind === 'developer') await trx('developers').insert(archive)
  else {
    await trx('companies').insert({ ...archive, origin: 'city' })
    await trx('company_areas').insert({ region_code: row.district_code, company_id: id, basis: 'registered' satisfies AreaBasis })
    await indexTerms(trx, 'companies', id, [row.name, row.code])
  }
  await indexTerms(trx, 'organisations', id, [row.name, row.code])
  return id
}
