import type { Knex } from 'knex'

/** 企业信息登记: number and day of the newest, where the city registers companies without granting them a level. */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('companies', 'information_number')) return
  await knex.schema.alterTable('companies', table => {
    table.string('information_number', 60).unique()
    table.date('information_on')
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('companies', table => {
    table.dropUnique(['information_number'])
    table.dropColumns('information_number', 'information_on')
  })
}
