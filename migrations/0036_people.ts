import type { Knex } from 'knex'
import { code, createTable, id, sortedName, stamps } from '../src/database/schema.ts'

/** 从业人员. One row per human: the keyed digest of the ID number is unique, the number itself is encrypted. */
export async function up(knex: Knex) {
  await createTable(knex, 'people', table => {
    id(table)
    sortedName(table, 'name', 60)
    table.string('id_number_cipher', 255).notNullable()
    code(table, 'id_number_index', 22).notNullable().unique()
    code(table, 'id_number_last4', 4).notNullable()
    code(table, 'gender', 8).notNullable()
    table.date('born_on').notNullable()
    table.string('phone_cipher', 255)
    code(table, 'phone_index', 22)
    code(table, 'phone_last4', 4)
    code(table, 'education', 16)
    table.string('specialty', 60)
    code(table, 'title', 16).notNullable().defaultTo('none')
    table.string('title_name', 60)
    table.string('title_number', 60)
    table.date('title_issued_on')
    code(table, 'credential', 24)
    table.string('credential_number', 60)
    table.date('credential_until')
    stamps(table)
    table.index(['name_key', 'id'])
    table.index(['phone_index'])
    table.index(['title', 'name_key', 'id'])
    table.index(['title_number'])
    table.index(['credential_number'])
    table.index(['credential_until', 'id'])
    table.index(['updated_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('people')
}
