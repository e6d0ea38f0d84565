import type { Knex } from 'knex'

const tables = ['buildings', 'houses', 'owners', 'residents'] as const

/** What comes into a project gets its district and street. A row that is copied with both keeps them. */
export async function up(knex: Knex) {
  for (const table of tables) {
    await knex.raw(`drop trigger if exists ${table}_region`)
    await knex.raw(
      `create trigger ${table}_region before insert on ${table} for each row set
       new.district_code = coalesce(new.district_code, (select district_code from projects where id = new.project_id)),
       new.street_code = coalesce(new.street_code, (select street_code from projects where id = new.project_id))`,
    )
  }
}

export async function down(knex: Knex) {
  for (const table of tables) await knex.raw(`drop trigger if exists ${table}_region`)
}
