import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import { Agent } from './portal.ts'

/**
 * `npm run bench`: how fast the portal answers, beside the same page of accounts from a bare Express handler (a session row, 20
 * rows, a total) in the same run, so that the figure is a ratio and not a machine. Data are made once and kept in `.data/bench`.
 * BENCH_SIZES (default 1,100) and BENCH_SECONDS (default 8) may be set.
 */

const sizes = (process.env.BENCH_SIZES ?? '1,100').split(',').map(Number)
const seconds = Number(process.env.BENCH_SECONDS ?? 8)
const connections = 8
const folder = path.resolve(process.env.BENCH_DIR ?? '.data/bench')

interface Server {
  base: string
  process: ChildProcess
}

const { startPrivateDatabase } = await import('../src/database/private.ts')
const { openPool } = await import('../src/db.ts')

fs.mkdirSync(folder, { recursive: true })
const own = await startPrivateDatabase(folder)
const results: Record<string, string | number>[] = []
try {
  for (const size of sizes) await measure(size)
  console.log(
    `\n${os.cpus()[0]?.model ?? ''}，${os.cpus().length} 核，Node ${process.version}，${connections} 个并发连接，每项 ${seconds} 秒`,
  )
  console.table(results)
} finally {
  await own.stop()
}

async function measure(size: number) {
  const url = new URL(own.url)
  url.pathname = `/bench_${size}`
  const admin = openPool(own.url, 1)
  await admin.raw('create database if not exists ?? character set utf8mb4 collate utf8mb4_unicode_520_ci', [`bench_${size}`])
  await admin.destroy()
  console.log(`演示城市 ${size} 倍：准备数据……`)
  const portal = await start(['src/server.ts'], { DATABASE_URL: url.href, DEMO_SIZE: String(size), DATA_DIR: folder })
  const bare = await start(['test/bench-bare.ts'], { DATABASE_URL: url.href, DATA_DIR: folder })
  try {
    const agent = new Agent(portal.base)
    await agent.post('/login', { username: 'system-admin', password: 'Wuye@2026' })
    const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const same = await agent.get('/desk/lists/users')
    await fetch(`${bare.base}/page`, { method: 'POST', body: same.text, headers: { 'content-type': 'text/plain' } })
    const sid = decodeURIComponent(agent.cookies.get('portal') ?? '').replace(/^s:([^.]+)\..*$/, '$1')
    const pages: [string, string, string][] = [
      ['同一账号列表，裸 Express 页面', `${bare.base}/?sid=${encodeURIComponent(sid)}`, ''],
      ['登录页', `${portal.base}/login`, ''],
      ['工作台首页', `${portal.base}/desk`, cookie],
      ['账号列表 20 行', `${portal.base}/desk/lists/users`, cookie],
      ['单位列表 20 行', `${portal.base}/desk/lists/organisations`, cookie],
      ['单位列表，搜两个字', `${portal.base}/desk/lists/organisations?q=${encodeURIComponent('物业')}`, cookie],
    ]
    // One warm round, then two measured in opposite order, so that neither gets the colder machine.
    for (const [, address, cookie] of pages) await shoot(address, cookie, 2)
    const rounds = [pages, [...pages].reverse()]
    const found = new Map<string, autocannon.Result[]>()
    for (const round of rounds)
      for (const [name, address, cookie] of round)
        found.set(name, [...(found.get(name) ?? []), await shoot(address, cookie, seconds)])
    const mean = (name: string, figure: (result: autocannon.Result) => number) =>
      (found.get(name) ?? []).reduce((sum, result) => sum + figure(result), 0) / rounds.length
    const bareRate = mean(pages[0]?.[0] ?? '', result => result.requests.average)
    for (const [name] of pages)
      results.push({
        规模: size,
        页面: name,
        '次/秒': Math.round(mean(name, result => result.requests.average)),
        'p50 毫秒': Math.round(mean(name, result => result.latency.p50) * 10) / 10,
        'p99 毫秒': Math.round(mean(name, result => result.latency.p99) * 10) / 10,
        相对裸页面: `${((mean(name, result => result.requests.average) / bareRate) * 100).toFixed(0)}%`,
      })
    await exportUsers(portal, agent, size)
  } finally {
    await Promise.all([portal, bare].map(end))
  }
}

async function shoot(url: string, cookie: string, duration: number): Promise<autocannon.Result> {
  const result = await autocannon({ url, connections, duration, headers: cookie ? { cookie } : {} })
  if (result.non2xx || result.errors) throw new Error(`${url}: ${result.non2xx} answers other than 2xx, ${result.errors} errors`)
  return result
}

/** The whole list of accounts as xlsx: first byte, time, and how far memory rises above idle. */
async function exportUsers(portal: Server, agent: Agent, size: number) {
  await pause(2000)
  const idle = memory(portal)
  let peak = idle
  const watch = setInterval(() => {
    peak = Math.max(peak, memory(portal))
  }, 20)
  const began = performance.now()
  const answer = await agent.raw('/desk/lists/users/export.xlsx', {})
  if (answer.status !== 200) throw new Error(`export answered ${answer.status}`)
  let first = 0
  let bytes = 0
  for await (const piece of answer.body ?? []) {
    first ||= performance.now() - began
    bytes += piece.length
  }
  clearInterval(watch)
  const total = performance.now() - began
  results.push({
    规模: size,
    页面: `账号导出 xlsx（${(bytes / 1e6).toFixed(1)} MB）`,
    '次/秒': '',
    'p50 毫秒': `首字节 ${Math.round(first)}`,
    'p99 毫秒': `共 ${Math.round(total)}`,
    相对裸页面: `内存 +${Math.round(peak - idle)} MB`,
  })
}

/** Resident memory in MB. */
function memory({ process: child }: Server): number {
  return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
}

async function start(args: string[], env: Record<string, string>): Promise<Server> {
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
    env: { ...process.env, ...env, PORT: '0', HOST: '127.0.0.1', NODE_ENV: 'test', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const base = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stdout.on('data', (piece: Buffer) => {
      said += piece
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)
      if (found) resolve(found[0])
    })
    child.once('exit', code => reject(new Error(`${args[0]} ended with ${code}`)))
  })
  return { base, process: child }
}

async function end({ process: child }: Server) {
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}
