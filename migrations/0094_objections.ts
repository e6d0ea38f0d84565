import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** 异议: what anybody said against a publicity while it ran. Name and telephone are for the officer alone. */
export async function up(knex: Knex) {
  await createTable(knex, 'objections', table => {
    id(table)
    code(table, 'code', 16).notNullable().unique()
    reference(table, 'publicity_id', 'publicities').notNullable()
    reference(table, 'case_id', 'cases').notNullable()
    table.string('name', 60).notNullable()
    table.string('phone_cipher', 255).notNullable()
    code(table, 'phone_last4', 4).notNullable()
    table.text('words').notNullable()
    code(table, 'state', 12).notNullable().defaultTo('open')
    table.string('answer', 2000)
    table.bigInteger('answered_by').unsigned()
    moment(table, 'answered_at')
    moment(table, 'created_at').notNullable()
    table.index(['case_id', 'state', 'id'])
    table.index(['publicity_id', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('objections')
}
