import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** 证书打印登记: which paper was printed for whom, when and by whom. Rows are only added. */
export async function up(knex: Knex) {
  await createTable(knex, 'certificate_prints', table => {
    id(table)
    reference(table, 'certificate_id', 'certificates').notNullable()
    reference(table, 'document_id', 'documents').notNullable()
    code(table, 'paper', 40).notNullable()
    /** How often this very paper had been printed before by an office. */
    table.integer('copy').unsigned().notNullable()
    /** Papers printed together carry the same one. */
    code(table, 'batch', 16)
    reference(table, 'user_id', 'users').notNullable()
    reference(table, 'organisation_id', 'organisations').notNullable()
    moment(table, 'printed_at').notNullable()
    table.index(['printed_at', 'id'])
    table.index(['certificate_id', 'id'])
    table.index(['document_id', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('certificate_prints')
}
