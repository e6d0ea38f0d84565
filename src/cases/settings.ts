import { isDeepStrictEqual } from 'node:util'
import type { Knex } from 'knex'
import { addDays } from '../calendar.ts'
import { now, today } from '../clock.ts'
import { type Kind, type KindSettings, standardOf } from './kind.ts'

export interface SettingsRow {
  id: number
  kind: string
  variant: string
  effective_on: string
  revision: number
  settings: string
  created_at: Date
  created_by: number | null
}

/** The first day of settings that came with the portal. */
const always = '2000-01-01'

const parsed = new Map<number, KindSettings>()

/** The settings of a row. Rows never change, so each is read once a process. @throws Error when there is no such row */
export async function settingsById(db: Knex, id: number): Promise<KindSettings> {
  const known = parsed.get(id)
  if (known) return known
  const row: SettingsRow | undefined = await db('kind_settings').where({ id }).first()
  if (!row) throw new Error(`kind_settings ${id} is gone`)
  return keep(row)
}

/**
 * The settings of a kind in force on a day, with the id a submitted case keeps. What the kind is declared with is installed when it
 * is first asked for.
 */
export async function settingsInForce(
  db: Knex,
  kind: Kind,
  variant = '',
  day = today(),
): Promise<{ id: number; settings: KindSettings }> {
  const find = (): Promise<Pick<SettingsRow, 'id'> | undefined> =>
    db('kind_settings')
      .where({ kind: kind.code, variant })
      .where('effective_on', '<=', day)
      .orderBy([
        { column: 'effective_on', order: 'desc' },
        { column: 'revision', order: 'desc' },
      ])
      .first('id')
  const row = (await find()) ?? (await install(db, kind, variant).then(find))
  if (!row) throw new Error(`no settings for ${kind.code} ${variant}`)
  return { id: row.id, settings: await settingsById(db, row.id) }
}

async function install(db: Knex, kind: Kind, variant: string): Promise<void> {
  const at = now()
  await db('kind_settings')
    .insert({
      kind: kind.code,
      variant,
      effective_on: always,
      revision: 1,
      settings: JSON.stringify(standardOf(kind, variant)),
      created_at: at,
      updated_at: at,
    })
    // Another process was first.
    .onConflict(['kind', 'variant', 'effective_on', 'revision'])
    .ignore()
}

function keep(row: SettingsRow): KindSettings {
  const settings = JSON.parse(row.settings) as KindSettings // written by `install` and the checked admin page alone
  parsed.set(row.id, settings)
  return settings
}

/** One row of settings, without its content. */
export interface Edition {
  id: number
  effective_on: string
  revision: number
  created_at: Date
  created_by: number | null
  /** Who wrote it; nobody where it came with the portal. */
  editor: string | null
}

/** All settings a kind ever had, in the order in which they hold: by day, a later revision of a day after the earlier. */
export async function editionsOf(db: Knex, kind: Kind, variant: string): Promise<Edition[]> {
  await settingsInForce(db, kind, variant)
  return await db('kind_settings')
    .leftJoin('users', 'users.id', 'kind_settings.created_by')
    .where({ 'kind_settings.kind': kind.code, 'kind_settings.variant': variant })
    .orderBy(['kind_settings.effective_on', 'kind_settings.revision'])
    .select(
      'kind_settings.id',
      'kind_settings.effective_on',
      'kind_settings.revision',
      'kind_settings.created_at',
      'kind_settings.created_by',
      'users.name as editor',
    )
}

/** What holds on a day, of the editions of a kind. */
export function inForce(editions: readonly Edition[], day: string): Edition | undefined {
  return editions.findLast(({ effective_on }) => effective_on <= day)
}

/** What will change after a day, the next first: of several revisions of a day the last, and none that was withdrawn and changes nothing. */
export async function upcoming(db: Knex, editions: readonly Edition[], day: string): Promise<Edition[]> {
  const last = editions.filter(
    ({ effective_on }, index) => effective_on > day && editions[index + 1]?.effective_on !== effective_on,
  )
  const changes = await Promise.all(
    last.map(async ({ id, effective_on }) => {
      const before = inForce(editions, addDays(effective_on, -1))
      return !before || !isSameSettings(await settingsById(db, before.id), await settingsById(db, id))
    }),
  )
  return last.filter((_, index) => changes[index])
}

/** Whether two settings say the same, whatever order their keys are in. */
export function isSameSettings(one: KindSettings, other: KindSettings): boolean {
  // Through text, as they are kept: what is not set is not there.
  const kept = (settings: KindSettings): unknown => JSON.parse(JSON.stringify(settings))
  return isDeepStrictEqual(kept(one), kept(other))
}

/** What held before an edition when it was written: the newest of those written earlier, on its day or before. */
export function predecessor(editions: readonly Edition[], edition: Edition): Edition | undefined {
  return editions.findLast(other => other.id < edition.id && other.effective_on <= edition.effective_on)
}

/** The edition written last, whatever day it is for. */
export function newest(editions: readonly Edition[]): Edition | undefined {
  return editions.reduce<Edition | undefined>((last, one) => (last && last.id > one.id ? last : one), undefined)
}

/**
 * Writes new settings of a kind. Two who save at once queue up at the rows that are there.
 * @param opened the edition that was newest when the writer began
 * @returns the id of the row, or nothing when somebody has written another edition since
 */
export async function addSettings(
  trx: Knex.Transaction,
  {
    kind,
    variant,
    effective_on,
    settings,
    opened,
    user_id,
  }: { kind: Kind; variant: string; effective_on: string; settings: KindSettings; opened: number; user_id: number | null },
): Promise<number | undefined> {
  const rows: Pick<SettingsRow, 'id' | 'effective_on' | 'revision'>[] = await trx('kind_settings')
    .where({ kind: kind.code, variant })
    .orderBy(['effective_on', 'revision'])
    .forUpdate()
    .select('id', 'effective_on', 'revision')
  if (rows.some(({ id }) => id > opened)) return undefined
  const revision = 1 + Math.max(0, ...rows.filter(row => row.effective_on === effective_on).map(row => row.revision))
  const at = now()
  const [id] = await trx('kind_settings').insert({
    kind: kind.code,
    variant,
    effective_on,
    revision,
    settings: JSON.stringify(settings),
    created_at: at,
    updated_at: at,
    created_by: user_id,
    updated_by: user_id,
  })
  return id
}
