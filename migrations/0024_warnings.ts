import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** 预警: a standing fact that somebody must look at. `open_key` keeps one warning per cause while it lasts. */
export async function up(knex: Knex) {
  await createTable(knex, 'warnings', table => {
    id(table)
    code(table, 'kind', 40).notNullable()
    code(table, 'level', 8).notNullable()
    table.string('title', 200).notNullable()
    table.string('link', 200)
    reference(table, 'organisation_id', 'organisations')
    code(table, 'district_code', 9)
    code(table, 'street_code', 9)
    table.date('due_on')
    code(table, 'open_key', 100).unique()
    moment(table, 'created_at').notNullable()
    moment(table, 'closed_at')
    table.index(['closed_at', 'district_code', 'due_on', 'id'])
    table.index(['closed_at', 'street_code', 'due_on', 'id'])
    table.index(['organisation_id', 'closed_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('warnings')
}
