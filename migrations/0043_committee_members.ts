import type { Knex } from 'knex'
import { code, createTable, id, reference, stamps } from '../src/database/schema.ts'

/** 业委会成员: an owner in an office during a term. Name, ID number and house are the owner's. One 主任 at a time. */
export async function up(knex: Knex) {
  await createTable(knex, 'committee_members', table => {
    id(table)
    reference(table, 'term_id', 'committee_terms').notNullable()
    reference(table, 'owner_id', 'owners').notNullable()
    code(table, 'office', 16).notNullable()
    table.string('political_status', 20)
    code(table, 'education', 16)
    table.string('occupation', 100)
    table.date('starts_on').notNullable()
    table.date('ends_on')
    code(table, 'end_reason', 24)
    table.specificType('live', 'tinyint as (if(ends_on is null, 1, null)) stored')
    table.specificType('chair', "tinyint as (if(office = 'chair' and ends_on is null, 1, null)) stored")
    stamps(table)
    table.unique(['term_id', 'owner_id', 'live'])
    table.unique(['term_id', 'chair'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('committee_members')
}
