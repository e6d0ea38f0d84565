import type { Knex } from 'knex'

/** Papers of cases are warned of by their last day, each as one thing with a number of its own. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('case_materials', 'id')) return
  // A column that counts up must have its key in the same statement.
  await knex.raw(
    `alter table case_materials add column id bigint unsigned not null auto_increment,
      add unique index case_materials_id_unique (id), add index case_materials_expires_on_id_index (expires_on, id)`,
  )
}

export async function down(knex: Knex) {
  await knex.raw('alter table case_materials drop index case_materials_expires_on_id_index, drop column id')
}
