import type { Knex } from 'knex'
import { type OrganisationKind, type Role, roleCodes, roles } from '../accounts/roles.ts'
import { type SettingCode, settingsNow } from '../admin/settings.ts'
import { addDays } from '../calendar.ts'
import { today } from '../clock.ts'
import type { Cause, Finding } from './warnings.ts'

/** 证照到期: whatever has a last day is warned of ahead of it, the nearer the louder, and until somebody has seen to what has run out. */

/** Days ahead, the nearest first (domain.md §4.6, §12). */
const stages = [30, 60, 90] as const
const stageWords = { '90': '90 天内到期', '60': '60 天内到期', '30': '30 天内到期', expired: '已到期' }
const batch = 500

/** How long ahead a setting may say it begins. */
export type Lead = '30' | '60' | '90'

/** One paper that has a last day, as its warning tells of it. */
export interface Running {
  id: number
  until: string
  organisation_id: number
  /** Whose it is comes first: a narrow column cuts the rest. */
  whose: string
  /** What tells it from others of the same owner; nothing where there is only one. */
  which?: string | null
  /** Where a district and a street read of it too. */
  district_code?: string | null
  street_code?: string | null
}

export interface Expiry<R extends Running> {
  kind: string
  label: string
  /** What has a last day, the first word of the sentence. */
  paper: string
  roles: readonly Role[]
  /** The setting that says how long ahead it begins; 90 days without one. */
  lead?: Extract<SettingCode, `warnings.${string}`>
  /** SQL columns: the key of what is warned of, and its last day. They share an index. */
  key: string
  until: string
  /** What can run out at all; history cannot. */
  from(query: Knex.QueryBuilder, day: string): Knex.QueryBuilder
  /** Adds what the sentence tells, `key` and `until` apart. */
  tell(query: Knex.QueryBuilder, db: Knex): Knex.QueryBuilder
  /** What only the code knows of a row, such as a word of a dictionary. */
  which?(db: Knex, row: R): Promise<string> | string
  link(row: R): string
}

/** Those the register of papers speaks to (domain.md §12): whose they are, and the city. */
export function readersOf(...kinds: OrganisationKind[]): readonly Role[] {
  return roleCodes.filter(
    role =>
      kinds.includes(roles[role].kind) || (role.startsWith('city') && roles[role].scope === 'city') || role === 'supervisor',
  )
}

/** Makes a cause of warnings out of what has a last day. It reads along the index of that day, a batch at a time. */
export function expiryOf<R extends Running = Running>(expiry: Expiry<R>): Cause {
  const { kind, label, roles, key, until } = expiry
  const ending = async (db: Knex) => {
    const day = today()
    const last = addDays(day, await leadOf(db, expiry))
    return (query: Knex.QueryBuilder) => expiry.from(query, day).where(until, '<=', last)
  }
  return {
    kind,
    label,
    stages: stageWords,
    roles,

    async *find(db) {
      const day = today()
      const narrow = await ending(db)
      for (let last = { until: '1000-01-01', id: 0 }; ; ) {
        // First who it is, along the index; then what there is to tell of them.
        const found: { id: number; until: string }[] = await narrow(db.queryBuilder())
          .where(rest =>
            rest.where(until, '>', last.until).orWhere(same => same.where(until, last.until).where(key, '>', last.id)),
          )
          .orderBy([until, key])
          .limit(batch)
          .select(`${key} as id`, `${until} as until`)
        const ids = found.map(({ id }) => id)
        const rows = (await expiry
          .tell(narrow(db.queryBuilder()), db)
          .whereIn(key, ids)
          .select(`${key} as id`, `${until} as until`)) as R[] // what `tell` selects
        if (rows.length) yield await Promise.all(rows.map(row => findingOf(db, expiry, row, day)))
        const end = found.at(-1)
        if (!end || found.length < batch) return
        last = end
      }
    },

    async standing(db) {
      const narrow = await ending(db)
      return query => void narrow(query).whereRaw('?? = warnings.object_id', [key]).select(key)
    },
  }
}

async function leadOf<R extends Running>(db: Knex, { lead }: Expiry<R>): Promise<number> {
  return lead ? Number((await settingsNow(db))[lead]) : Math.max(...stages)
}

async function findingOf<R extends Running>(db: Knex, expiry: Expiry<R>, row: R, day: string): Promise<Finding> {
  const { id, until, organisation_id, whose } = row
  const isOver = until < day
  const days = stages.find(stage => until <= addDays(day, stage)) ?? Math.max(...stages)
  const stage = isOver ? 'expired' : (String(days) as Lead) // the stages are those of Lead
  const which = expiry.which ? await expiry.which(db, row) : row.which
  return {
    object_id: id,
    stage,
    level: isOver || days === stages[0] ? 'red' : 'yellow',
    title: [`${expiry.paper}${isOver ? '' : ' '}${stageWords[stage]}：${whose}`, which, until]
      .filter(Boolean)
      .join('，')
      .slice(0, 200),
    link: expiry.link(row),
    due_on: until,
    organisation_id,
    district_code: row.district_code ?? null,
    street_code: row.street_code ?? null,
  }
}
