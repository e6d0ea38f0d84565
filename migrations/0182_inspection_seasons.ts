import type { Knex } from 'knex'
import { createTable, id, moment, stamps } from '../src/database/schema.ts'

/** 年检 of one year: its window, as it was opened; both days belong to it. */
export async function up(knex: Knex) {
  await createTable(knex, 'inspection_seasons', table => {
    id(table)
    table.smallint('year').unsigned().notNullable().unique()
    table.date('opens_on').notNullable()
    table.date('closes_on').notNullable()
    /** When everybody who had not filed was entered as 未参检. */
    moment(table, 'closed_at')
    /** When those who had not filed were reminded that the window ends. */
    moment(table, 'reminded_at')
    stamps(table)
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('inspection_seasons')
}
