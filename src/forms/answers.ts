import type { z } from 'zod'
import { decrypt, encrypt } from '../crypto.ts'
import { normaliseCode } from '../identifiers.ts'
import { masks } from '../lists/masks.ts'
import { type Adjust, adjustedFields, type Field, type Form, fieldsOf, type Mistakes, mostRows, type Values } from './form.ts'

/**
 * A form as text, the way drafts and submitted editions hold it: one text a field, '' where nothing is filled in, and a list of the
 * same for repeating rows. Posted as `name=…` and `people.0.name=…`.
 */
export type Answers = Record<string, Answer>
export type Answer = string | AnswerRow[]
export type AnswerRow = Record<string, string>

export type Checked<T> = { ok: true; data: T; answers: Answers } | { ok: false; answers: Answers; mistakes: Mistakes }

const longest = 20_000

/**
 * What was posted, as answers: only fields of the form, rows in their order without gaps, texts cut at 20,000 signs. What was not
 * posted is left out, unless `fields=pledge people` says that it stood on the page: an unticked box, rows all deleted. Blank rows
 * are dropped, except after a press on 增加 (`rows=people+`) or 删除 (`rows=people-2`, the number in the names of the row): then the
 * page comes back with the rows as they stood, one more or one less.
 * @param known the archive's values, the only source of fields marked `archive`
 */
export function answersFrom(form: Form, body: unknown, known: Answers = {}): Answers {
  const posted = isRecord(body) ? body : {}
  const stood = new Set(textFrom(posted.fields)?.split(' '))
  const answers: Answers = {}
  for (const field of fieldsOf(form)) {
    const { name } = field
    const sent = field.archive ? ownOf(known, name) : field.of ? rowsFrom(field, posted) : textFrom(ownOf(posted, name))
    const answer = sent ?? (!stood.has(name) || field.archive ? undefined : field.of ? [] : '')
    if (answer !== undefined) answers[name] = answer
  }
  return answers
}

function rowsFrom({ name, of, max = mostRows }: Field, body: Record<string, unknown>): AnswerRow[] | undefined {
  const press = textFrom(ownOf(body, 'rows'))
  const cells = new Set(of ? fieldsOf(of).map(cell => cell.name) : [])
  const rows = new Map<number, AnswerRow>()
  for (const [key, value] of Object.entries(body)) {
    if (!key.startsWith(`${name}.`)) continue
    const [, index = '', cell = ''] = /^(0|[1-9]\d{0,8})\.(\w+)$/.exec(key.slice(name.length + 1)) ?? []
    const text = cells.has(cell) && textFrom(value)
    if (typeof text !== 'string') continue
    const row = rows.get(Number(index)) ?? {}
    row[cell] = text
    rows.set(Number(index), row)
  }
  const [, removed] = press?.startsWith(`${name}-`) ? (/-(\d{1,9})$/.exec(press) ?? []) : []
  if (removed) rows.delete(Number(removed))
  const inOrder = [...rows].sort(([one], [other]) => one - other).map(([, row]) => row)
  // One more than any form allows, so that too many are still told.
  const kept = (press === undefined ? inOrder.filter(row => !isBlank(row)) : inOrder).slice(0, mostRows + 1)
  if (press === `${name}+` && kept.length < max) kept.push({})
  return rows.size || removed || kept.length ? kept : undefined
}

function textFrom(value: unknown): string | undefined {
  const first = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first.slice(0, longest).toWellFormed() : undefined
}

const isBlank = (row: AnswerRow) => Object.values(row).every(text => !text.trim())

/**
 * Checks answers against the form; `mistakes` are named like the inputs (`people.0.id_number`). On success `answers` are in their
 * stored form. Blank rows do not count, so the answers that come back are those the mistakes are numbered by.
 */
export function checkAnswers<F extends Form>(form: F, answers: Answers): Checked<z.infer<F>> {
  const filled = tidy(answers)
  const read = form.safeParse(filled)
  if (read.success) return { ok: true, data: read.data, answers: storedForm(form, read.data) }
  const mistakes: Mistakes = {}
  for (const issue of read.error.issues) mistakes[issue.path.join('.')] ??= issue.message
  return { ok: false, answers: filled, mistakes }
}

/** What was read from a form, as text again. */
function storedForm(form: Form, data: Record<string, unknown>): Answers {
  return tidy(
    Object.fromEntries(
      fieldsOf(form).map(({ name, of }) => {
        const value = data[name]
        return [name, of && Array.isArray(value) ? value.map(row => storedRow(row)) : storedText(value)]
      }),
    ),
  )
}

const storedRow = (row: object): AnswerRow =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, storedText(value)]))

function storedText(value: unknown): string {
  if (value === null || value === undefined || value === false) return ''
  return value === true ? 'on' : String(value)
}

/** The canonical text of answers: keys in order, nothing empty, the same for the same content on any server. */
export function canonicalAnswers(answers: Answers): string {
  return JSON.stringify(tidy(answers))
}

/** Keys in order; empty texts and blank rows left out. */
function tidy(answers: Answers): Answers {
  const full = Object.entries(answers).map(([name, answer]): [string, Answer] => [
    name,
    typeof answer === 'string' ? answer : answer.filter(row => !isBlank(row)).map(row => filledIn(Object.entries(row))),
  ])
  return filledIn(full)
}

function filledIn<T extends Answer>(entries: [string, T][]): Record<string, T> {
  return Object.fromEntries(entries.filter(([, answer]) => answer.length).sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Answers as flat texts, the way a page posts them. */
export function flatAnswers(answers: Answers): Values {
  return Object.fromEntries(
    Object.entries(answers).flatMap(([name, answer]) =>
      typeof answer === 'string'
        ? [[name, answer]]
        : answer.flatMap((row, index) => Object.entries(row).map(([cell, text]) => [`${name}.${index}.${cell}`, text])),
    ),
  )
}

/**
 * The canonical text with the fields marked personal encrypted, for drafts and submitted editions.
 * @param column `table.column`, to which with the field each ciphertext is bound
 */
export function sealAnswers(form: Form, answers: Answers, column: string): string {
  const seal = (fields: Field[], row: Record<string, unknown>, place: string) =>
    Object.fromEntries(
      Object.entries(row).map(([name, text]) => {
        const isPersonal = fields.some(field => field.name === name && field.personal)
        return [name, isPersonal && typeof text === 'string' ? { sealed: encrypt(`${place}.${name}`, text) } : text]
      }),
    )
  const fields = fieldsOf(form)
  const open = tidy(answers)
  const rows = fields.flatMap(({ name, of }) => {
    const answer = ownOf(open, name)
    return of && Array.isArray(answer) ? [[name, answer.map(row => seal(fieldsOf(of), row, `${column}.${name}`))] as const] : []
  })
  return JSON.stringify({ ...seal(fields, open, column), ...Object.fromEntries(rows) })
}

/**
 * Opens what `sealAnswers` closed. Fields the form no longer has are left out.
 * @throws Error when a sealed text was altered or comes from elsewhere
 */
export function openAnswers(form: Form, text: string, column: string): Answers {
  const stored: unknown = JSON.parse(text)
  const open = (value: unknown, place: string): string | undefined => {
    if (typeof value === 'string') return value
    return isRecord(value) && typeof value.sealed === 'string' ? decrypt(place, value.sealed) : undefined
  }
  const answers: Answers = {}
  for (const { name, of } of fieldsOf(form)) {
    const value = isRecord(stored) ? ownOf(stored, name) : undefined
    if (of) {
      if (!Array.isArray(value)) continue
      answers[name] = value.filter(isRecord).map(row =>
        Object.fromEntries(
          fieldsOf(of).flatMap(cell => {
            const text = open(ownOf(row, cell.name), `${column}.${name}.${cell.name}`)
            return text === undefined ? [] : [[cell.name, text]]
          }),
        ),
      )
      continue
    }
    const text = open(value, `${column}.${name}`)
    if (text !== undefined) answers[name] = text
  }
  return answers
}

/** The certificate numbers in answers, in the form in which they are compared between applicants; each once. */
export function marksOf(form: Form, answers: Answers): { field: string; value: string }[] {
  const found = new Map<string, { field: string; value: string }>()
  const add = (field: string, text: string | undefined) => {
    const value = normaliseCode(text ?? '')
    if (value) found.set(`${field} ${value}`, { field, value })
  }
  for (const { name, mark, of } of fieldsOf(form)) {
    const answer = ownOf(answers, name)
    if (mark && typeof answer === 'string') add(name, answer)
    if (!of || !Array.isArray(answer)) continue
    for (const cell of fieldsOf(of)) if (cell.mark) for (const row of answer) add(`${name}.${cell.name}`, row[cell.name])
  }
  return [...found.values()]
}

/**
 * Only what is unlocked is taken from what was posted; all else, and what was not posted, stays as it was.
 * @returns the answers, and the locked fields that came with another value
 */
export function lockedTo(
  form: Form,
  before: Answers,
  posted: Answers,
  unlocked: ReadonlySet<string>,
): { answers: Answers; refused: Field[] } {
  const answers: Answers = {}
  const refused: Field[] = []
  for (const field of fieldsOf(form)) {
    const { name } = field
    const [old, now] = [ownOf(before, name), ownOf(posted, name)]
    const isOpen = unlocked.has(name)
    // What the archive says today is no change of the applicant's.
    if (!isOpen && !field.archive && now !== undefined && !isSameAnswer(old, now)) refused.push(field)
    const answer = isOpen ? (now ?? old) : old
    if (answer !== undefined) answers[name] = answer
  }
  return { answers, refused }
}

/** Line ends and blanks around are the browser's, not a change. */
function isSameAnswer(one: Answer = '', other: Answer = ''): boolean {
  const plain = (text: string) => text.replace(/\r\n?/g, '\n').normalize('NFC').trim()
  const text = (answer: Answer) =>
    typeof answer === 'string'
      ? plain(answer)
      : canonicalAnswers({
          rows: answer.map(row => Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, plain(cell)]))),
        })
  return text(one.length ? one : '') === text(other.length ? other : '')
}

export interface ShowRules {
  /** Whether personal data are masked. */
  masked: boolean
  adjust?: Adjust
}
export interface ShownSection {
  title: string
  fields: ShownField[]
  tables: ShownTable[]
}
export interface ShownField {
  name: string
  label: string
  /** In words; — where nothing is filled in. */
  text: string
  unit?: string
  masked: boolean
  wide: boolean
}
export interface ShownTable {
  name: string
  label: string
  columns: ShownColumn[]
  rows: ShownCell[][]
}
export interface ShownColumn {
  name: string
  label: string
  unit?: string
  numeric: boolean
}
export interface ShownCell {
  text: string
  masked: boolean
}

/** Answers for pages that only show and for papers, section by section: codes in words, personal data masked where asked. */
export function showAnswers(form: Form, answers: Answers, rules: ShowRules): ShownSection[] {
  const sections: ShownSection[] = []
  for (const field of shownFields(form, rules)) {
    if (field.section !== undefined || !sections.length) sections.push({ title: field.section ?? '', fields: [], tables: [] })
    const section = sections.at(-1)
    const answer = ownOf(answers, field.name)
    if (field.of) section?.tables.push(tableOf(field, cellsOf(field, rules), Array.isArray(answer) ? answer : [], rules))
    else section?.fields.push(shownField(field, typeof answer === 'string' ? answer : '', rules))
  }
  return sections
}

function shownFields(form: Form, { adjust }: ShowRules): Field[] {
  return adjustedFields(form, adjust).filter(field => field.type !== 'hidden' && field.type !== 'password')
}

function cellsOf({ name, of }: Field, { adjust }: ShowRules): Field[] {
  return of ? adjustedFields(of, adjust, `${name}.`) : []
}

function shownField(field: Field, text: string, rules: ShowRules): ShownField {
  const { name, label, unit } = field
  const wide = field.wide === true || field.type === 'textarea'
  return { name, label, ...shown(field, text, rules), ...(unit && text ? { unit } : {}), wide }
}

function tableOf({ name, label }: Field, cells: Field[], rows: AnswerRow[], rules: ShowRules): ShownTable {
  const columns = cells.map(({ name, label, unit, type }) => ({
    name,
    label,
    ...(unit ? { unit } : {}),
    numeric: type === 'number',
  }))
  return { name, label, columns, rows: rows.map(row => cells.map(cell => shown(cell, row[cell.name] ?? '', rules))) }
}

function shown(field: Field, text: string, { masked }: ShowRules): ShownCell {
  const hide = masked && text !== '' && field.personal
  return { text: hide ? masks[hide](text) : wordsOf(field, text), masked: Boolean(hide) }
}

/** A value in words. What is no number or no known code, as in a draft, stays as it was typed. */
function wordsOf({ type, options, unit }: Field, text: string): string {
  if (type === 'checkbox') return text ? '是' : '否'
  if (text === '') return '—'
  if (options) return options.find(option => option.value === text)?.label ?? text
  // A year is a number nobody groups.
  if (type !== 'number' || unit === '年' || !/^-?\d+(\.\d+)?$/.test(text)) return text
  const [whole = '', fraction] = text.replace('-', '−').split('.')
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (fraction ? `.${fraction}` : '')
}

/** A field that differs between two editions, in words. */
export interface Difference {
  name: string
  label: string
  before: string
  after: string
  unit?: string
  rows?: RowDifference[]
}
export interface RowDifference {
  change: 'same' | 'changed' | 'added' | 'removed'
  cells: { name: string; before: string; after: string; changed: boolean; masked: boolean }[]
}

/**
 * What differs between two editions, field by field. Rows belong together when they say the same, or alone carry the same ID or
 * certificate number (without one, the same first field), or stand at the same place and are mostly alike; order means nothing.
 */
export function compareAnswers(form: Form, before: Answers, after: Answers, rules: ShowRules = { masked: true }): Difference[] {
  return shownFields(form, rules).flatMap((field): Difference[] => {
    const { name, label, of, unit } = field
    const [old, now] = [ownOf(before, name), ownOf(after, name)]
    if (of) {
      const rows = compareRows(cellsOf(field, rules), Array.isArray(old) ? old : [], Array.isArray(now) ? now : [], rules)
      if (rows.every(row => row.change === 'same')) return []
      return [{ name, label, before: `${old?.length ?? 0} 行`, after: `${now?.length ?? 0} 行`, rows }]
    }
    if (isSameAnswer(old, now)) return []
    const text = (answer: Answer | undefined) => shown(field, typeof answer === 'string' ? answer : '', rules).text
    return [{ name, label, before: text(old), after: text(now), ...(unit ? { unit } : {}) }]
  })
}

function compareRows(fields: Field[], before: AnswerRow[], after: AnswerRow[], rules: ShowRules): RowDifference[] {
  const partners = partnersOf(fields, before, after)
  const matched = new Set(partners)
  const rows = after.map((now, at) => {
    const from = partners[at]
    return { from, ...rowDifference(fields, from === undefined ? undefined : before[from], now, rules) }
  })
  for (const [from, old] of before.entries()) {
    if (matched.has(from)) continue
    // Right behind the row it followed.
    const place = rows.findLastIndex(row => row.from !== undefined && row.from < from) + 1
    rows.splice(place, 0, { from, ...rowDifference(fields, old, undefined, rules) })
  }
  return rows.map(({ change, cells }) => ({ change, cells }))
}

function rowDifference(
  fields: Field[],
  before: AnswerRow | undefined,
  after: AnswerRow | undefined,
  rules: ShowRules,
): RowDifference {
  const cells = fields.map(field => {
    const [old = '', now = ''] = [before?.[field.name], after?.[field.name]]
    const [was, is] = [shown(field, old, rules), shown(field, now, rules)]
    return {
      name: field.name,
      before: was.text,
      after: is.text,
      changed: !isSameAnswer(old, now),
      masked: was.masked || is.masked,
    }
  })
  const change = !before ? 'added' : !after ? 'removed' : cells.some(cell => cell.changed) ? 'changed' : 'same'
  return { change, cells }
}

/** For each row after, the place of the row it was before. */
function partnersOf(fields: Field[], before: AnswerRow[], after: AnswerRow[]): (number | undefined)[] {
  const partners: (number | undefined)[] = after.map(() => undefined)
  const free = new Set(before.keys())
  const pair = (at: number, from: number) => {
    partners[at] = from
    free.delete(from)
  }
  const pairBy = (keyOf: (row: AnswerRow) => string) => {
    const byKey = new Map<string, number[]>()
    for (const from of free) {
      const key = keyOf(before[from] ?? {})
      if (key) byKey.set(key, [...(byKey.get(key) ?? []), from])
    }
    for (const [at, row] of after.entries()) {
      if (partners[at] !== undefined) continue
      const from = byKey.get(keyOf(row))?.shift()
      if (from !== undefined) pair(at, from)
    }
  }
  pairBy(row => canonicalAnswers({ row: [row] }))
  const identity = fields.find(field => field.personal === 'id') ?? fields.find(field => field.mark) ?? fields[0]
  const nameOf = (row: AnswerRow) => normaliseCode(row[identity?.name ?? ''] ?? '')
  const [old, now] = [countOf(before.map(nameOf)), countOf(after.map(nameOf))]
  // What stands in two rows names neither.
  pairBy(row => (old.get(nameOf(row)) === 1 && now.get(nameOf(row)) === 1 ? nameOf(row) : ''))
  for (const [at, row] of after.entries()) {
    const there = before[at]
    if (partners[at] !== undefined || !free.has(at) || !there) continue
    const alike = fields.filter(({ name }) => isSameAnswer(there[name], row[name])).length
    if (alike * 2 >= fields.length) pair(at, at)
  }
  return partners
}

function countOf(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

function ownOf<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text of an answer; '' where nothing is filled in or the field has rows. */
export function textOf(answers: Answers, name: string): string {
  const answer = answers[name]
  return typeof answer === 'string' ? answer : ''
}

/** The rows of an answer; none where the field has no rows. */
export function rowsOf(answers: Answers, name: string): AnswerRow[] {
  const answer = answers[name]
  return Array.isArray(answer) ? answer : []
}
