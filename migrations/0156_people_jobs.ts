import type { Knex } from 'knex'
import { code } from '../src/database/schema.ts'

/**
 * The employment somebody holds, or waits for, or held last, beside the person: the list of 150,000 is narrowed by post and state and
 * read in the order of names, which no index over two tables can do. 0157 fills it in, the triggers of 0158 keep it.
 */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('people', 'job_id')) return
  await knex.schema.alterTable('people', table => {
    table.bigInteger('job_id').unsigned()
    code(table, 'job_post', 24)
    code(table, 'job_state', 16)
    table.index(['name', 'id'], 'people_list_name')
    table.index(['job_post', 'name_key', 'id'], 'people_list_post')
    table.index(['job_state', 'name_key', 'id'], 'people_list_state')
    table.index(['credential', 'name_key', 'id'], 'people_list_credential')
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('people', table => {
    for (const name of ['name', 'post', 'state', 'credential']) table.dropIndex([], `people_list_${name}`)
    table.dropColumns('job_id', 'job_post', 'job_state')
  })
}
