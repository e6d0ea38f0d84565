import type { Knex } from 'knex'
import { code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/**
 * 任职: one person at one company for a time. `live` is 1 while the person counts as 在职 (till 待减员 is decided) and empty
 * otherwise, and unique per person: nobody works for two companies, whoever asks first.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'employments', table => {
    id(table)
    reference(table, 'person_id', 'people').notNullable()
    reference(table, 'company_id', 'companies').notNullable()
    reference(table, 'project_id', 'projects')
    code(table, 'post', 24).notNullable()
    code(table, 'state', 16).notNullable()
    table.date('starts_on').notNullable()
    table.date('ends_on')
    code(table, 'end_reason', 24)
    table.date('contract_until')
    table.string('insured_at', 60)
    table.date('insured_since')
    table.specificType('live', "tinyint as (if(state in ('employed', 'leaving'), 1, null)) stored")
    stamps(table)
    table.unique(['person_id', 'live'])
    table.index(['person_id', 'starts_on'])
    table.index(['company_id', 'live', 'post', 'id'])
    table.index(['project_id', 'live', 'id'])
    table.index(['state', 'starts_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('employments')
}
