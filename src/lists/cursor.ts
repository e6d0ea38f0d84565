import { z } from 'zod'
import type { Column } from './list.ts'

/** A place between two rows: the row it follows or precedes, as the sort sees it. */
export interface Place {
  /** The sort it belongs to, `name` or `-name`. */
  sort: string
  /** The value of the sort column in that row. */
  value: string | number | Date
  key: string | number
  /** How many rows lie before the place, as far as anybody knew; only shown, never relied on. */
  before: number
}

const parts = z.tuple([
  z.string().max(41),
  z.union([z.string().max(400), z.number()]),
  z.union([z.string().regex(/^[\x20-\x7e]{1,64}$/), z.int().nonnegative()]),
  z.int().min(0).max(1_000_000_000),
])

/** The opaque form of a place for an address. */
export function writePlace({ sort, value, key, before }: Place): string {
  return Buffer.from(JSON.stringify([sort, value instanceof Date ? value.getTime() : value, key, before])).toString('base64url')
}

/**
 * Reads a place back. Whatever a stranger may have put there, what comes out fits the column it is compared with.
 * @returns nothing when it is not one of ours, or belongs to another sort
 */
export function readPlace(text: string, sort: string, column: Column): Place | undefined {
  if (text.length > 1200 || !/^[\w-]+$/.test(text)) return undefined
  try {
    const [of, raw, key, before] = parts.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    const value = fitting(column, raw)
    return of === sort && value !== undefined ? { sort, value, key, before } : undefined
  } catch {
    return undefined
  }
}

/** Both servers refuse to compare a date with something that is none, or a column of ASCII with Han. */
function fitting({ type, sort, words }: Column, raw: string | number): Place['value'] | undefined {
  if (typeof sort === 'string') return typeof raw === 'number' ? raw : ascii(raw)
  if (words) return ascii(raw)
  switch (type) {
    case 'moment':
    case 'second':
      return typeof raw === 'number' && Math.abs(raw) < 8e12 ? new Date(raw) : undefined
    case 'date':
      return z.iso.date().safeParse(raw).success ? raw : undefined
    case 'number':
    case 'area':
    case 'money':
    case 'flag':
      return /^-?\d{1,20}(\.\d{1,6})?$/.test(String(raw)) ? raw : undefined
    case 'code':
    case 'state':
      return ascii(raw)
    default:
      return typeof raw === 'string' ? raw : undefined
  }
}

function ascii(raw: string | number): string | undefined {
  return typeof raw === 'string' && /^[\x20-\x7e]*$/.test(raw) ? raw : undefined
}
