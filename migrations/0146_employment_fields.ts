import type { Knex } from 'knex'
import { code, reference } from '../src/database/schema.ts'

/** Contract, approval and proof of an employment (domain.md §7, §9.4). */
export async function up(knex: Knex) {
  if (await knex.schema.hasColumn('employments', 'contract_type')) return
  await knex.schema.alterTable('employments', table => {
    code(table, 'contract_type', 16)
    table.date('contract_from')
    reference(table, 'case_id', 'cases')
    reference(table, 'proof_file_id', 'files')
    table.index(['company_id', 'state', 'id'])
  })
}

export async function down(knex: Knex) {
  await knex.schema.alterTable('employments', table => {
    table.dropForeign(['case_id'])
    table.dropForeign(['proof_file_id'])
    table.dropIndex(['company_id', 'state', 'id'])
    table.dropColumns('contract_type', 'contract_from', 'case_id', 'proof_file_id')
  })
}
