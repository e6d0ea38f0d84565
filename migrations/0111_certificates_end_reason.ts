import type { Knex } from 'knex'

/** Why a certificate was revoked, cancelled or declared lost: a sentence for the public, nothing personal in it. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('certificates', 'end_reason')) return
  await knex.schema.alterTable('certificates', table => {
    table.string('end_reason', 300)
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('certificates', table => table.dropColumn('end_reason'))
}
