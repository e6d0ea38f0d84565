import type { Knex } from 'knex'
import { code, createTable, id, moment } from '../src/database/schema.ts'

/** 定时任务: claimed by one worker with SKIP LOCKED, leased, retried; `unique_key` keeps a job from being queued twice. */
export async function up(knex: Knex) {
  await createTable(knex, 'jobs', table => {
    id(table)
    code(table, 'name', 40).notNullable()
    code(table, 'unique_key', 100).unique()
    table.text('payload')
    code(table, 'state', 12).notNullable().defaultTo('ready')
    moment(table, 'run_at').notNullable()
    table.integer('attempts').unsigned().notNullable().defaultTo(0)
    code(table, 'worker', 64)
    moment(table, 'lease_until')
    moment(table, 'finished_at')
    table.string('error', 1000)
    moment(table, 'created_at').notNullable()
    table.index(['state', 'run_at', 'id'])
    table.index(['name', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('jobs')
}
