import type { Knex } from 'knex'
import { code, createTable, reference, stamps } from '../src/database/schema.ts'

/**
 * 业主委员会. Name, managing district and street, address and telephone are those of its organisation, whose id it shares.
 * `live` is 1 until it is cancelled, and unique per project. Filing numbers are those of its terms.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'committees', table => {
    reference(table, 'id', 'organisations').notNullable().primary()
    reference(table, 'project_id', 'projects').notNullable()
    code(table, 'state', 16).notNullable()
    table.string('seal_number', 60)
    table.string('bank_account_cipher', 255)
    table.date('formed_on')
    table.date('cancelled_on')
    table.specificType('live', "tinyint as (if(state = 'cancelled', null, 1)) stored")
    stamps(table)
    table.unique(['project_id', 'live'])
    table.index(['state', 'id'])
    table.index(['updated_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('committees')
}
