import type { Knex } from 'knex'
import { createTable, id, money, reference, stamps } from '../src/database/schema.ts'

/** 经营情况 by year (domain.md §9.2), as reported and reviewed; money in 万元. One row a company and year. */
export async function up(knex: Knex) {
  await createTable(knex, 'company_years', table => {
    id(table)
    reference(table, 'company_id', 'companies').notNullable()
    reference(table, 'case_id', 'cases')
    table.integer('year').unsigned().notNullable()
    for (const column of ['revenue', 'main_revenue', 'profit', 'tax', 'assets', 'liabilities']) money(table, column).notNullable()
    stamps(table)
    table.unique(['company_id', 'year'])
    table.index(['year', 'company_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('company_years')
}
