import type { Knex } from 'knex'

export type Value = string | number | boolean | Date | null
export type Row = Record<string, Value>

// A statement of this many values stays well below max_allowed_packet and is still few round trips.
const valuesPerStatement = 16_000

/** Inserts rows of one shape in as few statements as is sensible. */
export async function insertRows(trx: Knex.Transaction, table: string, rows: readonly Row[]): Promise<void> {
  const width = Object.keys(rows[0] ?? {}).length
  const size = Math.max(1, Math.min(1000, Math.floor(valuesPerStatement / Math.max(1, width))))
  for (let start = 0; start < rows.length; start += size) await trx(table).insert(rows.slice(start, start + size))
}

/** Hundredths as the text of a DECIMAL: areas are added in whole hundredths of a square metre, so that sums are exact. */
export function decimal(hundredths: number): string {
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, '0')}`
}

/** The columns by which every editable row tells its beginning. */
export function stamps(at: Date): { created_at: Date; updated_at: Date } {
  return { created_at: at, updated_at: at }
}
