import type { Knex } from 'knex'
import { area, code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/**
 * 物业服务合同. The term agreed is `starts_on` to `ends_on`; `ended_on` is the last day it really ran when it ended early. What
 * follows from the date (履行中, 即将到期, 已到期未续) is not stored.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'contracts', table => {
    id(table)
    reference(table, 'project_id', 'projects').notNullable()
    reference(table, 'company_id', 'companies').notNullable()
    reference(table, 'previous_id', 'contracts')
    code(table, 'phase', 16).notNullable()
    code(table, 'filing', 16).notNullable()
    code(table, 'state', 16).notNullable()
    table.string('number', 60).unique()
    table.string('party', 200).notNullable()
    table.date('signed_on').notNullable()
    table.date('starts_on').notNullable()
    table.date('ends_on').notNullable()
    table.date('filed_on')
    table.date('ended_on')
    code(table, 'end_reason', 24)
    code(table, 'fee_mode', 16).notNullable()
    code(table, 'pricing', 16).notNullable()
    table.integer('service_level').unsigned()
    table.decimal('fee', 8, 2).notNullable()
    area(table, 'serviced_area').notNullable()
    stamps(table)
    table.index(['project_id', 'ends_on', 'id'])
    table.index(['company_id', 'ends_on', 'id'])
    table.index(['state', 'ends_on', 'id'])
    table.index(['signed_on', 'id'])
    table.index(['filed_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('contracts')
}
