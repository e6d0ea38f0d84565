import { roles } from '../accounts/roles.ts'
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
import { isApplicant, type Standing } from './steps.ts'

/** Whether a user may urge: who applied, supervisors and the city, while somebody else holds the case. */
export function mayUrge({ kase, kind }: Pick<Standing, 'kase' | 'kind'>, user: User): boolean {
  if (kase.holder_role === user.role || kase.holder_id === user.organisation_id) return false
  if (!kase.holder_role && !kase.holder_id) return false
  return isApplicant(kase, kind, user) || user.role === 'supervisor' || roles[user.role].scope === 'city'
}

/**
 * 催办: a message to whoever holds the case and a line in its history; once a working day for each case.
 * @throws Conflict when it was urged today already, or nobody holds it; Forbidden for who holds it themself or has no say in it
 */
export async function urgeCase(user: User, id: number): Promise<void> {
  await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    const holder = holderOf(kase)
    if (!holder) throw new NotNow('这一件现在没有人员需要办理，不用催办。')
    if (kase.holder_role === user.role || kase.holder_id === user.organisation_id)
      throw new Forbidden('这一件正等您办理，不能催办自己。')
    if (!mayUrge({ kase, kind: kindOf(kase) }, user))
      throw new Forbidden('催办由申请单位、市局或监督人员提出，被知会的单位可以在本页查看进度。')
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
