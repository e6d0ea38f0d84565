import type { Knex } from 'knex'
import { appendOnly, code, createTable, id, moment, reference } from '../src/database/schema.ts'

/** 办理记录: append-only, numbered and chained per case. `case_version` is the version the step was taken on, so a repeated press is known. */
export async function up(knex: Knex) {
  await createTable(knex, 'case_history', table => {
    id(table)
    reference(table, 'case_id', 'cases').notNullable()
    table.integer('sequence').unsigned().notNullable()
    moment(table, 'at').notNullable()
    table.bigInteger('user_id').unsigned()
    table.string('user_name', 60).notNullable()
    code(table, 'role', 32)
    table.bigInteger('organisation_id').unsigned()
    table.string('organisation_name', 200).notNullable()
    code(table, 'step', 24).notNullable()
    code(table, 'from_state', 16).notNullable()
    code(table, 'to_state', 16).notNullable()
    code(table, 'place', 40)
    table.string('place_label', 60).notNullable()
    code(table, 'to_place', 40)
    table.integer('edition').unsigned().notNullable()
    table.integer('case_version').unsigned().notNullable()
    table.boolean('open').notNullable()
    reference(table, 'payload_id', 'case_payloads')
    code(table, 'payload_digest', 64)
    code(table, 'hash', 64).notNullable()
    table.unique(['case_id', 'sequence'])
    table.index(['user_id', 'at', 'id'])
    table.index(['at', 'id'])
  })
  await appendOnly(knex, 'case_history')
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('case_history')
}
