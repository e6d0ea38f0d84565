import type { Knex } from 'knex'
import { code, createTable, moment, reference } from '../src/database/schema.ts'

/** 已阅: who has read a warning, in which stage; one that escalates wants to be read again. */
export async function up(knex: Knex) {
  await createTable(knex, 'warning_receipts', table => {
    reference(table, 'warning_id', 'warnings').notNullable()
    reference(table, 'user_id', 'users').notNullable()
    code(table, 'stage', 16).notNullable()
    moment(table, 'at').notNullable()
    table.primary(['warning_id', 'user_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('warning_receipts')
}
