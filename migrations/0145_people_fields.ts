import type { Knex } from 'knex'
import { code, reference } from '../src/database/schema.ts'

/** The rest of the file of a practitioner (domain.md §9.4). */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('people', 'ethnicity')) return
  await knex.schema.alterTable('people', table => {
    table.string('ethnicity', 20)
    table.string('title_issuer', 100)
    table.integer('training_hours').unsigned()
    table.string('record', 2000)
    reference(table, 'photo_file_id', 'files')
    code(table, 'source', 16).notNullable().defaultTo('company')
    code(table, 'review', 16).notNullable().defaultTo('reviewed')
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('people', table => {
    table.dropForeign(['photo_file_id'])
    table.dropColumns('ethnicity', 'title_issuer', 'training_hours', 'record', 'photo_file_id', 'source', 'review')
  })
}
