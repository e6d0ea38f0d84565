import type { Knex } from 'knex'
import { code, createTable, id, moment, region, stamps } from '../src/database/schema.ts'

/**
 * 单位注册申请: a company or developer asks for an account, its district confirms. `open_key` is the code while
 * the request is open and empty afterwards, so one unit has one open request.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'registrations', table => {
    id(table)
    code(table, 'number', 24).notNullable().unique()
    code(table, 'kind', 16).notNullable()
    table.string('name', 200).notNullable()
    code(table, 'code', 18).notNullable()
    region(table, 'district_code').notNullable()
    table.string('address', 300).notNullable()
    table.string('legal_person', 60).notNullable()
    code(table, 'username', 64).notNullable()
    table.string('contact', 60).notNullable()
    table.string('phone_cipher', 255).notNullable()
    code(table, 'phone_last4', 4).notNullable()
    table.string('password_hash', 255).notNullable()
    moment(table, 'consented_at').notNullable()
    code(table, 'status', 16).notNullable().defaultTo('pending')
    code(table, 'open_key', 32)
    code(table, 'open_username', 64)
    table.string('opinion', 500)
    moment(table, 'decided_at')
    table.bigInteger('decided_by').unsigned()
    stamps(table)
    table.unique(['open_key'])
    table.unique(['open_username'])
    table.index(['district_code', 'status', 'created_at', 'id'])
    table.index(['created_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('registrations')
}
