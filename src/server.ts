import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHttpTerminator } from 'http-terminator'
import { createApp, openLog } from './app.ts'
import { config, StartError } from './config.ts'
import { migrateToLatest } from './database/migrate.ts'
import { startPrivateDatabase } from './database/private.ts'
import { connect, db } from './db.ts'
import { jobs } from './jobs/index.ts'
import { startJobs } from './jobs/jobs.ts'

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Brings the portal up: database, migrations, demo city, jobs, server. Stops everything again in the opposite order. */
async function start() {
  const log = openLog()
  // Neither half alive nor silent: what nobody caught is logged, and the process is replaced.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, event)
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
      log.flush?.(() => process.exit(1))
      setTimeout(() => process.exit(1), 500).unref()
    })

  const own = config.databaseUrl ? undefined : await startPrivateDatabase(config.dataDir)
  try {
    connect(config.databaseUrl ?? own?.url ?? '')
    await migrateToLatest(db)
    const accounts = config.demoSize ? await demoCity() : []
    const stopJobs = startJobs(jobs, log)
    const { app, close } = createApp(log)
    const server = createServer({ requestTimeout: 60_000, headersTimeout: 20_000 }, app)
    const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 8000 })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(config.port, config.host, resolve))
    const { port } = server.address() as AddressInfo // A TCP server has a port

    const stop = async () => {
      close()
      await terminator.terminate()
      await stopJobs()
      await db.destroy()
      await own?.stop()
      process.exit(0)
    }
    let stopping = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        if (!stopping) void stop()
        stopping = true
      })
    for (const line of accounts) say(line)
    say(`物业行业综合管理系统已启动：http://${config.host}:${port}`)
  } catch (error) {
    await db?.destroy()
    await own?.stop()
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
      throw new StartError(`端口 ${config.port} 已被占用。请停止占用它的程序，或换一个端口：PORT=3001 npm start`)
    throw error
  }
}

/** The demo city is loaded once, outside production; imported only here, so that production does not even read it. */
async function demoCity(): Promise<string[]> {
  const { demoAccounts, demoPassword, loadDemoCity } = await import('../seeds/city.ts')
  await loadDemoCity(db, { size: config.demoSize, onProgress: say })
  return [
    '',
    `演示账号（密码都是 ${demoPassword}）：`,
    ...demoAccounts.map(({ username, purpose }) => `  ${username.padEnd(18)} ${purpose}`),
    '',
  ]
}

try {
  await start()
} catch (error) {
  process.stderr.write(`${error instanceof StartError ? error.message : error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}
