import type { Knex } from 'knex'
import { area, code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/** 楼栋. `shared_area` belongs to no house (物业服务用房, 车库); with the houses it makes up `floor_area`. */
export async function up(knex: Knex) {
  await createTable(knex, 'buildings', table => {
    id(table)
    reference(table, 'project_id', 'projects').notNullable()
    table.string('name', 40).notNullable()
    table.integer('position').unsigned().notNullable()
    code(table, 'building_type', 16).notNullable()
    code(table, 'structure', 16).notNullable()
    table.integer('floors_above').unsigned().notNullable()
    table.integer('floors_below').unsigned().notNullable().defaultTo(0)
    table.integer('unit_count').unsigned().notNullable().defaultTo(0)
    table.integer('house_count').unsigned().notNullable().defaultTo(0)
    table.integer('elevator_count').unsigned().notNullable().defaultTo(0)
    area(table, 'floor_area').notNullable()
    area(table, 'shared_area').notNullable().defaultTo(0)
    table.integer('completed_year').unsigned()
    stamps(table)
    table.unique(['project_id', 'name'])
    table.unique(['id', 'project_id'])
    table.index(['project_id', 'position', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('buildings')
}
