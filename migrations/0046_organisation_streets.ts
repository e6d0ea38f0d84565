import type { Knex } from 'knex'

/** The registers of companies, developers and committees are lists of organisations of one kind in a street. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('organisations', table => table.index(['kind', 'street_code', 'name_key', 'id']))
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('organisations', table => table.dropIndex(['kind', 'street_code', 'name_key', 'id']))
}
