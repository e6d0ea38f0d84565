import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import { actorOf, record } from '../admin/action-log.ts'
import { now, today } from '../clock.ts'
import { encrypt } from '../crypto.ts'
import { nextValue } from '../database/counters.ts'
import { db, inTransaction, isDuplicate } from '../db.ts'
import { choice, consent, type Mistakes, type Option, optionalText, readForm, secret, text, typed } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { addressOf } from '../http.ts'
import { normaliseCode, socialCreditCodeMistake } from '../identifiers.ts'
import { indexTerms } from '../lists/terms.ts'
import { claimMistake, normaliseClaimCode } from './claims.ts'
import { type Limit, limitTo } from './limits.ts'
import { hashPassword, isPassword, passwordMistake } from './passwords.ts'
import { districtName, type Registration, type RegistrationKind, registrationKinds, registrationStates } from './registrations.ts'
import { normaliseUsername, usernamePattern, usernameRule } from './users.ts'

/** The public pages; they know no session. */
export const registrationPages = express.Router()

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
    claim_code: optionalText({
      label: '认领码',
      max: 20,
      hint: '主管部门发放的 10 位码，证明是本企业。没有的留空，由区县核对。',
      normalise: normaliseClaimCode,
      pattern: /^[0-9A-Z]{10}$/,
      patternHint: '认领码为 10 位字母和数字，如 K7M2Q-XH4TB。',
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
      hint: `${usernameRule}。`,
      normalise: normaliseUsername,
      pattern: usernamePattern,
      patternHint: `账号为 ${usernameRule}。`,
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

const submissions: Limit = { name: 'register', points: 20, seconds: 3600 }

for (const kind of Object.keys(registrationKinds) as RegistrationKind[]) {
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
  { form, kind, ...rest }: { form: z.ZodObject; kind: RegistrationKind; values?: Record<string, string>; mistakes?: Mistakes },
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
async function submit(req: Request, res: Response, kind: RegistrationKind, form: RegistrationForm): Promise<Outcome> {
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
    mistakes.code = '这家单位已有账号。忘记密码或需要增加账号，请致电市局系统管理员办理。'
  if (await db('users').where({ username: form.username }).first('id')) mistakes.username = '这个账号已有人使用，请换一个。'
  // Looked at last, so that no try is lost to a mistake elsewhere.
  const unclaimed =
    Object.keys(mistakes).length || !form.claim_code ? undefined : await claimMistake(db, form.code, form.claim_code)
  if (unclaimed) mistakes.claim_code = unclaimed
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
        claimed: form.claim_code !== null,
        consented_at: now(),
        open_key: form.code,
        open_username: form.username,
        created_at: now(),
        updated_at: now(),
      }
      const number = `ZC${day}${String(await nextValue(trx, `ZC${day}`)).padStart(4, '0')}`
      const [id = 0] = await trx('registrations').insert({ ...row, number })
      await indexTerms(trx, 'registrations', id, [form.name, form.code, number])
      await record(trx, actorOf(req, res), {
        action: 'registration.submit',
        object: { type: 'registration', id, label: form.name },
        detail: { number, kind, code: form.code },
      })
      return number
    })
    return { number, district: await districtName(db, form.district_code) }
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
    return { number: row.number, district: await districtName(db, row.district_code) }
  return { mistakes: { code: '这家单位已有一份注册申请待区县确认，请用原来的申请编号查询。' } }
}

async function hasAccounts(organisation_id: number): Promise<boolean> {
  return (await db('users').where({ organisation_id, status: 'active' }).whereNotNull('password_hash').first('id')) !== undefined
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
    patternHint: `账号为 ${usernameRule}。`,
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
    district: await districtName(db, found.district_code),
    states: registrationStates,
  })
})
