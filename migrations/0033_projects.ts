import type { Knex } from 'knex'
import { area, code, createTable, id, reference, region, sortedName, stamps } from '../src/database/schema.ts'

/**
 * 项目（小区）. District and street are those that manage it. Areas by type add up to `floor_area`, which is the sum of its
 * buildings. The serving company is the active project link, the fee is in the contract.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'projects', table => {
    id(table)
    code(table, 'code', 20).notNullable().unique()
    sortedName(table)
    table.string('former_name', 200)
    table.string('address', 300).notNullable()
    region(table, 'district_code').notNullable()
    region(table, 'street_code').notNullable()
    table.string('community', 60)
    reference(table, 'developer_id', 'developers')
    code(table, 'stage', 16).notNullable()
    code(table, 'property_type', 16).notNullable()
    table.boolean('is_old').notNullable().defaultTo(false)
    table.boolean('is_affordable').notNullable().defaultTo(false)
    for (const column of areas) area(table, column).notNullable().defaultTo(0)
    for (const column of counts) table.integer(column).unsigned().notNullable().defaultTo(0)
    table.decimal('green_rate', 5, 2)
    table.decimal('plot_ratio', 5, 2)
    table.string('service_room_place', 60)
    table.date('first_delivered_on')
    table.date('completed_on')
    stamps(table)
    table.index(['name_key', 'id'])
    table.index(['district_code', 'name_key', 'id'])
    table.index(['street_code', 'name_key', 'id'])
    table.index(['developer_id', 'name_key', 'id'])
    table.index(['stage', 'name_key', 'id'])
    table.index(['floor_area', 'id'])
    table.index(['updated_at', 'id'])
  })
}

const areas = [
  'land_area',
  'floor_area',
  'multi_storey_area',
  'high_rise_area',
  'villa_area',
  'office_area',
  'commercial_area',
  'industrial_area',
  'school_area',
  'hospital_area',
  'other_area',
  'underground_area',
  'delivered_area',
  'service_room_area',
  'committee_room_area',
]

const counts = [
  'building_count',
  'unit_count',
  'house_count',
  'residence_count',
  'sold_count',
  'delivered_count',
  'elevator_count',
  'parking_count',
]

export async function down(knex: Knex) {
  await knex.schema.dropTable('projects')
}
