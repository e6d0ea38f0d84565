import { type Field, fieldsOf, type Option, visible } from '../forms/form.ts'
import { type CellFault, columnName, dayOfSerial } from './cells.ts'
import { addedColumns, type ImportSheet } from './import.ts'
import { mostAbove, mostRows, type Sheet, Unreadable } from './workbook.ts'

/** From the cells of a sheet to rows of answers: headings are found by their words, each cell becomes what its field would hold. */

export interface TableRow {
  /** Its number as Excel shows it. */
  row: number
  /** By field, as a person sees it in the file. */
  seen: Record<string, string>
  /** By field, as the form is given it. */
  typed: Record<string, string>
  mistakes: CellMistake[]
}
export interface CellMistake {
  /** Nothing where it is the row as such. */
  field?: string
  sentence: string
}

export interface Table {
  sheet: ImportSheet
  fields: Field[]
  /** The column of each field in the file, from 0; a field without one was left out. */
  columns: Map<string, number>
  rows: TableRow[]
  /** What was passed over, in sentences. */
  warnings: string[]
}

/**
 * Finds the sheets that were declared among those of a file and reads them.
 * @throws Unreadable when a sheet, its headings or a column that must be there are missing
 */
export function tablesOf(found: readonly Sheet[], declared: readonly ImportSheet[]): Table[] {
  const tables = declared.map(sheet => readTable(sheet, sheetFor(found, sheet, declared.length === 1)))
  const used = new Set(declared.map(sheet => sheetFor(found, sheet, declared.length === 1).name))
  const others = found.filter(({ name, rows }) => rows.length && !used.has(name)).map(({ name }) => `“${name.slice(0, 31)}”`)
  const [first] = tables
  if (others.length) first?.warnings.push(`没有读入工作表${others.join('、')}。`)
  if (!tables.some(({ rows }) => rows.length)) throw new Unreadable('表头下面没有内容。请从表头的下一行开始填写，存好后再传。')
  return tables
}

/** The sheet of this name; where one is asked for, whatever it is called, the first with its headings. */
function sheetFor(found: readonly Sheet[], declared: ImportSheet, isAlone: boolean): Sheet {
  const named = found.find(({ name }) => headingKey(name) === headingKey(declared.label))
  if (named) return named
  const alike = isAlone ? found.find(sheet => findHeadings(sheet, fieldsOf(declared.form))) : undefined
  if (alike) return alike
  throw new Unreadable(
    isAlone
      ? `没有找到表头。请使用本页的模板，表头要有${required(declared)}，并在前 ${mostAbove} 行之内。`
      : `没有名为“${declared.label}”的工作表。请使用本页的模板，不要改工作表的名称。`,
  )
}

const quoted = (fields: readonly Field[]) => fields.map(({ label }) => `“${label}”`).join('、')
const required = ({ form }: ImportSheet) => quoted(fieldsOf(form).filter(field => field.required))

function readTable(declared: ImportSheet, sheet: Sheet): Table {
  const fields = fieldsOf(declared.form)
  const where = `工作表“${sheet.name.slice(0, 31)}”`
  const headings = findHeadings(sheet, fields)
  if (!headings) throw new Unreadable(`${where}没有找到表头。表头要有${required(declared)}，并在前 ${mostAbove} 行之内。`)
  const fieldFor = headed(fields)
  const columns = new Map<string, number>()
  const warnings: string[] = []
  const extra: string[] = []
  for (const [at, text] of headings.cells.entries()) {
    const field = fieldFor(text)
    const present = field && columns.get(field.name)
    if (present !== undefined)
      throw new Unreadable(
        `${where}的“${field?.label}”有两列：${columnName(present)} 列和 ${columnName(at)} 列。请删去一列后再传。`,
      )
    if (field) columns.set(field.name, at)
    else if (text.trim() && !addedColumns.some(name => headingKey(text).startsWith(name)))
      extra.push(`“${visible(text).slice(0, 20)}”（${columnName(at)} 列）`)
  }
  const missing = fields.filter(field => field.required && !columns.has(field.name))
  if (missing.length) throw new Unreadable(`${where}缺少必填的列${quoted(missing)}。请按模板补上这些列，列的先后不限。`)
  if (extra.length) warnings.push(`多出的列没有读入：${extra.join('、')}。`)

  const from = sheet.rows.indexOf(headings) + 1
  const rows = sheet.rows.slice(from).flatMap(row => readRow(row, fields, columns) ?? [])
  if (rows.length > mostRows) {
    const inWords = (count: number) => new Intl.NumberFormat('zh-CN').format(count)
    throw new Unreadable(`${where}有 ${inWords(rows.length)} 行，一次最多 ${inWords(mostRows)} 行。请拆成几个文件，分几次导入。`)
  }
  addMerged(sheet, headings.row, columns, rows)
  warnings.push(...unnamed(sheet, from, headings.cells), ...hidden(sheet, headings.row, columns))
  return { sheet: declared, fields, columns, rows, warnings }
}

/** The row among the first that has most of the headings; one alone may be a title. */
function findHeadings({ rows }: Sheet, fields: readonly Field[]): Sheet['rows'][number] | undefined {
  const fieldFor = headed(fields)
  let best: { row: Sheet['rows'][number]; count: number } | undefined
  for (const row of rows.slice(0, mostAbove)) {
    const count = row.cells.filter(text => fieldFor(text)).length
    if (count > (best?.count ?? 0)) best = { row, count }
  }
  return best && best.count >= Math.min(2, fields.length) ? best.row : undefined
}

/** The fields by the headings they may have: with their unit, or without. */
function headed(fields: readonly Field[]): (heading: string) => Field | undefined {
  const known = new Map(
    fields.flatMap((field): [string, Field][] => [
      [headingKey(`${field.label}(${field.unit ?? ''})`), field],
      [headingKey(field.label), field],
    ]),
  )
  return heading => known.get(headingKey(heading))
}

/** A heading without what people and templates put around it. */
function headingKey(text: string): string {
  return visible(text)
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\((必填|选填)\)/g, '')
    .replace(/[\s*★:]/g, '')
}

function readRow({ row, cells, faults = {} }: Sheet['rows'][number], fields: readonly Field[], columns: Map<string, number>) {
  const read: TableRow = { row, seen: {}, typed: {}, mistakes: [] }
  let isEmpty = true
  for (const field of fields) {
    const at = columns.get(field.name)
    const text = at === undefined ? '' : cleaned(cells[at] ?? '')
    const fault = at === undefined ? undefined : faults[at]
    read.seen[field.name] = text
    read.typed[field.name] = fault ? '' : typedText(field, text)
    if (text || fault) isEmpty = false
    const sentence = fault ? inWords[fault](field, text) : misread(field, read.typed[field.name] ?? '')
    if (sentence) read.mistakes.push({ field: field.name, sentence })
  }
  return isEmpty ? undefined : read
}

const inWords: Record<CellFault, (field: Field, text: string) => string> = {
  formula: ({ label }) => `${label}是公式。请复制这一列，用“选择性粘贴”改成数值后再传。`,
  error: ({ label }, text) => `${label}显示为 ${text}，是公式出错留下的。请填写实际内容。`,
  digits: ({ label }) =>
    `${label}是超过 15 位的数值，Excel 已把后几位变成 0，系统无法还原。请把这一列设为“文本”格式，重新填写完整号码。`,
  long: ({ label }) => `${label}超过 5,000 个字，没有读入。请缩短后再传。`,
}

/** Without signs nobody sees, and without blanks around; a blank that is none of ours becomes one. */
function cleaned(text: string): string {
  return visible(text.replace(/[\t\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, ' ').replace(/\r\n?/g, '\n'))
}

/** What the field of the form would hold. What cannot be understood stays as it is, and the rules of the form say so. */
function typedText(field: Field, text: string): string {
  if (!text) return ''
  if (field.options?.length) return optionFor(field, text) ?? text
  if (field.type === 'checkbox') return truth(text) ?? text
  if (field.type === 'date') return dayText(text) ?? text
  if (field.type === 'number') return numberIn(field, text)
  return text
}

function optionFor({ options = [] }: Field, text: string): string | undefined {
  const known = keysOf(options)
  return known.get(headingKey(text)) ?? options.find(({ value }) => value === text)?.value
}

const keyed = new WeakMap<readonly Option[], Map<string, string>>()

/** The options of a field by what people write for them; made once, since every row asks. */
function keysOf(options: readonly Option[]): Map<string, string> {
  const present = keyed.get(options)
  if (present) return present
  const whole = new Map(options.map(({ value, label }) => [headingKey(label), value]))
  // 泉城路街道 is enough where no other district has one of that name.
  const parts = new Map<string, string[]>()
  for (const [key, value] of whole) {
    const [, part] = key.split('·')
    if (part) parts.set(part, [...(parts.get(part) ?? []), value])
  }
  for (const [part, [value, ...more]] of parts) if (value && !more.length && !whole.has(part)) whole.set(part, value)
  keyed.set(options, whole)
  return whole
}

function truth(text: string): string | undefined {
  const sign = text.normalize('NFKC').toUpperCase()
  if (/^(是|有|√|✓|✔|TRUE|YES|Y|1)$/.test(sign)) return 'on'
  return /^(否|无|没有|×|✗|FALSE|NO|N|0)$/.test(sign) ? '' : undefined
}

function misread(field: Field, typed: string): string | undefined {
  return field.type === 'checkbox' && typed && typed !== 'on' ? `${field.label}请填“是”或“否”。` : undefined
}

/** 2026-11-23, 2026/11/23, 2026.11.23, 2026年11月23日 and 20261123, in full width too, or the number Excel keeps of a day. */
function dayText(text: string): string | undefined {
  const signs = text
    .normalize('NFKC')
    .replace(/\s+0?0:00(:00)?$/, '')
    .replace(/\s/g, '')
  const [, year, month = '', day = ''] =
    /^(\d{4})([-/.年])(\d{1,2})(?:[-/.月])(\d{1,2})日?$/.exec(signs)?.filter((_, at) => at !== 2) ??
    /^(\d{4})(\d\d)(\d\d)$/.exec(signs) ??
    []
  return year ? `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}` : dayOfSerial(signs)
}

/** Without the unit somebody wrote behind it, and in whole numbers without the commas of thousands. */
function numberIn({ unit = '', inputmode }: Field, text: string): string {
  const bare = unit && text.endsWith(unit) ? text.slice(0, -unit.length).trim() : text
  const signs = bare.normalize('NFKC')
  return inputmode === 'numeric' && /^-?\d{1,3}(,\d{3})+$/.test(signs) ? signs.replaceAll(',', '') : bare
}

/** Merged cells among the rows: nobody can say which row their content belongs to. */
function addMerged({ merged }: Sheet, headingRow: number, columns: Map<string, number>, rows: TableRow[]): void {
  for (const { top, bottom, left, right } of merged) {
    const touched = [...columns].filter(([, at]) => at >= left && at <= right)
    const row = rows.find(({ row }) => row > headingRow && row >= top && row <= bottom)
    const [[field, column] = []] = touched
    if (!row || field === undefined || column === undefined) continue
    const range = `${columnName(left)}${top}:${columnName(right)}${bottom}`
    const sentence = `${range} 合并成了一格。请取消合并，在每一行填上自己的内容。`
    row.mistakes.push({ field, sentence })
  }
}

function unnamed({ rows }: Sheet, from: number, headings: readonly string[]): string[] {
  const found = new Set<number>()
  for (const { cells } of rows.slice(from))
    for (const [at, text] of cells.entries()) if (text && !headings[at]?.trim()) found.add(at)
  const names = [...found].sort((a, b) => a - b).slice(0, 10)
  return names.length ? [`${names.map(at => `${columnName(at)} 列`).join('、')}没有表头，没有读入。`] : []
}

function hidden({ hiddenRows, hiddenColumns }: Sheet, headingRow: number, columns: Map<string, number>): string[] {
  const rows = hiddenRows.filter(row => row > headingRow)
  const read = hiddenColumns.filter(at => [...columns.values()].includes(at))
  const some = rows.slice(0, 10).join('、')
  return [
    ...(rows.length ? [`第 ${some} 行${rows.length > 10 ? `等 ${rows.length} 行` : ''}在文件里是隐藏的，也已读入。`] : []),
    ...(read.length ? [`${read.map(at => `${columnName(at)} 列`).join('、')}在文件里是隐藏的，也已读入。`] : []),
  ]
}
