import type { Knex } from 'knex'
import { code, createTable, id, stamps } from '../src/database/schema.ts'

/** 字典: the words of the law change (物业管理区域 became 物业服务区域 in 2021); codes stay, labels are data. */
export async function up(knex: Knex) {
  await createTable(knex, 'dictionaries', table => {
    id(table)
    code(table, 'dictionary', 32).notNullable()
    code(table, 'code', 32).notNullable()
    table.string('label', 100).notNullable()
    table.integer('position').notNullable().defaultTo(0)
    table.boolean('active').notNullable().defaultTo(true)
    stamps(table)
    table.unique(['dictionary', 'code'])
    table.index(['dictionary', 'position', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('dictionaries')
}
