import type { Knex } from 'knex'
import { beijing } from '../clock.ts'
import { type Column, type Light, type Look, type Row, type Tone, type Value, type Words, wordsOf } from './list.ts'
import { masks } from './masks.ts'

/** A column made ready for one request: its words are loaded, so each row only needs looking up. */
export interface Reader {
  column: Column
  /** The value as this person may know it: in words, masked. Screen and files both start from here. */
  read(row: Row): Value
  /** How it looks, where the column says so itself. */
  look?(row: Row): Look
}

/** Loads what the columns need. */
export async function readersOf(db: Knex, columns: readonly Column[]): Promise<Reader[]> {
  return Promise.all(
    columns.map(async column => {
      const [words, look] = await Promise.all([column.words && wordsOf(db, column.words), column.look?.(db)])
      return { ...readerOf(column, words, look), ...(look ? { look } : {}) }
    }),
  )
}

function readerOf(column: Column, words: Words | undefined, look: Reader['look']): Reader {
  const { name, type, mask } = column
  const hide = mask && masks[mask]
  const plain = (row: Row): Value => {
    const value = look ? look(row).text : column.text ? column.text(row) : row[name]
    if (value === null || value === undefined || value === '') return null
    if (type === 'flag') return Number(value) ? '是' : '否'
    if (words) return words[String(value)] ?? String(value)
    return value
  }
  if (!hide) return { column, read: plain }
  return {
    column,
    read(row) {
      const value = plain(row)
      return value === null ? null : hide(String(value))
    },
  }
}

/** How a value reads on the screen, on paper and in text files; a missing one is empty. */
export function textOf({ type }: Column, value: Value): string {
  if (value === null) return ''
  if (value instanceof Date)
    return type === 'date' ? beijing(value).slice(0, 10) : beijing(value).slice(0, type === 'second' ? 19 : 16)
  if (isNumber(type)) return (digitsOf(type) ? two : whole).format(Number(value)).replace('-', '−')
  return String(value)
}

// Made once: toLocaleString builds a formatter per call.
const whole = new Intl.NumberFormat('zh-CN', { maximumFractionDigits: 0 })
const two = new Intl.NumberFormat('zh-CN', { minimumFractionDigits: 2, maximumFractionDigits: 2 })

export function isNumber(type: Column['type']): boolean {
  return type === 'number' || type === 'area' || type === 'money'
}

export function digitsOf(type: Column['type']): 0 | 2 {
  return type === 'area' || type === 'money' ? 2 : 0
}

/** What the page draws in one place of the table. */
export interface Cell {
  text: string
  href?: string
  tone?: Tone
  icon?: string
  light?: Light
  /** Nothing is there. */
  isVoid?: true
}

const pictures: Record<Tone, string> = {
  desk: 'eye',
  you: 'edit',
  public: 'speakerphone',
  done: 'check',
  no: 'ban',
  rest: 'minus',
}

/** The cell of a row in the column of `reader`. */
export function cellOf({ column, read, look }: Reader, row: Row): Cell {
  const text = textOf(column, read(row))
  if (!text) return { text: '—', isVoid: true }
  const own = look?.(row)
  if (own?.light) return { text, light: own.light }
  if (own?.tone) return { text, tone: own.tone, icon: own.icon ?? pictures[own.tone] }
  if (!column.tones) return { text }
  const tone = column.tones[String(row[column.name])] ?? 'rest'
  return { text, tone, icon: pictures[tone] }
}
