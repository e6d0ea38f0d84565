import type { Knex } from 'knex'

/** The page of an archive shows the warnings that lead to it. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('warnings', table => table.index(['link', 'closed_at']))
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('warnings', table => table.dropIndex(['link', 'closed_at']))
}
