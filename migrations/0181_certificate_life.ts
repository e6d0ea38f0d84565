import type { Knex } from 'knex'

/**
 * The life of a certificate (domain.md §4.6): its edition, why and by which law it ended, whether a renewal asked for in time keeps it
 * in force past its last day (行政许可法 第五十条), and the orders the registers are read in.
 */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('certificates', 'edition')) return
  await knex.schema.alterTable('certificates', table => {
    table.integer('edition').unsigned().notNullable().defaultTo(1)
    table.boolean('renewing').notNullable().defaultTo(false)
    table.string('end_basis', 300)
    table.index(['issued_on', 'id'])
    table.index(['state', 'valid_until', 'id'])
    table.index(['state', 'ended_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('certificates', table => {
    table.dropIndex(['issued_on', 'id'])
    table.dropIndex(['state', 'valid_until', 'id'])
    table.dropIndex(['state', 'ended_on', 'id'])
    table.dropColumns('edition', 'renewing', 'end_basis')
  })
}
