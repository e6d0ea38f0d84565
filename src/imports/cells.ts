/**
 * What a person sees in a cell, as text. A workbook keeps numbers, days and percentages as numbers and says in a format how they
 * look; here the two come together again, where that is clear.
 */

/** What a number format makes of a number. */
export type Look = 'plain' | 'day' | 'moment' | 'time' | 'percent' | { digits: number }

/** A cell as it was read; `fault` says why its text cannot be taken as it stands. */
export interface Cell {
  text: string
  fault?: CellFault
}

/**
 * `formula`: the cell is reckoned, not written; `error`: it shows #REF! or the like; `digits`: a number of more than 15 digits, whose
 * last ones Excel has replaced by 0; `long`: more text than any field takes.
 */
export type CellFault = 'formula' | 'error' | 'digits' | 'long'

/** Excel keeps 15 digits of a number. */
const exact = 1e15
const day = 86_400_000

/**
 * The look a number format stands for.
 * @param id the number of the format in the workbook
 * @param code its text, where the workbook brings its own
 */
export function lookOf(id: number, code?: string): Look {
  if (code === undefined) return builtIn(id)
  // Texts in quotes, colours, places and signs that are shown as they stand say nothing about the number.
  const signs = code.replace(/"[^"]*"|\[(?![hms]+\])[^\]]*\]|\\.|_./gi, '')
  const [positive = ''] = signs.split(';')
  if (/^0{2,}$/.test(positive.trim())) return { digits: positive.trim().length }
  if (positive.includes('%')) return 'percent'
  if (/general|[#?0]/i.test(positive) && !/[ydhs]/i.test(positive)) return 'plain'
  const isDay = /[yd]/i.test(positive) || (/m/i.test(positive) && !/[hs]/i.test(positive))
  if (isDay) return /[hs]/i.test(positive) ? 'moment' : 'day'
  return /[hs]/i.test(positive) ? 'time' : 'plain'
}

/** The formats every workbook has by number (ECMA-376 18.8.30), those of Chinese editions included. */
function builtIn(id: number): Look {
  if (id === 9 || id === 10) return 'percent'
  if (id === 22) return 'moment'
  if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || [36, 50, 51, 52, 53, 54, 57, 58].includes(id)) return 'day'
  if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || (id >= 45 && id <= 47) || id === 55 || id === 56) return 'time'
  return 'plain'
}

/**
 * A number as its cell shows it.
 * @param raw as it stands in the file
 * @param from1904 whether the workbook counts its days from 1904
 */
export function numberText(raw: string, look: Look, from1904: boolean): Cell {
  const value = Number(raw)
  if (raw.trim() === '' || !Number.isFinite(value)) return { text: raw.trim() }
  if (Math.abs(value) >= exact) return { text: plain(value), fault: 'digits' }
  if (look === 'percent') return { text: `${plain(value * 100)}%` }
  if (look === 'plain') return { text: plain(value) }
  if (typeof look === 'object')
    return { text: Number.isInteger(value) && value >= 0 ? String(value).padStart(look.digits, '0') : plain(value) }
  return { text: momentText(value, look, from1904) ?? plain(value) }
}

/** Without exponent, and without what binary numbers add behind the 15th digit: 85.200000000000003 is 85.2. */
function plain(value: number): string {
  const rounded = Number(value.toPrecision(15))
  if (Number.isInteger(rounded)) return BigInt(rounded).toString()
  return rounded.toFixed(Math.min(100, placesOf(rounded)))
}

/** How many digits a number has behind the point. */
function placesOf(value: number): number {
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  return Math.max(0, (digits.split('.')[1]?.length ?? 0) - Number(exponent))
}

/** The day or moment of a serial number; nothing where there is none. */
function momentText(serial: number, look: 'day' | 'moment' | 'time', from1904: boolean): string | undefined {
  const whole = Math.floor(serial)
  // Excel counts a 29 February 1900 that never was.
  const days = from1904 ? whole + 1462 : whole < 60 ? whole + 1 : whole
  if (serial < 0 || days > 2_958_465) return undefined
  const at = new Date((days - 25_569) * day + Math.round((serial - whole) * 86_400) * 1000).toISOString()
  if (look === 'day') return at.slice(0, 10)
  const time = at.slice(11, at.slice(17, 19) === '00' ? 16 : 19)
  return look === 'time' ? time : `${at.slice(0, 10)} ${time}`
}

/** The day a serial number without a format stands for, if it can be one of ours: 1954 to 2119. */
export function dayOfSerial(text: string): string | undefined {
  return /^[2-7]\d{4}$|^80[0-3]\d\d$/.test(text) ? momentText(Number(text), 'day', false) : undefined
}

/** 0 is A, 26 is AA. */
export function columnName(index: number): string {
  const last = String.fromCharCode(65 + (index % 26))
  return index < 26 ? last : columnName(Math.floor(index / 26) - 1) + last
}

/** The place of a cell such as `AB12`, both counted from 0; nothing where it is none. */
export function placeOf(reference: string): { row: number; column: number } | undefined {
  const [, letters, digits] = /^([A-Z]{1,3})([1-9]\d{0,6})$/.exec(reference) ?? []
  if (!letters || !digits) return undefined
  const column = [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1
  return { row: Number(digits) - 1, column }
}
