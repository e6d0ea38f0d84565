import type { Knex } from 'knex'
import { gate } from '../src/database/counters.ts'

/** The row that whoever makes a new counter locks first, so that two who need the same new one wait for each other. */
export async function up(knex: Knex) {
  await knex('counters').insert({ prefix: gate, value: 0 }).onConflict('prefix').ignore()
}

export async function down(knex: Knex) {
  await knex('counters').where({ prefix: gate }).delete()
}
