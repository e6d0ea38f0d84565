import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** 公示: what the public site shows of a case during its timed wait; nothing personal in it. `ends_on` is the last day. */
export async function up(knex: Knex) {
  await createTable(knex, 'publicities', table => {
    id(table)
    reference(table, 'case_id', 'cases').notNullable()
    code(table, 'kind', 40).notNullable()
    table.string('title', 250).notNullable()
    table.string('subject_name', 200).notNullable()
    code(table, 'district_code', 9)
    table.text('facts').notNullable()
    table.date('starts_on').notNullable()
    table.date('ends_on').notNullable()
    moment(table, 'closed_at')
    code(table, 'outcome', 12)
    moment(table, 'created_at').notNullable()
    // 1 while it runs: one a case.
    table.specificType('open', 'tinyint as (if(closed_at is null, 1, null)) stored')
    table.unique(['case_id', 'open'])
    table.index(['open', 'ends_on', 'id'])
    table.index(['starts_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('publicities')
}
