import express from 'express'
import { z } from 'zod'
import { limitReveals } from '../accounts/limits.ts'
import { actorOf, record } from '../admin/action-log.ts'
import { showCase } from '../cases/page.ts'
import { findCase } from '../cases/queries.ts'
import { caseDeciders, caseReaders } from '../cases/roles.ts'
import { db } from '../db.ts'
import { Forbidden } from '../errors.ts'
import { readForm, text } from '../forms/form.ts'
import { allow, currentUser, recordId } from '../http.ts'
import { mayCallObjector, objectorOf } from './publicity.ts'

/** What officers do with single objections beside answering them, mounted with the pages of cases. */
export const objectionRoutes = express.Router()

const revealForm = z.object({ reason: text({ label: '查看原因', max: 100 }) })

objectionRoutes.post('/:id/objections/:objection/reveal', allow(...caseDeciders), async (req, res) => {
  const user = currentUser(res)
  const objection = recordId(req, 'objection')
  const kase = await findCase(db, user, recordId(req))
  const { code, name, phone } = await objectorOf(db, kase, objection)
  if (!mayCallObjector(kase, user)) throw new Forbidden('异议人的电话只供答复异议的经办人和市局办理人员查看，没有执行。')
  const form = readForm(revealForm, req.body)
  if (!form.ok) {
    const { values, mistakes } = form
    return await showCase(req, res.status(422), kase, { action: `call-${objection}`, values, mistakes })
  }
  await limitReveals(user.id)
  await record(db, actorOf(req, res), {
    action: 'personal.reveal',
    object: { type: 'case', id: kase.id, label: kase.title },
    detail: { serial: kase.serial, field: '异议人电话', objection, reason: form.data.reason },
  })
  // Shown in this answer alone: the page of the case stays masked.
  res.render('cases/objection-phone', { kase, code, name, phone })
})

/** Whoever reloads the address the form was sent to comes to the objections. */
objectionRoutes.get('/:id/objections/:objection/reveal', allow(...caseReaders), (req, res) =>
  res.redirect(302, `/desk/cases/${recordId(req)}#objections`),
)
