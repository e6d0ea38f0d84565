import type { Knex } from 'knex'

/** Whether who registers gave the 认领码 of the company that is in the archives already. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('registrations', 'claimed')) return
  await knex.schema.alterTable('registrations', table => {
    table.boolean('claimed').notNullable().defaultTo(false)
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('registrations', table => {
    table.dropColumn('claimed')
  })
}
