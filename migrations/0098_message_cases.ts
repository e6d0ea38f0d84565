import type { Knex } from 'knex'
import { reference } from '../src/database/schema.ts'

/** The case a message tells of; and the inbox in its order, all of it or only what is unread. */
export async function up(knex: Knex) {
  if (!(await knex.schema.hasColumn('messages', 'case_id')))
    await knex.schema.alterTable('messages', table => {
      reference(table, 'case_id', 'cases')
    })
  await knex.schema.alterTable('messages', table => {
    table.index(['user_id', 'created_at', 'id'])
    table.index(['user_id', 'read_at', 'created_at', 'id'])
    table.dropIndex(['user_id', 'read_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('messages', table => {
    table.index(['user_id', 'read_at', 'id'])
    table.dropIndex(['user_id', 'created_at', 'id'])
    table.dropIndex(['user_id', 'read_at', 'created_at', 'id'])
    table.dropForeign('case_id')
    table.dropColumn('case_id')
  })
}
