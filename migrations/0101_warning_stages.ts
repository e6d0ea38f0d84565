import type { Knex } from 'knex'
import { code, moment } from '../src/database/schema.ts'

/**
 * A warning escalates in stages (临期, 已超期; 90, 60, 30 days), and `raised_at` is when it came to its present one. `object_id` is
 * what it is about, of the sort that its kind says. The red ones come first wherever they are read.
 */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('warnings', 'stage')) return
  await knex.schema.alterTable('warnings', table => {
    code(table, 'stage', 16).notNullable().defaultTo('')
    table.bigInteger('object_id').unsigned()
    moment(table, 'raised_at').notNullable().defaultTo(knex.raw('current_timestamp(3)'))
    table.index(['kind', 'closed_at', 'object_id'])
    table.index(['closed_at', 'level', 'due_on', 'id'])
    table.index(['district_code', 'closed_at', 'level', 'due_on', 'id'], 'warnings_district_open_index')
    table.index(['street_code', 'closed_at', 'level', 'due_on', 'id'], 'warnings_street_open_index')
    table.index(['raised_at', 'id'])
    table.index(['district_code', 'raised_at', 'id'])
    table.index(['street_code', 'raised_at', 'id'])
    table.index(['organisation_id', 'raised_at', 'id'])
    table.dropIndex(['closed_at', 'district_code', 'due_on', 'id'])
    table.dropIndex(['closed_at', 'street_code', 'due_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('warnings', table => {
    table.index(['closed_at', 'district_code', 'due_on', 'id'])
    table.index(['closed_at', 'street_code', 'due_on', 'id'])
    table.dropIndex(['kind', 'closed_at', 'object_id'])
    table.dropIndex(['closed_at', 'level', 'due_on', 'id'])
    table.dropIndex([], 'warnings_district_open_index')
    table.dropIndex([], 'warnings_street_open_index')
    table.dropIndex(['raised_at', 'id'])
    table.dropIndex(['district_code', 'raised_at', 'id'])
    table.dropIndex(['street_code', 'raised_at', 'id'])
    table.dropIndex(['organisation_id', 'raised_at', 'id'])
    for (const column of ['stage', 'object_id', 'raised_at']) table.dropColumn(column)
  })
}
