import type { Knex } from 'knex'
import { loadKnownDays } from '../src/calendar.ts'

/** 工作日历 begins with the holidays and make-up days announced so far; from here on the regulator keeps it. */
export async function up(knex: Knex) {
  await loadKnownDays(knex)
}

export async function down(knex: Knex) {
  await knex('workdays').where({ source: 'package' }).delete()
}
