import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { type WorkCalendar, workCalendar } from '../calendar.ts'
import { today } from '../clock.ts'
import { type Bounds, defineList, type Look, type Row, type Words } from '../lists/list.ts'
import { districtNames, regionNames } from '../lists/regions.ts'
import { type Case, noDue } from './case.ts'
import { allKinds, findKind, type KindSettings, modules } from './kind.ts'
import { closedStates, type State, stateCodes, states, writableStates } from './lifecycle.ts'
import { few, lightOfCase } from './light.ts'
import { visibleCases, waitingFor } from './queries.ts'
import { caseReaders } from './roles.ts'
import { settingsById } from './settings.ts'
import { placeOf, stateOf } from './steps.ts'

/** 待办, 在途, 已办, 知会: what a case is to whoever looks. */
export const boxes = { todo: '待办', mine: '在途', done: '已办', informed: '知会' } as const
export type Box = keyof typeof boxes

/** Time left, as one chooses by it. */
export const lights = { late: '已超期', soon: '临期', ample: '充裕', paused: '暂停' } as const

const stateNames: Words = Object.fromEntries(stateCodes.map(code => [code, states[code].label]))

/** 办件台账: everything within somebody's scope, closed or not. */
export const cases = defineList({
  code: 'cases',
  label: '办件台账',
  roles: caseReaders,
  from: visibleCases,
  key: 'cases.id',
  columns: [
    { name: 'subject', label: '办理对象', source: 'cases.subject_name' },
    { name: 'light', label: '时限', type: 'state', source: standing, look: told('light', lightLook) },
    { name: 'kind', label: '事项', source: 'cases.kind', text: row => findKind(String(row.kind))?.label ?? String(row.kind) },
    { name: 'state', label: '状态', type: 'state', source: standing, look: told('state', stateLook) },
    { name: 'place', label: '环节', source: standing, look: told('place', placeLook) },
    { name: 'serial', label: '流水号', type: 'code', source: 'cases.serial' },
    { name: 'district', label: '区县', source: 'cases.district_code', words: districtNames },
    { name: 'street', label: '街道', source: 'cases.street_code', words: regionNames, shown: false },
    { name: 'submitted_at', label: '提交日', type: 'date', source: 'cases.submitted_at', sort: 'cases.entered_at' },
    { name: 'accepted_at', label: '受理日', type: 'date', source: 'cases.accepted_at', shown: false },
    { name: 'due_on', label: '到期日', type: 'date', source: 'cases.due_on', sort: true, text: dueText },
    { name: 'closed_at', label: '办结日', type: 'date', source: 'cases.closed_at', shown: false },
    { name: 'number', label: '编号', source: 'cases.number' },
    { name: 'late_days', label: '逾期备案', type: 'number', unit: '天', source: 'cases.late_days', text: lateText, shown: false },
    { name: 'edition', label: '版次', type: 'number', source: 'cases.edition', shown: false },
    { name: 'title', label: '标题', source: 'cases.title', shown: false },
    { name: 'updated_at', label: '最近变动', type: 'moment', source: 'cases.updated_at', sort: true, shown: false },
  ],
  heading: 'subject',
  sort: '-submitted_at',
  filters: [
    { name: 'box', label: '与我有关', type: 'select', options: boxes, where: (query, box, user) => void inBox(query, box, user) },
    { name: 'light', label: '时限', type: 'select', options: lights, where: { load: narrowByLight } },
    { name: 'module', label: '业务类别', type: 'select', options: async () => moduleNames(), where: inModule },
    { name: 'kind', label: '事项', type: 'select', options: async () => kindNames(), where: 'cases.kind' },
    { name: 'state', label: '状态', type: 'select', options: stateNames, where: 'cases.state' },
    { name: 'district', label: '区县', type: 'select', options: districtNames, where: 'cases.district_code' },
    { name: 'street', label: '街道', type: 'select', options: streetNames, where: 'cases.street_code' },
    { name: 'submitted', label: '提交日', type: 'period', of: 'moment', where: submittedIn },
    { name: 'due', label: '到期日', type: 'period', of: 'date', where: dueIn },
    { name: 'closed', label: '办结日', type: 'period', of: 'moment', where: closedIn },
    { name: 'late', label: '逾期备案', type: 'flag', words: ['是', '否'], where: filedLate },
  ],
  search: {
    about: '单位、小区、事项名称，流水号、证书或备案编号，区县，拼音或拼音首字母也行',
    terms: 'cases',
    texts: ['cases.title', 'cases.subject_name', 'cases.serial'],
    starts: ['cases.number'],
    words: [
      { source: 'cases.district_code', words: districtNames, loosely: true },
      { source: 'cases.state', words: stateNames },
    ],
  },
  groups: { filter: 'kind' },
  everywhere: 60,
  href: row => `/desk/cases/${row.key}`,
  empty: { title: '还没有办件', text: '申请提交以后列在这里，办结的也一直查得到。' },
})

export const caseLists = [cases]

/**
 * Narrows cases to one of the boxes. 在途: still open, handled by this person or filed by their organisation, and not waiting for
 * them. 已办: where an official has taken a step; what is closed for everybody else.
 */
export function inBox(query: Knex.QueryBuilder, box: string, user: User): Knex.QueryBuilder {
  const isOffice = user.scope.level !== 'organisation'
  switch (box) {
    case 'todo':
      return waitingFor(query, user)
    case 'mine': {
      query.whereNotIn('cases.state', [...closedStates]).where(notWaitingFor(user))
      return isOffice ? handledBy(query, user, { open: 1 }) : query.where({ 'cases.applicant_id': user.organisation_id })
    }
    case 'done':
      return isOffice ? handledBy(query, user).where(notWaitingFor(user)) : query.whereIn('cases.state', [...closedStates])
    case 'informed':
      return query.whereIn('cases.id', parties =>
        parties.from('case_parties').where({ organisation_id: user.organisation_id, role: 'informed' }).select('case_id'),
      )
    default:
      throw new Error(`no box ${box}`)
  }
}

/** @param which `open`: only what is not closed yet, which is few among all that somebody has handled over the years */
function handledBy(query: Knex.QueryBuilder, user: User, which: { open?: 1 } = {}): Knex.QueryBuilder {
  return query.whereIn('cases.id', handled =>
    handled
      .from('case_handlers')
      .where({ user_id: user.id, ...which })
      .select('case_id'),
  )
}

function notWaitingFor({ scope, role }: User): (query: Knex.QueryBuilder) => void {
  if (scope.level !== 'organisation')
    return query => void query.whereNull('cases.holder_role').orWhereNot({ 'cases.holder_role': role })
  return query => void query.whereNull('cases.holder_id').orWhereNot({ 'cases.holder_id': scope.organisation_id })
}

async function narrowByLight(db: Knex): Promise<(query: Knex.QueryBuilder, light: string) => void> {
  const day = today()
  const soon = (await workCalendar(db)).addWorkdays(day, few)
  return (query, light) => {
    query.where({ 'cases.paused': light === 'paused' }).where('cases.due_on', '<', noDue)
    if (light === 'late') query.where('cases.due_on', '<', day)
    if (light === 'soon') query.whereBetween('cases.due_on', [day, soon])
    if (light === 'ample') query.where('cases.due_on', '>', soon)
  }
}

function inModule(query: Knex.QueryBuilder, module: string): void {
  const kinds = allKinds().filter(kind => kind.module === module)
  query.whereIn(
    'cases.kind',
    kinds.map(({ code }) => code),
  )
}

/** The list goes by `entered_at`, so that is what leads back into the years. */
function submittedIn(query: Knex.QueryBuilder, { from, to }: Bounds): void {
  query.whereNotNull('cases.submitted_at')
  if (from) query.where('cases.entered_at', '>=', from)
  if (to) query.where('cases.entered_at', '<', to)
}

function dueIn(query: Knex.QueryBuilder, { from, to }: Bounds): void {
  query.where('cases.due_on', '<', noDue)
  if (from) query.where('cases.due_on', '>=', from)
  if (to) query.where('cases.due_on', '<=', to)
}

/** What was closed before a moment had come in before it, which spares the list all that is newer. */
function closedIn(query: Knex.QueryBuilder, { from, to }: Bounds): void {
  if (from) query.where('cases.closed_at', '>=', from)
  if (to) query.where('cases.closed_at', '<', to).where('cases.entered_at', '<', to)
}

function filedLate(query: Knex.QueryBuilder, yes: boolean): void {
  if (yes) query.where('cases.late_days', '>', 0)
  else query.where('cases.late_days', 0)
}

/** Only what is in the catalogue can be chosen. */
function moduleNames(): Words {
  const used = new Set(allKinds().map(({ module }) => module))
  return Object.fromEntries(Object.entries(modules).filter(([code]) => [...used].some(module => module === code)))
}

function kindNames(): Words {
  return Object.fromEntries(allKinds().map(({ code, label }) => [code, label]))
}

/** The streets somebody can see cases of, with their district where there are several. */
async function streetNames(db: Knex, { scope }: User): Promise<Words> {
  const [regions, districts] = await Promise.all([regionNames(db), districtNames(db)])
  const within = scope.level === 'district' || scope.level === 'street' ? scope.code : ''
  const streets = Object.entries(regions).filter(([code]) => code.length === 9 && code.startsWith(within))
  return Object.fromEntries(
    streets.map(([code, name]) => [code, within ? name : `${districts[code.slice(0, 6)] ?? ''} ${name}`.trim()]),
  )
}

function dueText({ due_on }: Row): string | null {
  return due_on === noDue ? null : String(due_on)
}

function lateText({ late_days }: Row): string | null {
  return Number(late_days) ? String(late_days) : null
}

const parts = ['kind', 'state', 'settings_id', 'place', 'due_on', 'paused'] as const

/** Where a case stands, in one value: what three columns are told from. None of its parts can hold a bar. */
function standing(db: Knex): Knex.Raw {
  return db.raw(
    `concat_ws('|', ${parts.map(() => "coalesce(??, '')").join(', ')})`,
    parts.map(column => `cases.${column}`),
  )
}

interface Standing {
  kase: Pick<Case, 'kind' | 'state' | 'place' | 'due_on' | 'paused'>
  settings: Pick<KindSettings, 'chain'>
  calendar: WorkCalendar
  today: string
}

/** A column told from where a case stands, with its chain and the calendar. */
function told(name: string, look: (standing: Standing) => Look): (db: Knex) => Promise<(row: Row) => Look> {
  return async db => {
    const [chains, calendar, day] = [await settingsNow(db), await workCalendar(db), today()]
    return row => {
      const [kind = '', state = '', settings_id, place = '', due_on = noDue, paused] = String(row[name]).split('|')
      const kase = { kind, state: state as State, place: place || null, due_on, paused: Number(paused) } // the column holds nothing else
      return look({ kase, settings: chains.get(Number(settings_id)) ?? { chain: [] }, calendar, today: day })
    }
  }
}

function lightLook({ kase, settings, calendar, today }: Standing): Look {
  return lightOfCase(calendar, today, kase, placeOf({ kase, settings })) ?? { text: null }
}

function stateLook({ kase, settings }: Standing): Look {
  const { label, ...look } = stateOf({ kase, settings, kind: findKind(kase.kind) ?? {} })
  return { text: label, ...look }
}

/** Whom it is with: before the acceptance the first desk. */
function placeLook({ kase, settings }: Standing): Look {
  if (writableStates.includes(kase.state)) return { text: '申请人' }
  const place = kase.state === 'submitted' ? settings.chain[0] : placeOf({ kase, settings })
  return { text: place?.label ?? null }
}

const settingsRead = new Map<number, KindSettings>()

let reading: Promise<ReadonlyMap<number, KindSettings>> | undefined

/** All settings a case may have been submitted under, read once for the columns of a page. */
export function settingsNow(db: Knex): Promise<ReadonlyMap<number, KindSettings>> {
  reading ??= readSettings(db).finally(() => {
    reading = undefined
  })
  return reading
}

/** Rows never change, so only new ones are read; they need not become visible in the order of their ids. */
async function readSettings(db: Knex): Promise<ReadonlyMap<number, KindSettings>> {
  const ids: number[] = await db('kind_settings').pluck('id')
  for (const id of ids) if (!settingsRead.has(id)) settingsRead.set(id, await settingsById(db, id))
  return settingsRead
}
