import type { Knex } from 'knex'

/**
 * 追溯历史业务: cases are listed by the day they came in, and filtered by periods that lie years back. `entered_at` is that day; for a
 * draft, when it was begun. It never changes, so these indexes cost a step nothing.
 */
const indexes = [
  ['entered_at', 'id'],
  ['district_code', 'entered_at', 'id'],
  ['street_code', 'entered_at', 'id'],
  ['closed_at', 'id'],
  // Filed late: few.
  ['late_days', 'id'],
]

export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('cases', 'entered_at')) return
  await knex.schema.alterTable('cases', table => {
    table.specificType('entered_at', 'datetime(3) as (coalesce(submitted_at, created_at)) stored')
    for (const columns of indexes) table.index(columns)
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('cases', table => {
    for (const columns of indexes) table.dropIndex(columns)
    table.dropColumn('entered_at')
  })
}
