import type { Knex } from 'knex'
import { area, code, createTable, id, reference, region, sortedName, stamps } from '../src/database/schema.ts'

/**
 * 物业服务区域: what was registered, as it was registered. One holds per project; an adjustment registers the next and ends the one
 * before. `map_file_id` is the 区域附图.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'areas', table => {
    id(table)
    reference(table, 'project_id', 'projects').notNullable()
    reference(table, 'developer_id', 'developers')
    reference(table, 'case_id', 'cases')
    reference(table, 'previous_id', 'areas')
    code(table, 'state', 16).notNullable()
    table.string('number', 60).notNullable().unique()
    table.date('registered_on').notNullable()
    table.date('ended_on')
    sortedName(table)
    table.string('approved_name', 200)
    table.string('address', 300).notNullable()
    region(table, 'district_code').notNullable()
    region(table, 'street_code').notNullable()
    table.string('community', 60)
    for (const side of ['east', 'south', 'west', 'north']) table.string(side, 120)
    for (const column of ['land_area', 'floor_area', 'residential_area', 'other_area', 'underground_area', 'service_room_area'])
      area(table, column).notNullable().defaultTo(0)
    table.string('service_room_place', 200)
    for (const column of ['building_count', 'house_count', 'parking_count'])
      table.integer(column).unsigned().notNullable().defaultTo(0)
    table.string('phases', 500)
    table.boolean('is_independent').notNullable().defaultTo(true)
    table.string('land_permit', 60)
    table.string('planning_permit', 60)
    reference(table, 'map_file_id', 'files')
    table.specificType('live', "tinyint as (if(state = 'registered', 1, null)) stored")
    stamps(table)
    table.unique(['project_id', 'live'])
    table.index(['name_key', 'id'])
    table.index(['district_code', 'name_key', 'id'])
    table.index(['street_code', 'name_key', 'id'])
    table.index(['developer_id', 'name_key', 'id'])
    table.index(['state', 'registered_on', 'id'])
    table.index(['registered_on', 'id'])
    table.index(['floor_area', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('areas')
}
