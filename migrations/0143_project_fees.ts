import type { Knex } from 'knex'
import { code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/** 收费标准 of a project: a row with a period, so that what was charged on any past day can be told. `ends_on` is empty while it runs. */
export async function up(knex: Knex) {
  await createTable(knex, 'project_fees', table => {
    id(table)
    reference(table, 'project_id', 'projects').notNullable()
    reference(table, 'contract_id', 'contracts')
    code(table, 'property_type', 16).notNullable()
    table.integer('service_level').unsigned()
    code(table, 'pricing', 16).notNullable()
    table.decimal('price', 8, 2).notNullable()
    table.decimal('elevator_fee', 8, 2)
    table.decimal('parking_ground_fee', 8, 2)
    table.decimal('parking_underground_fee', 8, 2)
    table.decimal('parking_visit_fee', 8, 2)
    table.decimal('waste_fee', 8, 2)
    table.string('basis', 200)
    table.date('starts_on').notNullable()
    table.date('ends_on')
    table.specificType('live', 'tinyint as (if(ends_on is null, 1, null)) stored')
    stamps(table)
    table.unique(['project_id', 'property_type', 'live'])
    table.index(['project_id', 'starts_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('project_fees')
}
