import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import './portal.ts'

const { readConfig } = await import('../src/config.ts')
const { StartError } = await import('../src/errors.ts')

const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'mysql://portal:secret@db:3306/portal',
  SESSION_SECRET: 'x'.repeat(32),
  DATA_KEY: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
  BASE_URL: 'https://wuye.example.cn',
  TRUST_PROXY: '1',
}
const said = (env: NodeJS.ProcessEnv): string => {
  try {
    readConfig(env)
  } catch (error) {
    assert.ok(error instanceof StartError)
    return error.message
  }
  return ''
}

test('production starts with everything it needs, and without the demo city', () => {
  const config = readConfig({ ...production, DEMO_SIZE: '10' })
  assert.deepEqual([config.production, config.demoSize, config.dataKeys.length], [true, 0, 1])
})

for (const name of ['DATABASE_URL', 'SESSION_SECRET', 'DATA_KEY', 'BASE_URL'])
  test(`production without ${name} does not start and says so`, () => {
    assert.match(said({ ...production, [name]: '' }), new RegExp(`正式环境必须设置 ${name}`))
  })

test('the clock is shifted for demonstrations only', () => {
  assert.equal(readConfig({ DATA_DIR: process.env.DATA_DIR, CLOCK_SHIFT: '-2h' }).clockShift, -7_200_000)
  assert.match(said({ CLOCK_SHIFT: 'tomorrow' }), /CLOCK_SHIFT 形如/)
  assert.match(said({ ...production, CLOCK_SHIFT: '+1d' }), /正式环境不能设置 CLOCK_SHIFT/)
})

for (const [name, value, message] of [
  ['TRUST_PROXY', '', /BASE_URL 是 https 时必须设置 TRUST_PROXY/],
  ['TRUST_PROXY', 'true', /TRUST_PROXY 为代理层数/],
  ['METRICS_FROM', 'everybody', /METRICS_FROM 为可以读取指标的地址/],
  ['CITY', '110100', /没有 CITY 这个城市的行政区划数据/],
  ['DATABASE_URL', 'mysql://u:p%zz@db/portal', /写成 %XX/],
] as const)
  test(`${name}=${value} is refused with the way out`, () => {
    assert.match(said({ ...production, [name]: value }), message)
  })

test('all mistakes are listed at once, none with its value', () => {
  const message = said({
    NODE_ENV: 'production',
    PORT: '99999',
    LOG_LEVEL: 'loud',
    SESSION_SECRET: 'short-secret',
    DATA_KEY: 'k1:AAAA',
    CITY: 'jinan',
  })
  for (const part of [
    'PORT 不大于 65535',
    'LOG_LEVEL 只能是',
    'SESSION_SECRET 每个密钥不少于 32',
    'DATA_KEY 形如',
    'CITY 为 6 位',
    'DATABASE_URL',
    'BASE_URL',
  ])
    assert.match(message, new RegExp(part))
  assert.doesNotMatch(message, /short-secret|99999|loud|AAAA/)
})

test('development makes its secrets once and keeps them', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-config-'))
  const [first, second] = [readConfig({ DATA_DIR: folder }), readConfig({ DATA_DIR: folder })]
  assert.deepEqual(first.sessionSecrets, second.sessionSecrets)
  assert.deepEqual(first.dataKeys, second.dataKeys)
  assert.equal(fs.statSync(path.join(folder, 'secrets.json')).mode & 0o077, 0)
  fs.rmSync(folder, { recursive: true })
})

test('a data folder that cannot be written is named', () => {
  assert.match(said({ DATA_DIR: '/dev/null/portal' }), /数据目录 \/dev\/null\/portal 不能建立/)
})

test('values encrypted with an older key still open, and a changed or moved value does not', async () => {
  const { blindIndex, decrypt, encrypt } = await import('../src/crypto.ts')
  const { config } = await import('../src/config.ts')
  const old = encrypt('users.phone', '19900000001')
  const index = blindIndex('users.phone', '19900000001')

  config.dataKeys.unshift({ id: 'k2', bytes: Buffer.alloc(32, 7) })
  try {
    assert.equal(decrypt('users.phone', old), '19900000001')
    assert.match(encrypt('users.phone', '1'), /^v1\.k2\./)
    assert.equal(blindIndex('users.phone', ' 19900000001 '), index)
    assert.throws(() => decrypt('owners.phone', old))
    assert.throws(() => decrypt('users.phone', `${old.slice(0, -2)}AA`))
  } finally {
    config.dataKeys.shift()
  }
})
