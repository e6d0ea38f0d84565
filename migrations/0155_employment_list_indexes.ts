import type { Knex } from 'knex'

/** The lists of practitioners ask by company, person, post and end of contract, and find the answer in the index alone. */
const indexes = [
  ['company_id', 'person_id'],
  ['person_id', 'company_id'],
  ['post', 'live', 'person_id'],
  ['state', 'person_id'],
  ['live', 'contract_until', 'person_id'],
] as const

const nameOf = (columns: readonly string[]) => `employments_list_${columns.join('_')}`

export async function up(knex: Knex) {
  const [present]: { Key_name: string }[][] = await knex.raw('show index from employments')
  const names = new Set(present?.map(({ Key_name }) => Key_name))
  const missing = indexes.filter(columns => !names.has(nameOf(columns)))
  if (missing.length)
    await knex.schema.alterTable('employments', table => {
      for (const columns of missing) table.index([...columns], nameOf(columns))
    })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('employments', table => {
    for (const columns of indexes) table.dropIndex([...columns], nameOf(columns))
  })
}
