import type { Knex } from 'knex'

const door = { prefix: 'company-name' }

/** A row that counts nothing: whoever gives a company a name locks it, so that two approvals at once cannot give the same one (writeChanges). */
export async function up(knex: Knex) {
  await knex('counters').insert({ ...door, value: 0 })
}

export async function down(knex: Knex) {
  await knex('counters').where(door).delete()
}
