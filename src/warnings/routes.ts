import express, { type Request, type Response } from 'express'
import { actorOf, record } from '../admin/action-log.ts'
import { now, today } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { NotFound } from '../errors.ts'
import { allow, currentUser, flash, recordId } from '../http.ts'
import { warnings as list } from './lists.ts'
import { causeOf, visibleWarnings, type Warning } from './warnings.ts'

/** 预警: `/desk/warnings`. The list is one like all others; here is the page of one warning, and 已阅. */
export const warnings = express.Router()

warnings.get('/', allow(...list.roles), (_req, res) => res.redirect(303, '/desk/lists/warnings?open=yes'))

warnings.get('/:id', allow(...list.roles), async (req, res) => {
  const user = currentUser(res)
  const warning = await findWarning(req, res)
  const readers: { user_id: number; name: string; stage: string; at: Date }[] = await db('warning_receipts')
    .join('users', 'users.id', 'warning_receipts.user_id')
    .where({ warning_id: warning.id })
    // A company does not see who of the authority has read it.
    .modify(query => void (user.scope.level === 'organisation' && query.where({ 'users.organisation_id': user.organisation_id })))
    .orderBy('warning_receipts.at', 'desc')
    .limit(50)
    .select('warning_receipts.user_id', 'users.name', 'warning_receipts.stage', 'warning_receipts.at')
  const cause = causeOf(warning)
  const stageName = (stage: string) => cause?.stages[stage] ?? ''
  res.render('desk/warnings-one', {
    warning,
    label: cause?.label ?? '',
    stage: stageName(warning.stage),
    overdue: warning.due_on !== null && warning.due_on < today(),
    readers: readers.map(reader => ({ ...reader, stage: stageName(reader.stage) })),
    isRead: readers.some(reader => reader.user_id === user.id && reader.stage === warning.stage),
  })
})

warnings.post('/:id/read', allow(...list.roles), async (req, res) => {
  const warning = await findWarning(req, res)
  const receipt = { stage: warning.stage, at: now() }
  await inTransaction(async trx => {
    await trx('warning_receipts')
      .insert({ warning_id: warning.id, user_id: currentUser(res).id, ...receipt })
      .onConflict(['warning_id', 'user_id'])
      .merge(receipt)
    const object = { type: 'warning', id: warning.id, label: warning.title }
    await record(trx, actorOf(req, res), { action: 'warning.read', object, detail: { stage: warning.stage } })
  })
  flash(req, { tone: 'ok', text: '已记为已阅。这一条在情况变化之前不再出现在您的首页。' })
  res.redirect(303, '/desk/warnings')
})

/** @throws NotFound outside this person's scope */
async function findWarning(req: Request, res: Response): Promise<Warning> {
  const warning: Warning | undefined = await visibleWarnings(db, currentUser(res))
    .where({ 'warnings.id': recordId(req) })
    .first('warnings.*')
  if (!warning) throw new NotFound()
  return warning
}
