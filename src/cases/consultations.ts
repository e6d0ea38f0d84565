import { z } from 'zod'
import { isRole } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { workCalendar } from '../calendar.ts'
import { now, today } from '../clock.ts'
import { db, inTransaction, isDuplicate } from '../db.ts'
import { Forbidden, NotFound, NotNow } from '../errors.ts'
import { choice, text } from '../forms/form.ts'
import { deskOf, linkTo } from '../messages/case-messages.ts'
import { tell } from '../messages/messages.ts'
import type { Consultation } from './case.ts'
import { standingOf } from './cases.ts'
import { addNote } from './history.ts'
import { lockCase } from './queries.ts'

/** 征求意见: a desk beside the chain is asked and answers within its own limit; the case goes on meanwhile. */

export const askForm = z.object({
  code: text({ label: '征求对象', max: 40 }),
  question: text({ label: '征求内容', type: 'textarea', max: 1000 }),
})
export const answerForm = z.object({
  verdict: choice({
    label: '意见',
    options: [
      { value: 'agree', label: '同意' },
      { value: 'disagree', label: '有不同意见' },
    ],
  }),
  opinion: text({ label: '意见内容', type: 'textarea', max: 2000 }),
})

/**
 * Asks a desk the kind's settings name.
 * @throws Conflict when it is being asked already, Forbidden for who does not hold the case
 */
export async function askConsultation(user: User, id: number, { code, question }: z.infer<typeof askForm>): Promise<void> {
  try {
    await inTransaction(async trx => {
      const kase = await lockCase(trx, user, id)
      const { settings } = await standingOf(trx, kase)
      const consult = settings.consults.find(consult => consult.code === code)
      if (!consult) throw new NotFound('这个事项没有这个征求对象。')
      if (kase.holder_role !== user.role || kase.state !== 'reviewing')
        throw new Forbidden('只有正在办理这一件的人员可以征求意见。')
      const calendar = await workCalendar(db)
      await trx('case_consultations').insert({
        case_id: id,
        code,
        label: consult.label,
        role: consult.role,
        question,
        asked_by: user.id,
        asked_at: now(),
        due_on: calendar.dueOn(today(), consult.limit),
      })
      await addNote(trx, kase, user, { step: 'consult', payload: { note: `${consult.label}：${question}` } })
      if (isRole(consult.role))
        await tell(trx, {
          to: deskOf(kase, consult.role),
          title: `征求意见：${kase.title}`,
          body: question,
          link: linkTo(kase),
          case_id: id,
        })
    })
  } catch (error) {
    if (isDuplicate(error)) throw new NotNow('已经在征求这个单位的意见，还没有答复。')
    throw error
  }
}

/** Answers a question put to the role this user acts in. @throws NotFound, Forbidden, Conflict when it is answered already */
export async function answerConsultation(
  user: User,
  id: number,
  consultation: number,
  { verdict, opinion }: z.infer<typeof answerForm>,
): Promise<void> {
  await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    const asked: Consultation | undefined = await trx('case_consultations')
      .where({ id: consultation, case_id: id })
      .forUpdate()
      .first()
    if (!asked) throw new NotFound()
    if (asked.role !== user.role) throw new Forbidden('这一条意见征求的不是您现在的身份。')
    if (asked.answered_at) throw new NotNow('这一条意见已经答复过，没有重复记录。')
    await trx('case_consultations')
      .where({ id: consultation })
      .update({ verdict, opinion, answered_by: user.id, answered_at: now() })
    const words = verdict === 'agree' ? '同意' : '有不同意见'
    await addNote(trx, kase, user, { step: 'advise', payload: { note: `${asked.label}（${words}）：${opinion}` } })
    await tell(trx, {
      to: { user_ids: [asked.asked_by] },
      title: `已回复意见：${kase.title}`,
      body: `${asked.label}（${words}）：${opinion}`,
      link: linkTo(kase),
      case_id: id,
    })
  })
}
