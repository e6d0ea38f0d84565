import type { Knex } from 'knex'
import { code, createTable, id, reference } from '../src/database/schema.ts'

/**
 * What a filing adds to a contract: its case, the text signed online, how late it was, and `begun_on`, the day its prices and its
 * consequences for the contract before came into force.
 */
export async function up(knex: Knex) {
  if (!(await knex.schema.hasColumn('contracts', 'case_id')))
    await knex.schema.alterTable('contracts', table => {
      reference(table, 'case_id', 'cases')
      reference(table, 'signing_id', 'signings')
      table.integer('late_days').unsigned().notNullable().defaultTo(0)
      table.date('begun_on')
      table.index(['begun_on', 'starts_on', 'id'])
    })
  await createTable(knex, 'contract_fees', table => {
    id(table)
    reference(table, 'contract_id', 'contracts').notNullable()
    code(table, 'property_type', 16).notNullable()
    table.integer('service_level').unsigned()
    code(table, 'pricing', 16).notNullable()
    table.decimal('price', 8, 2).notNullable()
    for (const fee of ['elevator', 'parking_ground', 'parking_underground', 'parking_visit', 'waste'])
      table.decimal(`${fee}_fee`, 8, 2)
    table.string('basis', 200)
    table.unique(['contract_id', 'property_type'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('contract_fees')
  await knex.schema.alterTable('contracts', table => {
    table.dropForeign('case_id')
    table.dropForeign('signing_id')
    table.dropIndex(['begun_on', 'starts_on', 'id'])
    table.dropColumns('case_id', 'signing_id', 'late_days', 'begun_on')
  })
}
