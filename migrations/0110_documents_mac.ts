import type { Knex } from 'knex'
import { code } from '../src/database/schema.ts'

/** An HMAC over each issued paper, its facts included, so that a row altered in the database is neither printed nor confirmed. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('documents', 'mac')) return
  await knex.schema.alterTable('documents', table => {
    code(table, 'mac', 64).notNullable()
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('documents', table => table.dropColumn('mac'))
}
