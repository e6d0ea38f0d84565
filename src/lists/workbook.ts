import { once } from 'node:events'
import { setImmediate as breathe } from 'node:timers/promises'
import ExcelJS from 'exceljs'
import type { Response } from 'express'
import { beijing } from '../clock.ts'
import { digitsOf, isNumber, type Reader, textOf } from './cells.ts'
import { headingOf, type Leaving } from './exports.ts'
import type { Column, Value } from './list.ts'

/** Excel holds 1,048,576 rows in a sheet; the rest goes on in another one. */
const rowsPerSheet = 1_000_000

/** A workbook, written row by row: a sheet of rows, and one that says what they are. */
export async function sendWorkbook(res: Response, leaving: Leaving): Promise<void> {
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
  if (value instanceof Date) return new Date(`${textOf(column, value).replace(' ', 'T')}Z`)
  return textOf(column, value)
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
