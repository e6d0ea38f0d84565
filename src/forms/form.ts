import { z } from 'zod'
import type { Mask } from '../lists/masks.ts'

/**
 * One zod schema with labels is the form page, the read-only page, the difference between versions, the Excel column and the
 * API description. The builders here check text once, at the edge; past them the types are true.
 */

export interface FieldMeta {
  label: string
  type?:
    | 'text'
    | 'textarea'
    | 'password'
    | 'email'
    | 'tel'
    | 'number'
    | 'date'
    | 'select'
    | 'radio'
    | 'checkbox'
    | 'hidden'
    | 'rows'
  hint?: string
  unit?: string
  options?: readonly Option[]
  autocomplete?: string
  inputmode?: string
  placeholder?: string
  wide?: boolean
  /** The title of the section that begins at this field; the fields behind it belong to it too. */
  section?: string
  /** Personal data: encrypted in drafts and submitted editions, masked on pages that only show. */
  personal?: Mask
  /** The value is that of the archive: only read here, never taken from what is posted. `label` names the archive, `href` changes it there; `beside`: another field of this form does. */
  archive?: true | { label: string; href?: string; beside?: true }
  /** The number of a certificate, compared between applicants. */
  mark?: true
  /** ★: a field of an archive that changes only by a reviewed application (变更申请, domain.md §9). */
  star?: true
}
export interface Option {
  value: string
  label: string
}

/** What `views/partials/field` draws. */
export interface Field extends FieldMeta {
  name: string
  type: NonNullable<FieldMeta['type']>
  required: boolean
  max?: number
  /** Digits behind the point of a decimal. */
  digits?: number
  /** What one row asks for, how many rows there must be, and what one is called; of repeating rows only. */
  of?: Form
  min?: number
  rowLabel?: string
}

// A field that was not sent is an empty one; zod would otherwise refuse it in English before our sentence.
const unset = z.unknown().optional()

interface TextRules extends FieldMeta {
  /** Longest text in characters as people count them. */
  max?: number
  min?: number
  pattern?: RegExp
  /** What to write instead, when `pattern` does not fit. */
  patternHint?: string
  /** A rule of the domain: the sentence to show, or nothing. Runs on the cleaned text. */
  rule?: (text: string) => string | undefined
  /** Brings the text into its stored form before the rules look at it. */
  normalise?: (text: string) => string
}

// Controls, formats (zero width, bidi, BOM) and the code points that are no characters, which an XML part of a workbook cannot hold.
const invisible = /[\p{Cc}\p{Cf}\p{Noncharacter_Code_Point}]/u

/** A text without the signs nobody sees, for what is kept beside a form and has no rules of its own. */
export function visible(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Noncharacter_Code_Point}]/gu, sign => (sign === '\n' ? sign : ''))
    .trim()
}

function cleanText(value: unknown, rules: TextRules, optional: boolean, ctx: z.RefinementCtx): string {
  const mistake = (message: string) => {
    ctx.addIssue({ code: 'custom', message })
    return ''
  }
  const { label } = rules
  if (value !== undefined && value !== null && typeof value !== 'string') return mistake(`${label}只能填写一项。`)
  const lines = rules.type === 'textarea' ? (value ?? '').replace(/\r\n?/g, '\n') : (value ?? '')
  const trimmed = lines.normalize('NFC').trim()
  if (!trimmed.isWellFormed() || invisible.test(trimmed.replace(/[\n\t]/g, '')))
    return mistake(`${label}里有看不见的控制字符，请删除后重新填写。`)
  if (rules.type !== 'textarea' && /[\n\t]/.test(trimmed)) return mistake(`${label}只能填写一行。`)
  const text = rules.normalise ? rules.normalise(trimmed) : trimmed
  if (!text) return optional ? '' : mistake(rules.options ? `请选择${label}。` : `请填写${label}。`)
  const length = [...text].length
  const max = rules.max ?? 200
  if (length > max) return mistake(`${label}最多 ${max} 个字，现有 ${length} 个。`)
  if (rules.min && length < rules.min) return mistake(`${label}至少 ${rules.min} 个字。`)
  if (rules.options && !rules.options.some(option => option.value === text))
    return mistake(`${label}不在可选范围内，请重新选择。`)
  if (rules.pattern && !rules.pattern.test(text)) return mistake(rules.patternHint ?? `${label}的格式不对。`)
  const broken = rules.rule?.(text)
  return broken ? mistake(broken) : text
}

function described<T extends z.ZodType>(
  schema: T,
  { max, rule, normalise, pattern, patternHint, min, ...meta }: TextRules,
  required: boolean,
): T {
  return schema.meta({ ...meta, required, ...(max ? { max } : {}) })
}

/** A text that must be there. One line unless `type` is `textarea`; trimmed, NFC, without control characters. */
export function text(rules: TextRules) {
  return described(
    unset.transform((value, ctx) => cleanText(value, rules, false, ctx)),
    rules,
    true,
  )
}

/** A text that may be left out; `null` then. */
export function optionalText(rules: TextRules) {
  return described(
    unset.transform((value, ctx) => cleanText(value, rules, true, ctx) || null),
    rules,
    false,
  )
}

/** One of some options. */
export function choice<T extends string>(rules: FieldMeta & { options: readonly { value: T; label: string }[] }) {
  // The check against the options narrows the text to their union.
  return described(
    unset.transform((value, ctx) => cleanText(value, { type: 'select', ...rules }, false, ctx) as T),
    { type: 'select', ...rules },
    true,
  )
}

/** One of some options, or none. */
export function optionalChoice<T extends string>(rules: FieldMeta & { options: readonly { value: T; label: string }[] }) {
  return described(
    unset.transform((value, ctx) => (cleanText(value, { type: 'select', ...rules }, true, ctx) || null) as T | null),
    { type: 'select', ...rules },
    false,
  )
}

/** A calendar day `YYYY-MM-DD` that exists. */
export function date(rules: FieldMeta) {
  const all = dayRules(rules)
  return described(
    unset.transform((value, ctx) => cleanText(value, all, false, ctx)),
    { ...rules, type: 'date' },
    true,
  )
}

/** A calendar day that may be left out; `null` then. */
export function optionalDate(rules: FieldMeta) {
  const all = dayRules(rules)
  return described(
    unset.transform((value, ctx) => cleanText(value, all, true, ctx) || null),
    { ...rules, type: 'date' },
    false,
  )
}

function dayRules(rules: FieldMeta): TextRules {
  const rule = (text: string) =>
    z.iso.date().safeParse(text).success ? undefined : `${rules.label}请填写成 2026-11-23 这样的日期。`
  return { ...rules, type: 'date', max: 20, rule }
}

/** A whole number between `min` and `max`. */
export function integer(rules: FieldMeta & { min: number; max: number }) {
  const { min: _min, max: _max, ...meta } = rules
  const all = integerRules(rules)
  return described(
    unset.transform((value, ctx) => Number(cleanText(value, all, false, ctx))),
    { ...meta, type: 'number', inputmode: 'numeric' },
    true,
  )
}

/** A whole number that may be left out; `null` then. */
export function optionalInteger(rules: FieldMeta & { min: number; max: number }) {
  const { min: _min, max: _max, ...meta } = rules
  const all = integerRules(rules)
  return described(
    unset.transform((value, ctx) => {
      const text = cleanText(value, all, true, ctx)
      return text ? Number(text) : null
    }),
    { ...meta, type: 'number', inputmode: 'numeric' },
    false,
  )
}

function integerRules({ min, max, ...meta }: FieldMeta & { min: number; max: number }): TextRules {
  const unit = meta.unit ?? ''
  const rule = (text: string) =>
    /^-?\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max
      ? undefined
      : `${meta.label}请填写 ${min} 到 ${max} 之间的整数${unit && `，单位为${unit}`}。`
  return { ...meta, max: 20, rule, normalise: text => text.normalize('NFKC') }
}

type DecimalRules = FieldMeta & { min: number; max: number; digits: number }

/**
 * Money, an area or another exact number, as text with exactly `digits` digits behind the point: 200 becomes 200.00. Full-width
 * signs and thousands commas are understood.
 */
export function decimal(rules: DecimalRules) {
  const { min: _min, max: _max, ...meta } = rules
  const all = decimalRules(rules)
  return described(
    unset.transform((value, ctx) => cleanText(value, all, false, ctx)),
    { ...meta, type: 'number', inputmode: 'decimal' },
    true,
  )
}

/** The same, when it may be left out; `null` then. */
export function optionalDecimal(rules: DecimalRules) {
  const { min: _min, max: _max, ...meta } = rules
  const all = decimalRules(rules)
  return described(
    unset.transform((value, ctx) => cleanText(value, all, true, ctx) || null),
    { ...meta, type: 'number', inputmode: 'decimal' },
    false,
  )
}

function decimalRules({ min, max, digits, ...meta }: DecimalRules): TextRules {
  const unit = meta.unit ?? ''
  const stored = new RegExp(`^-?\\d{1,12}${digits ? `\\.\\d{${digits}}` : ''}$`)
  const rule = (text: string) =>
    stored.test(text) && Number(text) >= min && Number(text) <= max
      ? undefined
      : `${meta.label}请填写 ${grouped(min)} 到 ${grouped(max)} 之间的数，最多 ${digits} 位小数${unit && `，单位为${unit}`}。`
  return { ...meta, max: 40, rule, normalise: text => plainDecimal(text, digits) }
}

const grouped = (value: number) => new Intl.NumberFormat('zh-CN', { maximumFractionDigits: 4 }).format(value)

/** 1,200.5 as 1200.50; what is no such number, or more exact than can be kept, stays as it is typed and is refused by the rule. */
function plainDecimal(text: string, digits: number): string {
  // 。 is what a Chinese keyboard gives for the point.
  const folded = text.normalize('NFKC').replace(/\s/g, '').replace('−', '-').replace('。', '.')
  const [, minus = '', whole = '', fraction = ''] = /^(-?)(\d*|\d{1,3}(?:,\d{3})+)(?:\.(\d*))?$/.exec(folded) ?? []
  if (!whole && !fraction) return folded
  const kept = fraction.slice(0, digits)
  if (/[1-9]/.test(fraction.slice(digits))) return folded
  const plain = (whole.replaceAll(',', '').replace(/^0+(?=\d)/, '') || '0') + (digits ? `.${kept.padEnd(digits, '0')}` : '')
  return /[1-9]/.test(plain) ? minus + plain : plain
}

/** More rows than any form asks for. */
export const mostRows = 1000

interface RowRules<F extends Form> extends Pick<FieldMeta, 'label' | 'section' | 'hint' | 'archive'> {
  /** What each row asks for. */
  of: F
  min?: number
  max: number
  /** What one row is called, for its button: 增加人员. */
  rowLabel?: string
}

/**
 * Repeating rows, checked one by one.
 * @throws Error when the rows are declared with what they cannot hold
 */
export function rows<F extends Form>({ of, min = 0, max, ...meta }: RowRules<F>) {
  const { label } = meta
  const odd = fieldsOf(of).find(field => field.type === 'rows' || field.type === 'hidden' || field.archive || field.section)
  if (odd) throw new Error(`rows ${label}: ${odd.name} cannot stand in a row`)
  if (max > mostRows) throw new Error(`rows ${label}: more than ${mostRows}`)
  const schema = unset.transform((value, ctx): z.infer<F>[] => {
    const mistake = (message: string, path: PropertyKey[] = []) => ctx.addIssue({ code: 'custom', message, path })
    const given: unknown = value ?? []
    if (!Array.isArray(given)) mistake(`${label}请按行填写。`)
    else if (given.length < min)
      mistake(given.length ? `${label}至少 ${min} 行，现有 ${given.length} 行。` : `请填写${label}，至少 ${min} 行。`)
    else if (given.length > max) mistake(`${label}最多 ${max} 行，现有 ${given.length} 行。`)
    if (!Array.isArray(given) || given.length > max) return []
    return given.flatMap((row: unknown, index) => {
      const read = of.safeParse(isRecord(row) ? row : {})
      if (read.success) return [read.data]
      for (const issue of read.error.issues) mistake(issue.message, [index, ...issue.path])
      return []
    })
  })
  return schema.meta({ ...meta, of, min, max, type: 'rows', wide: true, required: min > 0 })
}

/** A box to tick: true or false. */
export function checkbox(rules: FieldMeta) {
  return described(
    unset.transform(value => value === 'on' || value === '1'),
    { ...rules, type: 'checkbox' },
    false,
  )
}

/** A box that must be ticked; `message` says why. */
export function consent(rules: FieldMeta & { message: string }) {
  const { message, ...meta } = rules
  const schema = unset.transform((value, ctx) => {
    if (value !== 'on' && value !== '1') ctx.addIssue({ code: 'custom', message })
    return true as const
  })
  return described(schema, { ...meta, type: 'checkbox' }, true)
}

/** A password as typed: never trimmed, never shown again. */
export function secret(rules: FieldMeta) {
  const schema = unset.transform((value, ctx) => {
    if (typeof value === 'string' && value.length > 0 && value.length <= 256) return value
    ctx.addIssue({
      code: 'custom',
      message:
        typeof value === 'string' && value.length > 256
          ? `${rules.label}最多 256 个字符。`
          : /^再/.test(rules.label)
            ? `请${rules.label}。`
            : `请填写${rules.label}。`,
    })
    return z.NEVER
  })
  return described(schema, { ...rules, type: 'password' }, true)
}

/** The version of the row a form was opened with, for the optimistic check. */
export const version = z.coerce
  .number()
  .int()
  .min(1)
  .max(4_000_000_000)
  .catch(0)
  .meta({ label: '版本', type: 'hidden', required: true })

export type Form = z.ZodObject
export type Values = Record<string, string>
export type Mistakes = Record<string, string>
export type Reading<T> = { ok: true; data: T } | { ok: false; values: Values; mistakes: Mistakes }

/**
 * Reads a form once, at the edge. Unknown keys are dropped, so a form can never set what it does not show.
 * @returns the data, or what was typed (without secrets) with one sentence per field
 */
export function readForm<F extends Form>(form: F, body: unknown): Reading<z.infer<F>> {
  const read = form.safeParse(isRecord(body) ? body : {})
  if (read.success) return { ok: true, data: read.data }
  const mistakes: Mistakes = {}
  for (const issue of read.error.issues) mistakes[String(issue.path[0] ?? '')] ??= issue.message
  return { ok: false, values: typed(form, body), mistakes }
}

/** What was typed into the fields of a form, as text, to be shown again; secrets are left out. */
export function typed(form: Form, body: unknown): Values {
  const values: Values = {}
  if (!isRecord(body)) return values
  for (const field of fieldsOf(form)) {
    const value = Object.hasOwn(body, field.name) ? body[field.name] : undefined
    const first = Array.isArray(value) ? value[0] : value
    if (typeof first === 'string' && field.type !== 'password') values[field.name] = first.slice(0, 20_000)
  }
  return values
}

/** The fields of a form in the order they are declared. */
export function fieldsOf(form: Form): Field[] {
  return Object.entries(form.shape).map(([name, schema]) => {
    const meta = (schema as z.ZodType).meta() as (FieldMeta & { required?: boolean; max?: number }) | undefined // Knows what `described` wrote
    return { name, type: 'text', required: true, label: name, ...meta }
  })
}

/**
 * The fields of a form that somebody deals with now, such as all that change at once. A section begins at the first of its fields
 * that is left.
 * @param keep which fields
 */
export function partOf(form: Form, keep: (field: Field) => boolean): Form {
  let section: string | undefined
  const shape: Record<string, z.ZodType> = {}
  for (const field of fieldsOf(form)) {
    section = field.section ?? section
    if (!keep(field)) continue
    const schema = form.shape[field.name] as z.ZodType // fieldsOf reads the same shape
    shape[field.name] = section && !field.section ? schema.meta({ ...schema.meta(), section }) : schema
    section = undefined
  }
  return z.object(shape)
}

/** What only this visit knows of single fields, such as options from the database; a cell of repeating rows is named `people.title`. */
export type Adjust = Record<string, Partial<Field>>

/** The fields of a form as this visit sees them; `prefix` is what stands before the names in `adjust`. */
export function adjustedFields(form: Form, adjust: Adjust = {}, prefix = ''): Field[] {
  return fieldsOf(form).map(field => ({ ...field, ...adjust[prefix + field.name] }))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
