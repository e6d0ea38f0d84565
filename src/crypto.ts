import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { config } from './config.ts'

/**
 * The one place that encrypts, signs and digests (ASVS 11.2). Algorithm and key id travel with each value, so that
 * keys can be rotated and SM4/SM3 can take the place of AES-256-GCM/SHA-256 without touching callers.
 */

const derived = new Map<string, Buffer>()

function keyFor(id: string, purpose: string): Buffer {
  const name = `${id}/${purpose}`
  const known = derived.get(name)
  if (known) return known
  const key = config.dataKeys.find(key => key.id === id)
  if (!key) throw new Error(`data key ${id} is not in DATA_KEY`)
  const made = Buffer.from(hkdfSync('sha256', key.bytes, '', `portal ${purpose}`, 32))
  derived.set(name, made)
  return made
}

const newestKey = () => config.dataKeys[0]?.id ?? ''
// Indexes and seals must stay comparable when a new key is put in front, so they hang on the oldest.
const oldestKey = () => config.dataKeys.at(-1)?.id ?? ''

/**
 * Encrypts a personal value for its column.
 * @param column `table.column`; bound to the value, so that a ciphertext moved elsewhere does not open
 * @param plain the value
 * @returns `v1.<key id>.<base64url of iv, tag, ciphertext>`
 */
export function encrypt(column: string, plain: string): string {
  const id = newestKey()
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyFor(id, 'encrypt'), iv)
  cipher.setAAD(Buffer.from(column))
  const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  return `v1.${id}.${Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url')}`
}

/**
 * Opens what `encrypt` closed.
 * @throws Error when the value was altered, belongs to another column or its key is missing
 */
export function decrypt(column: string, cipher: string): string {
  const [version, id = '', body = ''] = cipher.split('.')
  if (version !== 'v1') throw new Error(`unknown cipher version in ${column}`)
  const bytes = Buffer.from(body, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', keyFor(id, 'encrypt'), bytes.subarray(0, 12))
  decipher.setAAD(Buffer.from(column))
  decipher.setAuthTag(bytes.subarray(12, 28))
  return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8')
}

/**
 * A keyed digest for equality search and uniqueness of an encrypted value (the space of ID numbers is too small for a plain hash).
 * @returns 22 ASCII characters
 */
export function blindIndex(column: string, plain: string): string {
  return createHmac('sha256', keyFor(oldestKey(), 'index'))
    .update(`${column}:${plain.normalize('NFKC').trim().toUpperCase()}`)
    .digest('base64url')
    .slice(0, 22)
}

/** An HMAC over text for the purpose named, as `<key id>.<base64url>`. */
export function sign(purpose: string, text: string, id = oldestKey()): string {
  return `${id}.${createHmac('sha256', keyFor(id, purpose)).update(text).digest('base64url')}`
}

/** Whether `mac` is the HMAC of `text`, made with any key still known. */
export function isSigned(purpose: string, text: string, mac: string): boolean {
  const id = mac.slice(0, mac.indexOf('.'))
  if (!config.dataKeys.some(key => key.id === id)) return false
  return isSame(mac, sign(purpose, text, id))
}

/** Compares two strings in constant time. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** A code from a good random source: `bytes` of entropy in base64url. */
export function randomCode(bytes = 16): string {
  return randomBytes(bytes).toString('base64url')
}
