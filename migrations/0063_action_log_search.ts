import type { Knex } from 'knex'

/** 操作日志 is searched by whom or what an action was about, by address and by request number, and filtered by result. */
export async function up(knex: Knex) {
  await knex.schema.alterTable('action_log', table => {
    table.index(['object_label', 'id'])
    table.index(['address', 'id'])
    table.index(['request_id', 'id'])
    table.index(['result', 'at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('action_log', table => {
    table.dropIndex(['object_label', 'id'])
    table.dropIndex(['address', 'id'])
    table.dropIndex(['request_id', 'id'])
    table.dropIndex(['result', 'at', 'id'])
  })
}
