import type { Knex } from 'knex'
import { code, createTable, stamps } from '../src/database/schema.ts'

/** 工作日历: holidays and make-up workdays; a day without a row follows its weekday. */
export async function up(knex: Knex) {
  await createTable(knex, 'workdays', table => {
    table.date('day').notNullable().primary()
    table.boolean('works').notNullable()
    table.string('note', 60).notNullable()
    code(table, 'source', 16).notNullable().defaultTo('regulator')
    stamps(table)
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('workdays')
}
