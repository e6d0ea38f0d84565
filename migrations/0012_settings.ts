import type { Knex } from 'knex'
import { code, createTable, stamps } from '../src/database/schema.ts'

/** 参数: only what differs from the default in code; the value is canonical JSON text. */
export async function up(knex: Knex) {
  await createTable(knex, 'settings', table => {
    code(table, 'code', 64).notNullable().primary()
    table.text('value').notNullable()
    stamps(table)
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('settings')
}
