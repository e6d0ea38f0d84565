import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../../accounts/users.ts'
import { now } from '../../../clock.ts'
import { choice, type Field, type Form, fieldsOf, type Mistakes, type Option, optionalChoice } from '../../../forms/form.ts'
import type { Finding, ImportRow } from '../../../imports/import.ts'
import { masks } from '../../../lists/masks.ts'
import { indexMany } from '../../../lists/terms.ts'
import { type Archive, type ChangedBy, columnsOf, ownTable, type RecordAnswers } from '../archive.ts'
import { visibleProjects } from '../visible.ts'
import type { Source, Stage } from '../words.ts'

/** What the imports of several archives do in the same way: many rows at a time, against what is on file. */

/** Rows looked up or written by one statement. */
const batch = 200

/** Rows in pieces of a size that one statement takes. */
export function* inBatches<T>(rows: readonly T[]): Generator<T[]> {
  for (let from = 0; from < rows.length; from += batch) yield rows.slice(from, from + batch)
}

/** A form with the options of fields that only the database knows, so that a workbook offers them and takes their labels. */
export function withOptions(form: Form, options: Readonly<Record<string, readonly Option[]>>): Form {
  const shape = Object.entries(form.shape).map(([name, schema]): [string, z.ZodType] => {
    const own = options[name]
    const field = fieldsOf(form).find(field => field.name === name)
    if (!own || !field) return [name, schema as z.ZodType] // the shape of a zod object
    const { label, hint, required } = field
    return [name, (required ? choice : optionalChoice)({ label, options: own, ...(hint ? { hint } : {}) })]
  })
  return z.object(Object.fromEntries(shape))
}

/** Sentences by field as findings of a row. */
export function findingsOf(row: ImportRow, mistakes: Mistakes): Finding[] {
  return Object.entries(mistakes).map(([field, sentence]) => ({ row, field, sentence }))
}

/**
 * Whether a row says what is on file already. What it leaves empty says nothing.
 * @param record what is on file, in its stored form
 * @param wayOut how it is changed, since an import only adds
 */
export function compared(row: ImportRow, fields: readonly Field[], record: RecordAnswers, wayOut: string): Finding {
  const other = fields.filter(({ name }) => row.answers[name] && row.answers[name] !== (record[name] ?? ''))
  const [first] = other
  if (!first) return { row, same: true }
  const told = other.slice(0, 5).map(field => `“${field.label}”（档案为 ${shown(field, record[field.name] ?? '')}）`)
  const more = other.length > 5 ? `等 ${other.length} 项` : ''
  return { row, field: first.name, sentence: `已在档，${told.join('、')}${more}与这里不同。${wayOut}` }
}

function shown({ options, personal, type }: Field, text: string): string {
  if (type === 'checkbox') return text ? '是' : '否'
  if (!text) return '空'
  if (personal) return masks[personal](text)
  return options?.find(({ value }) => value === text)?.label ?? text
}

/** A record to be written, with columns that are no fields. */
export interface NewRecord {
  answers: RecordAnswers
  more: Record<string, Knex.Value>
}

/**
 * Writes many new records of an archive that lies in one table, findable at once, as `createRecord` writes one.
 * @returns their ids, in the order of the rows
 */
export async function createRecords(
  trx: Knex.Transaction,
  archive: Archive,
  rows: readonly NewRecord[],
  { by, source }: { by: ChangedBy; source?: Source },
): Promise<number[]> {
  const table = ownTable(archive)
  if (archive.tables.length > 1) throw new Error(`${archive.code} lies in several tables`)
  const at = now()
  const stamps = { created_at: at, updated_at: at, created_by: by.user_id, updated_by: by.user_id, ...(source ? { source } : {}) }
  const ids: number[] = []
  const [[{ step }]] = await trx.raw('select @@auto_increment_increment as step')
  for (const part of inBatches(rows)) {
    const columns = part.map(({ answers, more }) => ({ ...columnsOf(archive, filled(answers))[table], ...more, ...stamps }))
    // InnoDB numbers the rows of one INSERT with a known count one after another, whatever others insert meanwhile.
    const [first = 0] = await trx(table).insert(columns)
    const made = part.map((_, at) => first + at * step)
    ids.push(...made)
    for (const scope of archive.terms?.scopes ?? [])
      await indexMany(trx, scope, await termsFor(trx, archive, part, made)) // biome-ignore format: one step
  }
  return ids
}

async function termsFor(trx: Knex, archive: Archive, part: readonly NewRecord[], ids: readonly number[]) {
  return await Promise.all(
    part.map(async ({ answers }, at) => {
      const id = ids[at] ?? 0
      return { id, texts: (await archive.terms?.texts(trx, id, answers)) ?? [] }
    }),
  )
}

/** Without what says nothing, so that the columns keep what the table gives them. */
const filled = (answers: RecordAnswers): RecordAnswers => Object.fromEntries(Object.entries(answers).filter(([, text]) => text))

/** A project as rows refer to it. */
export interface NamedProject {
  project_id: number
  project: string
  code: string
  developer_id: number | null
  stage: Stage
}

const key = (text: string) => text.normalize('NFKC').replace(/\s/g, '').toLowerCase()

/**
 * Finds the projects that rows name, by name or 项目编号, among those this person sees.
 * @returns the project of a text, or the sentence why there is none
 */
export async function projectsNamed(
  db: Knex,
  user: User,
  texts: readonly string[],
): Promise<(text: string) => NamedProject | string> {
  const known = new Map<string, NamedProject[]>()
  for (const part of inBatches([...new Set(texts)])) {
    const codes = part.filter(text => /^[\x21-\x7e]{1,20}$/.test(text))
    const found: NamedProject[] = await visibleProjects(db, user)
      .where(named => named.whereIn('projects.name', part).orWhereIn('projects.code', codes))
      .select('projects.id as project_id', 'projects.name as project', 'projects.code', 'developer_id', 'stage')
    for (const project of found)
      for (const word of new Set([key(project.project), key(project.code)]))
        known.set(word, [...(known.get(word) ?? []).filter(other => other.project_id !== project.project_id), project])
  }
  return text => {
    const [first, second] = known.get(key(text)) ?? []
    if (second) return `有几个项目叫“${text}”，请改填项目编号。`
    return first ?? `没有找到“${text}”这个项目，或不在您的管辖范围。请填档案里的项目名称或项目编号。`
  }
}

/** The project a checked row names. @throws Error where there is none, which the check has told */
export function known(found: NamedProject | string): NamedProject {
  if (typeof found === 'string') throw new Error('a row without its project passed the check')
  return found
}

/** What a sheet asks for to say which project a row belongs to. */
export const projectColumn = { label: '所属项目', max: 100, hint: '项目名称或项目编号，同名的填编号' } as const
