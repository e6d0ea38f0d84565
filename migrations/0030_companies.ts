import type { Knex } from 'knex'
import { code, createTable, money, reference, stamps } from '../src/database/schema.ts'

/** 物业企业. Name, credit code, managing region and office address are those of its organisation, whose id it shares. */
export async function up(knex: Knex) {
  await createTable(knex, 'companies', table => {
    reference(table, 'id', 'organisations').notNullable().primary()
    code(table, 'origin', 16).notNullable()
    table.string('head_office', 200)
    code(table, 'head_office_code', 18)
    table.string('branch_filing_number', 60).unique()
    code(table, 'ownership', 16).notNullable()
    table.string('legal_person', 60).notNullable()
    table.string('legal_person_id_cipher', 255)
    table.string('legal_person_phone_cipher', 255)
    code(table, 'legal_person_phone_last4', 4)
    table.string('manager', 60)
    money(table, 'capital')
    table.date('established_on')
    table.date('business_until')
    table.string('registered_address', 300).notNullable()
    code(table, 'state', 16).notNullable().defaultTo('normal')
    stamps(table)
    table.index(['state', 'id'])
    table.index(['established_on', 'id'])
    table.index(['updated_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('companies')
}
