import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/**
 * 文书: what the portal issued, as it was on that day. `facts` is the canonical text of all that is printed, so the paper can be
 * printed again and never says anything else; `code` is the verification code, random and unguessable.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'documents', table => {
    id(table)
    code(table, 'code', 16).notNullable().unique()
    code(table, 'paper', 40).notNullable()
    reference(table, 'case_id', 'cases')
    reference(table, 'organisation_id', 'organisations').notNullable()
    code(table, 'object_type', 24)
    table.bigInteger('object_id').unsigned()
    table.string('number', 60)
    table.string('title', 200).notNullable()
    table.text('facts', 'mediumtext').notNullable()
    code(table, 'digest', 64).notNullable()
    table.date('issued_on').notNullable()
    moment(table, 'created_at').notNullable()
    table.index(['case_id', 'id'])
    table.index(['object_type', 'object_id', 'id'])
    table.index(['organisation_id', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('documents')
}
