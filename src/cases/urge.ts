import type { User } from '../accounts/users.ts'
import { workCalendar } from '../calendar.ts'
import { dayOf, today } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { Forbidden, NotNow } from '../errors.ts'
import { tellOfUrge } from '../messages/case-messages.ts'
import { noDue } from './case.ts'
import { holderOf } from './cases.ts'
import { addNote } from './history.ts'
import { kindOf } from './kind.ts'
import { historyOf, lockCase } from './queries.ts'

/**
 * 催办: a message to whoever holds the case and a line in its history; once a working day for each case.
 * @throws Conflict when it was urged today already, or nobody holds it; Forbidden for who holds it themself
 */
export async function urgeCase(user: User, id: number): Promise<void> {
  await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    const holder = holderOf(kase)
    if (!holder) throw new NotNow('这一件现在没有人员需要办理，不用催办。')
    if (kase.holder_role === user.role || kase.holder_id === user.organisation_id)
      throw new Forbidden('这一件正等您办理，不能催办自己。')
    const last = (await historyOf(trx, id)).findLast(line => line.step === 'urge')
    const calendar = await workCalendar(db)
    if (last && calendar.workdaysBetween(dayOf(last.at), today()) < 1)
      throw new NotNow('今天已经催办过，一个工作日只能催办一次。办理人员已收到消息。')
    const noted = await addNote(trx, kase, user, { step: 'urge', open: true })
    await tellOfUrge(trx, {
      kase: noted,
      kind: kindOf(noted),
      by: user,
      holder,
      ...(noted.due_on === noDue ? {} : { dueOn: noted.due_on }),
    })
  })
}
