import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { Knex } from 'knex'
import { readSheet } from 'read-excel-file/node'
import { see } from './list-rows.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

const { blindIndex, decrypt, encrypt } = await import('../src/crypto.ts')
const { nameKey } = await import('../src/database/names.ts')
const { today } = await import('../src/clock.ts')
const { maskName } = await import('../src/lists/masks.ts')
const { rebuildTerms } = await import('../src/lists/rebuild.ts')
const { archiveLists } = await import('../src/modules/archives/lists/index.ts')
const { archiveTerms } = await import('../src/modules/archives/terms.ts')

/** The lists of the archives over the demo city: who sees what, what they find, what they hide, what leaves. */

let portal: TestPortal
let db: Knex
const agents = new Map<string, Agent>()
const as = async (username: string) => {
  const agent = agents.get(username) ?? (await portal.as(username))
  agents.set(username, agent)
  return agent
}
const codes = archiveLists.map(({ code }) => code)
const offices = ['city-clerk', 'district-clerk', 'street-clerk'] as const
const own = { lixia: '370102', shizhong: '370103' } as const

before(async () => {
  portal = await startPortal({ demo: true })
  db = portal.db
  await givenResidents()
})
after(() => portal.stop())

/** Two in each of the first houses of both districts, one of whom has moved away. */
async function givenResidents() {
  for (const district of Object.values(own)) {
    const houses: { id: number; project_id: number }[] = await db('houses')
      .join('projects', 'projects.id', 'houses.project_id')
      .where({ 'projects.district_code': district })
      .orderBy('houses.id')
      .limit(15)
      .select('houses.id', 'houses.project_id')
    const at = new Date()
    const rows = houses.flatMap(({ id, project_id }, place) =>
      ['租客甲', '旧客乙'].map((name, kind) => {
        const phone = `139${district.slice(-2)}${String(place).padStart(2, '0')}${kind}001`
        return {
          house_id: id,
          project_id,
          name,
          name_key: nameKey(name, true),
          relation: kind ? 'family' : 'tenant',
          phone_cipher: encrypt('residents.phone', phone),
          phone_index: blindIndex('residents.phone', phone),
          phone_last4: phone.slice(-4),
          source: 'office',
          starts_on: '2024-01-01',
          ends_on: kind ? '2025-01-01' : null,
          created_at: at,
          updated_at: at,
        }
      }),
    )
    await db('residents').insert(rows)
  }
}

/** How many rows a list says it has. */
async function total(agent: Agent, question: string): Promise<number> {
  const { status, count } = await see(agent, `/desk/lists/${question}${question.includes('?') ? '&' : '?'}count=exact&size=10`)
  assert.equal(status, 200, question)
  return Number(String(count ?? '0').replace(/,/g, ''))
}

/** All rows of a list as data. */
async function rowsOf(agent: Agent, question: string): Promise<Record<string, unknown>[]> {
  const [code = '', query = ''] = question.split('?')
  const answer = await agent.get(`/desk/lists/${code}/export.json${query && `?${query}`}`)
  assert.equal(answer.status, 200, question)
  return JSON.parse(answer.text).rows
}

async function countOf(query: Knex.QueryBuilder): Promise<number> {
  const row: { n: number } | undefined = await query.count({ n: '*' }).first()
  return Number(row?.n)
}

// Who sees what: counted a second time, in SQL that is written from the law and not from the lists

const districtOf = (district: string): Record<string, () => Knex.QueryBuilder> => {
  const inProject = (table: string) =>
    db(table).join('projects', 'projects.id', `${table}.project_id`).where({ 'projects.district_code': district })
  const companiesThere = () => db('company_areas').where({ region_code: district }).select('company_id')
  return {
    companies: () => db('companies').whereIn('id', companiesThere()),
    branches: () => db('companies').whereIn('id', companiesThere()).whereNot({ origin: 'city' }),
    projects: () => db('projects').where({ district_code: district }),
    buildings: () => inProject('buildings'),
    houses: () => inProject('houses'),
    owners: () => inProject('owners'),
    residents: () => inProject('residents'),
    people: () => db('people').whereIn('id', db('employments').whereIn('company_id', companiesThere()).select('person_id')),
    developers: () =>
      db('developers')
        .join('organisations', 'organisations.id', 'developers.id')
        .where(either =>
          either
            .where({ district_code: district })
            .orWhereIn('developers.id', db('projects').where({ district_code: district }).select('developer_id')),
        ),
  }
}

for (const [username, district] of [
  ['district-clerk', own.lixia],
  ['district2-clerk', own.shizhong],
] as const)
  test(`${username} sees exactly what lies in ${district}`, async () => {
    for (const code of codes) {
      const expected = await countOf(districtOf(district)[code]?.() ?? db(code))
      assert.ok(expected > 0 || code === 'branches', code)
      assert.equal(await total(await as(username), code), expected, code)
    }
  })

test('the city sees all of it, a street its projects, a company what it serves, a developer what it built', async () => {
  for (const code of codes) {
    const all = code === 'branches' ? db('companies').whereNot({ origin: 'city' }) : db(code)
    assert.equal(await total(await as('city-clerk'), code), await countOf(all), code)
  }
  const user = (username: string) => db('users').where({ username }).first('id', 'organisation_id')
  const { region_code: street } = await db('user_roles')
    .where({ user_id: (await user('street-clerk')).id })
    .first('region_code')
  const there = db('projects').where({ street_code: street }).select('id')
  const { organisation_id: company } = await user('company')
  const linked = (...states: string[]) =>
    db('project_links').where({ company_id: company }).whereIn('state', states).select('project_id')
  const { organisation_id: developer } = await user('developer')
  const built = db('projects').where({ developer_id: developer }).select('id')
  for (const code of ['projects', 'buildings', 'houses', 'owners'])
    for (const [username, projects] of [
      ['street-clerk', there],
      // What it served once it may look up as it was on its last day, one by one; lists say how things are today.
      ['company', linked('linked')],
      ['developer', built],
    ] as const) {
      const expected = await countOf(db(code).whereIn(code === 'projects' ? 'id' : 'project_id', projects.clone()))
      assert.equal(await total(await as(username), code), expected, `${username} ${code}`)
    }
  assert.equal(
    await total(await as('company'), 'people'),
    await countOf(db('people').whereIn('id', db('employments').where({ company_id: company, live: 1 }).select('person_id'))),
  )
})

test('a company is not told whom its people work for now, nor can it ask where', async () => {
  const company = await as('company')
  const { organisation_id } = await db('users').where({ username: 'company' }).first('organisation_id')
  const [{ name: rival, id: rivalId }] = await db('organisations')
    .where({ kind: 'company' })
    .whereNot({ id: organisation_id })
    .limit(1)
  const person: { id: number } = await db('people')
    .join('employments', 'employments.person_id', 'people.id')
    .where({ company_id: organisation_id, live: 1, post: 'operative' })
    .first('people.id')
  await db('employments')
    .where({ person_id: person.id, live: 1 })
    .update({ state: 'left', ends_on: '2026-01-31', end_reason: 'resigned' })
  await db('employments').insert({
    person_id: person.id,
    company_id: rivalId,
    post: 'steward',
    state: 'employed',
    starts_on: '2026-02-01',
    created_at: new Date(),
    updated_at: new Date(),
  })
  const { text } = await company.get('/desk/lists/people/export.csv')
  assert.ok(!text.includes(rival))
  assert.deepEqual(await rowsOf(company, 'people?state=left&columns=name.state.company.post.ends_on'), [])
  const { number, phone } = { number: '370102198802020022', phone: '13800009911' }
  await db('people')
    .where({ id: person.id })
    .update({
      phone_cipher: encrypt('people.phone', phone),
      phone_index: blindIndex('people.phone', phone),
      phone_last4: phone.slice(-4),
      id_number_index: blindIndex('people.id_number', number),
    })
  for (const q of [phone, number]) {
    assert.deepEqual((await follow(company, `/desk/lists/people?q=${q}`)).ids, [], 'nobody who left is found')
    assert.deepEqual((await follow(await as('city-clerk'), `/desk/lists/people?q=${q}`)).ids, [person.id])
  }
  // Their page stands still, and stays open to the company.
  assert.equal((await company.get(`/desk/people/${person.id}`)).status, 200)
  assert.equal(
    await total(company, 'people?post=steward'),
    await countOf(db('employments').where({ company_id: organisation_id, live: 1, post: 'steward' })),
  )
  const { text: page } = await company.get('/desk/lists/people')
  assert.ok(!/name="district"/.test(page) && !/name="street"/.test(page))
  assert.equal((await company.get('/desk/lists/people?district=370103')).status, 422)
})

test('a company that served a project once has it in no list, file, search or map, and its page still opens', async () => {
  const former: { id: number; name: string; company_id: number } = await db('project_links')
    .join('projects', 'projects.id', 'project_links.project_id')
    .where({ 'project_links.state': 'ended' })
    .whereIn('company_id', db('users').where({ username: 'company2' }).select('organisation_id'))
    .whereNotExists(
      db('project_links as now')
        .whereRaw('now.project_id = projects.id and now.company_id = project_links.company_id')
        .where({ 'now.state': 'linked' })
        .select(db.raw('1')),
    )
    .first('projects.id', 'projects.name', 'company_id')
  const company = await as('company2')
  assert.equal((await company.get(`/desk/projects/${former.id}`)).status, 200)
  await db('projects').where({ id: former.id }).update({ longitude: 117.1, latitude: 36.6 })
  const q = encodeURIComponent(former.name)
  for (const address of [
    '/desk/lists/projects/export.json?columns=name.company.contract.contract_from.fee.fund_balance.occupied_count',
    '/desk/lists/projects/print',
    '/desk/lists/buildings/export.json?columns=name.project',
    '/desk/projects/map',
    '/desk/projects/map/points',
  ]) {
    const { status, text } = await company.get(address)
    assert.equal(status, 200, address)
    assert.ok(!text.includes(former.name), address)
  }
  assert.deepEqual((await see(company, `/desk/lists/projects?q=${q}`)).ids, [])
  assert.ok(!(await company.get(`/desk/search?q=${q}`)).text.includes(`/desk/projects/${former.id}"`))
})

test('nobody else opens them, and organisations have no list of organisations', async () => {
  for (const username of ['system-admin', 'business-admin', 'editor', 'owner'])
    for (const code of codes)
      assert.equal((await (await as(username)).get(`/desk/lists/${code}`)).status, 403, `${username} ${code}`)
  for (const code of ['companies', 'branches', 'developers'])
    assert.equal((await (await as('company')).get(`/desk/lists/${code}`)).status, 403, code)
  assert.equal((await (await as('developer')).get('/desk/lists/people')).status, 403)
})

test('every row leads to a page its reader may open', async () => {
  for (const username of [...offices, 'supervisor', 'company', 'developer', 'committee'])
    for (const { code, roles } of archiveLists) {
      const agent = await as(username)
      const { role } = await db('users').join('user_roles', 'user_roles.user_id', 'users.id').where({ username }).first('role')
      if (!(roles as readonly string[]).includes(role)) continue
      const { text, rows } = await see(agent, `/desk/lists/${code}?size=10`)
      if (!rows.length) continue
      const href = /<th scope="row">\s*<a href="([^"]*)"/.exec(text)?.[1] ?? /<tbody>[\s\S]*?<a href="([^"]*)"/.exec(text)?.[1]
      assert.equal((await agent.get(href ?? '')).status, 200, `${username} ${code} ${href}`)
    }
})

// What they find

/** Filters, and the rows they should leave, in other SQL. */
const filters: [question: string, expected: () => Knex.QueryBuilder][] = [
  ['companies?level=second', () => db('certificates').where({ level: 'second', state: 'valid' })],
  ['companies?level=none', () => db('companies').whereNotIn('id', db('certificates').where({ state: 'valid' }).select('company_id'))],
  ['companies?district=370102', () => db('organisations').where({ kind: 'company', district_code: '370102' })],
  ['companies?serving=370103', () => db('companies').whereIn('id', db('project_links').join('projects', 'projects.id', 'project_id').where({ live: 1, district_code: '370103' }).select('company_id'))],
  ['companies?served=no', () => db('companies').whereNotIn('id', db('project_links').where({ state: 'linked' }).select('company_id'))],
  ['companies?staffed=yes', () => db('employments').where({ live: 1 }).countDistinct('company_id as m').select(db.raw('1')).groupBy('company_id')],
  ['companies?capital_from=500&capital_to=1000', () => db('companies').whereBetween('capital', [500, 1000])],
  ['branches?origin=elsewhere', () => db('companies').where({ origin: 'elsewhere' })],
  ['developers?expiring=past', () => db('developers').where('qualification_until', '<', today())],
  ['projects?stage=unmanaged', () => db('projects').where({ stage: 'unmanaged' })],
  ['projects?served=no', () => db('projects').whereNotIn('id', db('project_links').where({ state: 'linked' }).select('project_id'))],
  ['projects?formed=yes', () => db('committees').whereNot({ state: 'cancelled' })],
  ['projects?contracted=yes', () => db('projects').whereIn('id', db('contracts').where({ state: 'filed' }).where('starts_on', '<=', today()).where('ends_on', '>=', today()).select('project_id'))],
  ['projects?old=yes&stage=selected', () => db('projects').where({ is_old: 1, stage: 'selected' })],
  ['projects?area_from=100000', () => db('projects').where('floor_area', '>=', 100_000)],
  ['projects?placed=no', () => db('projects').whereNull('longitude')],
  ['buildings?building_type=underground', () => db('buildings').where({ building_type: 'underground' })],
  ['houses?state=vacant&purpose=residence', () => db('houses').where({ state: 'vacant', purpose: 'residence' })],
  ['houses?area_from=120&area_to=140', () => db('houses').whereBetween('floor_area', [120, 140])],
  ['people?state=left', () => db('people').whereNotIn('id', db('employments').whereNot({ state: 'left' }).select('person_id'))],
  ['people?state=disputed', () => db('employments').where({ state: 'disputed' })],
  ['people?post=project-manager', () => db('people').whereIn('id', db('employments').where({ post: 'project-manager' }).select('person_id'))],
  ['people?title=senior', () => db('people').where({ title: 'senior' })],
  ['people?expiring=past', () => db('people').where('credential_until', '<', today())],
  ['people?district=370103', () => db('people').whereIn('id', db('employments').join('company_areas', 'company_areas.company_id', 'employments.company_id').where({ live: 1, region_code: '370103' }).select('person_id'))],
  ['owners?id_type=credit-code', () => db('owners').where({ id_type: 'credit-code' })],
  ['owners?standing=before', () => db('owners').whereNotNull('ends_on')],
  ['residents?standing=now', () => db('residents').whereNull('ends_on')],
  ['residents?relation=tenant', () => db('residents').where({ relation: 'tenant' })],
] // biome-ignore format: a table

test('filters leave the rows they promise', async () => {
  const city = await as('city-clerk')
  for (const [question, expected] of filters) {
    const rows = await expected().clone()
    const n = question.includes('staffed') ? rows.length : await countOf(expected())
    assert.equal(await total(city, question), n, question)
  }
})

test('the last contract decides when the service ends', async () => {
  const city = await as('city-clerk')
  const found = await rowsOf(city, 'projects?ending=past&columns=name.contract_until')
  assert.ok(found.length)
  for (const { contract_until } of found) assert.ok(String(contract_until) < today())
  const projects: { id: number }[] = await db('contracts').where({ state: 'filed' }).groupBy('project_id').having(db.raw('max(ends_on) < ?', [today()])).select('project_id as id') // biome-ignore format: one question
  assert.equal(found.length, projects.length)
})

test('counts above a list are those its filter leads to, under the other conditions', async () => {
  for (const question of [
    'companies?q=物业',
    'projects?district=370102',
    'people?gender=female',
    'people?title=none',
    'houses?purpose=shop',
  ]) {
    const city = await as('city-clerk')
    const { text } = await see(city, `/desk/lists/${question}`)
    const groups = /<nav class="groups"[^>]*>([\s\S]*?)<\/nav>/.exec(text)?.[1] ?? ''
    const links = [...groups.matchAll(/<a href="([^"]*)"[^>]*>([^<]*?)\s*<span class="count">([^<]*)</g)]
    assert.ok(links.length > 1, question)
    for (const [, href = '', label, count = ''] of links) {
      const n = await total(city, href.replaceAll('&amp;', '&').replace('/desk/lists/', ''))
      assert.equal(count, n > 1000 ? '1,000+' : new Intl.NumberFormat('zh-CN').format(n), `${question} ${label}`)
    }
  }
})

test('a list can be narrowed to one company, project, building or house, and only to one in sight', async () => {
  const city = await as('city-clerk')
  const link: { project_id: number; company_id: number } = await db('project_links')
    .join('projects', 'projects.id', 'project_id')
    .where({ live: 1, district_code: own.lixia })
    .whereNotIn('company_id', db('company_areas').where({ region_code: own.shizhong }).select('company_id'))
    .first('project_id', 'company_id')
  const house: { id: number; building_id: number } = await db('houses')
    .where({ project_id: link.project_id })
    .first('id', 'building_id')
  for (const [question, expected] of [
    [`projects?company=${link.company_id}`, db('project_links').where({ company_id: link.company_id, live: 1 })],
    [`people?company=${link.company_id}`, db('employments').where({ company_id: link.company_id, live: 1 })],
    [`people?project=${link.project_id}`, db('employments').where({ project_id: link.project_id, live: 1 })],
    [`buildings?project=${link.project_id}`, db('buildings').where({ project_id: link.project_id })],
    [`houses?building=${house.building_id}`, db('houses').where({ building_id: house.building_id })],
    [`owners?house=${house.id}`, db('owners').where({ house_id: house.id })],
  ] as const)
    assert.equal(await total(city, question), await countOf(expected), question)
  const { name } = await db('projects').where({ id: link.project_id }).first('name')
  assert.match((await city.get(`/desk/lists/houses?project=${link.project_id}`)).text, new RegExp(`项目：${name}`))
  const other = await as('district2-clerk')
  assert.equal((await other.get(`/desk/lists/houses?project=${link.project_id}`)).status, 422)
  assert.equal((await other.get(`/desk/lists/people?company=${link.company_id}`)).status, 422)
  assert.equal((await other.get("/desk/lists/houses?project=1'or'1")).status, 422)
})

test('companies are found by name, former name, code, certificate, pinyin and initials; people by certificate', async () => {
  const city = await as('city-clerk')
  const [company] = await db('organisations').where({ kind: 'company' }).join('certificates', 'certificates.company_id', 'organisations.id').where({ live: 1 }).limit(1).select('organisations.id', 'organisations.name', 'organisations.code', 'certificates.number') // biome-ignore format: one question
  await db('changes').insert({
    at: new Date(),
    table_name: 'organisations',
    row_id: company.id,
    field: 'name',
    before: '济南旧时明月物业有限公司',
    after: company.name,
  })
  const source = Object.fromEntries(archiveTerms).companies
  assert.ok(source)
  await rebuildTerms('companies', source, () => undefined)
  const root = company.name.replace(/^济南|(物业|城市).*$/g, '')
  const initials = nameKey(root).split(' ').map(syllable => syllable[0]).join('') // biome-ignore format: one step
  for (const words of [
    company.name,
    root,
    company.code,
    company.code.slice(4, 12),
    company.number,
    '旧时明月物业',
    initials,
    `${root} 物业`,
  ]) {
    const found = await rowsOf(city, `companies?q=${encodeURIComponent(words)}&columns=name`)
    assert.ok(
      found.some(({ name }) => name === company.name),
      words,
    )
  }
  const person = await db('people').whereNotNull('credential_number').first('name', 'credential_number')
  const people = Object.fromEntries(archiveTerms).people
  assert.ok(people)
  await rebuildTerms('people', people, () => undefined)
  const [found, ...others] = await rowsOf(city, `people?q=${encodeURIComponent(person.credential_number)}`)
  assert.deepEqual([found?.name, others.length], [person.name, 0])
})

test('an index that was wrecked is made anew as it was', async () => {
  for (const [scope, source] of archiveTerms) {
    await rebuildTerms(scope, source, () => undefined)
    const whole = await db('search_terms').where({ scope }).orderBy(['term', 'doc_id']).select('term', 'doc_id')
    assert.ok(whole.length > 100, scope)
    await db('search_terms').where({ scope }).whereRaw('doc_id % 3 = 0').delete()
    await db('search_terms').insert({ scope, term: '废', doc_id: 999_999_999 })
    const { changed } = await rebuildTerms(scope, source, () => undefined)
    assert.ok(changed > 1)
    assert.deepEqual(await db('search_terms').where({ scope }).orderBy(['term', 'doc_id']).select('term', 'doc_id'), whole, scope)
  }
})

test('what a list calls things can be searched for, and an odd word never breaks one', async () => {
  const city = await as('city-clerk')
  for (const list of archiveLists)
    for (const words of [
      '在职',
      '操作',
      '三级',
      '住宅',
      '历下',
      '一级 历下',
      '现业主',
      '承租人',
      "%a_'",
      'a',
      '9137',
      '2号楼 在职',
    ])
      assert.equal(
        (await city.get(`/desk/lists/${list.code}?q=${encodeURIComponent(words)}`)).status,
        200,
        `${list.code} ${words}`,
      )
  for (const [question, expected] of [
    ['people?q=正高', db('people').where({ title: 'senior' })],
    ['projects?q=失管', db('projects').where({ stage: 'unmanaged' })],
    ['houses?q=空置', db('houses').where({ state: 'vacant' })],
  ] as const)
    assert.equal(await total(city, question), Math.min(await countOf(expected), 2000), question)
})

test('a house is found by its project and number together', async () => {
  const house = await db('houses').join('projects', 'projects.id', 'houses.project_id').where({ 'projects.district_code': own.lixia }).first('houses.id', 'houses.name', 'projects.name as project') // biome-ignore format: one question
  const { ids } = await see(
    await as('district-clerk'),
    `/desk/lists/houses?q=${encodeURIComponent(`${house.project} ${house.name}`)}`,
  )
  assert.ok(ids.includes(house.id))
  const elsewhere = await see(await as('district2-clerk'), `/desk/lists/houses?q=${encodeURIComponent(house.project)}`)
  assert.ok(!elsewhere.ids.includes(house.id))
})

// What they hide

test('an ID or telephone number finds as a whole, only within sight, and stands in no address', async () => {
  const rows: { table: 'people' | 'owners'; id: number; id_number: string; phone: string }[] = []
  for (const table of ['people', 'owners'] as const) {
    const query = districtOf(own.lixia)[table]?.() ?? db(table)
    const row = await query.whereNotNull(`${table}.phone_cipher`).where(`${table}.id_number_last4`, '<>', '').first(`${table}.*`)
    rows.push({ table, id: row.id, id_number: decrypt(`${table}.id_number`, row.id_number_cipher), phone: decrypt(`${table}.phone`, row.phone_cipher) }) // biome-ignore format: one row
  }
  for (const { table, id, id_number, phone } of rows)
    for (const number of [id_number, phone]) {
      const found = await follow(await as('district-clerk'), `/desk/lists/${table}?q=${number}`)
      assert.ok(found.ids.includes(id), `${table} ${number}`)
      assert.ok(!found.address.includes(number) && !found.text.includes(`q=${number}`))
      assert.deepEqual((await follow(await as('district-clerk'), `/desk/lists/${table}?q=${number.slice(0, -1)}`)).ids, [])
    }
  const resident = await follow(await as('district-clerk'), '/desk/lists/residents?q=13902000001')
  assert.equal(resident.ids.length, 1)
  assert.deepEqual((await follow(await as('district2-clerk'), '/desk/lists/residents?q=13902000001')).ids, [])
})

test('whatever a list finds only as a whole is kept out of addresses, files, logs and saved views', async () => {
  const clerk = await as('district-clerk')
  for (const number of ['E12345678', '0531-88889999', '053188889999'])
    for (const list of ['owners', 'residents', 'people']) {
      const { location = '' } = await clerk.get(`/desk/lists/${list}?q=${number}`)
      assert.match(location ?? '', /q=(~|%7E)v1\./, `${list} ${number}`)
      const query = new URL(location ?? '', 'http://portal').search
      for (const way of ['export.json', 'print']) {
        const { status, text } = await clerk.get(`/desk/lists/${list}/${way}${query}`)
        assert.equal(status, 200)
        assert.ok(text.includes('搜索：') && !text.includes(number), `${list} ${way} ${number}`)
      }
      await clerk.post(`/desk/lists/${list}/views`, { name: `${list} ${number.length}`, query: query.slice(1) })
    }
  const kept = JSON.stringify([await db('action_log').select('detail'), await db('list_views').select('query', 'words')])
  assert.ok(!/E12345678|88889999/.test(kept))
  assert.ok((await db('list_views')).length > 0)
  assert.match((await clerk.get('/desk/search?q=E12345678')).location ?? '', /q=(~|%7E)v1\./)
  // No list of projects finds a number of a person, so there it is a word like others.
  assert.equal((await clerk.get('/desk/lists/projects?q=E12345678')).status, 200)
})

/** Opens a list as a browser does that follows a redirect. */
async function follow(agent: Agent, address: string) {
  const { location } = await agent.get(address)
  return { ...(await see(agent, location ?? address)), address: location ?? address }
}

test('no list and no file of one holds a full ID or telephone number, or the name of an owner', async () => {
  const opened = async (table: string, column: string) => {
    const ciphers: (string | null)[] = await db(table).limit(400).pluck(`${column}_cipher`)
    return ciphers.flatMap(cipher => (cipher ? [decrypt(`${table}.${column}`, cipher)] : []))
  }
  const secrets = new Set(
    (
      await Promise.all([
        opened('people', 'id_number'),
        opened('people', 'phone'),
        opened('owners', 'id_number'),
        opened('owners', 'phone'),
        opened('residents', 'phone'),
        opened('companies', 'legal_person_id'),
        opened('companies', 'legal_person_phone'),
        opened('developers', 'legal_person_id'),
      ])
    ).flat(),
  )
  for (const list of archiveLists) {
    const all = `columns=${list.columns.map(({ name }) => name).join('.')}`
    const page = await (await as('city-clerk')).get(`/desk/lists/${list.code}?${all}&size=100`)
    assert.equal(page.status, 200, list.code)
    const narrowed = ['owners', 'houses', 'people'].includes(list.code) ? '&district=370102' : ''
    const { text: file } = await (await as('city-clerk')).get(`/desk/lists/${list.code}/export.csv?${all}${narrowed}`)
    for (const text of [page.text, file]) {
      // Numbers of permits and certificates are long too, so what is looked for are those that are known.
      for (const number of text.match(/\d{11,17}[\dXx]?/g) ?? []) assert.ok(!secrets.has(number), `${list.code} shows ${number}`)
      assert.ok(!/v1\.\w+\.[\w-]{20}/.test(text), `${list.code} shows a ciphertext`)
    }
    if (list.code === 'owners' || list.code === 'residents') {
      const rows = await rowsOf(await as('city-clerk'), `${list.code}?district=370102`)
      assert.ok(rows.length)
      for (const { name } of rows) assert.equal(String(name), maskName(String(name)), list.code)
    }
  }
})

// What the database keeps beside a row

test('what lies in a project goes along when another street manages it', async () => {
  const trx = await db.transaction()
  try {
    const project = await trx('projects')
      .where({ district_code: own.lixia })
      .whereIn('id', trx('residents').select('project_id'))
      .first('id')
    const { street_code } = await trx('projects').where({ district_code: own.shizhong }).first('street_code')
    await trx('projects').where({ id: project.id }).update({ district_code: own.shizhong, street_code })
    for (const table of ['buildings', 'houses', 'owners', 'residents']) {
      const regions = await trx(table).where({ project_id: project.id }).distinct('district_code', 'street_code')
      assert.deepEqual(regions, [{ district_code: own.shizhong, street_code }], table)
    }
    const building = await trx('buildings').where({ project_id: project.id }).first()
    const { id: _id, live: _live, ...copy } = building
    const [id] = await trx('buildings').insert({ ...copy, name: '新楼', district_code: null, street_code: null })
    assert.equal((await trx('buildings').where({ id }).first('street_code')).street_code, street_code)
  } finally {
    await trx.rollback()
  }
})

test('the post beside a person is that of the employment they hold, wait for or held last', async () => {
  const faults = await db('people')
    .joinRaw(
      `left join employments on employments.id = (select e.id from employments e where e.person_id = people.id
       order by coalesce(e.live, 0) desc, if(e.state = 'left', 1, 0), e.starts_on desc, e.id desc limit 1)`,
    )
    .whereRaw(
      'not (people.job_id <=> employments.id and people.job_post <=> employments.post and people.job_state <=> employments.state)',
    )
    .select('people.id')
  assert.deepEqual(faults, [])
  const trx = await db.transaction()
  try {
    const job = await trx('employments').where({ live: 1 }).first('id', 'person_id')
    const stateOf = async () => (await trx('people').where({ id: job.person_id }).first('job_state', 'job_post')) // biome-ignore format: one step
    await trx('employments').where({ id: job.id }).update({ state: 'leaving', post: 'steward' })
    assert.deepEqual({ ...(await stateOf()) }, { job_state: 'leaving', job_post: 'steward' })
    await trx('employments').where({ person_id: job.person_id }).delete()
    assert.deepEqual({ ...(await stateOf()) }, { job_state: null, job_post: null })
  } finally {
    await trx.rollback()
  }
})

// What leaves

/** A cell of a workbook as the screen writes it. */
function onScreen(value: unknown, heading: string): string {
  if (value === null || value === undefined) return ''
  if (value instanceof Date) return heading.endsWith('时间') ? '' : value.toISOString().slice(0, 10)
  if (typeof value !== 'number') return String(value)
  const digits = /㎡|万元|%/.test(heading) ? 2 : 0
  return value.toLocaleString('zh-CN', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

test('the workbook says what the screen says, read by another program', async () => {
  const city = await as('city-clerk')
  for (const { code } of archiveLists) {
    const question = `${code}?size=100${code === 'houses' || code === 'owners' || code === 'people' ? '&district=370102' : ''}`
    const screen = await see(city, `/desk/lists/${question}`)
    const file = await workbookOf(city, question)
    const [heads = [], ...rows] = await readSheet(file)
    assert.deepEqual(heads.map(String), screen.heads, code)
    assert.deepEqual(
      rows.slice(0, screen.rows.length).map(row => row.map((cell, at) => onScreen(cell, screen.heads[at] ?? ''))),
      screen.rows,
      code,
    )
    assert.ok(screen.rows.length && /\p{Script=Han}/u.test(String(rows[0]?.[0])), code)
  }
})

async function workbookOf(agent: Agent, question: string): Promise<Buffer> {
  const [code = '', query = ''] = question.split('?')
  const answer = await agent.raw(`/desk/lists/${code}/export.xlsx?${query}`, {})
  assert.equal(answer.status, 200, question)
  return Buffer.from(await answer.arrayBuffer())
}

const soffice = '/usr/bin/soffice'
test('LibreOffice opens the workbook and reads the same', {
  skip: !fs.existsSync(soffice) && 'soffice is not here',
}, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-sheets-'))
  try {
    const city = await as('city-clerk')
    for (const code of ['projects', 'companies'])
      fs.writeFileSync(path.join(folder, `${code}.xlsx`), await workbookOf(city, code))
    const profile = `-env:UserInstallation=file://${folder}/profile`
    const files = ['projects', 'companies'].map(code => path.join(folder, `${code}.xlsx`))
    const csv = 'csv:Text - txt - csv (StarCalc):44,34,76,1'
    execFileSync(soffice, [profile, '--headless', '--convert-to', csv, '--outdir', folder, ...files], { stdio: 'ignore' })
    for (const code of ['projects', 'companies']) {
      const text = fs.readFileSync(path.join(folder, `${code}.csv`), 'utf8')
      const screen = await see(city, `/desk/lists/${code}?size=100`)
      const lines = text.replaceAll('"', '').split('\n')
      assert.equal(lines[0], screen.heads.join(','), code)
      for (const [at, row] of screen.rows.entries())
        for (const cell of row.filter(Boolean)) {
          const line = lines[at + 1] ?? ''
          assert.ok(line.includes(cell) || line.replaceAll(',', '').includes(cell.replaceAll(',', '').replace(/\.00$/, '')), `${code} ${at}: ${cell} in ${line}`) // biome-ignore format: one claim
        }
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
})
