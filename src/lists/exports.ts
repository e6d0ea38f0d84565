import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as breathe } from 'node:timers/promises'
import { stringify } from 'csv-stringify/sync'
import ExcelJS from 'exceljs'
import type { Request, Response } from 'express'
import type { Knex } from 'knex'
import { actorOf, record } from '../admin/action-log.ts'
import { beijing, now } from '../clock.ts'
import { inWords as cellInWords, digitsOf, isNumber, type Reader, readersOf } from './cells.ts'
import type { Choices } from './choices.ts'
import type { Column, List, Row, Value } from './list.ts'
import { maskNumbers } from './masks.ts'
import { inWords } from './page.ts'
import type { Asked } from './question.ts'
import { readAll } from './rows.ts'

export const formats = ['xlsx', 'csv', 'json'] as const
export type Format = (typeof formats)[number]

/** What leaves, and what is said about it. */
interface Leaving {
  list: List
  readers: Reader[]
  batches: AsyncGenerator<Row[]>
  at: Date
  conditions: string[]
  /** Who takes it, for the second sheet. */
  by: { name: string; role: string; organisation: string }
}

const types: Record<Format, string> = {
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
}

/**
 * Sends all rows found as a file: the question, columns and masks of the screen, all pages of it. The action log has it before the
 * first byte; without that row nothing leaves (GB/T 22239-2019 8.1.4.3 d). Rows pass in batches, so memory does not grow
 * with them, and a reader that goes away stops the work.
 * @throws before the first byte like any page; afterwards the connection breaks, so that half a file does not look whole
 */
export async function exportList(
  db: Knex,
  req: Request,
  res: Response,
  asked: Asked,
  choices: Choices,
  format: Format,
): Promise<void> {
  const { question, conditions } = asked
  const { list, user } = question
  if (req.method === 'HEAD') return void sendHeaders(res, list, now(), format).end()
  const columns = choices.columns.filter(column => column.export !== false)
  const batches = readAll(db, question, columns)
  const [readers, first] = await Promise.all([readersOf(db, columns), batches.next()])
  const leaving: Leaving = {
    list,
    readers,
    batches: continued(first, batches),
    at: now(),
    conditions: conditions.map(inWords),
    by: { name: user.name, role: user.role_label, organisation: user.organisation_name },
  }
  const detail = { format, conditions: leaving.conditions.map(maskNumbers), columns: columns.map(({ label }) => label) }
  await record(db, actorOf(req, res), {
    action: 'list.export',
    object: { type: 'list', id: list.code, label: list.label },
    detail,
  })
  sendHeaders(res, list, leaving.at, format)
  if (format === 'xlsx') return sendWorkbook(res, leaving)
  await sendText(res, format === 'csv' ? csvPieces(leaving) : jsonPieces(leaving))
}

/** A generator whose first step has been taken already. */
async function* continued(first: IteratorResult<Row[]>, rest: AsyncGenerator<Row[]>): AsyncGenerator<Row[]> {
  if (!first.done) yield first.value
  yield* rest
}

function sendHeaders(res: Response, { code, label }: List, at: Date, format: Format): Response {
  const day = beijing(at).slice(0, 10).replaceAll('-', '')
  const name = encodeURIComponent(`${label}_${day}.${format}`).replace(/['()*]/g, sign => `%${sign.charCodeAt(0).toString(16)}`)
  return res.set({
    'Content-Type': types[format],
    // RFC 6266: a plain name for old readers, the real one in UTF-8.
    'Content-Disposition': `attachment; filename="${code}_${day}.${format}"; filename*=UTF-8''${name}`,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
}

async function sendText(res: Response, pieces: AsyncGenerator<string>): Promise<void> {
  try {
    await pipeline(Readable.from(pieces, { objectMode: true, highWaterMark: 1 }), res)
  } catch (error) {
    // Whoever closes the window has not done anything wrong.
    if (!isGone(error)) throw error
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

async function* csvPieces({ readers, batches }: Leaving): AsyncGenerator<string> {
  yield `\ufeff${lines([readers.map(({ column }) => headingOf(column))])}`
  for await (const rows of batches) yield lines(rows.map(row => readers.map(({ column, read }) => textOf(column, read(row)))))
}

const lines = (cells: string[][]) => stringify(cells, { record_delimiter: '\r\n', quoted_match: /[\r\n]/ })

/** A value in a text file: numbers plain, so that programs can read them; texts so that Excel does not take them for formulas. */
function textOf(column: Column, value: Value): string {
  if (isNumber(column.type)) return value === null ? '' : numberOf(column, value)
  return disarm(cellInWords(column, value))
}

const numberOf = ({ type }: Column, value: Value) => (digitsOf(type) ? Number(value).toFixed(2) : String(value))

/** A text that a spreadsheet would take for a formula gets an apostrophe in front (CWE-1236), in half and full width. */
function disarm(text: string): string {
  return /^[=+\-@\t\r＝＋－＠]/.test(text) ? `'${text}` : text
}

async function* jsonPieces({ list, readers, batches, at, conditions }: Leaving): AsyncGenerator<string> {
  const columns = readers.map(({ column: { name, unit } }, at) => ({
    name,
    label: readers[at]?.column.label,
    ...(unit ? { unit } : {}),
  }))
  const head = JSON.stringify({
    list: { code: list.code, label: list.label },
    at: `${beijing(at).replace(' ', 'T')}+08:00`,
    conditions,
    columns,
  })
  yield `${head.slice(0, -1)},"rows":[`
  let separator = '\n'
  for await (const rows of batches) {
    const piece = rows.map(row =>
      JSON.stringify(Object.fromEntries(readers.map(({ column, read }) => [column.name, dataOf(column, read(row))]))),
    )
    yield separator + piece.join(',\n')
    separator = ',\n'
  }
  yield '\n]}\n'
}

function dataOf(column: Column, value: Value): string | number | null {
  if (value === null) return null
  if (isNumber(column.type)) return Number(value)
  if (value instanceof Date && column.type !== 'date')
    return `${cellInWords(column, value).replace(' ', 'T')}${column.type === 'second' ? '' : ':00'}+08:00`
  return cellInWords(column, value)
}

const headingOf = ({ label, unit }: Column) => (unit ? `${label}（${unit}）` : label)

/** Excel holds 1,048,576 rows in a sheet; the rest goes on in another one. */
const rowsPerSheet = 1_000_000

/** A workbook, written row by row: a sheet of rows, and one that says what they are. */
async function sendWorkbook(res: Response, leaving: Leaving): Promise<void> {
  const { list, readers, batches, at, by } = leaving
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  if (res.destroyed) return
  const book = new ExcelJS.stream.xlsx.WorkbookWriter({
    stream: res,
    useStyles: true,
    useSharedStrings: false,
    // A higher level takes three times as long for a tenth of the size. The types know the option of archiver only in part.
    zip: { zlib: { level: 1 } } as Partial<ExcelJS.stream.xlsx.ArchiverZipOptions>,
  })
  book.creator = by.name
  book.created = at
  const addSheet = (name: string) => addRowSheet(book, name, readers)
  let sheet = addSheet(list.label)
  let count = 0
  try {
    for await (const rows of batches) {
      for (const row of rows) {
        if (count && count % rowsPerSheet === 0) {
          sheet.commit()
          sheet = addSheet(`${list.label} ${count / rowsPerSheet + 1}`)
        }
        sheet.addRow(readers.map(({ column, read }) => excelOf(column, read(row)))).commit()
        if (++count % 250 === 0) await breathe()
      }
      if (gone.signal.aborted) return
      if (res.writableNeedDrain) await once(res, 'drain', { signal: gone.signal })
    }
    sheet.commit()
    addFacts(book, leaving, count)
    await Promise.race([book.commit(), once(gone.signal, 'abort')])
  } catch (error) {
    if (!gone.signal.aborted) throw error
  }
}

function addRowSheet(book: ExcelJS.stream.xlsx.WorkbookWriter, name: string, readers: Reader[]): ExcelJS.Worksheet {
  const sheet = book.addWorksheet(name, {
    views: [{ state: 'frozen', xSplit: 1, ySplit: 1 }],
    pageSetup: { paperSize: 9, orientation: 'landscape', fitToPage: true, fitToWidth: 1, fitToHeight: 0 },
  })
  sheet.columns = readers.map(({ column }) => ({ width: widthOf(column), style: styleOf(column) }))
  const head = sheet.addRow(readers.map(({ column }) => headingOf(column)))
  head.font = { bold: true }
  head.numFmt = '@'
  head.commit()
  return sheet
}

function addFacts(book: ExcelJS.stream.xlsx.WorkbookWriter, { list, readers, at, conditions, by }: Leaving, count: number) {
  const sheet = book.addWorksheet('说明')
  sheet.columns = [
    { width: 14, style: { font: { bold: true }, alignment: { vertical: 'top' } } },
    { width: 80, style: { numFmt: '@', alignment: { wrapText: true } } },
  ]
  const masked = readers.filter(({ column }) => column.mask).map(({ column }) => column.label)
  const facts: [string, string][] = [
    ['列表', list.label],
    ['条件', conditions.join('；') || '没有条件，范围内的全部'],
    ['行数', String(count)],
    ['导出人', `${by.name}（${by.role}）`],
    ['单位', by.organisation],
    ['导出时间', `${beijing(at)}（北京时间）`],
    ['脱敏', masked.length ? `${masked.join('、')}按屏幕上的样子脱敏` : '没有需要脱敏的列'],
    ['提示', '本次导出已记入操作日志。请按工作需要使用和保管，用完删除。'],
  ]
  for (const fact of facts) sheet.addRow(fact).commit()
  sheet.commit()
}

/** A cell: numbers and days as such, so that they can be summed and sorted; everything else as text, which is never a formula. */
function excelOf(column: Column, value: Value): string | number | Date | null {
  if (value === null) return null
  if (isNumber(column.type)) {
    const n = Number(value)
    return Number.isSafeInteger(Math.round(n * 100)) ? n : String(value)
  }
  if (column.type === 'date' && typeof value === 'string') return value >= '1900-03-01' ? new Date(`${value}T00:00:00Z`) : value
  // A workbook knows no zones: its clock is Beijing's, to the minute or second that the screen shows.
  if (value instanceof Date) return new Date(`${cellInWords(column, value).replace(' ', 'T')}Z`)
  return cellInWords(column, value)
}

function styleOf({ type }: Column): Partial<ExcelJS.Style> {
  if (isNumber(type)) return { numFmt: digitsOf(type) ? '#,##0.00' : '#,##0' }
  if (type === 'date') return { numFmt: 'yyyy-mm-dd' }
  if (type === 'moment') return { numFmt: 'yyyy-mm-dd hh:mm' }
  if (type === 'second') return { numFmt: 'yyyy-mm-dd hh:mm:ss' }
  return { numFmt: '@' }
}

/** In characters of half width; a Chinese one takes two. */
function widthOf({ type, label }: Column): number {
  const usual = { text: 24, code: 22, number: 12, area: 14, money: 16, date: 12, moment: 18, second: 20, state: 12, flag: 8 }[
    type ?? 'text'
  ]
  return Math.max(usual, label.length * 2 + 4)
}
