import type { Knex } from 'knex'
import { code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/**
 * Articles of the public site. What the business drafts (招标公告, 中标公告) waits here as a draft of its column; `source` keeps a
 * second draft about the same thing away.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'articles', table => {
    id(table)
    code(table, 'column_code', 32).notNullable()
    code(table, 'state', 16).notNullable()
    table.string('title', 200).notNullable()
    table.specificType('body', 'mediumtext').notNullable()
    code(table, 'source', 80).unique()
    reference(table, 'case_id', 'cases')
    stamps(table)
    table.index(['state', 'updated_at', 'id'])
    table.index(['column_code', 'updated_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('articles')
}
