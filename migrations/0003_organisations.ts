import type { Knex } from 'knex'
import { code, createTable, id, region, sortedName, stamps } from '../src/database/schema.ts'

/** Whoever has accounts: desks, companies, developers and committees share this id. */
export async function up(knex: Knex) {
  await createTable(knex, 'organisations', table => {
    id(table)
    code(table, 'kind', 16).notNullable()
    sortedName(table)
    code(table, 'code', 32)
    region(table, 'region_code').notNullable()
    code(table, 'district_code', 9)
    code(table, 'street_code', 9)
    code(table, 'status', 16).notNullable().defaultTo('active')
    table.string('status_note', 500)
    table.string('contact', 60)
    table.string('phone', 40)
    table.string('address', 300)
    stamps(table)
    table.unique(['code'])
    table.index(['name_key', 'id'])
    table.index(['kind', 'name_key', 'id'])
    table.index(['district_code', 'name_key', 'id'])
    table.index(['updated_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('organisations')
}
