import type { Knex } from 'knex'

/** The counter that counts nothing: its row stands at the door to making others. */
export const gate = ''

/**
 * The next value behind a prefix, counted from 1. The row stays locked until the transaction ends, so numbers have no gaps and no
 * doubles; take it last before commit, in READ COMMITTED (`inTransaction`).
 */
export async function nextValue(trx: Knex.Transaction, prefix: string): Promise<number> {
  const value = ((await lock(trx, prefix)) ?? (await make(trx, prefix))) + 1
  await trx('counters').where({ prefix }).update({ value })
  return value
}

async function lock(trx: Knex.Transaction, prefix: string): Promise<number | undefined> {
  const row: { value: number } | undefined = await trx('counters').where({ prefix }).forUpdate().first('value')
  return row?.value
}

/**
 * Two who insert the same row wait for each other with shared locks, and neither can go on; so a new counter is made by one at a
 * time, and whoever waited at the gate looks again.
 */
async function make(trx: Knex.Transaction, prefix: string): Promise<number> {
  await lock(trx, gate)
  const made = await lock(trx, prefix)
  if (made === undefined) await trx('counters').insert({ prefix, value: 0 })
  return made ?? 0
}
