import type { Knex } from 'knex'
import { code, createTable } from '../src/database/schema.ts'

/** Sessions live in the database, so any number of processes share them; `user_id` finds the other devices of a person. */
export async function up(knex: Knex) {
  await createTable(knex, 'sessions', table => {
    code(table, 'sid', 64).notNullable().primary()
    table.json('sess').notNullable()
    table.specificType('expired', 'datetime').notNullable()
    table.specificType('user_id', "bigint unsigned as (cast(json_extract(sess, '$.passport.user') as unsigned)) stored")
    table.index(['expired'])
    table.index(['user_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('sessions')
}
