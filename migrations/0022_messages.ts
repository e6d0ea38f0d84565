import type { Knex } from 'knex'
import { createTable, id, moment, reference } from '../src/database/schema.ts'

/** 站内消息: one row per reader. */
export async function up(knex: Knex) {
  await createTable(knex, 'messages', table => {
    id(table)
    reference(table, 'user_id', 'users').notNullable()
    table.string('title', 200).notNullable()
    table.text('body')
    table.string('link', 200)
    moment(table, 'created_at').notNullable()
    moment(table, 'read_at')
    table.index(['user_id', 'read_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('messages')
}
