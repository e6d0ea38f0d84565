import type { Knex } from 'knex'

/** 登录日志 is searched by the name that was typed and by the address, both from their beginning. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('sign_ins', table => {
    table.index(['username', 'id'])
    table.index(['address', 'id'])
    table.index(['request_id', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('sign_ins', table => {
    table.dropIndex(['username', 'id'])
    table.dropIndex(['address', 'id'])
    table.dropIndex(['request_id', 'id'])
  })
}
