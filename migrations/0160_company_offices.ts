import type { Knex } from 'knex'

/** The branches of a head office in the city are found by its credit code. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('companies', table => {
    table.index(['head_office_code'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('companies', table => {
    table.dropIndex(['head_office_code'])
  })
}
