import type { Knex } from 'knex'

/** What the public reads: certificates of one state from the newest on, and what was decided of each matter, likewise. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('certificates', table => table.index(['state', 'issued_on', 'id']))
  await knex.schema.alterTable('cases', table => table.index(['kind', 'state', 'decided_at', 'id']))
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('certificates', table => table.dropIndex(['state', 'issued_on', 'id']))
  await knex.schema.alterTable('cases', table => table.dropIndex(['kind', 'state', 'decided_at', 'id']))
}
