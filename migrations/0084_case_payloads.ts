import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/**
 * What the history points to: submitted editions of the form and opinions, as canonical text. They can be erased by law; the
 * history keeps their digests, so the chain stays whole.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'case_payloads', table => {
    id(table)
    reference(table, 'case_id', 'cases').notNullable()
    code(table, 'sort', 12).notNullable()
    table.integer('edition').unsigned().notNullable()
    table.text('body', 'mediumtext')
    code(table, 'digest', 64).notNullable()
    moment(table, 'created_at').notNullable()
    moment(table, 'erased_at')
    table.index(['case_id', 'sort', 'edition', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_payloads')
}
