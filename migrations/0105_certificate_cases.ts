import type { Knex } from 'knex'

/** The case a certificate came out of; those from before the portal have none. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('certificates', 'case_id')) return
  await knex.schema.alterTable('certificates', table => {
    table.bigInteger('case_id').unsigned().references('id').inTable('cases')
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('certificates', table => {
    table.dropForeign('case_id')
    table.dropColumn('case_id')
  })
}
