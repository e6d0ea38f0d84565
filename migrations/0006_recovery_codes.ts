import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** One-time codes for a lost second factor, kept as digests. */
export async function up(knex: Knex) {
  await createTable(knex, 'recovery_codes', table => {
    id(table)
    reference(table, 'user_id', 'users').notNullable()
    code(table, 'digest', 64).notNullable()
    moment(table, 'used_at')
    table.unique(['user_id', 'digest'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('recovery_codes')
}
