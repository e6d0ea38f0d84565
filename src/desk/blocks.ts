import type { Knex } from 'knex'
import { type Registration, registrationKinds, registrationStates, visibleRegistrations } from '../accounts/registrations.ts'
import type { User } from '../accounts/users.ts'
import type { Limit, WorkCalendar } from '../calendar.ts'
import { askedOpinions, doneCases, informedCases, runningCases, waitingCases } from '../cases/blocks.ts'
import { dayOf, fromNow, today } from '../clock.ts'
import { mostCounted } from '../lists/rows.ts'
import { owedDuties } from '../modules/filings/duties.ts'
import { openWarnings } from '../warnings/block.ts'
import { type Part, type Source, shown } from './part.ts'
import { type Cell, tally } from './week.ts'

/** The blocks that rows flow into. A module adds its source here; a block without any says so in words. */
export const blocks: Record<'todo' | 'mine' | 'done' | 'informed' | 'warnings' | 'news', Source[]> = {
  todo: [waitingCases, askedOpinions, pendingRegistrations, owedDuties],
  mine: [runningCases],
  done: [doneCases, decidedRegistrations],
  informed: [informedCases],
  warnings: [openWarnings],
  news: [ownMessages],
}

/** What the public pages promise to those who register. */
const registrationLimit: Limit = { limit: 5, unit: 'working-day' }
const deciders = ['district-clerk', 'district-reviewer']

async function pendingRegistrations(
  db: Knex,
  user: User,
  calendar: WorkCalendar,
  week: readonly Cell[],
): Promise<Part | undefined> {
  if (!deciders.includes(user.role)) return undefined
  const pending = () => visibleRegistrations(db, user).where({ status: 'pending' })
  const rows: Pick<Registration, 'id' | 'kind' | 'name' | 'contact' | 'created_at'>[] = await pending()
    .orderBy([{ column: 'created_at' }, { column: 'id' }])
    .limit(mostCounted)
    .select('id', 'kind', 'name', 'contact', 'created_at')
  const due = rows.map(row => calendar.dueOn(dayOf(row.created_at), registrationLimit))
  const lines = rows.slice(0, shown).map((row, n) => ({
    title: row.name,
    href: `/desk/registrations/${row.id}`,
    kind: `${registrationKinds[row.kind].label}注册`,
    who: `联系人 ${row.contact}`,
    due_on: due[n] ?? '',
  }))
  return {
    label: '单位注册',
    total: { n: rows.length, exact: rows.length < mostCounted },
    lines,
    week: tally(week, due),
    all: '/desk/lists/registrations?status=pending&sort=created_at',
  }
}

async function decidedRegistrations(db: Knex, user: User): Promise<Part | undefined> {
  if (!deciders.includes(user.role)) return undefined
  const month = new Date(`${today().slice(0, 7)}-01T00:00:00+08:00`)
  const decided = () => db<Registration>('registrations').where({ decided_by: user.id }).where('decided_at', '>=', month)
  const [count, rows] = await Promise.all([
    decided().count({ n: '*' }).first(),
    decided()
      .orderBy([
        { column: 'decided_at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(3)
      .select('id', 'kind', 'name', 'status'),
  ])
  const lines = rows.map(row => ({
    title: `${registrationKinds[row.kind].label}注册 · ${row.name}`,
    href: `/desk/registrations/${row.id}`,
    state: {
      label: registrationStates[row.status],
      ...(row.status === 'refused' ? { tone: 'no', icon: 'ban' } : { tone: 'done', icon: 'check' }),
    },
  }))
  return { label: '单位注册', total: { n: Number(count?.n ?? 0), exact: true }, lines, all: '/desk/lists/registrations' }
}

async function ownMessages(db: Knex, user: User): Promise<Part> {
  const own = () => db('messages').where({ user_id: user.id })
  const [unread, rows] = await Promise.all([
    own().whereNull('read_at').count({ n: '*' }).first(),
    own()
      .where('created_at', '>', fromNow(-90 * 86_400_000))
      .orderBy([
        { column: 'created_at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(5)
      .select('id', 'title', 'created_at') as Promise<{ id: number; title: string; created_at: Date }[]>,
  ])
  return {
    label: '消息',
    total: { n: Number(unread?.n ?? 0), exact: true },
    all: '/desk/messages',
    lines: rows.map(row => ({ title: row.title, href: `/desk/messages/${row.id}`, on: dayOf(row.created_at) })),
  }
}
