import type { Knex } from 'knex'
import { code } from '../src/database/schema.ts'

const tables = ['buildings', 'houses', 'owners', 'residents'] as const

/**
 * District and street of the project beside what lies in it, so that the million rows of a city are read by index within a scope.
 * 0151 fills them in; the triggers of 0152 and 0153 keep them, so that nobody who writes has to think of it.
 */
export async function up(knex: Knex) {
  for (const name of tables) {
    if (await knex.schema.hasColumn(name, 'street_code')) continue
    await knex.schema.alterTable(name, table => {
      code(table, 'district_code', 9)
      code(table, 'street_code', 9)
    })
  }
}

export async function down(knex: Knex) {
  for (const name of tables) await knex.schema.alterTable(name, table => table.dropColumns('district_code', 'street_code'))
}
