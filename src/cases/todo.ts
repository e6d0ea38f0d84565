import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import type { Case } from './case.ts'
import { visibleCases, waitingFor } from './queries.ts'

/** The next case that waits for this user, the most urgent behind a given one first, else the most urgent of all. */
export async function nextInTodo(db: Knex, user: User, behind: Pick<Case, 'id' | 'due_on'>): Promise<number | undefined> {
  const waiting = () =>
    waitingFor(visibleCases(db, user), user)
      .whereNot({ 'cases.id': behind.id })
      .orderBy([{ column: 'cases.due_on' }, { column: 'cases.id' }])
  const after: { id: number } | undefined = await waiting()
    .where(rest =>
      rest
        .where('cases.due_on', '>', behind.due_on)
        .orWhere(same => same.where('cases.due_on', behind.due_on).where('cases.id', '>', behind.id)),
    )
    .first('cases.id')
  const found: { id: number } | undefined = after ?? (await waiting().first('cases.id'))
  return found?.id
}
