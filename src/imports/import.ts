import type { Knex } from 'knex'
import type { Role } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import type { Actor } from '../admin/action-log.ts'
import { NotFound } from '../errors.ts'
import { type Form, fieldsOf } from '../forms/form.ts'

/**
 * 导入: many rows at once from a workbook. The columns are the fields of forms, so a cell is checked by the very rules of the page,
 * and told by the same sentences; an import adds what only it knows: what stands already, what refers to what, and how to write.
 */
export interface Import {
  /** The last part of the address. */
  code: string
  /** What is imported: 物业企业. */
  label: string
  /** What it does and for whom, in a sentence or two. */
  about: string
  roles: readonly Role[]
  /** The list that shows what was imported. Its filter `import` narrows it to one (`batchFilter`). */
  list: { code: string; label: string }
  /** One sheet, or several that belong together; options that lie in the database come with them. */
  sheets(db: Knex, user: User): Promise<readonly ImportSheet[]>
  /**
   * The rules beyond the form: what is there already, what a row refers to, whose it is. Looks at many rows at a time; asked again
   * inside the transaction that writes.
   * @param rows those that pass the form, of all sheets
   */
  check(db: Knex, user: User, rows: readonly ImportRow[], step: Step): Promise<Finding[]>
  /**
   * Writes the rows that are new. All or none: whatever it throws takes everything back.
   * @param rows those of which no finding said that they are there already
   */
  write(trx: Knex.Transaction, user: User, rows: readonly ImportRow[], step: Step): Promise<Written>
}

export interface ImportSheet {
  /** The name of the sheet. */
  label: string
  form: Form
  /** The fields that say which thing a row is: two rows of a file cannot agree in all of them. */
  key: readonly string[]
  /** A row as it may be filled in, by field; shown beside the notes, never among the rows. */
  example: Readonly<Partial<Record<string, string>>>
  /** What to know before filling it in. */
  notes?: readonly string[]
}

export interface ImportRow {
  /** Which of the sheets, from 0. */
  sheet: number
  /** Its number as Excel shows it. */
  row: number
  /** Checked answers in their stored form, as text by field; '' is not filled in. */
  answers: Readonly<Record<string, string>>
}

/** What a check says of a row: something is wrong with it, or it stands in the archives already as it is here. */
export type Finding = { row: ImportRow; field?: string; sentence: string } | { row: ImportRow; same: true }

/** Tells how many rows are done, and lets others have their turn. Call it after each batch. */
export type Step = (rows: number) => Promise<void>

export interface Written {
  /** The rows the list shows, by their ids. */
  ids: readonly number[]
  /** What else to tell: 新建楼栋 12. */
  facts?: readonly { label: string; value: string }[]
  /** Something the office hands on, such as claim codes: kept encrypted until it is fetched, once. */
  handout?: Handout
}
export interface Handout {
  label: string
  headings: readonly string[]
  rows: readonly (readonly string[])[]
}

/** Whoever uploaded a file, as the action log names them while it is worked on. */
export function actorInBackground({ id, name, role, organisation_id }: User): Actor {
  return { user_id: id, user_name: name, role, organisation_id, address: null, request_id: null }
}

/** Sheets of ours that hold no rows. */
export const notesSheet = '填写说明'
export const optionsSheet = '选项'
/** Columns that the annotated workbook adds; they are passed over when it is handed in again. */
export const addedColumns = ['原行号', '问题'] as const

/**
 * Declares an import: template, upload, check, annotated workbook and pages come from it.
 * @throws Error when the declaration contradicts itself
 */
export function defineImport(declared: Import): Import {
  if (!/^[a-z][a-z0-9-]{1,39}$/.test(declared.code)) throw new Error(`import ${declared.code}: code`)
  return declared
}

/** The sheets of an import for somebody. @throws Error when a sheet asks for what no cell can hold */
export async function sheetsOf(db: Knex, user: User, { code, sheets }: Import): Promise<readonly ImportSheet[]> {
  const found = await sheets(db, user)
  for (const { label, form, key } of found) {
    const names = fieldsOf(form).map(field => field.name)
    const odd = fieldsOf(form).find(field => ['rows', 'hidden', 'password'].includes(field.type))
    if (odd) throw new Error(`import ${code}: ${label} cannot hold ${odd.name}`)
    const labels = fieldsOf(form).map(field => field.label)
    if (new Set(labels).size < labels.length) throw new Error(`import ${code}: two columns of ${label} have one heading`)
    if (!key.length || key.some(name => !names.includes(name))) throw new Error(`import ${code}: key of ${label}`)
  }
  return found
}

const known = new Map<string, Import>()

/** Puts imports into the portal. @throws Error when a code is taken */
export function registerImports(...imports: readonly Import[]): void {
  for (const declared of imports) {
    const present = known.get(declared.code)
    if (present && present !== declared) throw new Error(`two imports are called ${declared.code}`)
    known.set(declared.code, declared)
  }
}

/** @throws NotFound when no import has this code */
export function findImport(code: unknown): Import {
  const found = typeof code === 'string' ? known.get(code) : undefined
  if (!found) throw new NotFound('')
  return found
}

/** The imports a role may use, in the order they were registered. */
export function importsFor(role: Role): Import[] {
  return [...known.values()].filter(({ roles }) => roles.includes(role))
}
