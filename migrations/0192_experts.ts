import type { Knex } from 'knex'
import { code, createTable, id, moment, reference, sortedName, stamps } from '../src/database/schema.ts'

/**
 * 评标专家名册, draws from it, and who sits in the committee of a tender. A draw is repeatable: the pool as it was, the seed and the
 * result are kept with a digest, and nobody changes them afterwards.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'experts', table => {
    id(table)
    sortedName(table, 'name', 60)
    table.string('id_number_cipher', 255).notNullable()
    code(table, 'id_number_index', 22).notNullable().unique()
    table.string('phone_cipher', 255)
    table.string('employer', 200).notNullable()
    code(table, 'employer_code', 18)
    code(table, 'specialty', 16).notNullable()
    table.string('title', 60)
    code(table, 'state', 16).notNullable()
    table.string('state_reason', 300)
    table.date('joined_on').notNullable()
    table.date('valid_until')
    stamps(table)
    table.index(['state', 'name_key', 'id'])
    table.index(['name_key', 'id'])
    table.index(['employer_code', 'id'])
  })
  await createTable(knex, 'expert_draws', table => {
    id(table)
    reference(table, 'tender_id', 'tenders').notNullable()
    table.integer('sequence').unsigned().notNullable()
    table.integer('wanted').unsigned().notNullable()
    code(table, 'seed', 64).notNullable()
    table.specificType('pool', 'mediumtext').notNullable()
    code(table, 'pool_digest', 64).notNullable()
    table.text('result').notNullable()
    table.string('reason', 300)
    reference(table, 'drawn_by', 'users').notNullable()
    moment(table, 'drawn_at').notNullable()
    table.unique(['tender_id', 'sequence'])
  })
  await createTable(knex, 'tender_judges', table => {
    id(table)
    reference(table, 'tender_id', 'tenders').notNullable()
    reference(table, 'draw_id', 'expert_draws')
    reference(table, 'expert_id', 'experts')
    table.string('name', 60).notNullable()
    code(table, 'sort', 16).notNullable()
    code(table, 'state', 16).notNullable()
    table.string('reason', 300)
    stamps(table)
    table.unique(['tender_id', 'expert_id'])
    table.index(['expert_id', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('tender_judges')
  await knex.schema.dropTable('expert_draws')
  await knex.schema.dropTable('experts')
}
