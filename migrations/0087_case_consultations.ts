import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** 征求意见: a consulted desk beside the chain, with its own clock; it never blocks. */
export async function up(knex: Knex) {
  await createTable(knex, 'case_consultations', table => {
    id(table)
    reference(table, 'case_id', 'cases').notNullable()
    code(table, 'code', 40).notNullable()
    table.string('label', 60).notNullable()
    code(table, 'role', 32).notNullable()
    table.string('question', 1000).notNullable()
    table.bigInteger('asked_by').unsigned().notNullable()
    moment(table, 'asked_at').notNullable()
    table.date('due_on').notNullable()
    code(table, 'verdict', 12)
    table.string('opinion', 2000)
    table.bigInteger('answered_by').unsigned()
    moment(table, 'answered_at')
    // 1 while it waits for an answer: one open question a desk.
    table.specificType('open', 'tinyint as (if(answered_at is null, 1, null)) stored')
    table.unique(['case_id', 'code', 'open'])
    table.index(['role', 'open', 'due_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_consultations')
}
