import type { Knex } from 'knex'
import { appendOnly, code, createTable, id, moment } from '../src/database/schema.ts'

/** 日志封印: each seal covers the rows after the one before, and chains to it. */
export async function up(knex: Knex) {
  await createTable(knex, 'log_seals', table => {
    id(table)
    table.bigInteger('sequence').unsigned().notNullable().unique()
    table.bigInteger('first_id').unsigned().notNullable()
    table.bigInteger('last_id').unsigned().notNullable()
    table.integer('rows').unsigned().notNullable()
    moment(table, 'sealed_at').notNullable()
    code(table, 'digest', 64).notNullable()
  })
  await appendOnly(knex, 'log_seals')
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('log_seals')
}
