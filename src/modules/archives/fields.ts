import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { type FieldMeta, optionalDecimal, optionalInteger, optionalText, text } from '../../forms/form.ts'
import { normaliseCode, residentIdMistake, socialCreditCodeMistake } from '../../identifiers.ts'

/** The kinds of field that several archives ask for in the same way (domain.md §9, §14). */

type More = Partial<FieldMeta>

const phonePattern = /^(1\d{10}|0\d{2,3}-?\d{7,8}(-\d{1,6})?)$/
const phoneHint = (label: string) => `${label}请填 11 位手机号，或带区号的固定电话，如 0531-81234567。`
const halfWidth = (text: string) => text.normalize('NFKC').replace(/\s/g, '')

/** A mobile number, or a telephone number with its area code. */
export function phone(label: string, more: More = {}) {
  return text({ ...phoneRules(label), ...more })
}

/** The same, when it may be left out. */
export function optionalPhone(label: string, more: More = {}) {
  return optionalText({ ...phoneRules(label), ...more })
}

const phoneRules = (label: string) => ({
  label,
  type: 'tel' as const,
  inputmode: 'tel',
  max: 30,
  normalise: halfWidth,
  pattern: phonePattern,
  patternHint: phoneHint(label),
})

/** An 18-digit resident ID number (GB 11643-1999), masked wherever it is only shown. */
export function residentId(label: string, more: More = {}) {
  return text({ label, personal: 'id', max: 40, normalise: normaliseCode, rule: residentIdMistake, ...more })
}

/** The same, when it may be left out. */
export function optionalResidentId(label: string, more: More = {}) {
  const rule = (signs: string) => (signs ? residentIdMistake(signs) : undefined)
  return optionalText({ label, personal: 'id', max: 40, normalise: normaliseCode, rule, ...more })
}

/** An 18-sign unified social credit code (GB 32100-2015). */
export function creditCode(label: string, more: More = {}) {
  return text({ label, max: 40, normalise: normaliseCode, rule: socialCreditCodeMistake, ...more })
}

/** The same, when it may be left out. */
export function optionalCreditCode(label: string, more: More = {}) {
  const rule = (signs: string) => (signs ? socialCreditCodeMistake(signs) : undefined)
  return optionalText({ label, max: 40, normalise: normaliseCode, rule, ...more })
}

/** Square metres, two digits. */
export function areaOf(label: string, more: More = {}) {
  return optionalDecimal({ label, unit: '㎡', digits: 2, min: 0, max: 999_999_999, ...more })
}

/** A count of things. */
export function countOf(label: string, unit: string, more: More = {}) {
  return optionalInteger({ label, unit, min: 0, max: 10_000_000, ...more })
}

/** A text that may be left out. */
export function note(label: string, max: number, more: More = {}) {
  return optionalText({ label, max, ...more })
}

/** An e-mail address that may be left out. */
export function optionalEmail(label: string, more: More = {}) {
  const rule = (address: string) =>
    !address || z.email().safeParse(address).success ? undefined : `${label}请填写成 name@example.com 这样的地址。`
  return optionalText({ label, type: 'email', max: 100, rule, ...more })
}

/** Whether somebody acts for an organisation and not for an office. */
export function isOrganisation({ scope }: User): boolean {
  return scope.level === 'organisation'
}
