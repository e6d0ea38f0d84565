import type { Knex } from 'knex'
import { createTable, moment, reference } from '../src/database/schema.ts'

/** 草稿: what the applicant is writing, saved as it is typed; fields marked personal are encrypted inside. `version` counts the savings. */
export async function up(knex: Knex) {
  await createTable(knex, 'case_drafts', table => {
    reference(table, 'case_id', 'cases').notNullable().primary()
    table.text('answers', 'mediumtext').notNullable()
    table.integer('version').unsigned().notNullable().defaultTo(1)
    moment(table, 'saved_at').notNullable()
    table.bigInteger('saved_by').unsigned().notNullable()
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_drafts')
}
