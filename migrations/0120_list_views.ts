import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** 我的视图: a question put to a list, kept under a name; with an organisation it is shared with the colleagues there. */
export async function up(knex: Knex) {
  await createTable(knex, 'list_views', table => {
    id(table)
    reference(table, 'user_id', 'users').notNullable()
    code(table, 'list', 40).notNullable()
    table.string('name', 30).notNullable()
    reference(table, 'shared_with', 'organisations')
    // The conditions as one reads them, so that one which is gone can still be named.
    table.text('query').notNullable()
    table.text('words').notNullable()
    moment(table, 'created_at').notNullable()
    moment(table, 'updated_at').notNullable()
    table.unique(['user_id', 'list', 'name'])
    table.index(['shared_with', 'list'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('list_views')
}
