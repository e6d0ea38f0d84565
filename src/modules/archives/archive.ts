import type { Knex } from 'knex'
import { dayOf, now } from '../../clock.ts'
import { blindIndex, decrypt, encrypt } from '../../crypto.ts'
import { nameKey } from '../../database/names.ts'
import { Conflict, NotFound } from '../../errors.ts'
import { type Field, type Form, fieldsOf, partOf } from '../../forms/form.ts'
import { indexTerms, type SearchText } from '../../lists/terms.ts'
import type { Source } from './words.ts'

/**
 * 档案 (domain.md §9): one form says which fields a record has, how they are checked and what they are called; this engine reads and
 * writes them, keeps the 变更记录 field by field, and reads a record as it was on a past day. Whoever writes here holds the
 * transaction and has asked who may.
 */
export interface Archive {
  /** Names the archive in addresses, and what it is in the action log. */
  code: string
  label: string
  /** The tables a record lies in; all share its id. The last one is its own and holds the version. */
  tables: readonly [string, ...string[]]
  /** Every field; text answers by column name. ★ is `star`, personal data `personal`. */
  form: Form
  /** The table a field lies in, where that is not the last one. */
  lies?: Readonly<Record<string, string>>
  /** Fields kept encrypted in `<field>_cipher`, and what stands beside: a keyed digest to search by, the last four signs to show. */
  sealed?: Readonly<Record<string, readonly ('index' | 'last4')[]>>
  /** Fields with a `<field>_key` beside them that holds their order. */
  sorted?: Readonly<Record<string, 'plain' | 'person'>>
  /** Numbers that are 0 in their column where nothing is filled in. */
  zeros?: readonly string[]
  /** Fields that only the office sets, never the organisation a record belongs to. */
  office?: readonly string[]
  /** What a record is found by, in each of these scopes of `search_terms`. */
  terms?: { scopes: readonly string[]; texts(db: Knex, id: number, answers: RecordAnswers): Promise<SearchText[]> }
  /** What else must follow when some fields have changed, such as who sees the record; in the same transaction. */
  follows?(trx: Knex.Transaction, id: number, after: RecordAnswers, changed: readonly string[]): Promise<void>
}

/** A record as text, by field; '' where nothing is filled in. */
export type RecordAnswers = Record<string, string>

export interface ArchiveRecord {
  id: number
  version: number
  answers: RecordAnswers
  created_at: Date
  updated_at: Date
}

/** Who changes a record, and through which case. */
export interface ChangedBy {
  user_id: number | null
  case_id?: number | null
}

/** One line of the 变更记录, as it is kept: personal data stay sealed. */
export interface ChangeRow {
  id: number
  at: Date
  user_id: number | null
  table_name: string
  row_id: number
  field: string
  before: string | null
  after: string | null
  case_id: number | null
}

const sealedChange = 'changes.value'
const stamps = ['version', 'created_at', 'updated_at'] as const

/** The table that is the record's own. */
export function ownTable({ tables }: Archive): string {
  return tables[tables.length - 1] ?? tables[0]
}

/** The part of the form that changes only by application (★). */
export function starredPart(archive: Archive): Form {
  return partOf(archive.form, field => field.star === true)
}

/**
 * The part of the form that takes effect at once.
 * @param byOffice whether an office fills it in; an organisation leaves out what only the office sets
 */
export function openPart(archive: Archive, byOffice: boolean): Form {
  return partOf(archive.form, field => !field.star && (byOffice || !archive.office?.includes(field.name)))
}

/** Reads a record as it is now. @throws NotFound */
export async function readRecord(db: Knex, archive: Archive, id: number): Promise<ArchiveRecord> {
  const [record] = await readRecords(db, archive, [id])
  if (!record) throw new NotFound()
  return record
}

/** Reads several records by their ids, in no particular order. */
export async function readRecords(db: Knex, archive: Archive, ids: readonly number[]): Promise<ArchiveRecord[]> {
  const own = ownTable(archive)
  const query = db(own).whereIn(`${own}.id`, [...ids])
  for (const table of archive.tables) if (table !== own) query.join(table, `${table}.id`, `${own}.id`)
  const fields = fieldsOf(archive.form)
  const rows: Record<string, unknown>[] = await query.select(
    `${own}.id`,
    ...stamps.map(stamp => `${own}.${stamp}`),
    ...fields.map(field => `${columnOf(archive, field.name)} as ${field.name}`),
  )
  return rows.map(row => ({
    id: Number(row.id),
    version: Number(row.version),
    created_at: row.created_at as Date, // the columns of `stamps`
    updated_at: row.updated_at as Date,
    answers: Object.fromEntries(fields.map(({ name }) => [name, textOf(archive, name, row[name])])),
  }))
}

/** The column a field is read from. */
function columnOf(archive: Archive, name: string): string {
  const table = archive.lies?.[name] ?? ownTable(archive)
  return `${table}.${archive.sealed?.[name] ? `${name}_cipher` : name}`
}

/** What a ciphertext of a field is bound to. */
function bindingOf(archive: Archive, name: string): string {
  return `${archive.lies?.[name] ?? ownTable(archive)}.${name}`
}

function textOf(archive: Archive, name: string, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (archive.sealed?.[name]) return decrypt(bindingOf(archive, name), String(value))
  const field = fieldOf(archive, name)
  if (field?.type === 'checkbox') return Number(value) ? 'on' : ''
  return value instanceof Date ? dayOf(value) : String(value)
}

const fieldMaps = new WeakMap<Form, Map<string, Field>>()

function fieldOf({ form }: Archive, name: string): Field | undefined {
  const known = fieldMaps.get(form) ?? new Map(fieldsOf(form).map(field => [field.name, field]))
  fieldMaps.set(form, known)
  return known.get(name)
}

/**
 * Answers as the columns that hold them, by table.
 * @param answers checked answers in their stored form; fields left out get no column
 */
export function columnsOf(archive: Archive, answers: RecordAnswers): Record<string, Record<string, Knex.Value>> {
  const columns: Record<string, Record<string, Knex.Value>> = {}
  for (const [name, text] of Object.entries(answers)) {
    const field = fieldOf(archive, name)
    if (!field) continue
    const table = archive.lies?.[name] ?? ownTable(archive)
    columns[table] ??= {}
    Object.assign(columns[table], columnsOfField(archive, field, text))
  }
  return columns
}

function columnsOfField(archive: Archive, { name, type }: Field, text: string): Record<string, Knex.Value> {
  const beside = archive.sealed?.[name]
  if (beside)
    return {
      [`${name}_cipher`]: text ? encrypt(bindingOf(archive, name), text) : null,
      ...(beside.includes('index') ? { [`${name}_index`]: text ? blindIndex(bindingOf(archive, name), text) : null } : {}),
      ...(beside.includes('last4') ? { [`${name}_last4`]: text ? text.slice(-4) : null } : {}),
    }
  if (type === 'checkbox') return { [name]: text ? 1 : 0 }
  const sort = archive.sorted?.[name]
  const nothing = archive.zeros?.includes(name) ? 0 : null
  return { [name]: text === '' ? nothing : text, ...(sort ? { [`${name}_key`]: nameKey(text, sort === 'person') } : {}) }
}

/**
 * Writes a new record, findable at once.
 * @param answers checked answers in their stored form
 * @param more columns that are not fields, by table: what it belongs to, the kind of organisation
 * @returns its id
 */
export async function createRecord(
  trx: Knex.Transaction,
  archive: Archive,
  answers: RecordAnswers,
  { by, source, more = {} }: { by: ChangedBy; source?: Source; more?: Record<string, Record<string, Knex.Value>> },
): Promise<number> {
  const at = now()
  const columns = columnsOf(archive, filled(answers))
  let id = 0
  for (const table of archive.tables) {
    const isOwn = table === ownTable(archive)
    const [made = 0] = await trx(table).insert({
      ...columns[table],
      ...more[table],
      ...(id ? { id } : {}),
      ...(isOwn && source ? { source } : {}),
      created_at: at,
      updated_at: at,
      created_by: by.user_id,
      updated_by: by.user_id,
    })
    id ||= made
  }
  await indexRecord(trx, archive, id, answers)
  return id
}

/** Answers without those that say nothing, so that the columns keep what the table gives them. */
function filled(answers: RecordAnswers): RecordAnswers {
  return Object.fromEntries(Object.entries(answers).filter(([, text]) => text !== ''))
}

/** Makes a record findable by what it says now. */
export async function indexRecord(trx: Knex, archive: Archive, id: number, answers: RecordAnswers): Promise<void> {
  const { terms } = archive
  if (!terms) return
  const texts = await terms.texts(trx, id, answers)
  for (const scope of terms.scopes) await indexTerms(trx, scope, id, texts)
}

/** Locks a record until the transaction ends; all writers lock its tables in the same order. */
export async function lockRecord(trx: Knex.Transaction, archive: Archive, id: number): Promise<void> {
  for (const table of archive.tables) await trx(table).where({ id }).forUpdate().first('id')
}

/**
 * Changes a record and writes what changed, field by field.
 * @param answers checked answers in their stored form; fields left out stay as they are
 * @param version the one the form was opened with, where one was
 * @returns the names of the fields that changed; none when everything was so already
 * @throws Conflict when somebody changed it meanwhile, NotFound
 */
export async function changeRecord(
  trx: Knex.Transaction,
  archive: Archive,
  id: number,
  { answers, version, by }: { answers: RecordAnswers; version?: number; by: ChangedBy },
): Promise<string[]> {
  const own = ownTable(archive)
  await lockRecord(trx, archive, id)
  const before = await readRecord(trx, archive, id)
  if (version !== undefined && version !== before.version) throw new Conflict(await lastChange(trx, archive, id))
  const changed = Object.keys(answers).filter(
    name => fieldOf(archive, name) && (before.answers[name] ?? '') !== (answers[name] ?? ''),
  )
  if (!changed.length) return []
  const after = { ...before.answers, ...Object.fromEntries(changed.map(name => [name, answers[name] ?? ''])) }
  const at = now()
  const columns = columnsOf(archive, Object.fromEntries(changed.map(name => [name, answers[name] ?? ''])))
  for (const table of archive.tables) {
    if (!columns[table] && table !== own) continue
    await trx(table)
      .where({ id })
      .update({ ...columns[table], updated_at: at, updated_by: by.user_id, version: trx.raw('version + 1') })
  }
  await trx('changes').insert(
    changed.map(name => ({
      at,
      user_id: by.user_id,
      table_name: archive.lies?.[name] ?? own,
      row_id: id,
      field: name,
      before: keptText(archive, name, before.answers[name] ?? ''),
      after: keptText(archive, name, answers[name] ?? ''),
      case_id: by.case_id ?? null,
    })),
  )
  await archive.follows?.(trx, id, after, changed)
  await indexRecord(trx, archive, id, after)
  return changed
}

/** Personal data are sealed in the record of changes as they are in their column. */
function keptText(archive: Archive, name: string, text: string): string | null {
  if (!text) return null
  return fieldOf(archive, name)?.personal || archive.sealed?.[name] ? encrypt(sealedChange, text) : text
}

/** What a line of the record of changes said before or after, opened. */
export function openText(archive: Archive, name: string, kept: string | null): string {
  if (kept === null) return ''
  const isSealed = (fieldOf(archive, name)?.personal || archive.sealed?.[name]) && kept.startsWith('v1.')
  return isSealed ? decrypt(sealedChange, kept) : kept
}

/** The sentence for whoever came second. */
async function lastChange(db: Knex, archive: Archive, id: number): Promise<string> {
  const [last] = await changeRows(db, archive, id, { limit: 1 })
  const who: { name: string } | undefined = last?.user_id
    ? await db('users').where({ id: last.user_id }).first('name')
    : undefined
  const what = last ? (fieldOf(archive, last.field)?.label ?? last.field) : ''
  return `${who?.name ?? '别人'}刚刚改过这份档案${what ? `的“${what}”` : ''}，您的修改没有保存。请看最新内容后再改。`
}

/** The changes of a record, newest first. */
export async function changeRows(
  db: Knex,
  archive: Archive,
  id: number,
  { limit, after }: { limit?: number; after?: Date } = {},
): Promise<ChangeRow[]> {
  const names = new Set(fieldsOf(archive.form).map(field => field.name))
  const query = db<ChangeRow>('changes')
    .where({ row_id: id })
    .whereIn('table_name', [...archive.tables])
    .orderBy('id', 'desc')
  if (after) query.where('at', '>=', after)
  if (limit) query.limit(limit)
  const rows: ChangeRow[] = await query
  return rows.filter(row => names.has(row.field))
}

/**
 * A record as it was at the end of a past day, read back from the changes since.
 * @param day `YYYY-MM-DD`, Beijing
 * @returns nothing where the record did not exist yet
 */
export async function recordOn(db: Knex, archive: Archive, id: number, day: string): Promise<ArchiveRecord | undefined> {
  const record = await readRecord(db, archive, id)
  if (dayOf(record.created_at) > day) return undefined
  const since = new Date(Date.parse(`${day}T00:00:00+08:00`) + 86_400_000)
  const answers = { ...record.answers }
  // Newest first, so the oldest change after the day has the last word.
  for (const row of await changeRows(db, archive, id, { after: since }))
    answers[row.field] = openText(archive, row.field, row.before)
  return { ...record, answers }
}
