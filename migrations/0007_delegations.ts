import type { Knex } from 'knex'
import { createTable, id, reference, stamps } from '../src/database/schema.ts'

/** 外出委托: a person lends a role to a colleague for some days. */
export async function up(knex: Knex) {
  await createTable(knex, 'delegations', table => {
    id(table)
    reference(table, 'user_role_id', 'user_roles').notNullable()
    reference(table, 'to_user_id', 'users').notNullable()
    table.date('starts_on').notNullable()
    table.date('ends_on').notNullable()
    table.string('reason', 200).notNullable()
    stamps(table)
    table.index(['to_user_id', 'ends_on'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('delegations')
}
