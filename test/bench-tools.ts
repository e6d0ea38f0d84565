import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import type { Knex } from 'knex'
import type { Agent } from './portal.ts'

/** How the bench starts processes and what it reads off them. */

export const folder = path.resolve(process.env.BENCH_DIR ?? '.data/bench')
export const seconds = Number(process.env.BENCH_SECONDS ?? 8)
export const connections = 8
// The bench writes rows that the portals must be able to read: one folder, one set of keys.
process.env.DATA_DIR = folder

export interface Server {
  base: string
  process: ChildProcess
}

/** A Node process that says at which address it listens. */
export async function start(args: string[], env: Record<string, string>): Promise<Server> {
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
    env: { ...process.env, ...env, DATA_DIR: folder, PORT: '0', HOST: '127.0.0.1', NODE_ENV: 'test', LOG_LEVEL: 'warn' },
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

export async function end({ process: child }: Server): Promise<void> {
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

/** A page to be asked for again and again; of several addresses each in turn. */
export interface Page {
  name: string
  server: Server
  paths: string[]
  cookie?: string
}

/** What a piece of work cost. */
export interface Cost {
  /** Requests a second. */
  rate: number
  p50: number
  p99: number
  /** Processor time of a request in the process that answers and in the database, in milliseconds. */
  cpu: number
  database: number
  /** SQL statements of a request. */
  statements: number
}

/** Reads processor time and statements from where `own` serves, while work is done. */
export class Meter {
  #pid: number
  #db: Knex

  /** @param db any pool on the database of the bench, which serves nobody else */
  constructor(db: Knex) {
    this.#db = db
    this.#pid = Number(fs.readFileSync(path.join(folder, 'mariadb/mariadbd.pid'), 'utf8'))
  }

  /** Does the work and tells what each of its `requests` cost. */
  async measure<T extends { requests: number }>(server: Server, work: () => Promise<T>): Promise<T & Omit<Cost, 'p50' | 'p99'>> {
    const before = await this.#read(server)
    const began = performance.now()
    const done = await work()
    const took = (performance.now() - began) / 1000
    const after = await this.#read(server)
    const each = (name: keyof typeof before) => (after[name] - before[name]) / done.requests
    return { ...done, rate: done.requests / took, cpu: each('cpu'), database: each('database'), statements: each('statements') }
  }

  async #read({ process: child }: Server) {
    return { cpu: processorTime(child.pid), database: processorTime(this.#pid), statements: await this.status('Questions') }
  }

  /** A counter of the server since it started; nothing where this server does not count it. */
  async status(name: string): Promise<number> {
    const [rows]: { Value: string }[][] = await this.#db.raw('show global status like ?', [name])
    return Number(rows?.[0]?.Value ?? Number.NaN)
  }
}

/** Processor time of a process so far, in milliseconds; Linux counts in hundredths of a second. */
function processorTime(pid: number | undefined): number {
  const fields = fs
    .readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Resident memory in MB. */
export function memory({ process: child }: Server): number {
  return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
}

/** How hard a page is asked: so many requests at a time, for so long. */
export interface Pressure {
  connections: number
  duration: number
}

/** One warm round, then two measured in opposite order, so that no page gets the colder machine. @returns the cost of each page */
export async function shootAll(
  meter: Meter,
  pages: readonly Page[],
  pressure: Pressure = { connections, duration: seconds },
): Promise<Cost[]> {
  for (const page of pages) await shoot(meter, page, { ...pressure, duration: 2 })
  const found = new Map<Page, Cost[]>(pages.map(page => [page, []]))
  for (const round of [pages, [...pages].reverse()])
    for (const page of round) found.get(page)?.push(await shoot(meter, page, pressure))
  return [...found.values()].map(mean)
}

/** The mean of some measurements of one thing. */
export function mean(costs: readonly Cost[]): Cost {
  const of = (figure: (cost: Cost) => number) => costs.reduce((sum, cost) => sum + figure(cost), 0) / costs.length
  return {
    rate: of(cost => cost.rate),
    p50: of(cost => cost.p50),
    p99: of(cost => cost.p99),
    cpu: of(cost => cost.cpu),
    database: of(cost => cost.database),
    statements: of(cost => cost.statements),
  }
}

async function shoot(meter: Meter, { name, server, paths, cookie }: Page, pressure: Pressure): Promise<Cost> {
  const headers = cookie ? { cookie } : {}
  const requests = paths.map(path => ({ method: 'GET' as const, path }))
  const { result, ...cost } = await meter.measure(server, async () => {
    const result = await autocannon({ url: server.base, ...pressure, headers, requests })
    return { result, requests: result.requests.total }
  })
  if (result.non2xx || result.errors) throw new Error(`${name}: ${result.non2xx} answers other than 2xx, ${result.errors} errors`)
  return { ...cost, rate: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 }
}

/** The session of somebody signed in: its id in the database, and what their browser sends. */
export function sessionOf(agent: Agent): { sid: string; cookie: string } {
  const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return { sid: decodeURIComponent(agent.cookies.get('portal') ?? '').replace(/^s:([^.]+)\..*$/, '$1'), cookie }
}

/** A row of the table that is printed. */
export function rowOf(size: number, name: string, cost: Cost, bare: Cost): Record<string, string | number> {
  const round = (value: number) => Math.round(value * 10) / 10
  return {
    规模: size,
    页面: name,
    '次/秒': Math.round(cost.rate),
    'p50 毫秒': round(cost.p50),
    'p99 毫秒': round(cost.p99),
    相对裸页面: `${((cost.rate / bare.rate) * 100).toFixed(0)}%`,
    'CPU 毫秒/次': round(cost.cpu),
    '数据库 CPU': round(cost.database),
    '语句/次': round(cost.statements),
  }
}

/** How much slower and dearer each page is at the largest size than at the smallest. */
export function compare<Site extends { size: number }>(
  costs: ReadonlyMap<Site, ReadonlyMap<string, Cost>>,
  sites: readonly Site[],
): Record<string, string | number>[] {
  const [small, ...rest] = [...sites].sort((one, other) => one.size - other.size)
  const large = rest.at(-1)
  if (!small || !large) return []
  return [...(costs.get(large) ?? [])].flatMap(([name, cost]) => {
    const before = costs.get(small)?.get(name)
    if (!before) return []
    const times = (value: number) => `${value.toFixed(2)} 倍`
    return [
      {
        页面: name,
        每次用时: times(before.rate / cost.rate),
        p50: times(cost.p50 / before.p50),
        '门户 CPU': times(cost.cpu / before.cpu),
        '数据库 CPU': times(cost.database / before.database),
        语句: times(cost.statements / before.statements),
      },
    ]
  })
}

/** A whole list as xlsx: first byte, time, and how far memory rises above idle. @returns a row of the table that is printed */
export async function measureExport(
  { portal, agent, size }: { portal: Server; agent: Agent; size: number },
  name: string,
  path: string,
): Promise<Record<string, string | number>> {
  await pause(2000)
  const idle = memory(portal)
  let peak = idle
  const watch = setInterval(() => {
    peak = Math.max(peak, memory(portal))
  }, 20)
  const began = performance.now()
  const answer = await agent.raw(path, {})
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`)
  let first = 0
  let bytes = 0
  for await (const piece of answer.body ?? []) {
    first ||= performance.now() - began
    bytes += piece.length
  }
  clearInterval(watch)
  const total = performance.now() - began
  return {
    规模: size,
    页面: `${name}（${(bytes / 1e6).toFixed(1)} MB）`,
    '次/秒': '',
    'p50 毫秒': `首字节 ${Math.round(first)}`,
    'p99 毫秒': `共 ${Math.round(total)}`,
    相对裸页面: `内存 +${Math.round(peak - idle)} MB`,
  }
}
