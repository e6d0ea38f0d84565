import { hash, verify } from '@node-rs/argon2'
import { dictionary } from '@zxcvbn-ts/language-common'
import { now } from '../clock.ts'
import { randomCode } from '../crypto.ts'

// argon2id with 19 MiB and two passes: the first choice of OWASP's password storage sheet. 2 is Algorithm.Argon2id, a const enum.
const cost = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

let decoy: Promise<string> | undefined

/** The argon2id hash of a password, parameters and salt included. Takes about 30 ms off the main thread. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, cost)
}

/**
 * Whether the password belongs to the hash. Without a hash (unknown or new account) the same work is done for nothing,
 * so that the time of the answer does not tell which accounts exist.
 */
export async function isPassword(password: string, passwordHash: string | null | undefined): Promise<boolean> {
  decoy ??= hashPassword(randomCode())
  const matches = await verify(passwordHash ?? (await decoy), password)
  return matches && passwordHash != null
}

const common = new Set(Object.values(dictionary).flat())
const contextWords = ['物业', '住建', '济南', 'wuye', 'zhujian', 'jinan', 'portal', 'property']

/**
 * What is wrong with a new password, or nothing. GB/T 22239-2019 8.1.4.1 a) asks complexity, ASVS 6.2 length and lists; both hold here.
 * @param password as typed, not trimmed
 * @param about words the password must not contain: username, name, organisation, phone number
 */
export function passwordMistake(password: string, about: string[]): string | undefined {
  if ([...password].length < 10) return '密码至少 10 个字符。'
  if (password.length > 128) return '密码最多 128 个字符。'
  const classes = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter(kind => kind.test(password)).length
  if (classes < 3) return '密码须含大写字母、小写字母、数字、符号中的至少三类。'
  const folded = password.toLowerCase()
  const letters = folded.replace(/^[^a-z]+|[^a-z]+$/g, '')
  if (common.has(folded) || (letters.length > 3 && common.has(letters) && folded.length - letters.length < 6))
    return '这个密码太常见，容易被猜中，请换一个。'
  const known = [...contextWords, ...about]
    .map(word => word.toLowerCase())
    .find(word => word.length >= 2 && folded.includes(word))
  if (known) return `密码里不要出现“${known}”这样的单位名、姓名、账号或电话。`
  return undefined
}

/** A random password for a new account, used once and changed at first sign-in. */
export function initialPassword(): string {
  return `${randomCode(9)}#7a`
}

/** When an initial password stops working: 72 hours after it was given (ASVS 6.4.1). */
export function initialPasswordExpiry(): Date {
  return new Date(now().getTime() + 72 * 3600_000)
}
