import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import type { Case } from '../../cases/case.ts'
import { findKind, type Subject } from '../../cases/kind.ts'
import { closedStates } from '../../cases/lifecycle.ts'
import { settingsNow } from '../../cases/lists.ts'
import { visibleCases } from '../../cases/queries.ts'
import { stateOf } from '../../cases/steps.ts'
import type { Tone } from '../../lists/list.ts'
import { visibleWarnings, type Warning } from '../../warnings/warnings.ts'

/** What runs beside a record: the cases about it and the warnings, as far as the reader sees them. Drawn by `views/archives/linked`. */

export interface LinkedCase {
  id: number
  title: string
  serial: string | null
  state: { label: string; tone: Tone; icon: string }
  /** When it last moved. */
  at: Date
}

/** Newest first: the open ones, then those that are closed. */
export interface LinkedCases {
  open: number
  lines: LinkedCase[]
}

/** More open cases about one record than anybody counts. */
const mostOpen = 100

/**
 * The cases about a record, and those its organisation has filed.
 * @param about what the cases are about, and whose they are where the record is an organisation
 * @param limit how many are shown
 */
export async function casesAbout(
  db: Knex,
  user: User,
  about: { type: Subject['type']; id: number; applicant_id?: number },
  limit = 8,
): Promise<LinkedCases> {
  // Two questions with an index each; an OR over both would read every case.
  const ids = db.unionAll([
    db('cases').where({ subject_type: about.type, subject_id: about.id }).select('id'),
    db('cases')
      .where({ applicant_id: about.applicant_id ?? 0 })
      .select('id'),
  ])
  const within = () => visibleCases(db, user).whereIn('cases.id', db.from(ids.clone().as('linked')).select('linked.id'))
  const [rows, open, settings]: [Case[], { id: number }[], Awaited<ReturnType<typeof settingsNow>>] = await Promise.all([
    within()
      .orderByRaw('cases.closed_at is null desc')
      .orderBy([
        { column: 'cases.updated_at', order: 'desc' },
        { column: 'cases.id', order: 'desc' },
      ])
      .limit(limit)
      .select('cases.*'),
    within()
      .whereNotIn('cases.state', [...closedStates])
      .limit(mostOpen)
      .select('cases.id'),
    settingsNow(db),
  ])
  const lines = rows.map(row => {
    const kind = findKind(row.kind)
    const state = stateOf({ kase: row, settings: settings.get(row.settings_id ?? 0) ?? { chain: [] }, kind: kind ?? {} })
    const subject = row.subject_type === about.type && row.subject_id === about.id ? '' : ` · ${row.subject_name}`
    return {
      id: row.id,
      title: `${kind?.label ?? row.title}${kind ? subject : ''}`,
      serial: row.serial,
      state,
      at: row.updated_at,
    }
  })
  return { open: open.length, lines }
}

/** The warnings that stand about an organisation, or about single things of it. */
export async function warningsOf(
  db: Knex,
  user: User,
  narrow: (query: Knex.QueryBuilder) => void,
  limit = 8,
): Promise<Pick<Warning, 'id' | 'title' | 'level' | 'due_on'>[]> {
  const query = visibleWarnings(db, user).whereNull('warnings.closed_at')
  narrow(query)
  return await query
    .orderBy(['warnings.level', 'warnings.due_on', 'warnings.id'])
    .limit(limit)
    .select('warnings.id', 'warnings.title', 'warnings.level', 'warnings.due_on')
}
