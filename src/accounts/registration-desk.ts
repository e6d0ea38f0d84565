import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import { actorOf, record } from '../admin/action-log.ts'
import { now } from '../clock.ts'
import { decrypt } from '../crypto.ts'
import { db, inTransaction } from '../db.ts'
import { Conflict, NotFound } from '../errors.ts'
import { fieldsOf, type Mistakes, readForm, text, type Values, version } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { allow, currentUser, flash, recordId } from '../http.ts'
import { maskPhone } from '../lists/masks.ts'
import { limitReveals } from './limits.ts'
import {
  admit,
  districtName,
  type Registration,
  registrationKinds,
  registrationStates,
  visibleRegistrations,
} from './registrations.ts'
import type { User } from './users.ts'

/** The district's desk: look at a request, confirm it or send it back. */
export const registrationDesk = express.Router()

const deciders = ['district-clerk', 'district-reviewer'] as const
const readers = [...deciders, 'city-clerk', 'city-reviewer', 'city-approver', 'supervisor'] as const
const decisionForm = z.object({
  version,
  opinion: text({ label: '退回原因', type: 'textarea', max: 300, hint: '申请单位会看到，请写明要改什么。' }),
})
const confirmForm = z.object({ version })
const revealForm = z.object({ reason: text({ label: '查看原因', max: 100, hint: '如：电话核实经营地址。会记入操作日志。' }) })

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

registrationDesk.post('/:id/reveal', allow(...deciders), async (req, res) => {
  const form = readForm(revealForm, req.body)
  const found = await findRequest(currentUser(res), recordId(req))
  if (!form.ok) {
    await showRequest(req, res, { reveal: form })
    return
  }
  await limitReveals(currentUser(res).id)
  await record(db, actorOf(req, res), {
    action: 'personal.reveal',
    object: { type: 'registration', id: found.id, label: found.name },
    detail: { field: 'phone', reason: form.data.reason },
  })
  // Shown in this answer alone: the page opened again is masked again.
  await showRequest(req, res, { phone: decrypt('registrations.phone', found.phone_cipher) })
})

interface Shown {
  values?: Values
  mistakes?: Mistakes
  reveal?: { values: Values; mistakes: Mistakes }
  phone?: string
}

async function showRequest(req: Request, res: Response, { values = {}, mistakes = {}, reveal, phone }: Shown = {}) {
  const user = currentUser(res)
  const found = await findRequest(user, recordId(req))
  const [existing, decider, district] = await Promise.all([
    db('organisations').where({ code: found.code }).first('id', 'name', 'address'),
    found.decided_by ? db('users').where({ id: found.decided_by }).first('name') : undefined,
    districtName(db, found.district_code),
  ])
  const decides = (deciders as readonly string[]).includes(user.role)
  if (reveal) res.status(422)
  renderForm(res, 'accounts/registration', {
    form: decisionForm,
    values: { ...values, version: String(found.version) },
    mistakes,
    found,
    existing,
    decider,
    district,
    phone: phone ?? maskPhone(decrypt('registrations.phone', found.phone_cipher)),
    reveal: decides && !phone ? { fields: fieldsOf(revealForm), values: {}, mistakes: {}, ...reveal } : undefined,
    kinds: registrationKinds,
    states: registrationStates,
    open: found.status === 'pending' && decides,
  })
}

async function findRequest(user: User, id: number): Promise<Registration> {
  const found = await visibleRegistrations(db, user).where({ id }).first()
  if (!found) throw new NotFound('没有找到这份注册申请。编号可能有误，或不在您的管辖范围。')
  return found
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
      // The account has its own by now, or there will be none.
      password_hash: '',
      open_username: null,
      version: row.version + 1,
    })
}
