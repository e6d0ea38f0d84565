import type { Knex } from 'knex'
import { createTable, moment, reference } from '../src/database/schema.ts'

/** Who has taken a step in which case, and when last: 已办 and 在途 of an officer without reading the history. */
export async function up(knex: Knex) {
  await createTable(knex, 'case_handlers', table => {
    reference(table, 'user_id', 'users').notNullable()
    reference(table, 'case_id', 'cases').notNullable()
    moment(table, 'at').notNullable()
    table.primary(['user_id', 'case_id'])
    table.index(['user_id', 'at', 'case_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_handlers')
}
