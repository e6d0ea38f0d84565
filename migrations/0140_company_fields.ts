import type { Knex } from 'knex'
import { code, reference } from '../src/database/schema.ts'

/** The rest of the file of a company (domain.md §9.2): licence, nature, where it came from, and what it tells of itself. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('companies', 'licence_number')) return
  await knex.schema.alterTable('companies', table => {
    table.string('old_code', 15)
    table.string('licence_number', 40)
    reference(table, 'licence_file_id', 'files')
    code(table, 'nature', 16)
    table.string('head_office_place', 100)
    table.string('fax', 40)
    table.string('email', 100)
    table.string('website', 200)
    table.string('bank', 100)
    table.string('business_scope', 1000)
    table.string('certifications', 500)
    table.string('party_branch', 200)
    table.string('awards', 2000)
    table.string('penalties', 2000)
    code(table, 'source', 16).notNullable().defaultTo('registration')
    code(table, 'review', 16).notNullable().defaultTo('reviewed')
    table.index(['business_until', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('companies', table => {
    table.dropForeign(['licence_file_id'])
    table.dropIndex(['business_until', 'id'])
    table.dropColumns(
      'old_code',
      'licence_number',
      'licence_file_id',
      'nature',
      'head_office_place',
      'fax',
      'email',
      'website',
      'bank',
      'business_scope',
      'certifications',
      'party_branch',
      'awards',
      'penalties',
      'source',
      'review',
    )
  })
}
