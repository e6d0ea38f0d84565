import type { Knex } from 'knex'
import { appendOnly, code, createTable, id, moment } from '../src/database/schema.ts'

/** 变更记录: field by field, so that an archive can be read "as it was on" a past day. */
export async function up(knex: Knex) {
  await createTable(knex, 'changes', table => {
    id(table)
    moment(table, 'at').notNullable()
    table.bigInteger('user_id').unsigned()
    code(table, 'table_name', 40).notNullable()
    table.bigInteger('row_id').unsigned().notNullable()
    code(table, 'field', 48).notNullable()
    table.text('before')
    table.text('after')
    table.bigInteger('case_id').unsigned()
    table.index(['table_name', 'row_id', 'id'])
  })
  await appendOnly(knex, 'changes')
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('changes')
}
