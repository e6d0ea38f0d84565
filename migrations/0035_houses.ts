import type { Knex } from 'knex'
import { area, code, createTable, id, sortedName, stamps } from '../src/database/schema.ts'

/**
 * 房屋, down to the room. `name` is 楼号-单元-室号 and `name_key` its order (3号楼 before 12号楼). The project stands beside the
 * building for lists by project; the foreign key over both keeps them from drifting apart.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'houses', table => {
    id(table)
    table.bigInteger('building_id').unsigned().notNullable()
    table.bigInteger('project_id').unsigned().notNullable()
    sortedName(table, 'name', 80)
    table.string('unit', 20)
    table.integer('floor').notNullable()
    table.string('room', 20).notNullable()
    code(table, 'purpose', 16).notNullable()
    area(table, 'floor_area').notNullable()
    area(table, 'inner_area')
    code(table, 'state', 16).notNullable()
    table.date('delivered_on')
    stamps(table)
    table.foreign(['building_id', 'project_id']).references(['id', 'project_id']).inTable('buildings')
    table.unique(['building_id', 'name'])
    table.unique(['id', 'project_id'])
    table.index(['project_id', 'name_key', 'id'])
    table.index(['project_id', 'state', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('houses')
}
