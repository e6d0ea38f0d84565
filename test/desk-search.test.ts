import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import { desktop, launch, phone, signIn, violations, visit } from './browser.ts'
import { givenOrganisation, see } from './list-rows.ts'
import { type Agent, openSchema, startPortal, type TestPortal } from './portal.ts'

/** One box over everything: who finds what, how numbers of persons are kept out of addresses, and how the terms are made anew. */

let portal: TestPortal
let city: Agent
let clerk: Agent
let admin: Agent

const idNumber = '370102199001010012'
const telephone = '13812345678'

before(async () => {
  portal = await startPortal({ demo: true })
  const { db } = portal
  await givenOrganisation(db, '济南清荷物业服务有限公司', { region: '370102', code: '91370102MA3CQ0XX1K' })
  await givenOrganisation(db, '山东清荷园林有限公司', { region: '370103' })
  for (let n = 1; n <= 6; n++) await givenOrganisation(db, `连珠第${'一二三四五六'[n - 1]}物业服务中心`, { region: '370102' })
  await givenPeople()
  city = await portal.as('city-clerk')
  clerk = await portal.as('district-clerk')
  admin = await portal.as('system-admin')
})
after(() => portal.stop())

/** A list whose rows are found by numbers that it keeps only as keyed digests. */
async function givenPeople() {
  const { blindIndex } = await import('../src/crypto.ts')
  const { defineList } = await import('../src/lists/list.ts')
  const { registerLists } = await import('../src/lists/registry.ts')
  const { indexTerms } = await import('../src/lists/terms.ts')
  const { db } = portal
  await db.schema.createTable('guests', table => {
    table.bigIncrements('id')
    table.string('name', 30)
    table.specificType('number_index', 'char(22) character set ascii collate ascii_bin').index()
    table.specificType('district_code', 'varchar(9) character set ascii collate ascii_bin')
    table.collate('utf8mb4_unicode_520_ci')
  })
  for (const [id, name, number, district_code] of [
    [1, '单丽娟', idNumber, '370102'],
    [2, '欧阳清荷', telephone, '370103'],
  ] as const) {
    await db('guests').insert({ id, name, number_index: blindIndex('guests.number', number), district_code })
    await indexTerms(db, 'guests', id, [{ text: name, person: true }])
  }
  const guests = defineList({
    code: 'guests',
    label: '来访人',
    roles: ['city-clerk', 'district-clerk'],
    from: (db, { scope }) => (scope.level === 'district' ? db('guests').where('guests.district_code', scope.code) : db('guests')),
    key: 'guests.id',
    columns: [{ name: 'name', label: '姓名', source: 'guests.name', mask: 'name', sort: 'guests.id' }],
    heading: 'name',
    sort: 'name',
    everywhere: 95,
    search: {
      about: '姓名、证件号、手机号',
      terms: 'guests',
      texts: ['guests.name'],
      exact: word =>
        /^\d{11}$|^\d{17}[\dX]$/i.test(word)
          ? query => void query.where('guests.number_index', blindIndex('guests.number', word))
          : undefined,
    },
    href: row => `/desk/guests/${row.key}`,
  })
  registerLists(guests)
}

/** What a search page shows: each list with its count and the names found, what is marked in brackets. */
async function search(agent: Agent, q: string) {
  const { status, text } = await agent.get(`/desk/search?${new URLSearchParams({ q })}`)
  const sections = [...text.matchAll(/<section class="card found"[\s\S]*?<\/section>/g)].map(([html]) => {
    const [, label, count] = /<h2[^>]*>([^<]*) <span class="count">([^<]*)<\/span>/.exec(html) ?? []
    const names = [...html.matchAll(/<li><div>(?:<a [^>]*>|<b>)([\s\S]*?)(?:<\/a>|<\/b>)/g)].map(([, name = '']) =>
      name.replace(/<mark>(.*?)<\/mark>/g, '[$1]').trim(),
    )
    const [, href = ''] = /<a class="push" href="([^"]*)"/.exec(html) ?? []
    return { label, count, names, href: href.replaceAll('&amp;', '&'), html }
  })
  return { status, text, sections, of: (label: string) => sections.find(section => section.label === label) }
}

// Who finds what

test('results stand by list in their order, the first five of each, with what was found marked', async () => {
  const found = await search(city, '连珠')
  const organisations = found.of('单位')
  assert.equal(organisations?.count, '6')
  assert.equal(organisations?.names.length, 5)
  assert.ok(organisations?.names.every(name => name.startsWith('[连珠]第')))
  assert.equal((await see(city, organisations?.href ?? '')).count, '6')

  const labels = (await search(city, '物业')).sections.map(({ label }) => label)
  assert.ok(labels.indexOf('物业企业') >= 0 && labels.indexOf('物业企业') < labels.indexOf('单位'), labels.join())
})

test('a district finds its own rows only, and each role only its lists', async () => {
  assert.deepEqual((await search(city, '清荷')).of('单位')?.names, ['济南[清荷]物业服务有限公司', '山东[清荷]园林有限公司'])
  assert.deepEqual((await search(clerk, '清荷')).of('单位')?.names, ['济南[清荷]物业服务有限公司'])
  assert.equal((await search(clerk, '清荷')).of('来访人'), undefined)
  assert.equal((await search(admin, '清荷')).of('来访人'), undefined)
  assert.ok((await search(admin, '系统管理员'.slice(0, 2))).sections.every(({ label }) => ['账号', '单位'].includes(label ?? '')))
})

test('what was typed is marked in either case, in other columns too, and by pinyin', async () => {
  assert.match((await search(city, 'ma3cq0xx')).of('单位')?.html ?? '', /统一社会信用代码 91370102<mark>MA3CQ0XX<\/mark>1K/)
  const { html = '' } = (await search(city, '清荷 ma3cq0xx 济南')).of('单位') ?? {}
  assert.match(html, /<mark>济南清荷<\/mark>物业/)
  assert.ok((await search(city, 'qhwy')).of('单位')?.names.includes('济南[清荷物业]服务有限公司'))
  assert.ok((await search(city, 'qinghe')).of('单位')?.names.includes('山东[清荷]园林有限公司'))
})

test('masked names stay masked, whatever finds them', async () => {
  const { names, html } = (await search(city, '欧阳清荷')).of('来访人') ?? {}
  assert.deepEqual(names, ['欧*'])
  assert.ok(!html?.includes('欧阳'))
})

test('signs that a page could take for its own come back as text', async () => {
  const { status, text } = await search(city, '<script>alert(1)</script> 清荷')
  assert.equal(status, 200)
  assert.ok(!text.includes('<script>alert'))
})

// Nothing, too little, too much

test('an empty search says what can be searched', async () => {
  const { status, text } = await city.get('/desk/search')
  assert.equal(status, 200)
  assert.match(text, /<a href="\/desk\/lists\/organisations"><b>单位<\/b><\/a><div class="small soft">可搜名称、统一社会信用代码/)
})

for (const [q, status, sentence] of [
  ['a', 422, '“a”太短，找到的会太多。'],
  ['清荷 7', 422, '“7”太短'],
  ['%%', 422, '里没有可搜的字'],
  ['物'.repeat(101), 422, '搜索内容最多 100 个字，现有 101 个。'],
  ['~abc', 422, '只有搜索的本人能打开'],
  ['荷', 200, '单位'],
] as const)
  test(`“${q.slice(0, 10)}” is ${status}`, async () => {
    const answer = await city.get(`/desk/search?${new URLSearchParams({ q })}`)
    assert.equal(answer.status, status)
    assert.ok(answer.text.includes(sentence), sentence)
  })

test('where nothing is found smaller searches are offered with what they give', async () => {
  const { text, sections } = await search(city, '连珠 没有此名')
  assert.deepEqual(sections, [])
  assert.match(text, /没有同时含“连珠”和“没有此名”的内容/)
  assert.match(text, /<a class="btn " href="\/desk\/search\?q=%E8%BF%9E%E7%8F%A0">去掉“没有此名”再搜，有 6 条<\/a>/)
  assert.match((await search(city, '没有此名')).text, /只包括您能看到的。请换一个词/)
})

test('a role without a list to search is told so, and has no box', async () => {
  const auditor = await portal.as('audit-admin')
  const { status, text } = await auditor.get('/desk/search?q=清荷')
  assert.equal(status, 200)
  assert.match(text, /您现在的身份没有可以搜索的列表/)
  assert.ok(!text.includes('id="q-all"'))
  assert.match(
    (await city.get('/desk')).text,
    /<form class="find not-phone" role="search" aria-label="全站搜索" method="post" action="\/desk\/search">/,
  )
  assert.equal((await portal.anyone().get('/desk/search')).status, 302)
})

// Numbers of persons

for (const [what, number, name] of [
  ['an ID number', idNumber, '[单]*'],
  ['an ID number in full width', '３７０１０２１９９００１０１００１２', '[单]*'],
  ['a telephone number', telephone, '欧*'],
] as const)
  test(`${what} finds its person and stands in no address`, async () => {
    const { status, location } = await city.post('/desk/search', { q: number })
    assert.equal(status, 303)
    assert.match(location ?? '', /^\/desk\/search\?q=(~|%7E)v1\./)
    assert.ok(!decodeURIComponent(location ?? '').includes(number))

    const { text } = await city.get(location ?? '')
    assert.match(text, new RegExp(`来访人 <span class="count">1</span>[\\s\\S]*${name[0] === '[' ? '单' : '欧'}\\*`))
    assert.ok(!text.replace(/value="[^"]*"/g, '').includes(`q=${number}`))
    const [, all = ''] = /<a class="push" href="(\/desk\/lists\/guests[^"]*)"/.exec(text) ?? []
    assert.match(all, /q=(~|%7E)v1\./)
    assert.equal((await see(city, all)).count, '1')
  })

test('an address with the number in plain leads to a sealed one at once, everywhere and in a list', async () => {
  for (const path of ['/desk/search', '/desk/lists/guests', '/desk/lists/organisations']) {
    const { status, location } = await city.get(`${path}?q=${idNumber}`)
    assert.equal(status, 303, path)
    assert.ok(location?.startsWith(`${path}?q=`) && !location.includes('1990'), path)
  }
  const posted = await city.post('/desk/lists/guests', { q: `单丽娟 ${idNumber}`, sort: '-name' })
  assert.ok(posted.location?.endsWith('&sort=-name') && !posted.location.includes('1990'))
  const { text, count } = await see(city, posted.location ?? '')
  assert.equal(count, '1')
  assert.match(text, new RegExp(`value="单丽娟 ${idNumber}"`))
  assert.ok(!/(href|action)="[^"]*1990/.test(text))
})

test('a sealed search opens for nobody else, and not when it was changed', async () => {
  const { location } = await city.post('/desk/search', { q: idNumber })
  const other = await clerk.get(location ?? '')
  assert.equal(other.status, 422)
  assert.match(other.text, /只有搜索的本人能打开。请重新输入。/)
  assert.equal((await city.get(`${location?.slice(0, -3)}AAA`)).status, 422)
  const query = location?.split('?')[1]
  assert.equal((await clerk.get(`/desk/lists/guests?${query}`)).status, 422)
  assert.equal((await city.get(`/desk/lists/guests?${query}`)).status, 200)
})

test('neither the action log nor a file holds a number that was searched', async () => {
  const { location } = await city.post('/desk/lists/guests', { q: idNumber })
  const file = await city.get((location ?? '').replace('?', '/export.json?'))
  assert.match(file.text, /搜索：370\*{11}0012/)
  const { text } = await city.get((location ?? '').replace('?', '/print?'))
  assert.ok(text.includes('搜索：370***********0012') && !text.includes(idNumber))
  const logged = JSON.stringify(await portal.db('action_log').select('detail', 'object_label'))
  assert.ok(logged.includes('370***********0012') && !logged.includes(idNumber))
})

test('a search that is no number keeps its plain address, and may go out again', async () => {
  assert.equal((await city.post('/desk/search', { q: ' 清荷 ' })).location, '/desk/search?q=%E6%B8%85%E8%8D%B7')
  assert.equal((await city.post('/desk/search', { q: '' })).location, '/desk/search')
  assert.equal((await city.post('/desk/search', { q: ['a', 'b'] })).status, 400)
  assert.equal((await city.post('/desk/search', { q: '物'.repeat(5000) })).status, 303)
  assert.equal((await city.post('/desk/lists/organisations', { q: '', kind: 'company', status: '' })).location, '/desk/lists/organisations?kind=company') // biome-ignore format: one comparison
})

// In a browser

test('the box in the bar opens one tab, again and again, wide and narrow, and axe finds nothing', async () => {
  const browser = await launch()
  try {
    const wide = await visit(browser, { base: portal.base, viewport: desktop })
    await signIn(wide.page, 'city-clerk')
    for (const typed of ['连珠', '清荷']) {
      await wide.page.getByRole('searchbox', { name: '全站搜索' }).fill(typed)
      await wide.page.getByRole('searchbox', { name: '全站搜索' }).press('Enter')
      const frame = wide.page.frameLocator('iframe.shown')
      await frame.getByText(typed, { exact: true }).first().waitFor()
      await wide.page.waitForURL(url => url.searchParams.get('q') === typed)
    }
    assert.equal(await wide.page.getByRole('navigation', { name: '已打开的窗口' }).getByRole('link').count(), 2)
    assert.deepEqual(await violations(wide.page), [])
    assert.deepEqual(wide.problems, [])
    await wide.context.close()

    const narrow = await visit(browser, { base: portal.base, viewport: phone })
    await signIn(narrow.page, 'city-clerk')
    await narrow.page.getByRole('link', { name: '搜索' }).click()
    await narrow.page.getByLabel('搜索全部列表').fill(idNumber)
    await narrow.page.getByRole('button', { name: '搜索' }).click()
    await narrow.page.getByRole('heading', { name: '来访人 1' }).waitFor()
    assert.ok(!narrow.page.url().includes('1990'))
    assert.equal(await narrow.page.evaluate('document.documentElement.scrollWidth - window.innerWidth'), 0)
    assert.deepEqual(await violations(narrow.page), [])
    await narrow.page.goto('/desk/search?q=没有此名')
    assert.deepEqual(await violations(narrow.page), [])
    await narrow.context.close()
  } finally {
    await browser.close()
  }
})

// The terms made anew

interface Term {
  scope: string
  term: string
  doc_id: number
}

const order = ['scope', 'term', 'doc_id']
const terms = (): Promise<Term[]> => portal.db('search_terms').orderBy(order).select(order)

test('what the portal and its demo city write has the very terms a rebuild would make', async () => {
  const { rebuildTerms } = await import('../src/lists/rebuild.ts')
  const { termSources } = await import('../src/lists/terms.ts')
  for (const scope of ['cases', 'users', 'organisations', 'registrations', 'companies', 'developers', 'projects', 'people'])
    assert.ok(termSources().has(scope), scope)
  for (const [scope, source] of termSources()) {
    const { docs, changed } = await rebuildTerms(scope, source, () => undefined)
    const rows = Number((await portal.db('search_terms').where({ scope }).countDistinct({ n: 'doc_id' }).first())?.n)
    assert.deepEqual({ scope, changed }, { scope, changed: 0 })
    assert.equal(docs, rows, scope)
  }
})

test('a wrecked index is whole again after a rebuild, and stays so when it was stopped in between', async () => {
  const { rebuildTerms } = await import('../src/lists/rebuild.ts')
  const { termSources } = await import('../src/lists/terms.ts')
  const { db } = portal
  const source = termSources().get('organisations')
  assert.ok(source)
  await rebuildTerms('organisations', source, () => undefined)
  const before = await terms()
  const ofScope = { scope: 'organisations' }
  await db('search_terms').where(ofScope).whereRaw('doc_id % 3 = 0').delete()
  await db('search_terms')
    .where(ofScope)
    .whereRaw('doc_id % 3 = 1')
    .update({ doc_id: db.raw('doc_id + 1000000') })
  await db('search_terms').insert([
    { scope: 'organisations', term: '旧名', doc_id: 2 },
    { scope: 'organisations', term: 'w9137', doc_id: 999_999 },
  ])
  assert.equal((await search(city, '连珠第六')).of('单位'), undefined)

  const asked: number[] = []
  const failing = {
    ...source,
    async rows(db: Parameters<typeof source.rows>[0], afterId: number, limit: number) {
      asked.push(afterId)
      if (asked.length === 2) throw new Error('the server went away')
      return source.rows(db, afterId, limit)
    },
  }
  await assert.rejects(
    rebuildTerms('organisations', failing, () => undefined),
    /went away/,
  )
  const { docs } = await rebuildTerms('organisations', failing, () => undefined)
  assert.equal(asked[2], asked[1], 'it goes on where it was stopped')
  assert.equal(docs, Number((await db('organisations').count({ n: '*' }).first())?.n))
  assert.deepEqual(await terms(), before)
  assert.equal((await search(city, '连珠第六')).of('单位')?.count, '1')
})

test('rows changed and added while a rebuild runs keep their new terms', async () => {
  const { indexTerms } = await import('../src/lists/terms.ts')
  const { inTransaction } = await import('../src/db.ts')
  const { rebuildTerms } = await import('../src/lists/rebuild.ts')
  const { termSources } = await import('../src/lists/terms.ts')
  const { db } = portal
  const source = termSources().get('organisations')
  assert.ok(source)
  const ids: number[] = await db('organisations').where('name', 'like', '连珠%').orderBy('id').pluck('id')
  const rename = (id: number, name: string) =>
    inTransaction(async trx => {
      await trx('organisations').where({ id }).update({ name })
      await indexTerms(trx, 'organisations', id, [name, ''])
    })
  let running = true
  const rebuild = (async () => {
    for (let n = 0; n < 3; n++) await rebuildTerms('organisations', source, () => undefined)
    running = false
  })()
  let round = 0
  do {
    round++
    for (const id of ids) await rename(id, `改名第${round}次${id}号中心`)
  } while (running && round < 50)
  await rebuild
  await Promise.all(ids.map(id => rename(id, `最后的${id}号中心`)))

  const { terms: termsOf } = await import('../src/lists/terms.ts')
  for (const id of ids) {
    const found: string[] = await db('search_terms').where({ scope: 'organisations', doc_id: id }).pluck('term')
    assert.deepEqual(found.sort(), termsOf(`最后的${id}号中心`).sort())
  }
  assert.ok(round > 1)
})

test('the command rebuilds one scope or all, tells how far it is, and lists the scopes for a wrong one', async () => {
  const schema = await openSchema('rebuild')
  try {
    for (let n = 0; n < 3; n++) await givenOrganisation(schema.db, `重建${n}物业有限公司`)
    const whole = await schema.db('search_terms').orderBy(order)
    await schema.db('search_terms').where('doc_id', '<', 3).delete()

    const wrong = await admins(schema.url, 'rebuild-search', 'nothing')
    assert.equal(wrong.code, 1)
    assert.match(wrong.said, /没有“nothing”这个范围。可用的有：.*organisations（单位）/)
    const one = await admins(schema.url, 'rebuild-search', 'organisations')
    assert.equal(one.code, 0, one.said)
    assert.match(one.said, /单位（organisations）：核对了 3 条，改正了 2 条。/)
    assert.deepEqual(await schema.db('search_terms').orderBy(order), whole)
    const all = await admins(schema.url, 'rebuild-search')
    assert.match(all.said, /账号（users）：核对了 0 条，改正了 0 条。[\s\S]*单位（organisations）：核对了 3 条，改正了 0 条。/)
    assert.equal((await admins(schema.url, 'rebuild-search', 'users', 'cases')).code, 1)
  } finally {
    await schema.close()
  }
})

function admins(url: string, ...words: string[]): Promise<{ code: number | null; said: string }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['--import=tsx', 'src/admin/command.ts', ...words], {
      env: { ...process.env, DATABASE_URL: url },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.once('close', code => resolve({ code, said }))
  })
}
