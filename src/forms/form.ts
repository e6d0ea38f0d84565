import { z } from 'zod'

/**
 * One zod schema with labels is the form page, the read-only page, the difference between versions, the Excel column and the
 * API description. The builders here check text once, at the edge; past them the types are true.
 */

export interface FieldMeta {
  label: string
  type?: 'text' | 'textarea' | 'password' | 'email' | 'tel' | 'number' | 'date' | 'select' | 'checkbox' | 'hidden'
  hint?: string
  unit?: string
  options?: readonly Option[]
  autocomplete?: string
  inputmode?: string
  placeholder?: string
  wide?: boolean
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
  const rule = (text: string) =>
    z.iso.date().safeParse(text).success ? undefined : `${rules.label}请填写成 2026-11-23 这样的日期。`
  return described(
    unset.transform((value, ctx) => cleanText(value, { ...rules, type: 'date', max: 20, rule }, false, ctx)),
    { ...rules, type: 'date' },
    true,
  )
}

/** A whole number between `min` and `max`. */
export function integer(rules: FieldMeta & { min: number; max: number }) {
  const { min, max, ...meta } = rules
  const unit = rules.unit ?? ''
  const rule = (text: string) =>
    /^-?\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max
      ? undefined
      : `${rules.label}请填写 ${min} 到 ${max} 之间的整数${unit && `，单位为${unit}`}。`
  const fold = (text: string) => text.normalize('NFKC')
  const check = (value: unknown, ctx: z.RefinementCtx) =>
    cleanText(value, { ...meta, max: 20, rule, normalise: fold }, false, ctx)
  return described(
    unset.transform((value, ctx) => Number(check(value, ctx))),
    { ...meta, type: 'number', inputmode: 'numeric' },
    true,
  )
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
