import type { Knex } from 'knex'
import { createTable } from '../src/database/schema.ts'

/** 编号计数: one row per rendered prefix, locked last before commit, so that numbers have no gaps and no doubles. */
export async function up(knex: Knex) {
  await createTable(knex, 'counters', table => {
    table.specificType('prefix', 'varchar(64) character set utf8mb4 collate utf8mb4_bin').notNullable().primary()
    table.bigInteger('value').unsigned().notNullable().defaultTo(0)
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('counters')
}
