import type { Knex } from 'knex'
import { code, createTable, reference, region } from '../src/database/schema.ts'

/**
 * Who sees a company: the districts of its registration and its branch, the districts and streets of its active projects.
 * `region_code` is a district or a street, so that both levels ask the same question. A company without a row is the city's alone.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'company_areas', table => {
    region(table, 'region_code').notNullable()
    reference(table, 'company_id', 'companies').notNullable()
    code(table, 'basis', 16).notNullable()
    table.primary(['region_code', 'company_id', 'basis'])
    table.index(['company_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('company_areas')
}
