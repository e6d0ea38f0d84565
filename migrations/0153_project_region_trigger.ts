import type { Knex } from 'knex'

const tables = ['buildings', 'houses', 'owners', 'residents'] as const

/** When another district or street manages a project, all that lies in it goes along, in the same statement. */
export async function up(knex: Knex) {
  const updates = tables.map(
    table => `update ${table} set district_code = new.district_code, street_code = new.street_code where project_id = new.id;`,
  )
  await knex.raw('drop trigger if exists projects_region')
  await knex.raw(
    `create trigger projects_region after update on projects for each row
     if new.district_code <> old.district_code or new.street_code <> old.street_code then ${updates.join(' ')} end if`,
  )
}

export async function down(knex: Knex) {
  await knex.raw('drop trigger if exists projects_region')
}
