import type { Knex } from 'knex'
import { code, createTable, id, moment, reference, sortedName, stamps } from '../src/database/schema.ts'

/** One person, one account. The username is stored in lower case and compared byte by byte, so that no two look alike to the database. */
export async function up(knex: Knex) {
  await createTable(knex, 'users', table => {
    id(table)
    code(table, 'username', 64).notNullable().unique()
    sortedName(table, 'name', 60)
    reference(table, 'organisation_id', 'organisations').notNullable()
    table.string('phone_cipher', 255)
    code(table, 'phone_index', 32)
    code(table, 'phone_last4', 4)
    table.string('password_hash', 255)
    moment(table, 'password_changed_at')
    moment(table, 'password_expires_at')
    table.boolean('must_change_password').notNullable().defaultTo(true)
    table.string('totp_secret', 255)
    moment(table, 'totp_confirmed_at')
    table.bigInteger('totp_last_step').unsigned().notNullable().defaultTo(0)
    code(table, 'status', 16).notNullable().defaultTo('active')
    table.string('status_note', 500)
    table.boolean('demo').notNullable().defaultTo(false)
    moment(table, 'last_signed_in_at')
    table.bigInteger('last_role_id').unsigned()
    stamps(table)
    table.index(['name_key', 'id'])
    table.index(['organisation_id', 'name_key', 'id'])
    table.index(['created_at', 'id'])
    table.index(['phone_index'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('users')
}
