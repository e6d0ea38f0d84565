import type { Knex } from 'knex'
import { code, createTable, id, moment, reference, region } from '../src/database/schema.ts'

/**
 * What a person may act as, and where. The three administrators exclude each other (GB/T 22239-2019 8.1.4.2 d):
 * `administrator` is 1 for each of them and empty otherwise, and unique per user.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'user_roles', table => {
    id(table)
    reference(table, 'user_id', 'users').notNullable()
    code(table, 'role', 32).notNullable()
    region(table, 'region_code').notNullable()
    moment(table, 'granted_at').notNullable()
    table.bigInteger('granted_by').unsigned()
    table.specificType(
      'administrator',
      "tinyint as (if(role in ('system-admin', 'security-admin', 'audit-admin'), 1, null)) stored",
    )
    table.unique(['user_id', 'role', 'region_code'])
    table.unique(['user_id', 'administrator'])
    table.index(['role', 'region_code'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('user_roles')
}
