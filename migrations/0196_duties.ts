import type { Knex } from 'knex'
import { code, createTable, id, reference, region, stamps } from '../src/database/schema.ts'

/**
 * 下一步: what a project waits for and who owes it, worked out anew from the facts whenever these change and every night. One row for
 * each step of a project; a party owes it by `organisation_id`, an office by `role` within the region; `debtor` names either, for the constraint.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'duties', table => {
    id(table)
    reference(table, 'project_id', 'projects').notNullable()
    region(table, 'district_code').notNullable()
    region(table, 'street_code').notNullable()
    code(table, 'code', 32).notNullable()
    code(table, 'light', 8).notNullable()
    table.integer('rank').unsigned().notNullable()
    table.string('title', 120).notNullable()
    table.string('words', 500).notNullable()
    table.string('law', 200).notNullable()
    table.string('who', 200).notNullable()
    reference(table, 'organisation_id', 'organisations')
    code(table, 'role', 24)
    code(table, 'debtor', 40).notNullable()
    table.date('until_on')
    code(table, 'kind', 40)
    table.date('since_on').notNullable()
    stamps(table)
    table.unique(['project_id', 'code', 'debtor'])
    table.index(['code', 'rank', 'until_on', 'id'])
    table.index(['district_code', 'rank', 'until_on', 'id'])
    table.index(['street_code', 'rank', 'until_on', 'id'])
    table.index(['organisation_id', 'rank', 'until_on', 'id'])
    table.index(['role', 'rank', 'until_on', 'id'])
    table.index(['rank', 'until_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('duties')
}
