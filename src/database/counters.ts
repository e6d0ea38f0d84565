import type { Knex } from 'knex'

/**
 * The next value behind a prefix, counted from 1. The row stays locked until the transaction ends, so numbers have no gaps and no
 * doubles; take it last before commit.
 */
export async function nextValue(trx: Knex.Transaction, prefix: string): Promise<number> {
  await trx('counters').insert({ prefix, value: 0 }).onConflict('prefix').ignore()
  const row: { value: number } | undefined = await trx('counters').where({ prefix }).forUpdate().first('value')
  const value = (row?.value ?? 0) + 1
  await trx('counters').where({ prefix }).update({ value })
  return value
}
