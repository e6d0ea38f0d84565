import type { Knex } from 'knex'
import { area, code, money } from '../src/database/schema.ts'

/** The rest of the file of a project (domain.md §9.3): bounds and coordinates, permits, units, facilities, rooms, assessment. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('projects', 'longitude')) return
  await knex.schema.alterTable('projects', table => {
    table.string('bounds', 500)
    table.decimal('longitude', 9, 6)
    table.decimal('latitude', 9, 6)
    code(table, 'land_right', 16)
    table.string('land_permit', 60)
    table.string('planning_permit', 60)
    table.string('presale_permit', 60)
    table.string('phases', 500)
    area(table, 'green_area')
    table.integer('other_house_count').unsigned().notNullable().defaultTo(0)
    table.integer('occupied_count').unsigned().notNullable().defaultTo(0)
    table.string('fire_system', 200)
    table.string('surveillance', 200)
    table.string('water_supply', 200)
    table.string('power_supply', 200)
    code(table, 'heating', 16)
    for (const column of ['ground', 'underground', 'owned', 'shelter'])
      table.integer(`parking_${column}_count`).unsigned().notNullable().defaultTo(0)
    table.integer('charger_count').unsigned().notNullable().defaultTo(0)
    table.integer('waste_point_count').unsigned().notNullable().defaultTo(0)
    table.string('service_room_title', 100)
    table.date('service_room_on')
    table.boolean('service_room_altered').notNullable().defaultTo(false)
    table.integer('staff_count').unsigned()
    money(table, 'fund_collected')
    money(table, 'fund_balance')
    table.string('honours', 500)
    table.decimal('inspection_score', 6, 2)
    code(table, 'source', 16).notNullable().defaultTo('registration')
    code(table, 'review', 16).notNullable().defaultTo('reviewed')
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('projects', table => {
    table.dropColumns(
      'bounds',
      'longitude',
      'latitude',
      'land_right',
      'land_permit',
      'planning_permit',
      'presale_permit',
      'phases',
      'green_area',
      'other_house_count',
      'occupied_count',
      'fire_system',
      'surveillance',
      'water_supply',
      'power_supply',
      'heating',
      'parking_ground_count',
      'parking_underground_count',
      'parking_owned_count',
      'parking_shelter_count',
      'charger_count',
      'waste_point_count',
      'service_room_title',
      'service_room_on',
      'service_room_altered',
      'staff_count',
      'fund_collected',
      'fund_balance',
      'honours',
      'inspection_score',
      'source',
      'review',
    )
  })
}
