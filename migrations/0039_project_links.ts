import type { Knex } from 'knex'
import { code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/** 项目挂接: which company serves a project, for a time. `live` is 1 while linked and unique per project: one company at a time. */
export async function up(knex: Knex) {
  await createTable(knex, 'project_links', table => {
    id(table)
    reference(table, 'project_id', 'projects').notNullable()
    reference(table, 'company_id', 'companies').notNullable()
    reference(table, 'manager_id', 'people')
    code(table, 'phase', 16).notNullable()
    code(table, 'method', 16).notNullable()
    code(table, 'state', 16).notNullable()
    table.string('number', 60).unique()
    table.date('decided_on')
    table.date('starts_on').notNullable()
    table.date('ends_on')
    code(table, 'end_reason', 24)
    table.specificType('live', "tinyint as (if(state = 'linked', 1, null)) stored")
    stamps(table)
    table.unique(['project_id', 'live'])
    table.index(['project_id', 'starts_on'])
    table.index(['company_id', 'live', 'starts_on', 'id'])
    table.index(['state', 'starts_on', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('project_links')
}
