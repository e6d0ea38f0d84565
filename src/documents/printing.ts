import type { Settings } from '../admin/settings.ts'
import { config } from '../config.ts'
import { shownCode } from './documents.ts'
import type { Faces } from './fonts.ts'

/** What the day of printing adds to the facts of a paper. */
export interface Printing {
  printedAt: Date
  seal: Settings['documents.seal']
  faces?: Faces
}

/** The address a QR code leads to. Printed papers depend on it for ever. */
export function verifyAddress(code: string): string {
  return `${config.baseUrl}/verify/${shownCode(code)}`
}

/** A day as papers write it: 2026年11月3日. */
export function onPaper(day: string): string {
  const [year = '', month = '', date = ''] = day.split('-')
  return `${year}年${Number(month)}月${Number(date)}日`
}
