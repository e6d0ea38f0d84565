import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHttpTerminator } from 'http-terminator'
import { sealLog } from './admin/action-log.ts'
import { createApp, openLog } from './app.ts'
import { beijing, now, shiftClock } from './clock.ts'
import { config } from './config.ts'
import { migrateToLatest } from './database/migrate.ts'
import { startPrivateDatabase } from './database/private.ts'
import { connect, db, isDatabaseAway } from './db.ts'
import { describe, StartError } from './errors.ts'
import { stopRuns } from './imports/runs.ts'
import { jobs } from './jobs/index.ts'
import { startJobs } from './jobs/jobs.ts'

const say = (line: string) => process.stdout.write(`${line}\n`)
const log = openLog()

/** What has been started, newest last: each part knows how to stop. */
const started: (() => Promise<unknown>)[] = []
let stopping: Promise<never> | undefined

/** Stops everything in the opposite order and ends the process. */
function stop(code: number): Promise<never> {
  stopping ??= (async () => {
    for (const end of started.reverse()) await end().catch(error => log.error({ err: error }, 'not stopped cleanly'))
    process.exit(code)
  })()
  return stopping
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0))

// Neither half alive nor silent: what nobody caught is logged, and the process is replaced.
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => {
    log.fatal({ err: error }, event)
    process.stderr.write(`${describe(error)}\n`)
    setTimeout(() => process.exit(1), 2000).unref()
    void stop(1)
  })

try {
  await start()
} catch (error) {
  process.stderr.write(`${describe(error)}\n`)
  await stop(1)
}

/** Brings the portal up: database, migrations, demo city, server, jobs. */
async function start() {
  if (config.clockShift) shiftClock(config.clockShift)
  const own = config.databaseUrl
    ? undefined
    : await startPrivateDatabase(config.dataDir, { report: sentence => log.warn(sentence) })
  if (own) started.push(own.stop)
  connect(config.databaseUrl ?? own?.url ?? '')
  started.push(() => db.destroy())
  await migrateToLatest(db).catch(explainDatabase)
  const accounts = config.demoSize ? await demoCity() : []
  const { address, end } = await listen()
  const stopJobs = startJobs(jobs, log)
  started.push(async () => {
    await stopJobs()
    // What was written until now does not lie open while the portal stands still.
    await sealLog(db, now())
  })
  // Last in, first out: the running requests and imports end before the log is sealed.
  started.push(stopRuns, end)
  for (const line of accounts) say(line)
  if (config.clockShift) say(`时钟已拨动，系统里现在是 ${beijing(now())}（北京时间）。`)
  say(`物业行业综合管理系统已启动：${address}`)
}

async function listen(): Promise<{ address: string; end(): Promise<void> }> {
  const { app, close } = createApp(log)
  // Twenty megabytes over a slow line take minutes; a line on which nothing comes is given up sooner.
  const server = createServer({ requestTimeout: 600_000, headersTimeout: 20_000 }, app)
  server.timeout = 120_000
  const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 8000 })
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(config.port, config.host, resolve))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new StartError(`这台机器没有 HOST 所写的地址 ${config.host}。请改为本机的地址，或 0.0.0.0。`)
    if (code === 'EACCES') throw new StartError(`当前用户不能使用端口 ${config.port}。请换一个 1024 以上的端口。`)
    if (code !== 'EADDRINUSE') throw error
    throw new StartError(`端口 ${config.port} 已被占用。请停止占用它的程序，或换一个端口：PORT=3001 npm start`)
  }
  const end = async () => {
    close()
    await terminator.terminate()
  }
  const { port } = server.address() as AddressInfo // A TCP server has a port
  return { address: `http://${config.host}:${port}`, end }
}

function explainDatabase(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (/ACCESS_DENIED|BAD_DB|DBACCESS_DENIED/.test(code))
    throw new StartError(`数据库拒绝了 DATABASE_URL 里的账号或库名（${code}）。请核对账号、密码、库名和授权，再重新启动。`)
  if (isDatabaseAway(error))
    throw new StartError(`连不上 DATABASE_URL 所指的数据库（${code}）。请确认它已启动、地址和端口正确，再重新启动。`)
  throw error
}

/** The demo city is loaded once, outside production; imported only here, so that production does not even read it. */
async function demoCity(): Promise<string[]> {
  const { demoAccounts, demoPassword, loadDemoCity } = await import('../seeds/city.ts')
  await loadDemoCity(db, { size: config.demoSize, onProgress: say })
  const lines = demoAccounts.map(({ username, purpose }) => `  ${username.padEnd(18)} ${purpose}`)
  return ['', `演示账号（密码都是 ${demoPassword}）：`, ...lines, '']
}
