import type { Knex } from 'knex'
import { code, createTable, id, moment, reference } from '../src/database/schema.ts'

/**
 * 证书版本: what a certificate said, from its issue on. 变更 and 遗失补办 keep the number and make the next edition; `facts` is what
 * is printed, and what the next change is compared with.
 */
export async function up(knex: Knex) {
  await createTable(knex, 'certificate_editions', table => {
    id(table)
    reference(table, 'certificate_id', 'certificates').notNullable()
    table.integer('edition').unsigned().notNullable()
    code(table, 'reason', 16).notNullable()
    /** Which papers came with it: both, main or copy; none where another authority prints, or before the portal. */
    code(table, 'papers', 8).notNullable()
    table.text('facts', 'mediumtext').notNullable()
    table.date('issued_on').notNullable()
    reference(table, 'case_id', 'cases')
    moment(table, 'created_at').notNullable()
    table.unique(['certificate_id', 'edition'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('certificate_editions')
}
