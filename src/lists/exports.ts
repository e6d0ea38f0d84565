import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { stringify } from 'csv-stringify/sync'
import type { Request, Response } from 'express'
import type { Knex } from 'knex'
import { actorOf, record } from '../admin/action-log.ts'
import { beijing, now } from '../clock.ts'
import { digitsOf, isNumber, type Reader, readersOf, textOf } from './cells.ts'
import type { Column, formats, List, Row, Value } from './list.ts'
import { toldConditions } from './private-words.ts'
import type { Asked } from './question.ts'
import { readAll } from './rows.ts'
import { sendWorkbook } from './workbook.ts'

type Format = (typeof formats)[number]

/** What leaves, and what is said about it. */
export interface Leaving {
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
export async function exportList(db: Knex, req: Request, res: Response, asked: Asked, format: Format): Promise<void> {
  const { question, conditions, choices } = asked
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
    conditions: toldConditions(list, conditions),
    by: { name: user.name, role: user.role_label, organisation: user.organisation_name },
  }
  const detail = { format, conditions: leaving.conditions, columns: columns.map(({ label }) => label) }
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
  for await (const rows of batches) yield lines(rows.map(row => readers.map(({ column, read }) => plainOf(column, read(row)))))
}

const lines = (cells: string[][]) => stringify(cells, { record_delimiter: '\r\n', quoted_match: /[\r\n]/ })

/** A value in a text file: numbers plain, so that programs can read them; texts so that Excel does not take them for formulas. */
function plainOf(column: Column, value: Value): string {
  if (isNumber(column.type)) return value === null ? '' : numberOf(column, value)
  return disarm(textOf(column, value))
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
    return `${textOf(column, value).replace(' ', 'T')}${column.type === 'second' ? '' : ':00'}+08:00`
  return textOf(column, value)
}

/** The heading of a column in a file. */
export const headingOf = ({ label, unit }: Column) => (unit ? `${label}（${unit}）` : label)
