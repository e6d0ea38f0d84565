import type { Knex } from 'knex'
import { code, createTable, moment, reference } from '../src/database/schema.ts'

/** 材料: what is known of one material of a case besides its files: its last day, and whether the original was seen. */
export async function up(knex: Knex) {
  await createTable(knex, 'case_materials', table => {
    reference(table, 'case_id', 'cases').notNullable()
    code(table, 'material', 40).notNullable()
    table.date('expires_on')
    table.bigInteger('original_seen_by').unsigned()
    moment(table, 'original_seen_at')
    table.primary(['case_id', 'material'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_materials')
}
