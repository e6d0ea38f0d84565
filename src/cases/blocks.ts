import type { Knex } from 'knex'
import { roles } from '../accounts/roles.ts'
import type { WorkCalendar } from '../calendar.ts'
import { fromNow, today } from '../clock.ts'
import { type Line, type Source, shown } from '../desk/part.ts'
import { type Cell, sumOf, tally, upTo } from '../desk/week.ts'
import type { Count } from '../lists/rows.ts'
import { mostCounted } from '../lists/rows.ts'
import { type Case, noDue } from './case.ts'
import { findKind, type KindSettings, modules } from './kind.ts'
import { closedStates } from './lifecycle.ts'
import { lightOfCase } from './light.ts'
import { type Box, inBox, settingsNow } from './lists.ts'
import { visibleCases, waitingFor } from './queries.ts'
import { caseHandlers, caseReaders } from './roles.ts'
import { placeOf, stateOf } from './steps.ts'

/** What the home page shows of cases. Rows are read only as far as they are shown; the rest is counted in the indexes, up to 1,000. */

type Shown = Pick<
  Case,
  'id' | 'kind' | 'title' | 'subject_name' | 'state' | 'place' | 'settings_id' | 'due_on' | 'paused' | 'serial'
>

const columns = ['id', 'kind', 'title', 'subject_name', 'state', 'place', 'settings_id', 'due_on', 'paused', 'serial'].map(
  column => `cases.${column}`,
)

/** 待办: what waits for this person, the most urgent first; what rests comes last. Drafts and corrections are the applicant's. */
export const waitingCases: Source = async (db, user, calendar, week) => {
  if (!caseHandlers.includes(user.role)) return undefined
  const waiting = () => waitingFor(visibleCases(db, user), user)
  const [[undated, ...cells], rows, settings] = await Promise.all([
    countByDay(db, waiting, week),
    mostUrgent(waiting),
    settingsNow(db),
  ])
  return {
    label: '办件',
    total: sumOf(undated ? [undated, ...cells] : cells),
    lines: rows.map(row => lineOf(row, settings, calendar)),
    week: cells,
    all: addressOf('todo', { sort: 'due_on' }),
    narrowed: ({ light, from = '', to = '' }) =>
      addressOf('todo', { light, due_from: light === 'late' ? '' : from, due_to: light === 'late' ? '' : to, sort: 'due_on' }),
  }
}

/** What rests has a due day too, which would stand before the others. */
async function mostUrgent(waiting: () => Knex.QueryBuilder): Promise<Shown[]> {
  const read = (paused: boolean, limit: number): Promise<Shown[]> =>
    waiting()
      .where({ 'cases.paused': paused })
      .orderBy([{ column: 'cases.due_on' }, { column: 'cases.id' }])
      .limit(limit)
      .select(columns)
  const running = await read(false, shown)
  return running.length < shown ? [...running, ...(await read(true, shown - running.length))] : running
}

/** 征求意见: a question to the desk of this role, in a case it may see. */
export const askedOpinions: Source = async (db, user, _calendar, week) => {
  if (!roles[user.role].staff || !caseHandlers.includes(user.role)) return undefined
  const rows: (Pick<Case, 'id' | 'title' | 'subject_name'> & { label: string; due_on: string })[] = await visibleCases(db, user)
    .join('case_consultations', 'case_consultations.case_id', 'cases.id')
    .where({ 'case_consultations.role': user.role, 'case_consultations.open': 1 })
    .orderBy([{ column: 'case_consultations.due_on' }, { column: 'case_consultations.id' }])
    .limit(mostCounted)
    .select('cases.id', 'cases.title', 'cases.subject_name', 'case_consultations.label', 'case_consultations.due_on')
  const lines = rows.slice(0, shown).map(({ id, title, subject_name, due_on }) => ({
    title,
    href: `/desk/cases/${id}`,
    kind: '征求意见',
    who: subject_name,
    due_on,
  }))
  const days = rows.map(({ due_on }) => due_on)
  return { label: '征求意见', total: { n: rows.length, exact: rows.length < mostCounted }, lines, week: tally(week, days) }
}

/** 在途: still open, gone on from this person's desk or organisation. */
export const runningCases: Source = async (db, user) => {
  if (!caseHandlers.includes(user.role)) return undefined
  const mine = () => inBox(visibleCases(db, user), 'mine', user)
  const [total, rows, settings] = await Promise.all([
    countUp(db, mine()),
    mine().orderBy(['cases.due_on', 'cases.id']).limit(fewLines).select(columns) as Promise<Shown[]>,
    settingsNow(db),
  ])
  return { label: '办件', total, lines: rows.map(row => stateLine(row, settings)), all: addressOf('mine') }
}

/** 已办 of this month: where an official took a step, what came to an end for an applicant. */
export const doneCases: Source = async (db, user) => {
  if (!caseHandlers.includes(user.role)) return undefined
  const month = new Date(`${today().slice(0, 7)}-01T00:00:00+08:00`)
  const isOffice = user.scope.level !== 'organisation'
  const own = { 'case_handlers.user_id': user.id }
  const done = () => {
    const cases = visibleCases(db, user)
    if (!isOffice) return inBox(cases, 'done', user).where('cases.closed_at', '>=', month)
    return cases.join('case_handlers', 'case_handlers.case_id', 'cases.id').where(own).where('case_handlers.at', '>=', month)
  }
  const at = isOffice ? 'case_handlers.at' : 'cases.closed_at'
  const [total, rows, settings] = await Promise.all([
    // What somebody has done is counted in the index alone.
    countUp(db, isOffice ? db('case_handlers').where(own).where('at', '>=', month) : done(), mostCounted),
    done()
      .orderBy([
        { column: at, order: 'desc' },
        { column: 'cases.id', order: 'desc' },
      ])
      .limit(fewLines)
      .select(columns) as Promise<Shown[]>,
    settingsNow(db),
  ])
  return { label: '办件', total, lines: rows.map(row => stateLine(row, settings)), all: addressOf('done') }
}

/** 抄送: cases in which the organisation is to know, while they run and for a month after. */
export const informedCases: Source = async (db, user) => {
  if (!caseReaders.includes(user.role)) return undefined
  const informed = () =>
    inBox(visibleCases(db, user), 'informed', user).where(recent =>
      recent.whereNotIn('cases.state', [...closedStates]).orWhere('cases.closed_at', '>', fromNow(-30 * 86_400_000)),
    )
  const total = await countUp(db, informed())
  if (!total.n) return undefined
  const [rows, settings]: [Shown[], ReadonlyMap<number, KindSettings>] = await Promise.all([
    informed().orderBy('cases.id', 'desc').limit(fewLines).select(columns),
    settingsNow(db),
  ])
  return { label: '办件', total, lines: rows.map(row => stateLine(row, settings)), all: addressOf('informed') }
}

const fewLines = 3

function addressOf(box: Box, conditions: Record<string, string> = {}): string {
  const given = Object.entries({ box, ...conditions }).filter(([, value]) => value)
  return `/desk/lists/cases?${new URLSearchParams(given)}`
}

/** These are only good to know, so they are counted less far than what has to be done. */
const fewCounted = 100

async function countUp(db: Knex, query: Knex.QueryBuilder, most = fewCounted): Promise<Count> {
  const [row]: { n: number }[] = await db.from(counted(db, query, most).as('counted')).count({ n: '*' })
  return upTo(row?.n ?? 0, most)
}

/** What is not due, then what falls into each cell, in one statement; each is a range of the index that begins with the holder. */
async function countByDay(db: Knex, waiting: () => Knex.QueryBuilder, week: readonly Cell[]): Promise<Count[]> {
  const inCell = ({ light, from, to }: Cell) => {
    const query = waiting()
      .where({ 'cases.paused': light === 'paused' })
      .where('cases.due_on', '<', noDue)
    if (from) query.where('cases.due_on', '>=', from)
    if (to) query.where('cases.due_on', '<=', to)
    return query
  }
  const parts = [waiting().where({ 'cases.due_on': noDue }), ...week.map(inCell)].map((query, at) =>
    db.from(counted(db, query, mostCounted).as(`c${at}`)).select(db.raw('? as at', [at]), db.raw('count(*) as n')),
  )
  const rows: { at: number; n: number }[] = await db.unionAll(parts, true)
  return parts.map((_, at) => upTo(rows.find(row => row.at === at)?.n ?? 0))
}

function counted(db: Knex, query: Knex.QueryBuilder, most: number): Knex.QueryBuilder {
  return query.select(db.raw('1')).limit(most + 1)
}

const nowhere: Pick<KindSettings, 'chain'> = { chain: [] }

function lineOf(row: Shown, known: ReadonlyMap<number, KindSettings>, calendar: WorkCalendar): Line {
  const settings = known.get(row.settings_id ?? 0) ?? nowhere
  const kind = findKind(row.kind)
  const light = lightOfCase(calendar, today(), row, placeOf({ kase: row, settings }))
  return {
    title: kind?.label ?? row.title,
    href: `/desk/cases/${row.id}`,
    kind: kind ? modules[kind.module] : '',
    who: row.subject_name,
    ...(row.due_on === noDue ? {} : { due_on: row.due_on }),
    ...(light ? { light } : { state: stateOf({ kase: row, settings, kind: kind ?? {} }) }),
  }
}

function stateLine(row: Shown, known: ReadonlyMap<number, KindSettings>): Line {
  const settings = known.get(row.settings_id ?? 0) ?? nowhere
  const kind = findKind(row.kind)
  return {
    // The company first: what is cut off at the end is the same for many lines.
    title: kind ? `${row.subject_name} · ${kind.label}` : row.title,
    href: `/desk/cases/${row.id}`,
    state: stateOf({ kase: row, settings, kind: kind ?? {} }),
  }
}
