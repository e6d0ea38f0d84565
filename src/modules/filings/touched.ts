import type { Knex } from 'knex'

/** Whoever keeps something worked out from the facts of a project hears when these change. */

type Listener = (trx: Knex.Transaction, project_id: number) => Promise<void>

const listeners: Listener[] = []

/** Calls `listener` in every transaction that changes what is known of a project: area, tender, link, contract. */
export function onProjectTouched(listener: Listener): void {
  listeners.push(listener)
}

/** Says that facts of a project have changed, at the end of the transaction that changed them. */
export async function touchProject(trx: Knex.Transaction, project_id: number): Promise<void> {
  for (const listener of listeners) await listener(trx, project_id)
}
