import { createHash, randomInt } from 'node:crypto'
import type { Knex } from 'knex'
import { generateSecret, generateURI, verifySync } from 'otplib'
import { now } from '../clock.ts'
import { decrypt, encrypt } from '../crypto.ts'

/** 动态验证码 (TOTP, RFC 6238): 30-second steps, one step of tolerance on either side, each code good for once. */

const column = 'users.totp_secret'
const period = 30

/** A new secret for the authenticator app, and the same encrypted for keeping. */
export function newSecret(): { secret: string; cipher: string } {
  const secret = generateSecret()
  return { secret, cipher: encrypt(column, secret) }
}

/** The secret behind a kept cipher. */
export function openSecret(cipher: string): string {
  return decrypt(column, cipher)
}

/** The address an authenticator app reads from the QR code. */
export function secretAddress(secret: string, username: string, issuer: string): string {
  return generateURI({ issuer, label: username, secret })
}

/**
 * Whether a code is good now.
 * @param after the last step used; a code of that step or before is refused
 * @returns the step to remember, or undefined
 */
export function codeStep(secret: string, code: string, after = 0): number | undefined {
  const token = code.normalize('NFKC').replace(/\s/g, '')
  if (!/^\d{6}$/.test(token)) return undefined
  const epoch = Math.floor(now().getTime() / 1000)
  const result = verifySync({ secret, token, epoch, epochTolerance: period })
  if (!result.valid) return undefined
  const step = Math.floor(epoch / period) + result.delta
  return step > after ? step : undefined
}

/**
 * Takes a code of the app or a recovery code, once. Two requests with the same code: one wins.
 * @returns what was used, or undefined when the code is not good
 */
export async function useCode(db: Knex, userId: number, code: string): Promise<'code' | 'recovery' | undefined> {
  const row: { totp_secret: string | null; totp_last_step: number } | undefined = await db('users')
    .where({ id: userId })
    .first('totp_secret', 'totp_last_step')
  if (!row?.totp_secret) return undefined
  const step = codeStep(openSecret(row.totp_secret), code, row.totp_last_step)
  if (step !== undefined) {
    const taken = await db('users').where({ id: userId }).where('totp_last_step', '<', step).update({ totp_last_step: step })
    return taken ? 'code' : undefined
  }
  const taken = await db('recovery_codes')
    .where({ user_id: userId, digest: digestOf(code) })
    .whereNull('used_at')
    .update({ used_at: now() })
  return taken ? 'recovery' : undefined
}

const letters = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'

/** Ten new recovery codes in place of all earlier ones. @returns the codes, to be shown once */
export async function newRecoveryCodes(trx: Knex, userId: number): Promise<string[]> {
  const codes = Array.from({ length: 10 }, () =>
    Array.from({ length: 10 }, (_, at) => (at === 5 ? '-' : '') + letters[randomInt(letters.length)]).join(''),
  )
  await trx('recovery_codes').where({ user_id: userId }).delete()
  await trx('recovery_codes').insert(codes.map(code => ({ user_id: userId, digest: digestOf(code) })))
  return codes
}

// Fifty bits from a good source need no slow hash.
function digestOf(code: string): string {
  return createHash('sha256')
    .update(
      code
        .normalize('NFKC')
        .toUpperCase()
        .replace(/[^0-9A-Z]/g, ''),
    )
    .digest('hex')
}
