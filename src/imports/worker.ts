import { parentPort, workerData } from 'node:worker_threads'
import { type Limits, readSheets, type SheetFacts, type SheetRow, Unreadable } from './sheets.ts'

/** What the thread that reads a workbook is given, and what it tells. */
export interface Order {
  bytes: ArrayBuffer
  limits: Limits
  skip: readonly string[]
}
export type Told =
  | { sheet: number; rows: SheetRow[] }
  | { facts: SheetFacts[] }
  /** The sentence for the person. */
  | { unreadable: string }

const { bytes, limits, skip } = workerData as Order // what workbook.ts hands over
const tell = (told: Told) => parentPort?.postMessage(told)

try {
  tell({ facts: await readSheets(Buffer.from(bytes), limits, skip, (sheet, rows) => tell({ sheet, rows })) })
} catch (error) {
  if (!(error instanceof Unreadable)) throw error
  tell({ unreadable: error.message })
}
