import type { Knex } from 'knex'
import { now } from '../clock.ts'
import { blindIndex, randomCode } from '../crypto.ts'
import { forgiveAttempts, type Limit, takeAttempt } from './limits.ts'

/**
 * 认领码: an office that enters a company into the archives hands it a code, by which the company shows that it is the one when it
 * registers. Only a keyed digest is kept, and a code serves once.
 */

/** Without signs that hands confuse: 0 and O, 1 and I, and L. */
const signs = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'
const length = 10

/** Wrong codes of one company before it must wait. */
const tries: Limit = { name: 'claim', points: 5, seconds: 3600 }

const digestOf = (organisation_id: number, code: string) => blindIndex('claim_codes.code', `${organisation_id}:${code}`)

/** The stored form of a code as somebody typed it. */
export function normaliseClaimCode(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s—–-]/g, '')
}

/**
 * Makes a code for each organisation; one it had before is dead.
 * @returns the codes in the order of the ids, as they are handed on: K7M2Q-XH4TB. Nobody can read them again
 */
export async function makeClaimCodes(trx: Knex.Transaction, organisationIds: readonly number[], by: number): Promise<string[]> {
  const codes = organisationIds.map(() => makeCode())
  const rows = organisationIds.map((organisation_id, at) => ({
    organisation_id,
    code_index: digestOf(organisation_id, codes[at] ?? ''),
    created_at: now(),
    created_by: by,
    used_at: null,
  }))
  for (let from = 0; from < rows.length; from += 500)
    await trx('claim_codes')
      .insert(rows.slice(from, from + 500))
      .onConflict('organisation_id')
      .merge()
  return codes.map(code => `${code.slice(0, 5)}-${code.slice(5)}`)
}

function makeCode(): string {
  let code = ''
  // A byte beyond the last whole round of the signs is left out, so that all signs are alike.
  while (code.length < length)
    for (const byte of Buffer.from(randomCode(16), 'base64url'))
      if (byte < 256 - (256 % signs.length) && code.length < length) code += signs.charAt(byte % signs.length)
  return code
}

/**
 * What is wrong with a code for the company with this credit code, or nothing. Each wrong one counts, also where there is no such
 * company, so that the answers tell nothing; after five in an hour none is looked at.
 */
export async function claimMistake(db: Knex, creditCode: string, code: string): Promise<string | undefined> {
  const wait = await takeAttempt(tries, creditCode)
  if (wait) return `认领码连续填错 5 次，请 ${Math.ceil(wait / 60)} 分钟后再填；也可以留空，由区县核对。`
  const row: { organisation_id: number; code_index: string } | undefined = await db('claim_codes')
    .join('organisations', 'organisations.id', 'claim_codes.organisation_id')
    .where({ 'organisations.code': creditCode })
    .whereNull('claim_codes.used_at')
    .first('organisation_id', 'code_index')
  if (!row || row.code_index !== digestOf(row.organisation_id, code))
    return '认领码与这个信用代码不符，或已经用过。请对照主管部门发放的认领码改正；没有的请留空，由区县核对。'
  await forgiveAttempts(tries, creditCode)
  return undefined
}

/** Ends the code of an organisation: it has been used, or somebody else was confirmed without it. */
export async function endClaimCode(trx: Knex.Transaction, organisation_id: number): Promise<void> {
  await trx('claim_codes').where({ organisation_id }).whereNull('used_at').update({ used_at: now() })
}
