import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/**
 * 导入: one row for each workbook that was handed in. The file, the annotated one and what was found in it hold personal data, so
 * they are erased after some days; the counts stay. A worker takes a row with a lease, as it takes a job.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'imports', table => {
    id(table)
    code(table, 'code', 40).notNullable()
    reference(table, 'user_id', 'users').notNullable()
    table.bigInteger('role_id').unsigned().notNullable()
    table.string('file_name', 100).notNullable()
    table.integer('size').unsigned().notNullable()
    code(table, 'sha256', 64).notNullable()
    code(table, 'storage_key', 64).unique()
    code(table, 'annotated_key', 64).unique()
    code(table, 'state', 16).notNullable()
    table.integer('version').unsigned().notNullable().defaultTo(1)
    table.integer('row_count').unsigned().notNullable().defaultTo(0)
    table.integer('new_count').unsigned().notNullable().defaultTo(0)
    table.integer('same_count').unsigned().notNullable().defaultTo(0)
    table.integer('mistake_count').unsigned().notNullable().defaultTo(0)
    table.integer('work_done').unsigned().notNullable().defaultTo(0)
    table.integer('work_total').unsigned().notNullable().defaultTo(0)
    table.specificType('report_cipher', 'mediumtext character set ascii collate ascii_bin')
    table.specificType('handout_cipher', 'mediumtext character set ascii collate ascii_bin')
    code(table, 'worker', 32)
    moment(table, 'lease_until')
    table.integer('attempts').unsigned().notNullable().defaultTo(0)
    table.string('error', 200)
    moment(table, 'created_at').notNullable()
    moment(table, 'checked_at')
    moment(table, 'confirmed_at')
    moment(table, 'finished_at')
    moment(table, 'handed_at')
    moment(table, 'erased_at')
    table.index(['user_id', 'code', 'id'])
    table.index(['state', 'lease_until'])
    table.index(['erased_at', 'created_at'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('imports')
}
