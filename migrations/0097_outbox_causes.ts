import type { Knex } from 'knex'
import { reference } from '../src/database/schema.ts'

/**
 * Whom a letter is for and which case it tells of, so that the delivery can be read beside the case; and what carried it, because a
 * line in a log is no message received. `send_at` is when it is tried next; while it is being sent, when it counts as abandoned.
 */
export async function up(knex: Knex) {
  if (!(await knex.schema.hasColumn('outbox', 'case_id')))
    await knex.schema.alterTable('outbox', table => {
      reference(table, 'user_id', 'users')
      reference(table, 'case_id', 'cases')
      table.specificType('carrier', 'varchar(12) character set ascii collate ascii_bin')
    })
  await knex.schema.alterTable('outbox', table => {
    table.string('recipient_cipher', 512).notNullable().alter()
    table.index(['case_id', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('outbox', table => {
    table.dropForeign('case_id')
    table.dropForeign('user_id')
    table.dropIndex(['case_id', 'id'])
    table.dropColumns('case_id', 'user_id', 'carrier')
  })
}
