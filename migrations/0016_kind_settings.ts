import type { Knex } from 'knex'
import { code, createTable, id, stamps } from '../src/database/schema.ts'

/** 事项设置: chain, limits, number rule and materials of a kind, by variant and effective day. */
export async function up(knex: Knex) {
  await createTable(knex, 'kind_settings', table => {
    id(table)
    code(table, 'kind', 40).notNullable()
    code(table, 'variant', 40).notNullable().defaultTo('')
    table.date('effective_on').notNullable()
    table.text('settings').notNullable()
    stamps(table)
    table.unique(['kind', 'variant', 'effective_on'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('kind_settings')
}
