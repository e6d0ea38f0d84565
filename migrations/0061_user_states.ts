import type { Knex } from 'knex'

/** Disabled accounts are few among many; without an index the list would read all of them to find a page. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('users', table => table.index(['status', 'name_key', 'id']))
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('users', table => table.dropIndex(['status', 'name_key', 'id']))
}
