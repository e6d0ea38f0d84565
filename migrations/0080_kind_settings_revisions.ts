import type { Knex } from 'knex'
import { appendOnly } from '../src/database/schema.ts'

/**
 * A submitted case points to the settings it was submitted under, so a row of settings never changes: an edit is the next
 * revision, in force from its day. The index for reading the newest one in force is the unique key.
 */
export async function up(knex: Knex) {
  if (!(await knex.schema.hasColumn('kind_settings', 'revision')))
    await knex.schema.alterTable('kind_settings', table => {
      table.integer('revision').unsigned().notNullable().defaultTo(1)
      table.unique(['kind', 'variant', 'effective_on', 'revision'])
      table.dropUnique(['kind', 'variant', 'effective_on'])
    })
  await appendOnly(knex, 'kind_settings')
}

export async function down(knex: Knex) {
  for (const event of ['update', 'delete']) await knex.raw(`drop trigger if exists kind_settings_no_${event}`)
  await knex.schema.alterTable('kind_settings', table => {
    table.unique(['kind', 'variant', 'effective_on'])
    table.dropUnique(['kind', 'variant', 'effective_on', 'revision'])
    table.dropColumn('revision')
  })
}
