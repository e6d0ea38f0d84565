import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** 补正事项: each bound to one field or one material; only those unlock. */
export async function up(knex: Knex) {
  await createTable(knex, 'case_corrections', table => {
    id(table)
    reference(table, 'case_id', 'cases').notNullable()
    table.integer('round').unsigned().notNullable()
    code(table, 'target_type', 12).notNullable()
    code(table, 'target', 60).notNullable()
    table.string('words', 500).notNullable()
    table.string('answer', 500)
    moment(table, 'answered_at')
    table.unique(['case_id', 'round', 'target_type', 'target'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_corrections')
}
