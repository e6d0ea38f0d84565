import type { Knex } from 'knex'
import { code, createTable } from '../src/database/schema.ts'

/** Bigrams, pinyin initials and words of what can be searched, kept in the same transaction as the rows they lead to. */
export async function up(knex: Knex) {
  await createTable(knex, 'search_terms', table => {
    code(table, 'scope', 24).notNullable()
    table.specificType('term', 'varchar(32) character set utf8mb4 collate utf8mb4_bin').notNullable()
    table.bigInteger('doc_id').unsigned().notNullable()
    table.primary(['scope', 'term', 'doc_id'])
    table.index(['scope', 'doc_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('search_terms')
}
