import type { Knex } from 'knex'
import { reference } from '../src/database/schema.ts'

/** A link that is approved and whose takeover is still to come: one per project, beside the one that runs. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('project_links', 'coming')) return
  await knex.schema.alterTable('project_links', table => {
    reference(table, 'case_id', 'cases')
    reference(table, 'previous_id', 'project_links')
    table.specificType('coming', "tinyint as (if(state = 'approved', 1, null)) stored")
    table.unique(['project_id', 'coming'])
    table.index(['coming', 'starts_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('project_links', table => {
    table.dropForeign('case_id')
    table.dropForeign('previous_id')
    table.dropUnique(['project_id', 'coming'])
    table.dropIndex(['coming', 'starts_on', 'id'])
    table.dropColumns('coming', 'case_id', 'previous_id')
  })
}
