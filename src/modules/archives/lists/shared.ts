import type { Knex } from 'knex'
import type { User } from '../../../accounts/users.ts'
import { today } from '../../../clock.ts'
import type { Column, Filter, SearchedText, Tone } from '../../../lists/list.ts'
import { regionFilters } from '../../../lists/narrowings.ts'
import { type companyStates, type developerStates, reviews, sources } from '../words.ts'

/** What several lists of the archives say in the same words. */

type Query = Knex.QueryBuilder

/** A column of SQL that is only worked out for the rows that are shown. */
export const shownSql = (sql: string) => (db: Knex) => db.raw(sql)

/** The last signs of what is kept encrypted (domain.md §15), so that a list of a thousand rows opens none. */
export function tail(name: string, label: string, source: string, more: Partial<Column> = {}): Column {
  return { name, label, type: 'code', source, text: row => (row[name] ? `****${row[name]}` : null), ...more }
}

interface OneRecord {
  name: string
  label: string
  /** The records this person may choose. */
  among(db: Knex, user: User): Query
  /** The SQL column with its id, and the one with what it is called. */
  key: string
  called: string
  where: (Filter & { type: 'select' })['where']
}

/** Rows that belong to one record among thousands, as the links of its page ask for them. */
export function belongingTo({ name, label, among, key, called, where }: OneRecord): Filter {
  return {
    name,
    label,
    type: 'select',
    where,
    async options(db, user, chosen) {
      if (!/^[1-9]\d{0,14}$/.test(chosen)) return {}
      const row: { called: string } | undefined = await among(db, user)
        .where({ [key]: Number(chosen) })
        .first({ called })
      return row ? { [chosen]: row.called } : {}
    },
  }
}

interface Asked {
  name: string
  label: string
  words?: readonly [yes: string, no: string]
  /** The rows as SQL from `from` on, bound to the row of the list: `from contracts c where c.project_id = projects.id`. */
  sql: string
  values?(): (string | number)[]
}

/**
 * Has or has not, asked of each row on the way: where the rows of the other table are many times as many, and about half of these
 * have one. (`has` leaves the server to collect them all first, which is better where few have one.)
 */
export function hasAny({ name, label, words = ['有', '没有'], sql, values = () => [] }: Asked): Filter {
  return {
    name,
    label,
    type: 'flag',
    words,
    where: (query, yes) => void query.whereRaw(`coalesce((select 1 ${sql} limit 1), 0) = ?`, [...values(), yes ? 1 : 0]),
  }
}

/** Contracts that run today (履行中), as SQL behind `from contracts c where …`. */
export const runningContract = {
  sql: "c.state = 'filed' and c.starts_on <= ? and c.ends_on >= ?",
  values: () => [today(), today()],
}

/**
 * District and street of something these rows are bound to by more than a column.
 * @param offered who may ask; others have no such filter
 */
export function regionsBy(where: (query: Query, code: string) => void, offered: (user: User) => boolean): Filter[] {
  return regionFilters({ district: '', street: '' }).flatMap((filter): Filter[] => {
    if (filter.type !== 'select') return []
    const { options } = filter
    return [
      {
        ...filter,
        where,
        options: async (db, user, chosen) => {
          if (!offered(user)) return {}
          return typeof options === 'function' ? options(db, user, chosen) : options
        },
      },
    ]
  })
}

/** What a company or a project was called before, as one text. */
export function formerNames(table: 'organisations' | 'projects', key: string): SearchedText {
  return db =>
    db.raw(
      "(select group_concat(c.`before` separator '\n') from changes c where c.table_name = ? and c.row_id = ?? and c.field = 'name')",
      [table, key],
    )
}

/** 数据来源 and 审核状态, and when the row came and changed; for whoever keeps the archive. */
export function keeping(table: string): Column[] {
  return [
    { name: 'source', label: '数据来源', source: `${table}.source`, words: sources, shown: false, phone: false },
    { name: 'review', label: '审核状态', source: `${table}.review`, words: reviews, shown: false, phone: false },
    ...moments(table),
  ]
}

/** When the row came and changed. */
export function moments(table: string): Column[] {
  return [
    { name: 'created_at', label: '建档时间', type: 'moment', source: `${table}.created_at`, shown: false, phone: false },
    {
      name: 'updated_at',
      label: '更新时间',
      type: 'moment',
      source: `${table}.updated_at`,
      sort: true,
      shown: false,
      phone: false,
    },
  ]
}

export const stateTones = {
  normal: 'done',
  warned: 'you',
  watched: 'you',
  suspended: 'rest',
  disabled: 'rest',
  cancelled: 'no',
} as const satisfies Record<keyof typeof companyStates | keyof typeof developerStates, Tone>
