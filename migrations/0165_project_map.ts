import type { Knex } from 'knex'

/** 项目分布 counts and places all projects of a city: everything it asks stands in one index, in the order of its groups. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('projects', table => {
    table.index(columns, 'projects_map_index')
  })
}

const columns = ['district_code', 'street_code', 'stage', 'property_type', 'longitude', 'latitude', 'floor_area']

export async function down(knex: Knex) {
  await knex.schema.alterTable('projects', table => table.dropIndex(columns, 'projects_map_index'))
}
