import type { Knex } from 'knex'
import { code } from '../src/database/schema.ts'

/** A file may belong to an archive instead of a case: a photo of a practitioner, the proof of a dismissal, an uploaded register. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('files', 'subject_type')) return
  await knex.schema.alterTable('files', table => {
    table.bigInteger('case_id').unsigned().nullable().alter({ alterNullable: true })
    code(table, 'subject_type', 16)
    table.bigInteger('subject_id').unsigned()
    table.index(['subject_type', 'subject_id', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('files', table => {
    table.dropIndex(['subject_type', 'subject_id', 'id'])
    table.dropColumns('subject_type', 'subject_id')
  })
}
