import type { Knex } from 'knex'
import { code, reference } from '../src/database/schema.ts'

/** The rest of the file of a developer (domain.md §9.1). */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('developers', 'licence_number')) return
  await knex.schema.alterTable('developers', table => {
    table.string('old_code', 15)
    table.string('licence_number', 40)
    reference(table, 'licence_file_id', 'files')
    table.string('fax', 40)
    table.string('email', 100)
    code(table, 'source', 16).notNullable().defaultTo('registration')
    code(table, 'review', 16).notNullable().defaultTo('reviewed')
    table.index(['qualification_until', 'id'])
    table.index(['business_until', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('developers', table => {
    table.dropForeign(['licence_file_id'])
    table.dropIndex(['qualification_until', 'id'])
    table.dropIndex(['business_until', 'id'])
    table.dropColumns('old_code', 'licence_number', 'licence_file_id', 'fax', 'email', 'source', 'review')
  })
}
