import type { Knex } from 'knex'

/**
 * 待办 is counted by day on every home page. With what the count asks of a row at the end of its indexes, it never reads the rows;
 * the order before it stays that of the list.
 */
const todos = [['holder_role'], ['holder_role', 'district_code'], ['holder_role', 'street_code']]
const before = todos.map(columns => [...columns, 'due_on', 'id'])
const names = ['cases_todo_index', 'cases_district_todo_index', 'cases_street_todo_index'] as const

export async function up(knex: Knex) {
  await knex.schema.alterTable('cases', table => {
    for (const [at, columns] of before.entries()) table.index([...columns, 'paused', 'serial'], names[at])
    for (const columns of before) table.dropIndex(columns)
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('cases', table => {
    for (const columns of before) table.index(columns)
    for (const name of names) table.dropIndex([], name)
  })
}
