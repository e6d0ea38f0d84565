import type { Knex } from 'knex'
import { code, createTable, moment, reference } from '../src/database/schema.ts'

/** 认领码 of organisations that an office entered: only a keyed digest is kept. */
export async function up(knex: Knex) {
  await createTable(knex, 'claim_codes', table => {
    reference(table, 'organisation_id', 'organisations').notNullable().primary()
    code(table, 'code_index', 22).notNullable()
    moment(table, 'created_at').notNullable()
    table.bigInteger('created_by').unsigned()
    moment(table, 'used_at')
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('claim_codes')
}
