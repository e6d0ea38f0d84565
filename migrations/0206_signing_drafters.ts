import type { Knex } from 'knex'
import { reference } from '../src/database/schema.ts'

/** Whose draft a contract is: it goes back there. `edition` counts the texts that were offered, so that no two have one digest. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('signings', 'drafter_id')) return
  await knex.schema.alterTable('signings', table => {
    reference(table, 'drafter_id', 'organisations')
    table.integer('edition').unsigned().notNullable().defaultTo(1)
    table.index(['signed_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('signings', table => {
    table.dropForeign('drafter_id')
    table.dropIndex(['signed_on', 'id'])
    table.dropColumns('drafter_id', 'edition')
  })
}
