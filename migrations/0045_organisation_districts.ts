import type { Knex } from 'knex'

/** The registers of companies, developers and committees are lists of organisations of one kind in a district. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('organisations', table => table.index(['kind', 'district_code', 'name_key', 'id']))
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('organisations', table => table.dropIndex(['kind', 'district_code', 'name_key', 'id']))
}
