import type { Knex } from 'knex'
import { code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/**
 * 年检记录: one row a company and year. 整改 of a 基本合格 has its last day and the day it was found done; imported ones have no case.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'inspections', table => {
    id(table)
    reference(table, 'company_id', 'companies').notNullable()
    reference(table, 'certificate_id', 'certificates')
    reference(table, 'case_id', 'cases')
    table.smallint('year').unsigned().notNullable()
    /** open, filed, passed, basic, failed, absent or exempt */
    code(table, 'result', 16).notNullable()
    table.date('filed_on')
    table.date('decided_on')
    table.string('decided_by', 100)
    table.string('opinion', 500)
    table.date('rectify_until')
    table.date('rectified_on')
    table.string('rectification', 500)
    code(table, 'source', 16).notNullable().defaultTo('case')
    stamps(table)
    table.unique(['company_id', 'year'])
    table.index(['year', 'result', 'id'])
    table.index(['year', 'id'])
    table.index(['result', 'rectify_until', 'id'])
    table.index(['certificate_id', 'year'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('inspections')
}
