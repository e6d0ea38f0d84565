import type { Knex } from 'knex'
import { code, createTable, id, sortedName, stamps } from '../src/database/schema.ts'

/** 居民: who lives in or uses a house beside those who own it, for a time. `live` is 1 while they do. */
export async function up(knex: Knex) {
  await createTable(knex, 'residents', table => {
    id(table)
    table.bigInteger('house_id').unsigned().notNullable()
    table.bigInteger('project_id').unsigned().notNullable()
    sortedName(table, 'name', 120)
    code(table, 'relation', 16).notNullable()
    code(table, 'id_type', 16)
    table.string('id_number_cipher', 255)
    code(table, 'id_number_index', 22)
    code(table, 'id_number_last4', 4)
    table.string('phone_cipher', 255)
    code(table, 'phone_index', 22)
    code(table, 'phone_last4', 4)
    code(table, 'source', 16).notNullable()
    table.date('starts_on').notNullable()
    table.date('ends_on')
    table.specificType('live', 'tinyint as (if(ends_on is null, 1, null)) stored')
    stamps(table)
    table.foreign(['house_id', 'project_id']).references(['id', 'project_id']).inTable('houses')
    table.unique(['house_id', 'id_number_index', 'live'])
    table.index(['project_id', 'name_key', 'id'])
    table.index(['house_id', 'live', 'id'])
    table.index(['id_number_index'])
    table.index(['phone_index'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('residents')
}
