import type { Knex } from 'knex'
import { code, createTable, id, moment } from '../src/database/schema.ts'

/** 登录日志. The name is what was typed, in the stored form; `user_id` stays empty for a name that no account has. */
export async function up(knex: Knex) {
  await createTable(knex, 'sign_ins', table => {
    id(table)
    moment(table, 'at').notNullable()
    table.string('username', 64).notNullable()
    table.bigInteger('user_id').unsigned()
    code(table, 'outcome', 24).notNullable()
    code(table, 'address', 45).notNullable()
    table.string('agent', 255)
    code(table, 'request_id', 32)
    table.index(['at', 'id'])
    table.index(['user_id', 'at', 'id'])
    table.index(['outcome', 'at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('sign_ins')
}
