import ExcelJS from 'exceljs'
import type { Handout } from './import.ts'

/** What the office hands on, as a workbook; every cell is text. */
export async function handoutWorkbook({ label, headings, rows }: Handout): Promise<Buffer> {
  const book = new ExcelJS.Workbook()
  const sheet = book.addWorksheet(label, { views: [{ state: 'frozen', ySplit: 1 }] })
  sheet.columns = headings.map(() => ({ width: 30, style: { numFmt: '@' } }))
  sheet.addRow([...headings]).font = { bold: true }
  for (const row of rows) sheet.addRow([...row])
  return Buffer.from(await book.xlsx.writeBuffer())
}
