import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { Agent, openSchema } from './portal.ts'

/** 断电: what was confirmed is there once and whole, what was not is there whole or not at all. */

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'portal-power-cut-')))
const children = new Set<ChildProcess>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
  for (const pid of serversIn(folder)) process.kill(pid, 'SIGKILL')
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

const onMariadb = {
  skip: spawnSync('sh', ['-c', 'PATH="$PATH:/usr/sbin" command -v mariadbd']).status !== 0 && '这台机器没有安装 MariaDB',
}

test('kill -9 of the portal, twice during 200 decisions: no case is half decided', async () => {
  const { db, url, close } = await openSchema('power_cut')
  const { desk, officers, past } = await prepare(db, 100)
  let portal = await startPortal(url)
  const agents = await signIn(portal, officers)

  for (const cut of [70, 140]) {
    const power = { until: cut, cut: () => portal.child.kill('SIGKILL') }
    await Promise.all(agents.map(agent => decide(agent, desk, power)))
    assert.equal(await portal.ended, null)
    assert.ok(desk.confirmed.size >= cut && desk.left.length > 0)

    assert.deepEqual(await faultsOf(db, desk, past), [], `after the cut at ${cut}`)

    portal = await startPortal(url)
    for (const agent of agents) agent.base = portal.base
  }
  await Promise.all(agents.map(agent => decide(agent, desk)))

  assert.equal(desk.confirmed.size, 200)
  assert.deepEqual(await faultsOf(db, desk, past), [])
  portal.child.kill('SIGTERM')
  assert.equal(await portal.ended, 0)
  await close()
})

test('kill -9 of the database during 100 decisions: the portal goes on when it is back', onMariadb, async () => {
  const { startPrivateDatabase } = await import('../src/database/private.ts')
  const { openPool } = await import('../src/db.ts')
  const { migrateToLatest } = await import('../src/database/migrate.ts')
  // Made without waiting for the disk; then as it is used.
  const quick = await startPrivateDatabase(folder, { test: true })
  const making = openPool(quick.url)
  await migrateToLatest(making)
  const { desk, officers, past } = await prepare(making, 50)
  await making.destroy()
  await quick.stop()
  const said: string[] = []
  const database = await startPrivateDatabase(folder, { report: sentence => said.push(sentence) })
  const portal = await startPortal(database.url)
  const agents = await signIn(portal, officers)
  const [server] = serversIn(folder)
  assert.ok(server)

  const power = { until: 40, cut: () => process.kill(server, 'SIGKILL') }
  await Promise.all(agents.map(agent => decide(agent, desk, power)))
  await until(() => said.length === 2)
  await until(async () => (await fetch(`${portal.base}/ready`)).status === 200)

  const db = openPool(database.url)
  assert.ok(desk.left.length > 0)
  assert.deepEqual(await faultsOf(db, desk, past), [], 'after the cut')
  await Promise.all(agents.map(agent => decide(agent, desk)))
  assert.equal(desk.confirmed.size, 100)
  assert.deepEqual(await faultsOf(db, desk, past), [])
  assert.deepEqual(said, ['数据库意外中断，正在恢复。已保存的数据不受影响。', '数据库已恢复。'])
  portal.child.kill('SIGTERM')
  assert.equal(await portal.ended, 0)
  await db.destroy()
  await database.stop()
})

/** Cases to be decided, and what the portal has said of them. */
interface Desk {
  left: number[]
  /** What an officer has pressed and heard nothing of; they press again, because it may have been done. */
  unsure: Map<Agent, number[]>
  versions: Map<number, number>
  confirmed: Set<number>
  /** Answers that were neither yes nor the honest word that the database is away. */
  odd: string[]
}

/** As many cases of the trial as of the real kind at the desk of the approvers, and officers to decide them. */
async function prepare(
  db: Knex,
  each: number,
): Promise<{ desk: Desk; officers: string[]; past: import('./case-checks.ts').Past }> {
  await import('../src/modules/index.ts')
  const { findKind, registerKinds, standardOf } = await import('../src/cases/kind.ts')
  const { writePast } = await import('./case-checks.ts')
  const { trial, trialAnswers } = await import('./case-kind.ts')
  const rows = await import('./case-rows.ts')
  if (!findKind(trial.code)) registerKinds(trial)
  const real = findKind('qualification-new')
  assert.ok(real)
  for (const role of ['city-clerk', 'city-reviewer'] as const) await rows.writeOfficers(db, { role, count: 1 })
  await rows.writeOfficers(db, { role: 'district-clerk', count: 1, region: '370102' })
  const officers = await rows.writeOfficers(db, { role: 'city-approver', count: 10 })
  const companies = await rows.writeCompanies(db, { count: each, district: '370102' })
  const write = async (plan: Pick<import('./case-rows.ts').Plan, 'kind' | 'answers'>, place: string) =>
    await rows.writeCases(db, { ...plan, companies, way: () => rows.waysThrough(standardOf(plan.kind))[place] ?? [] })
  const { made: ids, past } = await writePast(db, async () => [
    ...(await write({ kind: trial, answers: (_company, at) => trialAnswers(at) }, 'approval')),
    ...(await write({ kind: real, answers: rows.qualificationAnswers }, 'city-approver')),
  ])
  const found: { id: number; version: number }[] = await db('cases').whereIn('id', ids).select('id', 'version')
  // By turns the one kind and the other.
  const left = ids.slice(0, each).flatMap((id, at) => [id, ids[each + at] ?? 0])
  const versions = new Map(found.map(({ id, version }) => [id, version]))
  return { desk: { left, unsure: new Map(), versions, confirmed: new Set(), odd: [] }, officers, past }
}

/** Decides one case after the other until none is left, or the power is cut. */
async function decide(agent: Agent, desk: Desk, power?: { until: number; cut(): void; isOff?: boolean }): Promise<void> {
  while (!power?.isOff) {
    const unsure = desk.unsure.get(agent) ?? []
    desk.unsure.set(agent, unsure)
    const id = unsure.shift() ?? desk.left.shift()
    if (!id) return
    const fields = { action: 'pass', version: String(desk.versions.get(id)), opinion: '同意批准。' }
    const answer = await agent.post(`/desk/cases/${id}/steps`, fields).catch(() => undefined)
    if (answer?.status === 303 && answer.location === `/desk/cases/${id}`) desk.confirmed.add(id)
    else unsure.push(id)
    if (answer && answer.status !== 303 && answer.status !== 503) desk.odd.push(`${answer.status} for ${id}`)
    if (answer?.status !== 303 && !power) return
    if (!power || power.isOff || desk.confirmed.size < power.until) continue
    power.isOff = true
    power.cut()
  }
}

/** Everything that is not as it must be: in the tables, in the numbers, and beside what was confirmed. */
async function faultsOf(db: Knex, desk: Desk, past: import('./case-checks.ts').Past): Promise<string[]> {
  const { caseFaults, numberFault } = await import('./case-checks.ts')
  const { today } = await import('../src/clock.ts')
  const passed: { case_id: number; n: number }[] = await db('case_history')
    .whereNotBetween('id', [...past])
    .where({ step: 'pass' })
    .groupBy('case_id')
    .select('case_id')
    .count({ n: '*' })
  const times = new Map(passed.map(({ case_id, n }) => [case_id, n]))
  return [
    ...desk.odd,
    ...[...desk.confirmed]
      .filter(id => times.get(id) !== 1)
      .map(id => `case ${id} was confirmed and decided ${times.get(id) ?? 0} times`),
    ...passed.filter(({ n }) => n > 1).map(({ case_id }) => `case ${case_id} was decided twice`),
    ...(await caseFaults(db, past)),
    ...[await numberFault(db, `试核〔${today().slice(0, 4)}〕`)].filter(fault => fault !== undefined),
  ]
}

interface Portal {
  base: string
  child: ChildProcess
  ended: Promise<number | null>
}

/** The portal on a database, in a process of its own. */
async function startPortal(url: string): Promise<Portal> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/case-portal.ts'], {
    env: { ...process.env, DATABASE_URL: url, DEMO_SIZE: '0', PORT: '0', HOST: '127.0.0.1', NODE_ENV: 'test' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  let said = ''
  const base = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (piece: Buffer) => {
      said += piece
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)
      if (found) resolve(found[0])
    })
    void ended.then(code => reject(new Error(`the portal ended with ${code}: ${said}`)))
  })
  return { base, child, ended }
}

async function signIn({ base }: Portal, usernames: readonly string[]): Promise<Agent[]> {
  return await Promise.all(
    usernames.map(async username => {
      const agent = new Agent(base)
      assert.equal((await agent.post('/login', { username, password: 'Wuye@2026' })).status, 303)
      return agent
    }),
  )
}

/** The process numbers of the servers whose data lie below `dir`. */
function serversIn(dir: string): number[] {
  return fs
    .readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && commandLine(name).some(word => word.startsWith(`--datadir=${dir}/`)))
    .map(Number)
}

function commandLine(pid: string): string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return [] // It has ended meanwhile.
  }
}

async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  const began = Date.now()
  while (!(await claim())) {
    assert.ok(Date.now() - began < 30_000, `still waiting after 30 s: ${claim}`)
    await sleep(10)
  }
}
