import type { Knex } from 'knex'
import { code, createTable, id, reference, sortedName, stamps } from '../src/database/schema.ts'

/**
 * 业主: one human or unit owning one house, or a share of it, for a time. Who owns two houses has two rows with the same digest
 * of the ID number, and counts once where people vote. `live` is 1 while the ownership lasts.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'owners', table => {
    id(table)
    table.bigInteger('house_id').unsigned().notNullable()
    table.bigInteger('project_id').unsigned().notNullable()
    reference(table, 'user_id', 'users')
    sortedName(table, 'name', 120)
    code(table, 'id_type', 16).notNullable()
    table.string('id_number_cipher', 255).notNullable()
    code(table, 'id_number_index', 22).notNullable()
    code(table, 'id_number_last4', 4).notNullable()
    table.string('phone_cipher', 255)
    code(table, 'phone_index', 22)
    code(table, 'phone_last4', 4)
    table.decimal('share', 7, 4).notNullable().defaultTo(100)
    table.string('title_deed', 60)
    code(table, 'source', 16).notNullable()
    table.date('starts_on').notNullable()
    table.date('ends_on')
    table.specificType('live', 'tinyint as (if(ends_on is null, 1, null)) stored')
    stamps(table)
    table.foreign(['house_id', 'project_id']).references(['id', 'project_id']).inTable('houses')
    table.unique(['house_id', 'id_number_index', 'live'])
    table.index(['project_id', 'name_key', 'id'])
    table.index(['name_key', 'id'])
    table.index(['id_number_index'])
    table.index(['phone_index'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('owners')
}
