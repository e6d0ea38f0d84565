import type { Request, Response, Router } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import { limitReveals } from '../../accounts/limits.ts'
import type { Role } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { type Action, actorOf, record } from '../../admin/action-log.ts'
import { dayOf, today } from '../../clock.ts'
import { db, inTransaction, isDuplicate } from '../../db.ts'
import { Conflict } from '../../errors.ts'
import { type Answers, answersFrom, checkAnswers, type ShownSection, showAnswers } from '../../forms/answers.ts'
import {
  type Adjust,
  adjustedFields,
  type Field,
  type Form,
  fieldsOf,
  type Mistakes,
  readForm,
  text,
  version,
} from '../../forms/form.ts'
import { allow, currentUser, flash, queryText, recordId } from '../../http.ts'
import { isDay } from '../../identifiers.ts'
import { masks } from '../../lists/masks.ts'
import { type Archive, changeRecord, changeRows, openPart, openText, type RecordAnswers, readRecord } from './archive.ts'

/** Pages every archive has: to change it at once, to add what belongs to it, its 变更记录, a past day, personal data in full. */

/** What a page says about the record it belongs to. */
export interface RecordHead {
  /** What the page is about: 修改企业档案. */
  title: string
  /** The record itself. */
  name: string
  href: string
  crumb?: { label: string; href: string }[]
  /** The entry of the menu to mark. */
  at?: string
  /** What whoever fills in the form must know: why personal data are asked for. */
  note?: { text: string; link?: { href: string; label: string } }
}

interface AnyForm {
  roles: readonly Role[]
  /** The fields of the page; all that change at once unless told. */
  form?(user: User): Form
  /** Facts of single fields that only this visit knows: options, hints. */
  adjust?(db: Knex, user: User, id: number): Promise<Adjust>
  /** Rules that look beyond the form; `answers` are whole and checked. Runs inside the transaction that writes. */
  check?(trx: Knex.Transaction, user: User, id: number, answers: RecordAnswers): Promise<Mistakes>
  /** Sentences for after saving, about what does not fit together: 各类面积相加与总建筑面积不符. */
  notices?(db: Knex, id: number): Promise<string[]>
}

export interface EditPages extends AnyForm {
  archive: Archive
  /** `/:id/edit` unless told. */
  path?: string
  /** The record, if this user may change it. @throws NotFound, Forbidden */
  open(db: Knex, user: User, id: number): Promise<RecordHead>
  /** Where ★ fields are changed, to lead there. */
  application?: { href: string; label: string }
  /** Whatever else must be written with the change. */
  after?(trx: Knex.Transaction, user: User, id: number, changed: readonly string[]): Promise<void>
}

export interface AddPages extends AnyForm {
  archive: Archive
  /** With `:id` for the record it belongs to: `/:id/fees/new`. */
  path: string
  /** The record it belongs to, if this user may add to it. @throws NotFound, Forbidden */
  open(db: Knex, user: User, id: number): Promise<RecordHead>
  form(user: User): Form
  /** What stands in the fields at first. */
  prefill?(db: Knex, id: number): Promise<RecordAnswers>
  /** Writes the row. @returns its id */
  create(trx: Knex.Transaction, user: User, id: number, answers: RecordAnswers): Promise<number>
  /** The sentence for a row that is there already, where a unique key says so. */
  twice?: string
  done: string
}

/** Adds `GET` and `POST /:id/edit`: fields that take effect at once, each change kept in the 变更记录. */
export function editPages(router: Router, page: EditPages): void {
  const { archive, path = '/:id/edit', roles } = page
  const formFor = (user: User) => page.form?.(user) ?? openPart(archive, user.scope.level !== 'organisation')
  const show = async (req: Request, res: Response, typed?: Typed) => {
    const user = currentUser(res)
    const id = recordId(req)
    const head = await page.open(db, user, id)
    const found = await readRecord(db, archive, id)
    const adjust = { ...keptHints(formFor(user), found.answers), ...(await page.adjust?.(db, user, id)) }
    renderRecordForm(res, {
      head,
      form: formFor(user),
      adjust,
      values: typed?.answers ?? shownValues(formFor(user), found.answers),
      version: typed?.version ?? found.version,
      mistakes: typed?.mistakes ?? {},
      stale: typed?.stale,
      application: page.application,
    })
  }
  router.get(path, allow(...roles), async (req, res) => show(req, res))
  router.post(path, allow(...roles), async (req, res) => {
    const user = currentUser(res)
    const id = recordId(req)
    const head = await page.open(db, user, id)
    const form = formFor(user)
    const posted = answersFrom(form, { ...req.body, fields: silent(form) })
    const { data: opened } = z.object({ version }).safeParse(req.body ?? {})
    const found = await readRecord(db, archive, id)
    const checked = checkAnswers(form, withKept(form, posted, found.answers))
    if (!checked.ok)
      return await show(req, res, {
        answers: flat(posted),
        version: opened?.version ?? 0,
        mistakes: checked.mistakes,
      })
    const answers = whole(form, checked.answers)
    const outcome = await inTransaction(async (trx): Promise<Outcome> => {
      const mistakes = (await page.check?.(trx, user, id, { ...found.answers, ...answers })) ?? {}
      if (Object.keys(mistakes).length) return { mistakes }
      const changed = await changeRecord(trx, archive, id, { answers, version: opened?.version ?? 0, by: { user_id: user.id } })
      if (changed.length) {
        await page.after?.(trx, user, id, changed)
        await logChange(trx, req, res, 'archive.change', { archive, id, name: head.name, fields: changed })
      }
      return { changed }
    }).catch((error): Outcome => {
      if (error instanceof Conflict) return { stale: error.message }
      throw error
    })
    if ('stale' in outcome) {
      const fresh = await readRecord(db, archive, id)
      res.status(409)
      return await show(req, res, { answers: flat(posted), version: fresh.version, mistakes: {}, stale: outcome.stale })
    }
    if ('mistakes' in outcome)
      return await show(req, res, { answers: flat(posted), version: opened?.version ?? 0, mistakes: outcome.mistakes })
    const { changed } = outcome
    flash(req, {
      tone: 'ok',
      text: changed.length
        ? `已保存：${changed.map(name => labelOf(archive, name)).join('、')}。原来的内容在变更记录里。`
        : '没有改动，档案还是原来的内容。',
    })
    await notify(req, page, id)
    res.redirect(303, head.href)
  })
}

/** Adds `GET` and `POST` of a page that adds a row to a record: a fee standard, an owner, a building. */
export function addPages(router: Router, page: AddPages): void {
  const { archive, path, roles } = page
  const show = async (req: Request, res: Response, typed?: Typed) => {
    const user = currentUser(res)
    const id = recordId(req)
    const head = await page.open(db, user, id)
    renderRecordForm(res, {
      head,
      form: page.form(user),
      adjust: (await page.adjust?.(db, user, id)) ?? {},
      values: typed?.answers ?? (await page.prefill?.(db, id)) ?? {},
      mistakes: typed?.mistakes ?? {},
    })
  }
  router.get(path, allow(...roles), async (req, res) => show(req, res))
  router.post(path, allow(...roles), async (req, res) => {
    const user = currentUser(res)
    const id = recordId(req)
    const head = await page.open(db, user, id)
    const form = page.form(user)
    const posted = answersFrom(form, { ...req.body, fields: silent(form) })
    const again = (mistakes: Mistakes) => show(req, res, { answers: flat(posted), version: 0, mistakes })
    const checked = checkAnswers(form, posted)
    if (!checked.ok) return await again(checked.mistakes)
    const answers = whole(form, checked.answers)
    const mistakes = await inTransaction(async trx => {
      const mistakes = (await page.check?.(trx, user, id, answers)) ?? {}
      if (Object.keys(mistakes).length) return mistakes
      const made = await page.create(trx, user, id, answers)
      await logChange(trx, req, res, 'archive.add', { archive, id: made, name: head.name, fields: [] })
      return {}
    }).catch(error => {
      if (page.twice && isDuplicate(error)) return { '': page.twice } as Mistakes
      throw error
    })
    if (Object.keys(mistakes).length) return await again(mistakes)
    flash(req, { tone: 'ok', text: page.done })
    await notify(req, page, id)
    res.redirect(303, head.href)
  })
}

/** What came of a change. */
type Outcome = { changed: string[] } | { mistakes: Mistakes } | { stale: string }

interface Typed {
  answers: RecordAnswers
  version: number
  mistakes: Mistakes
  stale?: string | undefined
}

interface RecordForm {
  head: RecordHead
  form: Form
  adjust: Adjust
  values: RecordAnswers
  mistakes: Mistakes
  version?: number
  stale?: string | undefined
  application?: { href: string; label: string } | undefined
}

/** Draws a form of an archive, section by section: 422 when there are mistakes. */
export function renderRecordForm(
  res: Response,
  { head, form, adjust, values, mistakes, version, stale, application }: RecordForm,
): void {
  const fields = adjustedFields(form, adjust)
  const held = (res.locals.held ?? {}) as RecordAnswers // restoreHeld keeps only texts
  if (Object.keys(mistakes).length && res.statusCode === 200) res.status(422)
  res.render('archives/edit', {
    head,
    fields,
    sections: sectionsOf(fields),
    values: { ...values, ...held },
    mistakes,
    version,
    stale,
    application,
  })
}

function sectionsOf(fields: readonly Field[]): { title: string; fields: Field[] }[] {
  const sections: { title: string; fields: Field[] }[] = []
  for (const field of fields) {
    if (field.section !== undefined || !sections.length) sections.push({ title: field.section ?? '', fields: [] })
    sections.at(-1)?.fields.push(field)
  }
  return sections
}

/** Ticks that a browser does not send when they are off. */
const silent = (form: Form) =>
  fieldsOf(form)
    .map(field => field.name)
    .join(' ')

const flat = (answers: Answers): RecordAnswers =>
  Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, typeof answer === 'string' ? answer : '']))

/** Every field of the form, '' where nothing is filled in: what is emptied is a change too. */
function whole(form: Form, answers: Answers): RecordAnswers {
  const given = flat(answers)
  return Object.fromEntries(fieldsOf(form).map(({ name }) => [name, given[name] ?? '']))
}

/** What empties personal data that may be left out, where an empty field keeps them. */
const none = '无'

/** Personal data never stand in a form that changes them: an empty field, or one with the masked value, keeps what is there. */
function shownValues(form: Form, answers: RecordAnswers): RecordAnswers {
  return Object.fromEntries(fieldsOf(form).map(({ name, personal }) => [name, personal ? '' : (answers[name] ?? '')]))
}

function keptHints(form: Form, answers: RecordAnswers): Adjust {
  return Object.fromEntries(
    fieldsOf(form).flatMap(({ name, personal, required }) => {
      const value = answers[name]
      const hint = personal && value && `现为 ${masks[personal](value)}，不改就留空${required ? '' : `，要删去就填“${none}”`}`
      return hint ? [[name, { hint, required: false }] as const] : []
    }),
  )
}

function withKept(form: Form, posted: Answers, kept: RecordAnswers): Answers {
  const answers = { ...posted }
  for (const { name, personal, required } of fieldsOf(form)) {
    const now = kept[name]
    const typed = answers[name]
    if (!personal || !now) continue
    if (!typed || typed === masks[personal](now)) answers[name] = now
    else if (!required && typed === none) answers[name] = ''
  }
  return answers
}

const labelOf = ({ form }: Archive, name: string) => fieldsOf(form).find(field => field.name === name)?.label ?? name

async function notify(req: Request, page: AnyForm, id: number): Promise<void> {
  for (const text of (await page.notices?.(db, id)) ?? []) flash(req, { tone: 'warn', text })
}

/** A change of an archive in the action log: which fields, never what they hold. */
export async function logChange(
  trx: Knex.Transaction,
  req: Request,
  res: Response,
  action: Extract<Action, `archive.${string}`>,
  { archive, id, name, fields }: { archive: Archive; id: number; name: string; fields: readonly string[] },
): Promise<void> {
  await record(trx, actorOf(req, res), {
    action,
    object: { type: 'archive', id: `${archive.code}/${id}`, label: `${archive.label} ${name}`.slice(0, 200) },
    ...(fields.length ? { detail: { fields: fields.map(field => labelOf(archive, field)) } } : {}),
  })
}

/** A record to read, section by section: codes in words, personal data masked unless revealed. */
export function shownRecord(
  archive: Archive,
  answers: RecordAnswers,
  { masked = true, adjust = {} }: { masked?: boolean; adjust?: Adjust } = {},
): ShownSection[] {
  return showAnswers(archive.form, answers, { masked, adjust })
}

/** One change as a page shows it. */
export interface ShownChange {
  at: Date
  who: string
  label: string
  before: string
  after: string
  kase?: { id: number; serial: string | null }
}

/**
 * The newest changes of a record in words, personal data masked, for `views/archives/changes`.
 * @param adjust options that only the database knows, such as regions
 */
export async function changesPart(
  db: Knex,
  archive: Archive,
  id: number,
  adjust: Adjust = {},
  limit = 30,
): Promise<ShownChange[]> {
  const rows = await changeRows(db, archive, id, { limit })
  const users = [...new Set(rows.flatMap(row => row.user_id ?? []))]
  const cases = [...new Set(rows.flatMap(row => row.case_id ?? []))]
  const [people, kases] = await Promise.all([
    users.length ? db('users').whereIn('id', users).select('id', 'name') : [],
    cases.length ? db('cases').whereIn('id', cases).select('id', 'serial') : [],
  ])
  const names = new Map(people.map(({ id, name }: { id: number; name: string }) => [id, name]))
  const serials = new Map(kases.map(({ id, serial }: { id: number; serial: string | null }) => [id, serial]))
  const words = (field: string, kept: string | null) =>
    shownRecord(archive, { [field]: openText(archive, field, kept) }, { adjust })
      .flatMap(section => section.fields)
      .filter(shown => shown.name === field)
      .map(({ text, unit }) => (unit ? `${text} ${unit}` : text))[0] ?? '—'
  return rows.map(row => ({
    at: row.at,
    who: (row.user_id && names.get(row.user_id)) || '系统',
    label: labelOf(archive, row.field),
    before: words(row.field, row.before),
    after: words(row.field, row.after),
    ...(row.case_id ? { kase: { id: row.case_id, serial: serials.get(row.case_id) ?? null } } : {}),
  }))
}

/** The past day a page is asked for by `?on=`; today or a day to come is now. */
export interface AsOf {
  on?: string
  /** What was typed, to show it again. */
  typed: string
  mistake?: string
  today: string
}

/** Reads `?on=YYYY-MM-DD`. */
export function readOn(req: Request): AsOf {
  const typed = queryText(req, 'on').trim()
  const now = today()
  if (!typed || typed === now) return { typed: '', today: now }
  if (!isDay(typed)) return { typed, today: now, mistake: '日期请填写成 2026-11-23 这样、确实存在的一天。' }
  if (typed > now) return { typed, today: now, mistake: `${typed} 还没有到，下面是今天的档案。` }
  return { on: typed, typed, today: now }
}

/** Whether a row with a period, both days included, stood on a day. */
export function stoodOn(row: { starts_on: string; ends_on: string | null }, day: string): boolean {
  return row.starts_on <= day && (row.ends_on === null || row.ends_on >= day)
}

/** Whether a record was there on a day. */
export const wasThere = ({ created_at }: { created_at: Date }, day: string) => dayOf(created_at) <= day

export const revealForm = z.object({
  reason: text({ label: '查看原因', min: 2, max: 100, hint: '如：电话核实任职情况。会记入操作日志。' }),
})

export interface RevealPages {
  archive: Archive
  path?: string
  roles: readonly Role[]
  open(db: Knex, user: User, id: number): Promise<RecordHead>
  /** Shows the page of the record with everything in full, in this answer alone. */
  show(req: Request, res: Response, id: number): Promise<void>
  /** Shows the page again with the mistake at the reason. */
  again(req: Request, res: Response, id: number, mistake: string): Promise<void>
}

/** Adds `POST /:id/reveal`: personal data of one record in full, for a reason, logged and only so often an hour (domain.md §15). */
export function revealPages(router: Router, { archive, path = '/:id/reveal', roles, open, show, again }: RevealPages): void {
  // Who was asked to sign in on the way comes back here.
  router.get(path, allow(...roles), async (req, res) => res.redirect(302, (await open(db, currentUser(res), recordId(req))).href))
  router.post(path, allow(...roles), async (req, res) => {
    const user = currentUser(res)
    const id = recordId(req)
    const head = await open(db, user, id)
    const form = readForm(revealForm, req.body)
    if (!form.ok) {
      res.status(422)
      return await again(req, res, id, form.mistakes.reason ?? '请填写查看原因。')
    }
    await limitReveals(user.id)
    await record(db, actorOf(req, res), {
      action: 'personal.reveal',
      object: {
        type: 'archive',
        id: `${archive.code}/${id}`,
        label: `${archive.label} ${maskedName(archive, head.name)}`.slice(0, 200),
      },
      detail: { reason: form.data.reason },
    })
    await show(req, res, id)
  })
}

/** Names that are personal data are masked in logs too. */
function maskedName({ form }: Archive, name: string): string {
  const mask = fieldsOf(form).find(field => field.name === 'name')?.personal
  return mask ? masks[mask](name) : name
}
