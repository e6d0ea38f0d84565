import type { Knex } from 'knex'

/** Who holds a role is answered from the index alone; a common role has as many rows as there are accounts. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('user_roles', table => table.index(['role', 'user_id']))
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('user_roles', table => table.dropIndex(['role', 'user_id']))
}
