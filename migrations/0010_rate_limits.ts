import type { Knex } from 'knex'
import { code, createTable } from '../src/database/schema.ts'

/** Counters of attempts. The keys are digests: neither names nor addresses lie here. Column names are those of rate-limiter-flexible. */
export async function up(knex: Knex) {
  await createTable(knex, 'rate_limits', table => {
    code(table, 'key', 255).notNullable().primary()
    table.integer('points').notNullable().defaultTo(0)
    table.bigInteger('expire').unsigned()
    table.index(['expire'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('rate_limits')
}
