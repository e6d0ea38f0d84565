import type { Knex } from 'knex'
import { code, createTable, id, moment, reference, region } from '../src/database/schema.ts'

/**
 * 办件. `open_key` (kind and subject) is there while the case is open and empty afterwards: no second open application for the same.
 * `due_on` is the earliest open limit, only to sort by; 9999-12-31 while none runs. Whom the case waits for is `holder_role` (in
 * the case's district or street, or the city) or the organisation `holder_id`.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'cases', table => {
    id(table)
    code(table, 'serial', 24).unique()
    code(table, 'kind', 40).notNullable()
    code(table, 'variant', 40).notNullable().defaultTo('')
    table.string('title', 250).notNullable()
    code(table, 'subject_type', 16).notNullable()
    table.bigInteger('subject_id').unsigned().notNullable()
    table.string('subject_name', 200).notNullable()
    reference(table, 'applicant_id', 'organisations').notNullable()
    region(table, 'district_code')
    region(table, 'street_code')
    code(table, 'state', 16).notNullable()
    code(table, 'place', 40)
    code(table, 'holder_role', 32)
    reference(table, 'holder_id', 'organisations')
    moment(table, 'held_since').notNullable()
    reference(table, 'settings_id', 'kind_settings')
    table.integer('version').unsigned().notNullable().defaultTo(1)
    table.integer('edition').unsigned().notNullable().defaultTo(0)
    table.integer('rounds').unsigned().notNullable().defaultTo(0)
    moment(table, 'submitted_at')
    moment(table, 'accepted_at')
    moment(table, 'decided_at')
    moment(table, 'closed_at')
    table.date('due_on').notNullable().defaultTo('9999-12-31')
    table.boolean('paused').notNullable().defaultTo(false)
    table.string('number', 60).unique()
    table.integer('late_days').unsigned().notNullable().defaultTo(0)
    code(table, 'open_key', 100).unique()
    table.integer('history_count').unsigned().notNullable().defaultTo(0)
    code(table, 'history_hash', 64).notNullable().defaultTo('')
    moment(table, 'created_at').notNullable()
    moment(table, 'updated_at').notNullable()
    table.bigInteger('created_by').unsigned().notNullable()
    // To-do of a desk, of a street or district, of an organisation: the most urgent first.
    table.index(['holder_role', 'due_on', 'id'])
    table.index(['holder_role', 'district_code', 'due_on', 'id'])
    table.index(['holder_role', 'street_code', 'due_on', 'id'])
    table.index(['holder_id', 'due_on', 'id'])
    // The list of everything, in the city and in each scope.
    table.index(['updated_at', 'id'])
    table.index(['district_code', 'updated_at', 'id'])
    table.index(['street_code', 'updated_at', 'id'])
    table.index(['due_on', 'id'])
    table.index(['district_code', 'due_on', 'id'])
    table.index(['street_code', 'due_on', 'id'])
    table.index(['applicant_id', 'updated_at', 'id'])
    table.index(['subject_type', 'subject_id', 'updated_at', 'id'])
    table.index(['kind', 'state', 'updated_at', 'id'])
    table.index(['state', 'updated_at', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('cases')
}
