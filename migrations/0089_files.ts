import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/**
 * 文件: the bytes lie behind the storage interface under `storage_key`, the client's name is only data. A file belongs to the
 * editions from `from_edition` to `until_edition`, so every submitted version keeps its papers. Scope is that of the case.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'files', table => {
    id(table)
    reference(table, 'case_id', 'cases').notNullable()
    code(table, 'material', 40).notNullable()
    table.string('name', 100).notNullable()
    code(table, 'extension', 8).notNullable()
    code(table, 'type', 100).notNullable()
    table.integer('size').unsigned().notNullable()
    code(table, 'sha256', 64).notNullable()
    table.integer('pages').unsigned()
    code(table, 'storage_key', 64).notNullable().unique()
    table.integer('from_edition').unsigned().notNullable()
    table.integer('until_edition').unsigned()
    table.bigInteger('uploaded_by').unsigned().notNullable()
    moment(table, 'created_at').notNullable()
    table.index(['case_id', 'material', 'id'])
    table.index(['sha256', 'case_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('files')
}
