import type { Knex } from 'knex'
import { createTable, reference } from '../src/database/schema.ts'

/** Which rows of its list an import wrote, so that the list can be narrowed to them. */
export async function up(knex: Knex) {
  await createTable(knex, 'import_rows', table => {
    reference(table, 'import_id', 'imports').notNullable()
    table.bigInteger('row_id').unsigned().notNullable()
    table.primary(['import_id', 'row_id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.dropTable('import_rows')
}
