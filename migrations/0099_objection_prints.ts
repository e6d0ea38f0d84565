import type { Knex } from 'knex'
import { code } from '../src/database/schema.ts'

/**
 * The same objection sent twice is one: `print` is a keyed digest of who said what about which publicity. A token in the form would
 * not do, because the page may lie in a cache and two neighbours would share it.
 */
export async function up(knex: Knex) {
  if (!(await knex.schema.hasColumn('objections', 'print')))
    await knex.schema.alterTable('objections', table => {
      code(table, 'print', 64).notNullable()
    })
  await knex.schema.alterTable('objections', table => {
    table.unique(['print'])
  })
  await knex.schema.alterTable('publicities', table => {
    table.index(['closed_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('objections', table => {
    table.dropUnique(['print'])
    table.dropColumn('print')
  })
  await knex.schema.alterTable('publicities', table => table.dropIndex(['closed_at', 'id']))
}
