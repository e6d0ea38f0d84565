import type { Knex } from 'knex'

/** Fills in what 0150 has added, for rows that were there before. */
export async function up(knex: Knex) {
  for (const table of ['buildings', 'houses', 'owners', 'residents'])
    await knex.raw(
      `update ${table} join projects on projects.id = ${table}.project_id
       set ${table}.district_code = projects.district_code, ${table}.street_code = projects.street_code
       where ${table}.street_code is null`,
    )
}

/** The columns go with 0150. */
export async function down() {}
