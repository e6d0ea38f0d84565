import type { Knex } from 'knex'

/** 电子邮箱, encrypted like the telephone; mail goes to whoever has one. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('users', 'email_cipher')) return
  await knex.schema.alterTable('users', table => {
    table.string('email_cipher', 512)
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('users', table => table.dropColumn('email_cipher'))
}
