import type { Knex } from 'knex'
import { createTable, id, reference, stamps } from '../src/database/schema.ts'

/** 异地分支机构备案: each lasts a year; a renewal is the next row. */
export async function up(knex: Knex) {
  await createTable(knex, 'branch_filings', table => {
    id(table)
    reference(table, 'company_id', 'companies').notNullable()
    reference(table, 'case_id', 'cases')
    reference(table, 'previous_id', 'branch_filings')
    table.string('number', 60).notNullable().unique()
    table.date('filed_on').notNullable()
    table.date('valid_until').notNullable()
    /** When another filing took its place, or it was withdrawn. */
    table.date('ended_on')
    table.string('head_office', 200).notNullable()
    table.string('head_office_place', 100).notNullable()
    table.string('head_office_qualification', 100)
    table.string('branch_head', 60).notNullable()
    table.specificType('live', 'tinyint as (if(ended_on is null, 1, null)) stored')
    stamps(table)
    table.unique(['company_id', 'live'])
    table.index(['live', 'valid_until', 'id'])
    table.index(['filed_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('branch_filings')
}
