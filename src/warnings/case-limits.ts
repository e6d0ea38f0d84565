import type { Knex } from 'knex'
import { isRole, roles } from '../accounts/roles.ts'
import { workCalendar } from '../calendar.ts'
import type { Case } from '../cases/case.ts'
import { findKind } from '../cases/kind.ts'
import { few } from '../cases/light.ts'
import { caseReaders } from '../cases/roles.ts'
import { settingsById } from '../cases/settings.ts'
import { placeOf } from '../cases/steps.ts'
import { today } from '../clock.ts'
import type { Cause, Finding } from './warnings.ts'

type Due = Pick<Case, (typeof columns)[number]>

const columns = [
  'id',
  'kind',
  'title',
  'subject_name',
  'state',
  'place',
  'settings_id',
  'due_on',
  'district_code',
  'street_code',
  'holder_role',
] as const
const batch = 500

/** 办件将超期, three working days ahead, and 已超期: to the desk that has the case and the level above it (domain.md §12). */
export const caseLimits: Cause = {
  kind: 'case-limit',
  label: '办件时限',
  stages: { soon: '将超期', late: '已超期' },
  roles: caseReaders.filter(role => roles[role].staff),

  async *find(db) {
    const day = today()
    const until = await lastWarned(db)
    for (let last = { due_on: '1000-01-01', id: 0 }; ; ) {
      const rows: Due[] = await dueWithOffices(db.queryBuilder(), until)
        .where(rest =>
          rest
            .where('cases.due_on', '>', last.due_on)
            .orWhere(same => same.where('cases.due_on', last.due_on).where('cases.id', '>', last.id)),
        )
        .orderBy(['cases.due_on', 'cases.id'])
        .limit(batch)
        .select([...columns])
      if (rows.length) yield await Promise.all(rows.map(row => findingOf(db, row, day)))
      const end = rows.at(-1)
      if (!end || rows.length < batch) return
      last = end
    }
  },

  async standing(db) {
    const until = await lastWarned(db)
    return query => void dueWithOffices(query, until).whereRaw('cases.id = warnings.object_id').select('cases.id')
  },
}

async function lastWarned(db: Knex): Promise<string> {
  return (await workCalendar(db)).addWorkdays(today(), few)
}

/** What rests, or waits for the applicant, is nobody's delay. */
function dueWithOffices(query: Knex.QueryBuilder, until: string): Knex.QueryBuilder {
  return query.from('cases').where('cases.due_on', '<=', until).where({ 'cases.paused': false }).whereNotNull('cases.holder_role')
}

async function findingOf(db: Knex, row: Due, day: string): Promise<Finding> {
  const stage = row.due_on < day ? 'late' : 'soon'
  const settings = row.settings_id === null ? undefined : await settingsById(db, row.settings_id)
  const place = settings && (placeOf({ kase: row, settings }) ?? settings.chain[0])
  const level = row.holder_role && isRole(row.holder_role) ? roles[row.holder_role].scope : 'city'
  return {
    object_id: row.id,
    stage,
    level: stage === 'late' ? 'red' : 'yellow',
    // Whom it is about comes first: a narrow column cuts the rest.
    title:
      `${place?.label ?? '办件'}${caseLimits.stages[stage]}：${row.subject_name}，${findKind(row.kind)?.label ?? row.title}`.slice(
        0,
        200,
      ),
    link: `/desk/cases/${row.id}`,
    due_on: row.due_on,
    organisation_id: null,
    district_code: level === 'district' || level === 'street' ? row.district_code : null,
    street_code: level === 'street' ? row.street_code : null,
  }
}
