import type { Knex } from 'knex'
import { code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/**
 * 资质证书. `live` is 1 while it is 有效 and unique per company. What follows from the date (即将到期, 已过期) is not stored;
 * `valid_until` is empty where the law set no limit.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'certificates', table => {
    id(table)
    reference(table, 'company_id', 'companies').notNullable()
    reference(table, 'previous_id', 'certificates')
    table.string('number', 60).notNullable().unique()
    code(table, 'level', 16).notNullable()
    code(table, 'state', 16).notNullable()
    table.string('issuer', 100).notNullable()
    table.date('approved_on').notNullable()
    table.date('issued_on').notNullable()
    table.date('valid_until')
    table.date('ended_on')
    table.specificType('live', "tinyint as (if(state = 'valid', 1, null)) stored")
    stamps(table)
    table.unique(['company_id', 'live'])
    table.index(['company_id', 'issued_on'])
    table.index(['level', 'live', 'id'])
    table.index(['live', 'valid_until', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('certificates')
}
