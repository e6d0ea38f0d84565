import type { Knex } from 'knex'
import { code, createTable, id, moment } from '../src/database/schema.ts'

/** 待发信件: whatever leaves the database (text message, mail) is written here with its cause and sent after the commit. */
export async function up(knex: Knex) {
  await createTable(knex, 'outbox', table => {
    id(table)
    code(table, 'channel', 12).notNullable()
    table.string('recipient_cipher', 255).notNullable()
    table.string('subject', 200)
    table.text('body_cipher').notNullable()
    code(table, 'state', 12).notNullable().defaultTo('ready')
    table.integer('attempts').unsigned().notNullable().defaultTo(0)
    moment(table, 'send_at').notNullable()
    moment(table, 'sent_at')
    table.string('error', 500)
    moment(table, 'created_at').notNullable()
    table.index(['state', 'send_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('outbox')
}
