import type { Knex } from 'knex'
import { type Registration, registrationKinds, registrationStates, visibleRegistrations } from '../accounts/registrations.ts'
import type { User } from '../accounts/users.ts'
import type { Limit, WorkCalendar } from '../calendar.ts'
import { dayOf, fromNow, today } from '../clock.ts'

/** One line of a block of the home page. */
export interface Line {
  title: string
  href?: string
  /** What kind of thing it is, in a column of its own. */
  kind?: string
  /** The unit or person it is about. */
  who?: string
  /** `YYYY-MM-DD`: the last lawful day; lines with one carry a light. */
  due_on?: string
  /** `YYYY-MM-DD`: a day worth showing where nothing is due. */
  on?: string
  state?: { label: string; tone: string; icon: string }
  level?: string
}

/** What one source gives to a block. */
export interface Part {
  total: number
  /** The first lines, most urgent first. */
  lines: Line[]
  /** Due days of everything counted in `total`, where things are due. */
  due?: string[]
  /** Where the rest is. */
  all?: string
}

type Source = (db: Knex, user: User, calendar: WorkCalendar) => Promise<Part | undefined>

/** The blocks that rows flow into. A module adds its source here; a block without any says so in words. */
export const blocks: Record<'todo' | 'mine' | 'done' | 'warnings' | 'news', Source[]> = {
  todo: [pendingRegistrations],
  mine: [],
  done: [decidedRegistrations],
  warnings: [openWarnings],
  news: [ownMessages],
}

/** So many lines are enough for a block; the rest is in its list. */
export const shown = 9
/** What the public pages promise to those who register. */
const registrationLimit: Limit = { limit: 5, unit: 'working-day' }
const deciders = ['district-clerk', 'district-reviewer']

async function pendingRegistrations(db: Knex, user: User, calendar: WorkCalendar): Promise<Part | undefined> {
  if (!deciders.includes(user.role)) return undefined
  const pending = () => visibleRegistrations(db, user).where({ status: 'pending' })
  const rows: Pick<Registration, 'id' | 'kind' | 'name' | 'contact' | 'created_at'>[] = await pending()
    .orderBy([{ column: 'created_at' }, { column: 'id' }])
    .limit(1000)
    .select('id', 'kind', 'name', 'contact', 'created_at')
  const due = rows.map(row => calendar.dueOn(dayOf(row.created_at), registrationLimit))
  const lines = rows.slice(0, shown).map((row, n) => ({
    title: row.name,
    href: `/desk/registrations/${row.id}`,
    kind: `${registrationKinds[row.kind].label}注册`,
    who: `联系人 ${row.contact}`,
    due_on: due[n] ?? '',
  }))
  return { total: rows.length, lines, due, all: '/desk/lists/registrations' }
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
  return { total: Number(count?.n ?? 0), lines, all: '/desk/lists/registrations' }
}

async function openWarnings(db: Knex, user: User): Promise<Part> {
  const visible = () => {
    const rows = db('warnings').whereNull('closed_at')
    switch (user.scope.level) {
      case 'city':
        return rows
      case 'district':
        return rows.where({ district_code: user.scope.code })
      case 'street':
        return rows.where({ street_code: user.scope.code })
      case 'organisation':
        return rows.where({ organisation_id: user.scope.organisation_id })
      case 'none':
        return rows.whereRaw('1 = 0')
    }
  }
  const [count, rows] = await Promise.all([
    visible().count({ n: '*' }).first(),
    visible().orderByRaw('due_on is null, due_on, id').limit(5).select('title', 'link', 'level', 'due_on') as Promise<
      { title: string; link: string | null; level: string; due_on: string | null }[]
    >,
  ])
  return {
    total: Number(count?.n ?? 0),
    lines: rows.map(row => ({ title: row.title, href: row.link ?? undefined, level: row.level })),
  }
}

async function ownMessages(db: Knex, user: User): Promise<Part> {
  const own = () => db('messages').where({ user_id: user.id })
  const [unread, rows] = await Promise.all([
    own().whereNull('read_at').count({ n: '*' }).first(),
    own()
      .where('created_at', '>', fromNow(-90 * 86_400_000))
      .orderBy('id', 'desc')
      .limit(5)
      .select('title', 'link', 'created_at') as Promise<{ title: string; link: string | null; created_at: Date }[]>,
  ])
  return {
    total: Number(unread?.n ?? 0),
    lines: rows.map(row => ({ title: row.title, href: row.link ?? undefined, on: dayOf(row.created_at) })),
  }
}
