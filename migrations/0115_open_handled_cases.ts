import type { Knex } from 'knex'

/**
 * 在途 of an officer is what they have handled and is still open: a few of the thousands they have handled over the years. `open` is 1
 * until the case is closed and empty afterwards, so that those few are one range of an index.
 */
export async function up(knex: Knex) {
  if (!(await knex.schema.hasColumn('case_handlers', 'open')))
    await knex.schema.alterTable('case_handlers', table => {
      table.specificType('open', 'tinyint default 1')
      table.index(['user_id', 'open', 'case_id'])
    })
  await knex('case_handlers').whereIn('case_id', knex('cases').whereNotNull('closed_at').select('id')).update({ open: null })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('case_handlers', table => {
    table.dropIndex(['user_id', 'open', 'case_id'])
    table.dropColumn('open')
  })
}
