import type { Knex } from 'knex'

/**
 * A district asks of a developer only whether it builds there, and groups its projects by stage; of a contract the lists ask whether
 * it runs, and when the last one ends.
 */
const indexes = {
  projects: [
    ['developer_id', 'district_code'],
    ['developer_id', 'street_code'],
    ['district_code', 'stage', 'name_key', 'id'],
    ['property_type', 'name_key', 'id'],
  ],
  contracts: [
    ['project_id', 'state', 'ends_on', 'starts_on'],
    ['company_id', 'state', 'ends_on', 'starts_on'],
  ],
} as const

const nameOf = (table: string, columns: readonly string[]) => `${table}_list_${columns.join('_')}`

export async function up(knex: Knex) {
  for (const [name, wanted] of Object.entries(indexes)) {
    const [present]: { Key_name: string }[][] = await knex.raw('show index from ??', [name])
    const names = new Set(present?.map(({ Key_name }) => Key_name))
    const missing = wanted.filter(columns => !names.has(nameOf(name, columns)))
    if (!missing.length) continue
    await knex.schema.alterTable(name, table => {
      for (const columns of missing) table.index([...columns], nameOf(name, columns))
    })
  }
}

export async function down(knex: Knex) {
  for (const [name, gone] of Object.entries(indexes))
    await knex.schema.alterTable(name, table => {
      for (const columns of gone) table.dropIndex([...columns], nameOf(name, columns))
    })
}
