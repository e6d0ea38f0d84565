import type { Knex } from 'knex'
import { appendOnly, code, createTable, id, moment, reference } from '../src/database/schema.ts'

/**
 * The fair draw. The seed stands, with the pool it is for, before anything is drawn with it: nobody can draw until the result suits,
 * and a draw that was cut off ends with the same experts. Neither seeds nor draws can be changed.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'expert_seeds', table => {
    id(table)
    reference(table, 'tender_id', 'tenders').notNullable()
    table.integer('sequence').unsigned().notNullable()
    table.integer('wanted').unsigned().notNullable()
    code(table, 'seed', 64).notNullable()
    table.specificType('pool', 'mediumtext').notNullable()
    code(table, 'pool_digest', 64).notNullable()
    moment(table, 'made_at').notNullable()
    table.unique(['tender_id', 'sequence'])
  })
  // The order of the register, for a district and for a street.
  await knex.schema.alterTable('tenders', table => {
    table.index(['district_code', 'id'])
    table.index(['street_code', 'id'])
  })
  for (const table of ['expert_seeds', 'expert_draws']) await appendOnly(knex, table)
}

export async function down(knex: Knex) {
  for (const event of ['update', 'delete']) await knex.raw(`drop trigger if exists expert_draws_no_${event}`)
  await knex.schema.alterTable('tenders', table => {
    table.dropIndex(['district_code', 'id'])
    table.dropIndex(['street_code', 'id'])
  })
  await knex.schema.dropTable('expert_seeds')
}
