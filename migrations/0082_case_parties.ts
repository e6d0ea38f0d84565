import type { Knex } from 'knex'
import { code, createTable, id, reference } from '../src/database/schema.ts'

/** 当事人: with the case's district and street they are all that decides who sees a case. */
export async function up(knex: Knex) {
  await createTable(knex, 'case_parties', table => {
    id(table)
    reference(table, 'case_id', 'cases').notNullable()
    reference(table, 'organisation_id', 'organisations')
    reference(table, 'user_id', 'users')
    code(table, 'role', 16).notNullable()
    table.unique(['case_id', 'role', 'organisation_id', 'user_id'])
    table.index(['organisation_id', 'case_id', 'role'])
    table.index(['user_id', 'case_id', 'role'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_parties')
}
