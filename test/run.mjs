// npm test: types, style, then every test against a database of its own. `npm test -- lists accounts` runs the files named so, without the rest;
// what begins with a dash goes to Node's test runner.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { prepare, root } from '../src/setup/install.mjs'

const names = process.argv.slice(2).filter(word => !word.startsWith('-'))
const options = process.argv.slice(2).filter(word => word.startsWith('-'))
const given = process.env.DATABASE_URL?.trim()

await prepare({ database: !given, checks: true })
const { register } = await import('tsx/esm/api')
register()
const { startPrivateDatabase } = await import('../src/database/private.ts')

const running = new Set()
let interrupted = 0
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])
  process.on(signal, () => {
    interrupted ||= code
    for (const child of running) child.kill('SIGTERM')
  })

const folder = fs.mkdtempSync(path.join(os.tmpdir(), `portal-test-${process.pid}-`))
try {
  process.exitCode = await runAll()
} catch (error) {
  console.error(error?.name === 'StartError' ? error.message : error)
  process.exitCode = 1
} finally {
  remove(folder)
}

async function runAll() {
  const files = findFiles()
  if (!files.length) {
    console.error(`没有测试文件的名称包含 ${names.join('、')}。`)
    return 1
  }

  sweep()
  const starting = given ? undefined : startPrivateDatabase(folder, { test: true })
  const checks = names.length ? [] : [check('类型', 'tsc', ['--noEmit']), check('代码规范', 'biome', ['check', '.'])]
  // Settled, so that a failed check still leads to the end where the database is stopped.
  const [started, ...codes] = await Promise.allSettled([starting, ...checks])
  if (started.status === 'rejected') throw started.reason
  const database = started.value
  try {
    const tests = interrupted || (await runTests(files, given ?? database.url))
    for (const { value } of codes) if (value.code) console.error(`${value.label}检查未通过，详情见前面。`)
    return Math.max(tests, ...codes.map(({ value }) => value.code))
  } finally {
    await database?.stop()
  }
}

function findFiles() {
  const all = fs.readdirSync(path.join(root, 'test'), { recursive: true }).filter(file => file.endsWith('.test.ts'))
  return all
    .filter(file => !names.length || names.some(name => path.join('test', file).includes(name)))
    .map(file => path.join('test', file))
    .sort((one, other) => Number(isLong(other)) - Number(isLong(one)) || (one < other ? -1 : 1))
}

/** Browsers that walk through the whole portal begin first, so that none is left running alone at the end. */
function isLong(file) {
  return /(^|[/-])(shell|story)\.test\.ts$/.test(file)
}

/** Runs every file in a process of its own, two at a time, and makes sure that something was tested. */
async function runTests(files, url) {
  const report = path.join(folder, 'report.tap')
  const reporters = ['spec', 'stdout', 'tap', report].map((value, i) => `--test-reporter${i % 2 ? '-destination' : ''}=${value}`)
  // A test that hangs ends after ten minutes.
  const runner = ['--import=tsx', '--test', '--test-concurrency=2', '--test-timeout=600000', ...reporters, ...options, ...files]
  const code = await run(process.execPath, runner, { env: cleanEnvironment(url), stdio: 'inherit' })
  if (interrupted) return interrupted
  const said = fs.existsSync(report) ? fs.readFileSync(report, 'utf8') : ''
  // The list of failures has pushed the totals out of sight.
  if (code !== 0) console.log(`\n${(said.match(/^# (tests|pass|fail|skipped) \d+$/gm) ?? []).join('\n')}`)
  // Node counts a file without any test as one that passed.
  const empty = [...said.matchAll(/^ok \d+ - (\S+\.test\.ts)$/gm)].map(([, file]) => path.basename(file))
  if (empty.length) console.error(`没有测试的文件：${empty.join('、')}`)
  const passed = Number(/^# pass (\d+)$/m.exec(said)?.[1] ?? 0) - empty.length
  if (passed <= 0) console.error('没有任何测试通过。')
  return code || (empty.length || passed <= 0 ? 1 : 0)
}

/** The result does not depend on what happens to be set here for a portal. */
function cleanEnvironment(url) {
  const portal =
    'HOST PORT BASE_URL DATABASE_POOL SESSION_SECRET DATA_KEY CITY DEMO_SIZE CLOCK_SHIFT TRUST_PROXY METRICS_FROM SMTP_URL MAIL_FROM SMS_TRANSPORT'.split(
      ' ',
    )
  const temporary = path.join(folder, 'tmp')
  fs.mkdirSync(temporary)
  const rest = Object.entries(process.env).filter(([name]) => !portal.includes(name))
  return {
    ...Object.fromEntries(rest),
    NODE_ENV: 'test',
    DATABASE_URL: url,
    DATA_DIR: path.join(folder, 'data'),
    TMPDIR: temporary,
  }
}

async function check(label, program, args) {
  const began = Date.now()
  const colour = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}
  let said = ''
  const code = await run(path.join(root, 'node_modules/.bin', program), args, { env: { ...process.env, ...colour } }, text => {
    said += text
  })
  console.log(
    `${said.trim()}${said ? '\n' : ''}${label}检查${code === 0 ? '通过' : '未通过'}，用时 ${((Date.now() - began) / 1000).toFixed(1)} 秒。`,
  )
  return { label, code }
}

function run(command, args, options, listen) {
  return new Promise(resolve => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    running.add(child)
    for (const output of [child.stdout, child.stderr]) output?.setEncoding('utf8').on('data', listen)
    child.once('error', error => listen?.(String(error)))
    child.once('close', code => {
      running.delete(child)
      resolve(code ?? 1)
    })
  })
}

/** Clears up after runs that were killed before they could. */
function sweep() {
  for (const name of fs.readdirSync(os.tmpdir())) {
    const pid = /^portal-test-(\d+)-/.exec(name)?.[1]
    if (pid && !lives(Number(pid))) remove(path.join(os.tmpdir(), name))
  }
}

/** Removes a run's directory, and first ends what still works in it: tests, servers and browsers that were cut off. */
function remove(run) {
  for (let passes = 20; passes && endAll(run); passes--);
  try {
    fs.rmSync(run, { recursive: true, force: true, maxRetries: 5 })
  } catch (error) {
    console.error(`没有删除临时目录 ${run}：${error.message}`)
  }
}

/** @returns whether there was anything to end */
function endAll(run) {
  const inside = pid => ['cmdline', 'environ'].some(file => fs.readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(`${run}/`))
  let found = false
  for (const pid of fs.existsSync('/proc') ? fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)) : [])
    try {
      if (inside(pid)) found = process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
    }
  return found
}

function lives(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}
