import type { Knex } from 'knex'
import { code, createTable, id, moment, reference, stamps } from '../src/database/schema.ts'

/**
 * 在线签订: a contract drafted from a model text. `body` is the text both sides confirm and `digest` its SHA-256; each confirmation is a
 * row of its own that nobody changes. A new text takes the confirmations of the old one away with it: they carry the digest.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'signings', table => {
    id(table)
    code(table, 'code', 24).notNullable().unique()
    reference(table, 'project_id', 'projects').notNullable()
    reference(table, 'company_id', 'companies').notNullable()
    reference(table, 'party_id', 'organisations').notNullable()
    code(table, 'phase', 16).notNullable()
    code(table, 'filing', 16).notNullable()
    code(table, 'model', 32).notNullable()
    table.specificType('answers', 'mediumtext').notNullable()
    table.specificType('body', 'mediumtext').notNullable()
    code(table, 'digest', 64).notNullable()
    code(table, 'state', 16).notNullable()
    reference(table, 'holder_id', 'organisations')
    table.string('words', 500)
    table.date('signed_on')
    reference(table, 'case_id', 'cases')
    stamps(table)
    table.index(['company_id', 'state', 'id'])
    table.index(['party_id', 'state', 'id'])
    table.index(['project_id', 'id'])
    table.index(['holder_id', 'id'])
  })
  await createTable(knex, 'signatures', table => {
    id(table)
    reference(table, 'signing_id', 'signings').notNullable()
    reference(table, 'organisation_id', 'organisations').notNullable()
    reference(table, 'user_id', 'users').notNullable()
    table.string('user_name', 60).notNullable()
    table.string('organisation_name', 200).notNullable()
    code(table, 'digest', 64).notNullable()
    code(table, 'means', 16).notNullable()
    moment(table, 'signed_at').notNullable()
    table.unique(['signing_id', 'organisation_id', 'digest'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('signatures')
  await knex.schema.dropTable('signings')
}
