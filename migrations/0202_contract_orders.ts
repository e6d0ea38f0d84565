import type { Knex } from 'knex'

/** The orders of the register of contracts, for everybody and for one company. */
const orders = [
  ['starts_on', 'id'],
  ['ends_on', 'id'],
  ['company_id', 'signed_on', 'id'],
  ['company_id', 'starts_on', 'id'],
]

export async function up(knex: Knex) {
  for (const order of orders) {
    const name = nameOf(order)
    const [there] = await knex('information_schema.statistics')
      .where({ table_name: 'contracts', index_name: name })
      .where('table_schema', knex.raw('database()'))
      .select('index_name')
    if (!there) await knex.schema.alterTable('contracts', table => void table.index(order, name))
  }
}

const nameOf = (order: readonly string[]) => `contracts_${order.join('_')}_index`

export async function down(knex: Knex) {
  for (const order of orders) await knex.schema.alterTable('contracts', table => void table.dropIndex(order, nameOf(order)))
}
