import type { Knex } from 'knex'

/** The orders of the register of links. */
const orders = [
  ['starts_on', 'id'],
  ['company_id', 'starts_on', 'id'],
]

const nameOf = (order: readonly string[]) => `project_links_${order.join('_')}_index`

export async function up(knex: Knex) {
  for (const order of orders) {
    const name = nameOf(order)
    const [there] = await knex('information_schema.statistics')
      .where({ table_name: 'project_links', index_name: name })
      .where('table_schema', knex.raw('database()'))
      .select('index_name')
    if (!there) await knex.schema.alterTable('project_links', table => void table.index(order, name))
  }
}

export async function down(knex: Knex) {
  for (const order of orders) await knex.schema.alterTable('project_links', table => void table.dropIndex(order, nameOf(order)))
}
