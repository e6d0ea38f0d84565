import { Writable } from 'node:stream'
import { setImmediate as breathe } from 'node:timers/promises'
import ExcelJS from 'exceljs'
import type { Checked, Mistake } from './check.ts'
import { addedColumns } from './import.ts'
import { headingOf } from './template.ts'

/** Excel grows slow with more comments; beyond them the column 问题 says everything. */
const mostComments = 2000
const wrongFill: ExcelJS.Fill = { type: 'pattern', pattern: 'solid', fgColor: { argb: 'FFFBDCD7' } }

/**
 * The rows of a file again, all as text, with what is wrong: in a column of its own, and as colour and comment at each cell. It
 * can be mended and handed in as it is.
 */
export async function annotatedWorkbook({ tables, mistakes }: Checked): Promise<Buffer> {
  const pieces: Buffer[] = []
  const sink = new Writable({
    write(piece: Buffer, _encoding, done) {
      pieces.push(piece)
      done()
    },
  })
  const book = new ExcelJS.stream.xlsx.WorkbookWriter({
    stream: sink,
    useStyles: true,
    useSharedStrings: false,
    // The types know the option of archiver only in part.
    zip: { zlib: { level: 1 } } as Partial<ExcelJS.stream.xlsx.ArchiverZipOptions>,
  })
  let comments = 0
  for (const [at, table] of tables.entries()) {
    const wrong = byRow(mistakes.filter(({ sheet }) => sheet === at))
    const fields = table.fields.filter(({ name }) => table.columns.has(name))
    const sheet = book.addWorksheet(table.sheet.label, { views: [{ state: 'frozen', xSplit: 2, ySplit: 1 }] })
    // Everything is text: a cell that begins with = stays what it is.
    sheet.columns = [
      { width: 8, style: { numFmt: '@' } },
      { width: 60, style: { numFmt: '@', alignment: { wrapText: true, vertical: 'top' } } },
      ...fields.map(({ label }) => ({ width: Math.max(16, label.length * 2 + 4), style: { numFmt: '@' } })),
    ]
    const head = sheet.addRow([...addedColumns, ...fields.map(headingOf)])
    head.font = { bold: true }
    head.commit()
    sheet.autoFilter = { from: { row: 1, column: 1 }, to: { row: 1, column: fields.length + 2 } }
    for (const [done, { row, seen }] of table.rows.entries()) {
      const found = wrong.get(row) ?? []
      const line = sheet.addRow([String(row), found.map(inWords).join('\n') || null, ...fields.map(({ name }) => seen[name] || null)]) // biome-ignore format: one row
      for (const { field, sentence } of found) {
        const place = fields.findIndex(({ name }) => name === field)
        const cell = line.getCell(place < 0 ? 2 : place + 3)
        cell.fill = wrongFill
        if (place >= 0 && ++comments <= mostComments) cell.note = sentence
      }
      line.commit()
      if (done % 250 === 249) await breathe()
    }
    sheet.commit()
  }
  await book.commit()
  return Buffer.concat(pieces)
}

function byRow(mistakes: readonly Mistake[]): Map<number, Mistake[]> {
  const rows = new Map<number, Mistake[]>()
  for (const mistake of mistakes) rows.set(mistake.row, [...(rows.get(mistake.row) ?? []), mistake])
  return rows
}

const inWords = ({ label, sentence }: Mistake) => (label && !sentence.includes(label) ? `${label}：${sentence}` : sentence)
