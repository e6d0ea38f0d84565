import type { Knex } from 'knex'
import { code, createTable, money, reference, stamps } from '../src/database/schema.ts'

/** 开发企业（建设单位）. Name, credit code, managing region and office address are those of its organisation, whose id it shares. */
export async function up(knex: Knex) {
  await createTable(knex, 'developers', table => {
    reference(table, 'id', 'organisations').notNullable().primary()
    code(table, 'ownership', 16).notNullable()
    table.string('legal_person', 60).notNullable()
    table.string('legal_person_id_cipher', 255)
    table.string('legal_person_phone_cipher', 255)
    code(table, 'legal_person_phone_last4', 4)
    money(table, 'capital')
    table.date('established_on')
    table.date('business_until')
    table.string('registered_address', 300).notNullable()
    table.string('qualification_level', 20)
    table.string('qualification_number', 60)
    table.date('qualification_until')
    code(table, 'state', 16).notNullable().defaultTo('normal')
    stamps(table)
    table.index(['state', 'id'])
    table.index(['updated_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('developers')
}
