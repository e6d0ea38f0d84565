import type { Knex } from 'knex'
import { appendOnly, code, createTable, id, moment } from '../src/database/schema.ts'

/** 操作日志: who, when, from where, what, before and after. Each row carries an HMAC; a job seals blocks of rows. */
export async function up(knex: Knex) {
  await createTable(knex, 'action_log', table => {
    id(table)
    code(table, 'nonce', 22).notNullable().unique()
    moment(table, 'at').notNullable()
    table.bigInteger('user_id').unsigned()
    table.string('user_name', 60)
    code(table, 'role', 32)
    table.bigInteger('organisation_id').unsigned()
    code(table, 'address', 45)
    code(table, 'request_id', 32)
    code(table, 'action', 48).notNullable()
    code(table, 'object_type', 32)
    code(table, 'object_id', 64)
    table.string('object_label', 200)
    code(table, 'result', 16).notNullable()
    table.text('detail')
    code(table, 'mac', 64).notNullable()
    table.index(['at', 'id'])
    table.index(['user_id', 'at', 'id'])
    table.index(['action', 'at', 'id'])
    table.index(['object_type', 'object_id', 'id'])
  })
  await appendOnly(knex, 'action_log')
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('action_log')
}
