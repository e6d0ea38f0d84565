import type { Knex } from 'knex'

/** The order of 项目下一步: `rank` holds light and last day in one number, so that every scope pages through an index of its own. */
const scopes = ['district_code', 'street_code', 'organisation_id', 'role'] as const

export async function up(knex: Knex) {
  // They are worked out anew; older ranks know no day.
  await knex('duties').delete()
  await knex.schema.alterTable('duties', table => {
    // A step that several owe has a row for each; offices read the first.
    table.boolean('is_lead').notNullable().defaultTo(true)
    table.index(['rank', 'id'])
    for (const scope of scopes) table.index([scope, 'rank', 'id'])
  })
  await knex.schema.alterTable('duties', table => {
    table.dropIndex(['code', 'rank', 'until_on', 'id'])
    table.dropIndex(['rank', 'until_on', 'id'])
    for (const scope of scopes) table.dropIndex([scope, 'rank', 'until_on', 'id'])
    table.index(['code', 'light'])
    table.index(['district_code', 'code', 'light'])
    table.index(['street_code', 'code', 'light'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('duties', table => {
    table.index(['code', 'rank', 'until_on', 'id'])
    table.index(['rank', 'until_on', 'id'])
    for (const scope of scopes) table.index([scope, 'rank', 'until_on', 'id'])
  })
  await knex.schema.alterTable('duties', table => {
    table.dropIndex(['code', 'light'])
    table.dropIndex(['district_code', 'code', 'light'])
    table.dropIndex(['street_code', 'code', 'light'])
    table.dropIndex(['rank', 'id'])
    for (const scope of scopes) table.dropIndex([scope, 'rank', 'id'])
    table.dropColumn('is_lead')
  })
}
