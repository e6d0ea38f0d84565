import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { isIP } from 'node:net'
import path from 'node:path'
import { z } from 'zod'
import { explain } from './database/private.ts'
import { StartError } from './errors.ts'
import { root } from './root.ts'

const number = (name: string, min: number, max: number, standard: number) =>
  z.coerce
    .number(`${name} 应为数字`)
    .int(`${name} 应为整数`)
    .min(min, `${name} 不小于 ${min}`)
    .max(max, `${name} 不大于 ${max}`)
    .default(standard)

const secrets = z
  .string()
  .transform(text => text.split(',').map(secret => secret.trim()))
  .refine(
    list => list.every(secret => secret.length >= 32),
    'SESSION_SECRET 每个密钥不少于 32 个字符，多个以逗号分隔，第一个用于签发',
  )

const dataKeys = z
  .string()
  .transform(text => text.split(',').map(parseKey))
  .refine(
    list => list.every(key => /^[a-z0-9]{1,8}$/.test(key.id) && key.bytes.length === 32),
    'DATA_KEY 形如 k1:<32 字节的 base64>，多个以逗号分隔，第一个用于加密',
  )

const databaseHint = 'DATABASE_URL 形如 mysql://用户:密码@主机:3306/库名，密码里的特殊字符写成 %XX'

const smtpHint = 'SMTP_URL 形如 smtps://用户:密码@主机:465，密码里的特殊字符写成 %XX'
/** `name@host`, or a name before it in angle brackets; no line break can get into a header. */
const mailbox = /^(?:[^\s<>@,]+@[^\s<>@,]+|[^\p{Cc}<>@,]*<[^\s<>@,]+@[^\s<>@,]+>)$/u

/** Whether the parts of an address can be decoded. */
function isReadable(url: string): boolean {
  try {
    const { username, password, pathname } = new URL(url)
    return [username, password, pathname].every(part => decodeURIComponent(part) !== undefined)
  } catch {
    return false
  }
}

const addresses = (text: string) => text.split(',').map(address => address.trim())

function isProxyList(text: string): boolean {
  if (/^\d{1,2}$/.test(text)) return true
  return addresses(text).every(address => {
    const [ip = '', bits = ''] = address.split('/')
    return /^(loopback|linklocal|uniquelocal)$/.test(address) || (isIP(ip) > 0 && /^\d{0,3}$/.test(bits))
  })
}

/** Where the regions of a city lie. Source and licence: migrations/data/README.md. */
export const regionsFile = (city: string) => path.join(root, 'migrations/data', `regions-${city}.csv`)

const environment = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'], 'NODE_ENV 只能是 development、test 或 production')
    .default('development'),
  HOST: z.string().default('127.0.0.1'),
  PORT: number('PORT', 0, 65535, 3000),
  BASE_URL: z.url({ protocol: /^https?$/, error: 'BASE_URL 应为 http:// 或 https:// 开头的完整网址' }).optional(),
  DATABASE_URL: z
    .url({ protocol: /^(mysql|mariadb)$/, error: databaseHint })
    .refine(isReadable, databaseHint)
    .optional(),
  DATABASE_POOL: number('DATABASE_POOL', 1, 200, 10),
  DATA_DIR: z.string().default(path.join(root, '.data')),
  SESSION_SECRET: secrets.optional(),
  DATA_KEY: dataKeys.optional(),
  CITY: z
    .string()
    .regex(/^\d{6}$/, 'CITY 为 6 位市级行政区划代码，如 370100')
    .refine(city => fs.existsSync(regionsFile(city)), '没有 CITY 这个城市的行政区划数据，请按 migrations/data/README.md 准备')
    .default('370100'),
  DEMO_SIZE: number('DEMO_SIZE', 0, 100, 1),
  TRUST_PROXY: z
    .string()
    .refine(isProxyList, 'TRUST_PROXY 为代理层数（如 1），或代理的地址、网段，多个以逗号分隔，如 10.0.0.0/8')
    .default(''),
  CLOCK_SHIFT: z
    .string()
    .regex(/^[+-]?\d{1,5}[dhm]$/, 'CLOCK_SHIFT 形如 +30d、-2h、15m：演示时把时钟拨快或拨慢多少天、小时、分钟')
    .optional(),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'LOG_LEVEL 只能是 trace、debug、info、warn、error 或 silent')
    .default('info'),
  METRICS_FROM: z
    .string()
    .refine(text => addresses(text).every(address => isIP(address)), 'METRICS_FROM 为可以读取指标的地址，多个以逗号分隔')
    .default('127.0.0.1,::1'),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, error: smtpHint })
    .refine(isReadable, smtpHint)
    .optional(),
  MAIL_FROM: z.string().regex(mailbox, 'MAIL_FROM 为发信人，形如 物业监管 <noreply@example.gov.cn>').optional(),
  SMS_TRANSPORT: z.enum(['log'], 'SMS_TRANSPORT 现在只能是 log：短信写入发信日志，不发出').default('log'),
})

/** Everything the portal takes from its environment, read once. */
export const config = readConfig(process.env)
export type Config = ReturnType<typeof readConfig>

/**
 * Reads the settings from environment variables.
 * @param env the environment; empty values count as absent
 * @throws StartError that lists all mistakes at once, never a value
 */
export function readConfig(env: NodeJS.ProcessEnv) {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()))
  const read = environment.safeParse(present)
  const mistakes = read.success ? [] : read.error.issues.map(issue => issue.message)
  if (Boolean(present.SMTP_URL) !== Boolean(present.MAIL_FROM)) mistakes.push('SMTP_URL 和 MAIL_FROM 要么都设置，要么都不设置')
  if (present.NODE_ENV === 'production') {
    if (!present.DATABASE_URL) mistakes.push('正式环境必须设置 DATABASE_URL')
    if (!present.SESSION_SECRET) mistakes.push('正式环境必须设置 SESSION_SECRET')
    if (!present.DATA_KEY) mistakes.push('正式环境必须设置 DATA_KEY')
    if (present.BASE_URL?.startsWith('https:') && !present.TRUST_PROXY)
      mistakes.push('BASE_URL 是 https 时必须设置 TRUST_PROXY（前面有几层代理，或代理的地址），否则登录不能保存')
    if (present.CLOCK_SHIFT) mistakes.push('正式环境不能设置 CLOCK_SHIFT，时限只按真实时间计算')
    if (!present.BASE_URL) mistakes.push('正式环境必须设置 BASE_URL（二维码和链接用它）')
  }
  if (!read.success || mistakes.length)
    throw new StartError(['配置有误，请改正后重新启动：', ...mistakes.map(text => `  · ${text}`)].join('\n'))

  const set = read.data
  const kept = set.SESSION_SECRET && set.DATA_KEY ? undefined : keptSecrets(set.DATA_DIR)
  return {
    production: set.NODE_ENV === 'production',
    environment: set.NODE_ENV,
    host: set.HOST,
    port: set.PORT,
    baseUrl: (set.BASE_URL ?? `http://${set.HOST}:${set.PORT}`).replace(/\/+$/, ''),
    databaseUrl: set.DATABASE_URL,
    databasePool: set.DATABASE_POOL,
    dataDir: path.resolve(set.DATA_DIR),
    sessionSecrets: set.SESSION_SECRET ?? [kept?.session ?? ''],
    dataKeys: set.DATA_KEY ?? [parseKey(kept?.data ?? '')],
    city: set.CITY,
    demoSize: set.NODE_ENV === 'production' ? 0 : set.DEMO_SIZE,
    trustProxy: set.TRUST_PROXY,
    clockShift: set.CLOCK_SHIFT ? milliseconds(set.CLOCK_SHIFT) : 0,
    logLevel: set.LOG_LEVEL,
    metricsFrom: addresses(set.METRICS_FROM),
    /** Mail leaves by SMTP when both are set; otherwise it is only written to a file. */
    smtp: set.SMTP_URL && set.MAIL_FROM ? { url: set.SMTP_URL, from: set.MAIL_FROM } : undefined,
    smsTransport: set.SMS_TRANSPORT,
  }
}

function milliseconds(shift: string): number {
  const unit = { d: 86_400_000, h: 3_600_000, m: 60_000 }[shift.slice(-1)] ?? 0
  return Number(shift.slice(0, -1)) * unit
}

function parseKey(text: string) {
  const [id = '', bytes = ''] = text.trim().split(':')
  return { id, bytes: Buffer.from(bytes, 'base64') }
}

/** Secrets for development, made on the first start and kept with the private database they belong to. */
function keptSecrets(folder: string): { session: string; data: string } {
  const file = path.join(folder, 'secrets.json')
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    const made = { session: randomBytes(32).toString('base64url'), data: `k1:${randomBytes(32).toString('base64')}` }
    // A link is made whole or not at all: of two first starts one writes, the other reads what was written.
    const draft = `${file}.${process.pid}`
    if (!fs.existsSync(file)) {
      fs.writeFileSync(draft, JSON.stringify(made), { mode: 0o600 })
      try {
        fs.linkSync(draft, file)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      } finally {
        fs.rmSync(draft, { force: true })
      }
    }
    return z.object({ session: z.string().min(32), data: z.string() }).parse(JSON.parse(fs.readFileSync(file, 'utf8')))
  } catch (error) {
    throw explain(error, folder)
  }
}
