import type { Knex } from 'knex'
import {
  type Cost,
  compare,
  end,
  Meter,
  measureExport,
  type Page,
  rowOf,
  type Server,
  sessionOf,
  shootAll,
  start,
} from './bench-tools.ts'
import { Agent } from './portal.ts'

/**
 * The part of `npm run bench` that is about archives, in demo cities of several sizes (100 is 6,000 companies, 24,000 projects,
 * 150,000 practitioners, 1,000,000 houses): lists at their beginning and 500 pages deep, filtered, searched by rare and by common
 * words, a page of each archive, the search over everything, the registers of certificates and inspections, and a file of all practitioners. One request at a time, because what
 * is asked is how long a person waits.
 */

const { openPool } = await import('../src/db.ts')
const { demoPassword } = await import('../seeds/accounts.ts')

type Row = Record<string, string | number>
interface Table {
  title: string
  rows: Row[]
  how: string
}

/** A demo city, its portal, and the bare handler beside it. */
interface Site {
  size: number
  db: Knex
  portal: Server
  bare: Server
}

const pressure = { connections: 1, duration: 3 }
const how = `一次一个请求，每项 ${pressure.duration} 秒`
/** 500 pages of 20 rows, walked in pages of 100. */
const steps = 100

/**
 * Measures each size in the schema of its demo city. The sizes take turns page by page, so that whatever else the machine does
 * meanwhile falls on all of them.
 * @returns the tables to print
 */
export async function measureArchives(url: string, sizes: readonly number[]): Promise<Table[]> {
  const sites: Site[] = []
  try {
    for (const size of sizes) sites.push(await open(url, size))
    const [any] = sites
    if (!any) return []
    const all = await Promise.all(sites.map(async site => (await pagesOf(site)).map((page, at) => ({ site, page, at }))))
    const byTurns = all.flat().sort((one, other) => one.at - other.at)
    const found = await shootAll(new Meter(any.db), byTurns.map(({ page }) => page), pressure) // biome-ignore format: one thought
    const costs = new Map(sites.map(site => [site, new Map<string, Cost>()]))
    for (const [at, { site, page }] of byTurns.entries()) {
      const cost = found[at]
      if (cost) costs.get(site)?.set(page.name, cost)
    }
    const names = [...new Set(byTurns.map(({ page }) => page.name))]
    const rows = names.flatMap(name =>
      sites.flatMap(site => {
        const [bare] = costs.get(site)?.values() ?? []
        const cost = costs.get(site)?.get(name)
        return bare && cost ? [rowOf(site.size, name, cost, bare)] : []
      }),
    )
    for (const { portal, size } of sites) {
      const agent = await signedIn(portal, 'city-clerk')
      rows.push(await measureExport({ portal, agent, size }, '从业人员导出 xlsx', '/desk/lists/people/export.xlsx'))
    }
    return [
      { title: '档案', rows, how },
      { title: `档案，${Math.max(...sizes)} 倍与 ${Math.min(...sizes)} 倍相比`, rows: compare(costs, sites), how },
    ]
  } finally {
    for (const { portal, bare, db } of sites) {
      await Promise.all([portal, bare].map(end))
      await db.destroy()
    }
  }
}

async function open(url: string, size: number): Promise<Site> {
  const at = new URL(url)
  at.pathname = `/bench_${size}`
  const admin = openPool(url, 1)
  await admin.raw('create database if not exists ?? character set utf8mb4 collate utf8mb4_unicode_520_ci', [`bench_${size}`])
  await admin.destroy()
  console.log(`演示城市 ${size} 倍：准备数据……`)
  const portal = await start(['src/server.ts'], { DATABASE_URL: at.href, DEMO_SIZE: String(size) })
  const db = openPool(at.href)
  await db.raw('analyze table companies, projects, houses, people, employments, owners, search_terms')
  return { size, db, portal, bare: await start(['test/bench-bare.ts'], { DATABASE_URL: at.href }) }
}

async function signedIn({ base }: Server, username: string): Promise<Agent> {
  const agent = new Agent(base)
  const answer = await agent.post('/login', { username, password: demoPassword })
  if (answer.status !== 303) throw new Error(`${username} could not sign in: ${answer.status}`)
  return agent
}

/** The pages to be measured, the bare one first. */
async function pagesOf({ db, portal, bare }: Site): Promise<Page[]> {
  const [city, district] = [await signedIn(portal, 'city-clerk'), await signedIn(portal, 'district-clerk')]
  const { sid, cookie } = sessionOf(city)
  const same = await city.get('/desk/lists/companies')
  await fetch(`${bare.base}/companies`, { method: 'POST', body: same.text, headers: { 'content-type': 'text/plain' } })
  const of = (agent: Agent, name: string, path: string): Page => ({
    name,
    server: portal,
    paths: [path],
    cookie: sessionOf(agent).cookie,
  })
  const page = (name: string, path: string) => of(city, name, path)
  const search = (name: string, path: string, words: string) => page(name, `${path}?q=${encodeURIComponent(words)}`)
  const deep = async (name: string, agent: Agent, path: string) => of(agent, name, await deepIn(agent, path))
  const company = await one(db('organisations').where({ kind: 'company' }), 'id', 'name')
  const project = await one(db('projects').where({ stage: 'selected' }), 'id', 'name')
  const person = await one(db('people'), 'id', 'name')
  const certificate = await one(db('certificates').where({ live: 1 }), 'id', 'number as name')
  return [
    { name: '同一企业列表，裸 Express 页面', server: bare, paths: [`/companies?sid=${encodeURIComponent(sid)}`], cookie },
    page('物业企业 20 行，市局', '/desk/lists/companies'),
    of(district, '物业企业 20 行，区县', '/desk/lists/companies'),
    page('物业企业，资质三级', '/desk/lists/companies?level=third'),
    search('物业企业，搜一家的名称', '/desk/lists/companies', company.name),
    search('物业企业，搜“物业”（几乎全中）', '/desk/lists/companies', '物业'),
    page('项目 20 行，市局', '/desk/lists/projects'),
    of(district, '项目 20 行，区县', '/desk/lists/projects'),
    page('项目，失管', '/desk/lists/projects?stage=unmanaged'),
    page('项目，合同 30 天内到期', '/desk/lists/projects?ending=30'),
    search('项目，搜一个的名称', '/desk/lists/projects', project.name),
    search('项目，搜“花园”', '/desk/lists/projects', '花园'),
    page('从业人员 20 行，市局', '/desk/lists/people'),
    of(district, '从业人员 20 行，区县', '/desk/lists/people'),
    page('从业人员，项目经理', '/desk/lists/people?post=project-manager'),
    await deep('从业人员，第 500 页，市局', city, '/desk/lists/people'),
    await deep('从业人员，第 500 页，区县', district, '/desk/lists/people'),
    search('从业人员，搜一个姓名', '/desk/lists/people', person.name),
    search('从业人员，搜“王”', '/desk/lists/people', '王'),
    page('房屋 20 行，市局', '/desk/lists/houses'),
    of(district, '房屋 20 行，区县', '/desk/lists/houses'),
    page('房屋，空置', '/desk/lists/houses?state=vacant'),
    await deep('房屋，第 500 页，市局', city, '/desk/lists/houses'),
    await deep('房屋，空置，第 500 页，区县', district, '/desk/lists/houses?state=vacant'),
    search('房屋，搜一个项目', '/desk/lists/houses', project.name),
    page('业主 20 行，市局', '/desk/lists/owners'),
    of(district, '业主 20 行，区县', '/desk/lists/owners'),
    page('企业档案页', `/desk/companies/${company.id}`),
    page('项目档案页', `/desk/projects/${project.id}`),
    page('人员档案页', `/desk/people/${person.id}`),
    search('全站搜索，一家企业', '/desk/search', company.name),
    search('全站搜索，“花园”', '/desk/search', '花园'),
    page('资质台账 20 行，市局', '/desk/lists/certificates'),
    of(district, '资质台账 20 行，区县', '/desk/lists/certificates'),
    page('资质台账，已换发', '/desk/lists/certificates?state=replaced'),
    search('资质台账，搜一家企业', '/desk/lists/certificates', company.name),
    page('将到期证书，市局', '/desk/lists/certificates-expiring'),
    page('年检台账 20 行，市局', '/desk/lists/inspections'),
    of(district, '年检台账 20 行，区县', '/desk/lists/inspections'),
    page('年检进度，市局', '/desk/inspections'),
    page('资质证书页', `/desk/certificates/${certificate.id}`),
    page('区域登记 20 行，市局', '/desk/lists/areas'),
    of(district, '区域登记 20 行，区县', '/desk/lists/areas'),
    page('前期招标 20 行，市局', '/desk/lists/tenders'),
    page('项目挂接 20 行，市局', '/desk/lists/links'),
    of(district, '项目挂接 20 行，区县', '/desk/lists/links'),
    page('合同台账 20 行，市局', '/desk/lists/contracts'),
    of(district, '合同台账 20 行，区县', '/desk/lists/contracts'),
    page('合同台账，即将到期', '/desk/lists/contracts?state=expiring'),
    page('项目下一步 20 行，市局', '/desk/lists/duties'),
    of(district, '项目下一步 20 行，区县', '/desk/lists/duties'),
    page('项目下一步，合同已到期', '/desk/lists/duties?step=lapsed'),
    page('项目看板，市局', '/desk/filings'),
    of(district, '项目看板，区县', '/desk/filings'),
    page('公众：小区查询', '/projects'),
    page('公众：小区页', `/projects/${project.id}`),
    page('公众：证书查询', '/certificates'),
    search('公众：搜一家企业', '/certificates', company.name),
    page('公众：行政许可决定', '/decisions'),
  ]
}

/** A row in the middle of a table. */
async function one(query: Knex.QueryBuilder, ...columns: string[]): Promise<{ id: number; name: string }> {
  const [{ n }] = await query.clone().count({ n: '*' })
  return await query
    .orderBy('id')
    .offset(Math.floor(Number(n) / 2))
    .first(columns)
}

/** The address of a page so many pages behind the first; the last one where there are fewer. */
async function deepIn(agent: Agent, path: string): Promise<string> {
  let address = `${path}${path.includes('?') ? '&' : '?'}size=100`
  for (let step = 0; step < steps; step++) {
    const next = /href="([^"]*)" rel="next"/.exec((await agent.get(address)).text)?.[1]
    if (!next) break
    address = next.replaceAll('&amp;', '&')
  }
  return address.replace('size=100', 'size=20')
}
