import fs from 'node:fs'
import type { Knex } from 'knex'
import { type Cost, compare, end, Meter, mean, type Page, rowOf, type Server, sessionOf, shootAll, start } from './bench-tools.ts'
import { Agent, type Answer } from './portal.ts'

/**
 * The part of `npm run bench` that is about cases: the pages an official lives in and the submission, at each size; and at the largest
 * twenty officials who decide two thousand cases at once.
 */

const { migrateToLatest } = await import('../src/database/migrate.ts')
const { openPool } = await import('../src/db.ts')
const { findKind, registerKinds, standardOf } = await import('../src/cases/kind.ts')
const { checkHistory } = await import('../src/cases/check-history.ts')
const { flatAnswers } = await import('../src/forms/answers.ts')
const { now } = await import('../src/clock.ts')
const { digestOf } = await import('../src/documents/documents.ts')
const { loadDemoCity } = await import('../seeds/city.ts')
await import('../src/modules/index.ts')
const { trial, trialAnswers } = await import('./case-kind.ts')
const { caseFaults, numberFault, writePast } = await import('./case-checks.ts')
const rows = await import('./case-rows.ts')

registerKinds(trial)
const real = findKind('qualification-new')
if (!real) throw new Error('the catalogue has no qualification-new')
const kind = real

/** How many companies share the cases; what is open is at most one each. */
const mostCompanies = 10_000
/** What is made in a second is made anew each time, so that what one run has decided is not in the way of the next. */
const smallEnough = 1000
const submissions = 300
const officials = 20
const decisions = 2000
/** To how many officials each case is offered at the same moment. */
const offers = 3

type Row = Record<string, string | number>
interface Table {
  title: string
  rows: Row[]
}

/** A portal with so many cases, and the bare handler beside it. */
interface Site {
  size: number
  db: Knex
  portal: Server
  bare: Server
}

/**
 * Measures each size in a schema of its own. The sizes take turns page by page, so that whatever else the machine does meanwhile
 * falls on all of them.
 * @returns the tables to print
 */
export async function measureCases(url: string, sizes: readonly number[]): Promise<Table[]> {
  const sites: Site[] = []
  try {
    for (const size of sizes) sites.push(await open(size, await prepare(url, size)))
    const [any] = sites
    const largest = sites.find(({ size }) => size === Math.max(...sizes))
    if (!any || !largest) return []
    const meter = new Meter(any.db)
    const costs = await measureAll(meter, sites)
    const races = await measureDecisions(meter, largest.db, largest.portal)
    const names = [...(costs.get(largest)?.keys() ?? [])]
    const pages = names.flatMap(name =>
      sites.flatMap(site => {
        const [bare] = costs.get(site)?.values() ?? []
        const cost = costs.get(site)?.get(name)
        return bare && cost ? [rowOf(site.size, name, cost, bare)] : []
      }),
    )
    return [
      { title: '办件', rows: pages },
      { title: `${Math.max(...sizes)} 件与 ${Math.min(...sizes)} 件相比`, rows: compare(costs, sites) },
      { title: `${officials} 名审批人同时办理 ${decisions} 件，每件同时给 ${offers} 人`, rows: races },
    ]
  } finally {
    for (const { portal, bare, db } of sites) {
      await Promise.all([portal, bare].map(end))
      await db.destroy()
    }
  }
}

async function open(size: number, url: string): Promise<Site> {
  const portal = await start(['test/case-portal.ts'], { DATABASE_URL: url, DEMO_SIZE: '1', DATABASE_POOL: '20' })
  return { size, portal, bare: await start(['test/bench-bare.ts'], { DATABASE_URL: url }), db: openPool(url) }
}

type Costs = Map<Site, Map<string, Cost>>

async function measureAll(meter: Meter, sites: readonly Site[]): Promise<Costs> {
  const all = await Promise.all(sites.map(async site => (await pagesOf(site)).map((page, at) => ({ site, page, at }))))
  const byTurns = all.flat().sort((one, other) => one.at - other.at)
  const found = await shootAll(meter, byTurns.map(({ page }) => page)) // biome-ignore format: one thought
  const costs: Costs = new Map(sites.map(site => [site, new Map()]))
  for (const [at, { site, page }] of byTurns.entries()) {
    const cost = found[at]
    if (cost) costs.get(site)?.set(page.name, cost)
  }
  for (const [site, cost] of await measureSubmits(meter, sites)) costs.get(site)?.set('提交一件', cost)
  return costs
}

/** A schema with a demo city and so many cases. @returns its address */
async function prepare(url: string, size: number): Promise<string> {
  const schema = `bench_cases_${size}`
  const at = new URL(url)
  at.pathname = `/${schema}`
  const admin = openPool(url, 1)
  try {
    if (size > smallEnough && (await hasCases(admin, schema))) return at.href
    await admin.raw('drop database if exists ??', [schema])
    await admin.raw('create database ?? character set utf8mb4 collate utf8mb4_unicode_520_ci', [schema])
  } finally {
    await admin.destroy()
  }
  const db = openPool(at.href)
  const began = performance.now()
  const say = (text: string) => console.log(`${size} 件：${text}，${((performance.now() - began) / 1000).toFixed(0)} 秒`)
  await migrateToLatest(db)
  await loadDemoCity(db, { size: 1 })
  say('演示城市已装入')
  const companies = await rows.writeCompanies(db, { count: Math.min(size, mostCompanies) })
  const ten = Math.ceil(size / 10)
  let told = 0
  await db('settings').insert({
    code: notes,
    value: JSON.stringify({ mark: '', past: [] }),
    created_at: now(),
    updated_at: now(),
  })
  await write(db, {
    kind,
    companies,
    rounds: Math.max(1, Math.round(size / mostCompanies)),
    way: rows.everywhere(standardOf(kind)),
    answers: rows.qualificationAnswers,
    onProgress: written => {
      if (written - told < ten) return
      told = written
      say(`已写入 ${written} 件，内存 ${Math.round(process.memoryUsage.rss() / 1e6)} MB`)
    },
  })
  await db.raw('analyze table cases, case_history, case_payloads, case_parties, case_handlers, case_marks, files, search_terms')
  const { lines, faults } = await checkHistory(db)
  if (faults.length) throw new Error(`the cases of the bench are not whole: ${faults[0]}`)
  await note(db, ({ past }) => ({ mark: mark(), past }))
  say(`办理记录 ${lines} 条核对无误`)
  await db.destroy()
  return at.href
}

/** What is noted in the settings of a schema: by what its cases were made, and which lines were written past the engine. */
interface Notes {
  mark: string
  past: import('./case-checks.ts').Past[]
}

const notes = 'bench-cases'

/** Kept cases are made anew when this changes. */
const mark = () => digestOf(fs.readFileSync('test/case-rows.ts', 'utf8'))

async function hasCases(admin: Knex, schema: string): Promise<boolean> {
  const [found] = await admin.raw("select 1 from information_schema.tables where table_schema = ? and table_name = 'settings'", [
    schema,
  ])
  const row = found.length ? await admin('settings').withSchema(schema).where({ code: notes }).first('value') : undefined
  const { mark: made }: Partial<Notes> = row ? JSON.parse(row.value) : {}
  return made === mark()
}

async function notesOf(db: Knex): Promise<Notes> {
  return JSON.parse((await db('settings').where({ code: notes }).first('value')).value)
}

async function note(db: Knex, change: (notes: Notes) => Notes): Promise<void> {
  await db('settings')
    .where({ code: notes })
    .update({ value: JSON.stringify(change(await notesOf(db))) })
}

/** Writes cases past the engine and notes it. @returns their ids */
async function write(db: Knex, plan: import('./case-rows.ts').Plan): Promise<number[]> {
  const { made, past } = await writePast(db, () => rows.writeCases(db, plan))
  await note(db, notes => ({ ...notes, past: [...notes.past, past] }))
  return made
}

/** The pages to be measured, the bare one first. */
async function pagesOf({ db, portal, bare }: Site): Promise<Page[]> {
  const { agent: district, ...clerk } = await signIn(portal, 'district-clerk')
  const { cookie: city } = await signIn(portal, 'city-clerk')
  const list = '/desk/lists/cases?box=todo&sort=due_on'
  const same = await district.get(list)
  await fetch(`${bare.base}/cases`, { method: 'POST', body: same.text, headers: { 'content-type': 'text/plain' } })
  const pagesAt = async (place: string, where: Record<string, string>) => {
    const ids: number[] = await db('cases')
      .where({ kind: kind.code, place, state: 'reviewing', ...where })
      .orderBy('id')
      .limit(25)
      .pluck('id')
    return ids.map(id => `/desk/cases/${id}`)
  }
  const page = (name: string, cookie: string, ...paths: string[]): Page => ({ name, server: portal, paths, cookie })
  return [
    { name: '同一待办列表，裸 Express 页面', server: bare, paths: [`/cases?sid=${encodeURIComponent(clerk.sid)}`] },
    page('待办列表 20 行，区县经办人', clerk.cookie, list),
    page('待办列表 20 行，市局经办人', city, list),
    page('在途列表 20 行，市局经办人', city, '/desk/lists/cases?box=mine'),
    page('已办列表 20 行，市局经办人', city, '/desk/lists/cases?box=done'),
    page('办件页，区县经办人待办的', clerk.cookie, ...(await pagesAt('district', { district_code: '370102' }))),
    page('办件页，市局经办人待办的', city, ...(await pagesAt('city-clerk', {}))),
    page('工作台首页，区县经办人', clerk.cookie, '/desk'),
    page('工作台首页，市局经办人', city, '/desk'),
  ]
}

/** Companies that hand in what they have prepared, each once, eight at a time. The sizes take turns here too. */
async function measureSubmits(meter: Meter, sites: readonly Site[]): Promise<Map<Site, Cost>> {
  const ready = new Map<Site, Submission[]>()
  for (const site of sites) ready.set(site, await prepareSubmissions(site))
  for (const [, submissions] of ready) await inTurns(submissions.splice(0, 30).values(), 8, submit)
  const found = new Map<Site, Cost[]>(sites.map(site => [site, []]))
  while ([...ready.values()].some(submissions => submissions.length))
    for (const [site, submissions] of ready) {
      const { times, ...cost } = await meter.measure(site.portal, async () => {
        const times = await inTurns(submissions.splice(0, 90).values(), 8, submit)
        return { times, requests: times.length }
      })
      found.get(site)?.push({ ...cost, p50: quantile(times, 0.5), p99: quantile(times, 0.99) })
    }
  return new Map([...found].map(([site, costs]) => [site, mean(costs)]))
}

interface Submission {
  agent: Agent
  path: string
  fields: Record<string, string>
}

async function prepareSubmissions({ db, portal }: Site): Promise<Submission[]> {
  const companies = await rows.writeCompanies(db, { count: submissions, signIn: true, district: '370112' })
  const ids = await write(db, { kind, companies, way: () => [], answers: rows.qualificationAnswers })
  return await inTurns(companies.entries(), 8, async ([at, company]) => {
    const { agent } = await signIn(portal, company.username)
    const fields = { version: '1', draft_version: '1', ...flatAnswers(rows.qualificationAnswers(company)) }
    return { agent, path: `/desk/cases/${ids[at]}/submit`, fields }
  })
}

/** @returns how long it took, in milliseconds */
async function submit({ agent, path, fields }: Submission): Promise<number> {
  const began = performance.now()
  const answer = await agent.post(path, fields)
  if (answer.status !== 303) throw new Error(`${path} answered ${answer.status}`)
  return performance.now() - began
}

/** Half the cases take a number at once, half go on to the publicity. Nothing but yes and 抢办 may come back. */
async function measureDecisions(meter: Meter, db: Knex, portal: Server): Promise<Row[]> {
  const companies = await rows.writeCompanies(db, { count: decisions / 2, district: '370112' })
  const at = (kind: import('../src/cases/kind.ts').Kind, place: string) => () => rows.waysThrough(standardOf(kind))[place] ?? []
  const trials = await write(db, {
    kind: trial,
    companies,
    way: at(trial, 'approval'),
    answers: (_company, n) => trialAnswers(n),
  })
  const others = await write(db, { kind, companies, way: at(kind, 'city-approver'), answers: rows.qualificationAnswers })
  const ids = trials.flatMap((id, at) => [id, others[at] ?? 0])
  const found: { id: number; version: number }[] = await db('cases').whereIn('id', ids).select('id', 'version')
  const versions = new Map(found.map(({ id, version }) => [id, String(version)]))
  const deadlocks = await meter.status('Innodb_deadlocks')
  const names = await rows.writeOfficers(db, { role: 'city-approver', count: officials })
  const agents = await Promise.all(names.map(async name => (await signIn(portal, name)).agent))

  // As many groups as offers, and every group goes through all cases: so the officials who meet at a case are different ones.
  const queues = Array.from({ length: offers }, () => ids.values())
  const times: number[] = []
  const late: number[] = []
  const { requests: _requests, ...cost } = await meter.measure(portal, async () => {
    await Promise.all(
      agents.map(async (agent, at) => {
        for (const id of queues[at % offers] ?? []) {
          const began = performance.now()
          const answer = await agent.post(`/desk/cases/${id}/steps`, {
            action: 'pass',
            version: versions.get(id) ?? '',
            opinion: '同意批准。',
          })
          ;(isDecided(answer, id) ? times : late).push(performance.now() - began)
        }
      }),
    )
    return { requests: ids.length }
  })
  const number = standardOf(trial).number.replace('{yyyy}', String(new Date().getFullYear())).replace(/\{.*$/, '')
  const faults = [
    ...(await caseFaults(db, ...(await notesOf(db)).past)),
    ...[await numberFault(db, number)].filter(fault => fault !== undefined),
  ]
  if (times.length !== ids.length) faults.push(`${times.length} of ${ids.length} cases were decided`)
  if (faults.length) throw new Error(`the decisions left faults: ${faults.join('; ')}`)
  return [
    { 项目: '办结', 数值: `${times.length} 件，没有错误，编号不重不漏，办理记录核对无误` },
    { 项目: '每秒办结', 数值: `${cost.rate.toFixed(1)} 件` },
    { 项目: '办成一件的等待', 数值: `p50 ${quantile(times, 0.5).toFixed(0)} 毫秒，p95 ${quantile(times, 0.95).toFixed(0)} 毫秒` },
    { 项目: '答复“已有人先办了”', 数值: `${late.length} 次，p50 ${quantile(late, 0.5).toFixed(0)} 毫秒` },
    { 项目: '死锁后重做', 数值: `${(await meter.status('Innodb_deadlocks')) - deadlocks} 次` },
    {
      项目: `每件（连同 ${offers - 1} 次抢空）`,
      数值: `CPU ${cost.cpu.toFixed(1)} 毫秒，数据库 CPU ${cost.database.toFixed(1)} 毫秒，${cost.statements.toFixed(0)} 条语句`,
    },
  ]
}

/** Whether this official was first. @throws Error for any answer that is neither a yes nor the honest word of who was first */
function isDecided(answer: Answer, id: number): boolean {
  if (answer.status === 303 && answer.location === `/desk/cases/${id}`) return true
  if (answer.status === 409 && /（市局审批）已于 [\d: -]+ 办理“通过”，现在是“/.test(answer.text)) return false
  throw new Error(`case ${id}: ${answer.status} ${answer.location}`)
}

async function signIn({ base }: Server, username: string): Promise<{ agent: Agent; sid: string; cookie: string }> {
  const agent = new Agent(base)
  const answer = await agent.post('/login', { username, password: 'Wuye@2026' })
  if (answer.status !== 303) throw new Error(`${username} could not sign in: ${answer.status}`)
  return { agent, ...sessionOf(agent) }
}

/** Works through a list, so many at a time. @returns what came of each, in the order in which they were done */
async function inTurns<T, R>(all: Iterator<T> & Iterable<T>, size: number, work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = []
  await Promise.all(
    Array.from({ length: size }, async () => {
      for (let next = all.next(); !next.done; next = all.next()) done.push(await work(next.value))
    }),
  )
  return done
}

function quantile(times: readonly number[], part: number): number {
  const sorted = [...times].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
