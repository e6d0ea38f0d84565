import fs from 'node:fs'
import os from 'node:os'
import {
  connections,
  end,
  folder,
  Meter,
  measureExport,
  type Page,
  rowOf,
  seconds,
  sessionOf,
  shootAll,
  start,
} from './bench-tools.ts'
import { Agent } from './portal.ts'

/**
 * `npm run bench`: how fast the portal answers, beside the same list page from a bare Express handler (a session row, 20 rows, a
 * total) in the same run, so that the figure is a ratio and not a machine. Data are made once and kept in `.data/bench`.
 * BENCH_SIZES (default 1,100), BENCH_ARCHIVES (default 1,10,100), BENCH_CASES (default 100,100000) and BENCH_SECONDS (default 8) may be
 * set; an empty one leaves that part out.
 */

const numbersOf = (text: string) => text.split(',').filter(Boolean).map(Number)
const sizes = numbersOf(process.env.BENCH_SIZES ?? '1,100')
const archives = numbersOf(process.env.BENCH_ARCHIVES ?? '1,10,100')
const cases = numbersOf(process.env.BENCH_CASES ?? '100,100000')

const { startPrivateDatabase } = await import('../src/database/private.ts')
const { openPool } = await import('../src/db.ts')
const { measureArchives } = await import('./bench-archives.ts')
const { measureCases } = await import('./bench-cases.ts')

fs.mkdirSync(folder, { recursive: true })
const own = await startPrivateDatabase(folder)
const results: Record<string, string | number>[] = []
try {
  for (const size of sizes) await measure(size)
  if (results.length) show('页面', results)
  if (archives.length) for (const { title, rows, how } of await measureArchives(own.url, archives)) show(title, rows, how)
  if (cases.length) for (const { title, rows } of await measureCases(own.url, cases)) show(title, rows)
} finally {
  await own.stop()
}

function show(title: string, rows: Record<string, string | number>[], how = `${connections} 个并发连接，每项 ${seconds} 秒`) {
  const machine = `${os.cpus()[0]?.model ?? ''}，${os.cpus().length} 核，Node ${process.version}`
  console.log(`\n${title}（${machine}，${how}）`)
  console.table(rows)
}

async function measure(size: number) {
  const url = new URL(own.url)
  url.pathname = `/bench_${size}`
  const admin = openPool(own.url, 1)
  await admin.raw('create database if not exists ?? character set utf8mb4 collate utf8mb4_unicode_520_ci', [`bench_${size}`])
  console.log(`演示城市 ${size} 倍：准备数据……`)
  const portal = await start(['src/server.ts'], { DATABASE_URL: url.href, DEMO_SIZE: String(size) })
  const bare = await start(['test/bench-bare.ts'], { DATABASE_URL: url.href })
  try {
    const agent = new Agent(portal.base)
    await agent.post('/login', { username: 'system-admin', password: 'Wuye@2026' })
    const { sid, cookie } = sessionOf(agent)
    const same = await agent.get('/desk/lists/users')
    await fetch(`${bare.base}/users`, { method: 'POST', body: same.text, headers: { 'content-type': 'text/plain' } })
    const page = (name: string, path: string): Page => ({ name, server: portal, paths: [path], cookie })
    const pages: Page[] = [
      { name: '同一账号列表，裸 Express 页面', server: bare, paths: [`/users?sid=${encodeURIComponent(sid)}`] },
      { ...page('登录页', '/login'), cookie: '' },
      page('工作台首页', '/desk'),
      page('账号列表 20 行', '/desk/lists/users'),
      page('单位列表 20 行', '/desk/lists/organisations'),
      page('单位列表，搜两个字', `/desk/lists/organisations?q=${encodeURIComponent('物业')}`),
    ]
    const found = await shootAll(new Meter(admin), pages)
    const [first] = found
    if (first) results.push(...found.map((cost, at) => rowOf(size, pages[at]?.name ?? '', cost, first)))
    results.push(await measureExport({ portal, agent, size }, '账号导出 xlsx', '/desk/lists/users/export.xlsx'))
  } finally {
    await Promise.all([portal, bare].map(end))
    await admin.destroy()
  }
}
