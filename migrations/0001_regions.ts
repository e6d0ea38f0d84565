import type { Knex } from 'knex'
import { code, createTable } from '../src/database/schema.ts'

/** 行政区划: the statutory code is the key; `managed_by` lets a zone manage streets that keep another district's code. */
export async function up(knex: Knex) {
  await createTable(knex, 'regions', table => {
    code(table, 'code', 9).notNullable().primary()
    table.string('name', 60).notNullable()
    code(table, 'name_key', 120).notNullable()
    code(table, 'level', 8).notNullable()
    code(table, 'parent_code', 9)
    code(table, 'managed_by', 9)
    table.date('valid_from')
    table.date('valid_until')
    table.foreign('parent_code').references('code').inTable('regions')
    table.foreign('managed_by').references('code').inTable('regions')
    table.index(['level', 'code'])
    table.index(['name_key', 'code'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('regions')
}
