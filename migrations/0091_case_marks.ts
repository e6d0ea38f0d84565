import type { Knex } from 'knex'
import { code, createTable, id, reference } from '../src/database/schema.ts'

/** Certificate numbers that applicants stated, by a keyed digest, so that the same number handed in by another applicant shows. */
export async function up(knex: Knex) {
  await createTable(knex, 'case_marks', table => {
    id(table)
    reference(table, 'case_id', 'cases').notNullable()
    reference(table, 'applicant_id', 'organisations').notNullable()
    code(table, 'field', 60).notNullable()
    code(table, 'mark', 22).notNullable()
    table.unique(['case_id', 'field', 'mark'])
    table.index(['mark', 'applicant_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_marks')
}
