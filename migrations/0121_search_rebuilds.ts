import type { Knex } from 'knex'
import { code, createTable, moment } from '../src/database/schema.ts'

/** How far `rebuild-search` has come with each scope, so that it goes on where it was stopped. */
export async function up(knex: Knex) {
  await createTable(knex, 'search_rebuilds', table => {
    code(table, 'scope', 24).notNullable().primary()
    table.bigInteger('last_id').unsigned().notNullable()
    table.bigInteger('docs').unsigned().notNullable()
    table.bigInteger('changed').unsigned().notNullable()
    moment(table, 'started_at').notNullable()
    moment(table, 'updated_at').notNullable()
    moment(table, 'finished_at')
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('search_rebuilds')
}
