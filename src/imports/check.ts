import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import type { Field, Values } from '../forms/form.ts'
import { valuesOf } from '../forms/page.ts'
import { masks } from '../lists/masks.ts'
import { columnName } from './cells.ts'
import { type Import, type ImportRow, notesSheet, optionsSheet, type Step, sheetsOf } from './import.ts'
import { type Table, type TableRow, tablesOf } from './table.ts'
import { readWorkbook } from './workbook.ts'

/** Something that must be put right before anything is written. */
export interface Mistake {
  sheet: number
  row: number
  /** The field, its label and the letter of its column; nothing where it is the row as such. */
  field?: string
  label?: string
  column?: string
  sentence: string
  /** What stands there, masked where it is personal. */
  shown?: string
}

export interface Checked {
  tables: Table[]
  rows: ImportRow[]
  /** Those of them that stand in the archives already, as they are here. */
  same: Set<ImportRow>
  mistakes: Mistake[]
  /** How many there are, where not all are kept. */
  total: number
  warnings: string[]
}

/** Rows checked before others have their turn. */
const batch = 50

/**
 * Reads a file and checks all of its rows: by the forms, against each other, then by the rules of the import.
 * @param turn `count` is told how many rows there are, before `step` is told how many are done
 * @throws Unreadable when the file cannot be read as one of this import
 */
export async function checkFile(
  db: Knex,
  user: User,
  declared: Import,
  bytes: Buffer,
  { step, count }: { step: Step; count?: (rows: number) => PromiseLike<unknown> },
): Promise<Checked> {
  const sheets = await sheetsOf(db, user, declared)
  const tables = tablesOf(await readWorkbook(bytes, [notesSheet, optionsSheet]), sheets)
  await count?.(tables.reduce((sum, { rows }) => sum + rows.length, 0))
  const rows: ImportRow[] = []
  const wrong = new Wrong(tables)
  for (const [sheet, table] of tables.entries()) {
    for (const [at, line] of table.rows.entries()) {
      const row = await readRow(table, line)
      if (row) rows.push({ sheet, row: line.row, answers: row })
      for (const mistake of line.mistakes) wrong.add({ sheet, row: line.row }, mistake.sentence, mistake.field)
      if (at % batch === batch - 1) await step(batch)
    }
    findRepeated(sheet, table, wrong)
  }
  const same = await checkRows(db, user, declared, rows, wrong, step)
  return {
    tables,
    rows,
    same,
    mistakes: wrong.inOrder(),
    total: wrong.total,
    warnings: tables.flatMap(({ warnings }) => warnings),
  }
}

/**
 * Asks the rules of the import alone, as once more inside the transaction that writes.
 * @returns the rows that stand there already
 */
export async function checkRows(
  db: Knex,
  user: User,
  declared: Import,
  rows: readonly ImportRow[],
  wrong: Wrong,
  step: Step,
): Promise<Set<ImportRow>> {
  const same = new Set<ImportRow>()
  for (const finding of await declared.check(db, user, rows, step))
    if ('same' in finding) same.add(finding.row)
    else wrong.add(finding.row, finding.sentence, finding.field)
  return same
}

/** A row by the rules of the form; nothing where it breaks one, which is then told in `line`. */
async function readRow({ sheet }: Table, line: TableRow): Promise<Values | undefined> {
  const told = new Set(line.mistakes.map(({ field }) => field))
  const read = sheet.form.safeParse(line.typed)
  if (read.success) return line.mistakes.length ? undefined : valuesOf(read.data)
  for (const issue of read.error.issues) {
    const field = String(issue.path[0] ?? '')
    if (told.has(field)) continue
    told.add(field)
    line.mistakes.push({ field, sentence: issue.message })
  }
  return undefined
}

/** Two rows of a file that say the same thing is there. */
function findRepeated(at: number, { sheet, fields, rows }: Table, wrong: Wrong): void {
  const first = new Map<string, number>()
  const parts = fields.filter(({ name }) => sheet.key.includes(name))
  const labels = parts.map(({ label }) => `“${label}”`)
  for (const { row, typed } of rows) {
    const texts = parts.map(({ name }) => (typed[name] ?? '').normalize('NFKC').replace(/\s/g, '').toUpperCase())
    if (parts.some(({ required }, at) => required && !texts[at])) continue
    const key = JSON.stringify(texts)
    const before = first.get(key)
    if (before === undefined) first.set(key, row)
    else wrong.add({ sheet: at, row }, `与第 ${before} 行的${labels.join('、')}相同。请删去重复的一行。`, sheet.key[0])
  }
}

/** More mistakes than anybody mends one by one; they are counted, but not kept. */
const mostMistakes = 50_000

/** The mistakes of a file. */
export class Wrong {
  total = 0
  #tables: readonly Table[]
  #fields: Map<string, Field>[]
  #lines: Map<number, TableRow>[]
  #mistakes: Mistake[] = []

  constructor(tables: readonly Table[]) {
    this.#tables = tables
    this.#fields = tables.map(({ fields }) => new Map(fields.map(field => [field.name, field])))
    this.#lines = tables.map(({ rows }) => new Map(rows.map(line => [line.row, line])))
  }

  add({ sheet, row }: Pick<ImportRow, 'sheet' | 'row'>, sentence: string, name?: string): void {
    if (++this.total > mostMistakes) return
    const field = name === undefined ? undefined : this.#fields[sheet]?.get(name)
    if (!field) return void this.#mistakes.push({ sheet, row, sentence })
    const at = this.#tables[sheet]?.columns.get(field.name)
    const seen = this.#lines[sheet]?.get(row)?.seen[field.name] ?? ''
    const shown = (field.personal ? masks[field.personal](seen) : seen).slice(0, 60)
    const column = at === undefined ? {} : { column: columnName(at) }
    this.#mistakes.push({ sheet, row, field: field.name, label: field.label, ...column, sentence, shown })
  }

  /** By sheet and row; within a row as they were found. */
  inOrder(): Mistake[] {
    return this.#mistakes.sort((a, b) => a.sheet - b.sheet || a.row - b.row)
  }
}
