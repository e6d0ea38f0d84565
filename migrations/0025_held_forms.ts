import type { Knex } from 'knex'
import { code, createTable, moment } from '../src/database/schema.ts'

/** 待续表单: what was typed when the session had ended, encrypted, handed back after signing in again. */
export async function up(knex: Knex) {
  await createTable(knex, 'held_forms', table => {
    code(table, 'token', 43).notNullable().primary()
    table.string('path', 500).notNullable()
    table.text('body_cipher', 'mediumtext').notNullable()
    moment(table, 'expires_at').notNullable()
    table.index(['expires_at'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('held_forms')
}
