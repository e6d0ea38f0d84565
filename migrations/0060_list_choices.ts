import type { Knex } from 'knex'
import { code, createTable, moment, reference } from '../src/database/schema.ts'

/** 列表设置: which columns and how many rows a person wants of a list; only where that differs from the declaration. */
export async function up(knex: Knex) {
  await createTable(knex, 'list_choices', table => {
    reference(table, 'user_id', 'users').notNullable()
    code(table, 'list', 40).notNullable()
    table.specificType('columns', 'varchar(1000) character set ascii collate ascii_bin')
    table.smallint('size').unsigned()
    moment(table, 'updated_at').notNullable()
    table.primary(['user_id', 'list'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('list_choices')
}
