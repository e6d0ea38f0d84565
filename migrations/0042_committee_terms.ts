import type { Knex } from 'knex'
import { area, code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/**
 * 业委会届次, with the vote that elected it. `live` is 1 for the present term, also after its last day until the next is
 * elected (超期未换届), and unique per committee.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'committee_terms', table => {
    id(table)
    reference(table, 'committee_id', 'committees').notNullable()
    table.integer('sequence').unsigned().notNullable()
    code(table, 'state', 16).notNullable()
    table.integer('seats').unsigned().notNullable()
    table.date('elected_on').notNullable()
    table.date('starts_on').notNullable()
    table.date('ends_on').notNullable()
    table.string('number', 60).unique()
    table.date('filed_on')
    table.integer('voters').unsigned()
    area(table, 'voting_area')
    table.integer('voters_present').unsigned()
    area(table, 'area_present')
    table.integer('voters_for').unsigned()
    area(table, 'area_for')
    table.specificType('live', "tinyint as (if(state = 'current', 1, null)) stored")
    stamps(table)
    table.unique(['committee_id', 'sequence'])
    table.unique(['committee_id', 'live'])
    table.index(['live', 'ends_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('committee_terms')
}
