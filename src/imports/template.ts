import ExcelJS from 'exceljs'
import { type Field, fieldsOf } from '../forms/form.ts'
import { columnName } from './cells.ts'
import { type Import, type ImportSheet, notesSheet, optionsSheet } from './import.ts'
import { mostBytes, mostColumns, mostRows } from './workbook.ts'

/** The heading of a field in a workbook: with its unit, and a star where it must be filled in. */
export function headingOf({ label, unit, required }: Field): string {
  return `${required ? '*' : ''}${label}${unit ? `（${unit}）` : ''}`
}

/** The workbook to fill in: a sheet for each kind of row with its options as drop-downs, and one with the notes. */
export async function templateOf({ label }: Import, sheets: readonly ImportSheet[]): Promise<Buffer> {
  const book = new ExcelJS.Workbook()
  const made = sheets.map(sheet => book.addWorksheet(sheet.label, { views: [{ state: 'frozen', ySplit: 1 }] }))
  addNotes(book, label, sheets)
  const options = new Options(book)
  for (const [at, { form }] of sheets.entries()) {
    const sheet = made[at]
    if (sheet) addColumns(sheet, fieldsOf(form), options)
  }
  return Buffer.from(await book.xlsx.writeBuffer())
}

function addColumns(sheet: ExcelJS.Worksheet, fields: readonly Field[], options: Options): void {
  // Codes and numbers of telephones are text, so that Excel leaves their digits alone; only what is reckoned with is a number.
  sheet.columns = fields.map(field => ({
    width: Math.max(14, headingOf(field).length * 2 + 2),
    style: field.type === 'number' ? {} : { numFmt: field.type === 'date' ? 'yyyy-mm-dd' : '@' },
  }))
  const head = sheet.addRow(fields.map(headingOf))
  for (const [at, field] of fields.entries()) {
    const cell = head.getCell(at + 1)
    cell.numFmt = '@'
    cell.font = { bold: true, color: { argb: field.required ? 'FFA0231B' : 'FF16242D' } }
    cell.fill = { type: 'pattern', pattern: 'solid', fgColor: { argb: 'FFEEF3F5' } }
    cell.note = wayOf(field)
    const choices = choicesOf(field)
    if (choices.length) options.offer(sheet, at, choices)
  }
}

const choicesOf = ({ type, options = [] }: Field) => (type === 'checkbox' ? ['是', '否'] : options.map(({ label }) => label))

/** The sheets as Excel's drop-downs want them: lists that stand on a sheet of their own, each once. */
class Options {
  #book: ExcelJS.Workbook
  #sheet: ExcelJS.Worksheet | undefined
  #places = new Map<string, string>()

  constructor(book: ExcelJS.Workbook) {
    this.#book = book
  }

  offer(sheet: ExcelJS.Worksheet, column: number, choices: readonly string[]): void {
    const name = columnName(column)
    // The types leave the validations of whole ranges out.
    const { dataValidations } = sheet as ExcelJS.Worksheet & {
      dataValidations: { add(range: string, validation: ExcelJS.DataValidation): void }
    }
    dataValidations.add(`${name}2:${name}${mostRows + 1}`, {
      type: 'list',
      allowBlank: true,
      formulae: [this.#placeOf(choices)],
      showErrorMessage: true,
      errorTitle: '不在可选范围内',
      error: '请从下拉列表里选择一项。',
    })
  }

  #placeOf(choices: readonly string[]): string {
    const key = JSON.stringify(choices)
    const known = this.#places.get(key)
    if (known) return known
    this.#sheet ??= this.#book.addWorksheet(optionsSheet, { state: 'hidden' })
    const column = columnName(this.#places.size)
    for (const [at, choice] of choices.entries()) this.#sheet.getCell(`${column}${at + 1}`).value = choice
    const place = `${optionsSheet}!$${column}$1:$${column}$${choices.length}`
    this.#places.set(key, place)
    return place
  }
}

function addNotes(book: ExcelJS.Workbook, label: string, sheets: readonly ImportSheet[]): void {
  const sheet = book.addWorksheet(notesSheet)
  const text: Partial<ExcelJS.Style> = { numFmt: '@', alignment: { wrapText: true, vertical: 'top' } }
  sheet.columns = [
    { width: 26, style: text },
    { width: 8, style: text },
    { width: 60, style: text },
    { width: 30, style: text },
  ]
  const bold = (cells: string[]) => {
    sheet.addRow(cells).font = { bold: true }
  }
  bold([`${label}导入说明`])
  for (const rule of rulesOf()) sheet.addRow(['', '', rule])
  for (const { label, form, notes = [], example } of sheets) {
    sheet.addRow([])
    bold([`工作表：${label}`])
    for (const note of notes) sheet.addRow(['', '', note])
    bold(['列', '必填', '填写要求', '示例'])
    for (const field of fieldsOf(form))
      sheet.addRow([headingOf(field).replace('*', ''), field.required ? '必填' : '选填', wayOf(field), example[field.name] ?? ''])
  }
}

/** What holds for every import; the page says it too. */
export function rulesOf(): string[] {
  const rows = new Intl.NumberFormat('zh-CN').format(mostRows)
  return [
    `一个文件最多 ${rows} 行、${mostColumns} 列、${mostBytes / 1024 / 1024} MB，只收 xlsx。`,
    '从表头的下一行开始填，一行一条；列的先后可以调整，表头文字请不要改。带 * 的列必填。',
    '身份证号、信用代码、电话等号码请保持“文本”格式，否则 Excel 会把 15 位之后的数字变成 0。',
    '日期可写成 2026-11-23、2026/11/23、2026.11.23、2026年11月23日或 20261123。',
    '请不要合并单元格，不要用公式。',
    '有一行不符合要求，就一行也不写入；改好后把整个文件再传一次。已在档案里且内容一致的行不会重复写入。',
  ]
}

/** How a field is filled in, in a sentence. */
function wayOf(field: Field): string {
  const { hint, max, unit } = field
  const choices = choicesOf(field)
  const kind = choices.length
    ? `从下拉列表选择${choices.length <= 12 ? `：${choices.join('、')}` : ''}`
    : field.type === 'date'
      ? '日期，如 2026-11-23'
      : field.type === 'number'
        ? `数字${field.inputmode === 'numeric' ? '，取整数' : ''}${unit ? `，单位${unit}` : ''}`
        : max
          ? `最多 ${max} 个字`
          : ''
  return [field.required ? '必填' : '选填', kind, hint?.replace(/。$/, '')].filter(Boolean).join('；').concat('。')
}
