import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { givenAccounts, givenOrganisation, givenPerson, see, walk } from './list-rows.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

let portal: TestPortal
let admin: Agent
let clerk: Agent
let city: Agent
let street: Agent
/** An organisation of 商河县, so that `district=370126` sees only the accounts given to it. */
let shanghe: number

before(async () => {
  portal = await startPortal()
  const { db } = portal
  const bureau = await givenOrganisation(db, '济南市住房和城乡建设局', { kind: 'city', region: '370100' })
  const lixia = await givenOrganisation(db, '历下区住房和城乡建设局', { kind: 'district', region: '370102' })
  const jiefang = await givenOrganisation(db, '解放路街道办事处', { kind: 'street', region: '370102001' })
  await givenPerson(db, 'system-admin', '韩松', 'system-admin', bureau)
  await givenPerson(db, 'city-clerk', '曾敏', 'city-clerk', bureau)
  await givenPerson(db, 'district-clerk', '乔远', 'district-clerk', lixia, '370102')
  await givenPerson(db, 'street-clerk', '单丽', 'street-clerk', jiefang, '370102001')
  await givenPerson(db, 'audit-admin', '史明', 'audit-admin', bureau)
  await givenOrganisation(db, '济南清荷物业服务有限公司', { region: '370102001', code: '91370102MA3CQ0XX1K', contact: '刘伟' })
  await givenOrganisation(db, '济南清荷园林有限公司', { region: '370102002' })
  await givenOrganisation(db, '山东清荷物业管理有限公司', { region: '370103', code: '91370103MA3CQ0XX2H', contact: '𠮷田' })
  shanghe = await givenOrganisation(db, '商河安居物业服务有限公司', { region: '370126' })
  admin = await portal.as('system-admin')
  city = await portal.as('city-clerk')
  clerk = await portal.as('district-clerk')
  street = await portal.as('street-clerk')
})
after(() => portal.stop())

const names = (rows: string[][]) => rows.map(row => row[0])

// Who sees what

test('a district sees its own organisations, the city all of them, a street its own', async () => {
  assert.equal((await see(city, '/desk/lists/organisations')).count, '7')
  assert.deepEqual(names((await see(clerk, '/desk/lists/organisations')).rows), [
    '济南清荷物业服务有限公司', '济南清荷园林有限公司', '解放路街道办事处', '历下区住房和城乡建设局',
  ]) // biome-ignore format: a list of names
  assert.deepEqual(names((await see(street, '/desk/lists/organisations')).rows), ['济南清荷物业服务有限公司', '解放路街道办事处'])
})

test("another district's organisation is in no search, count, filter or export", async () => {
  const found = await see(clerk, '/desk/lists/organisations?q=清荷&count=exact')
  assert.equal(found.count, '2')
  assert.ok(!found.text.includes('山东清荷'))

  assert.deepEqual((await see(clerk, '/desk/lists/organisations?q=MA3CQ0XX2H')).rows, [])
  assert.deepEqual((await see(clerk, '/desk/lists/organisations?district=370103')).rows, [])
  for (const format of ['csv', 'json']) {
    const { text } = await clerk.get(`/desk/lists/organisations/export.${format}?q=清荷`)
    assert.ok(text.includes('济南清荷物业') && !text.includes('山东清荷'), format)
  }
})

test('a list of another role is refused, an unknown one is not found', async () => {
  assert.equal((await city.get('/desk/lists/users')).status, 403)
  assert.equal((await city.get('/desk/lists/users/export.csv')).status, 403)
  assert.equal((await city.post('/desk/lists/users/columns', {})).status, 403)
  for (const path of ['nothing', '__proto__', 'constructor', 'users/export.pdf', 'users/export.__proto__'])
    assert.equal((await admin.get(`/desk/lists/${path}`)).status, 404, path)
})

test('personal names are masked on the page', async () => {
  const { text, rows } = await see(city, '/desk/lists/organisations?q=清荷物业')

  assert.deepEqual(
    rows.map(row => row[5]),
    ['刘*', '𠮷*'],
  )
  assert.ok(!text.includes('刘伟'))
})

test('only who may open the page of a row gets its link', async () => {
  assert.equal((await see(city, '/desk/lists/organisations')).ids.length, 0)
  assert.equal((await see(admin, '/desk/lists/organisations')).ids.length, 7)
})

// Search

for (const [typed, expected] of [
  ['清荷', ['济南清荷物业服务有限公司', '济南清荷园林有限公司', '山东清荷物业管理有限公司']],
  ['清荷 物业', ['济南清荷物业服务有限公司', '山东清荷物业管理有限公司']],
  ['清荷　山东', ['山东清荷物业管理有限公司']],
  ['园林，山东', ['济南清荷园林有限公司', '山东清荷物业管理有限公司']],
  ['园林、山东', ['济南清荷园林有限公司', '山东清荷物业管理有限公司']],
  ['清荷 园林, 清荷 山东', ['济南清荷园林有限公司', '山东清荷物业管理有限公司']],
  ['清荷物业', ['济南清荷物业服务有限公司', '山东清荷物业管理有限公司']],
  ['荷清', []],
  ['清业', []],
  ['园', ['济南清荷园林有限公司']],
  ['qhwy', ['济南清荷物业服务有限公司', '山东清荷物业管理有限公司']],
  ['QHYL', ['济南清荷园林有限公司']],
  ['qinghewuye', ['济南清荷物业服务有限公司', '山东清荷物业管理有限公司']],
  ['shandongqinghewuyeguanliyouxian', ['山东清荷物业管理有限公司']],
  ['ma3cq0', ['济南清荷物业服务有限公司', '山东清荷物业管理有限公司']],
  ['XX1K', ['济南清荷物业服务有限公司']],
  ['９１３７０１０３', ['山东清荷物业管理有限公司']],
  ['市中', ['山东清荷物业管理有限公司']],
  ['szq', ['山东清荷物业管理有限公司']],
  ['清荷 历下', ['济南清荷物业服务有限公司', '济南清荷园林有限公司']],
  ['物业企业 园林', ['济南清荷园林有限公司']],
  ['清荷 停用', []],
  ['清荷 在用', ['济南清荷物业服务有限公司', '济南清荷园林有限公司', '山东清荷物业管理有限公司']],
  ['街道办', ['解放路街道办事处']],
  ['有限公司', ['济南清荷物业服务有限公司', '济南清荷园林有限公司', '山东清荷物业管理有限公司', '商河安居物业服务有限公司']],
  ['(清荷) “园林”', ['济南清荷园林有限公司']],
  ['清_', ['济南清荷物业服务有限公司', '济南清荷园林有限公司', '山东清荷物业管理有限公司']],
  ['清%业', []],
] as const)
  test(`searching “${typed}” finds ${expected.length}`, async () => {
    const { status, rows, count } = await see(city, `/desk/lists/organisations?q=${encodeURIComponent(typed)}`)

    assert.equal(status, 200)
    assert.deepEqual(names(rows), expected)
    if (expected.length) assert.equal(count, String(expected.length))
  })

test('an account is found by name, surname, username, organisation and district', async () => {
  for (const [typed, expected] of [
    ['单丽', ['单丽']],
    ['sl', ['单丽']],
    ['zengmin', ['曾敏']],
    ['韩', ['韩松']],
    ['district-clerk', ['乔远']],
    ['clerk', ['乔远', '单丽', '曾敏']],
    ['解放路', ['单丽']],
    ['历下', ['乔远', '单丽']],
    ['历下 乔', ['乔远']],
    ['系统管理员', []],
  ] as const) {
    const { rows } = await see(admin, `/desk/lists/users?q=${encodeURIComponent(typed)}`)
    assert.deepEqual(names(rows).sort(), [...expected].sort(), typed)
  }
})

test('a renamed organisation is found by its new name only', async () => {
  const { indexTerms } = await import('../src/lists/terms.ts')
  const id = await givenOrganisation(portal.db, '济南旧名物业有限公司', { region: '370124' })
  await portal.db('organisations').where({ id }).update({ name: '济南新名物业有限公司' })

  await portal.db.transaction(trx => indexTerms(trx, 'organisations', id, ['济南新名物业有限公司']))

  assert.equal((await see(city, '/desk/lists/organisations?q=旧名')).rows.length, 0)
  assert.equal((await see(city, '/desk/lists/organisations?q=新名')).rows.length, 1)
  await portal.db('organisations').where({ id }).delete()
  await indexTerms(portal.db, 'organisations', id, [])
  assert.deepEqual(await portal.db('search_terms').where({ scope: 'organisations', doc_id: id }), [])
})

test('regions are found by name, pinyin, code and what lies above them', async () => {
  assert.deepEqual(names((await see(city, '/desk/lists/regions?q=370102')).rows).slice(0, 1), ['历下区'])
  assert.equal((await see(city, '/desk/lists/regions?q=lixia')).count, '14')
  assert.deepEqual(names((await see(city, '/desk/lists/regions?q=解放路')).rows), ['解放路街道'])
  assert.deepEqual(names((await see(city, '/desk/lists/regions?level=district&q=shx')).rows), ['商河县'])
})

test('the page that finds nothing names the words and offers what would find something', async () => {
  const { text, status } = await see(city, '/desk/lists/organisations?q=清荷 安居&status=active')

  assert.equal(status, 200)
  assert.match(text, /在“状态：在用”里没有同时含“清荷”和“安居”的单位/)
  assert.match(text, /去掉“清荷”再搜，有 1 条；去掉“安居”再搜，有 3 条。/)
  assert.match(text, /href="\/desk\/lists\/organisations\?q=%E6%B8%85%E8%8D%B7&amp;status=active">去掉“安居”再搜/)
  assert.match(text, /清除全部条件/)
})

test('a request for an account is seen by its district and the city, and found by name, number and district', async () => {
  const request = { kind: 'company', address: '经十路 1 号', legal_person: '钱一', username: 'new-one', contact: '赵二', phone_cipher: '-', phone_last4: '0000', password_hash: '-' } // biome-ignore format: one row
  const at = { consented_at: new Date(), created_at: new Date(), updated_at: new Date() }
  await portal.db('registrations').insert([
    {
      ...request,
      ...at,
      number: 'ZC2026112300001',
      name: '济南百脉物业有限公司',
      code: '91370102MA3CQ0XX3F',
      district_code: '370102',
    },
    {
      ...request,
      ...at,
      number: 'ZC2026112300002',
      name: '济南雪野物业有限公司',
      code: '91370103MA3CQ0XX4D',
      district_code: '370103',
    },
  ])

  const { indexTerms } = await import('../src/lists/terms.ts')
  for (const { id, name, code, number } of await portal.db('registrations').select('id', 'name', 'code', 'number'))
    await indexTerms(portal.db, 'registrations', id, [name, code, number])

  const numbers = async (agent: Agent, query = '') => names((await see(agent, `/desk/lists/registrations${query}`)).rows)
  assert.deepEqual(await numbers(city), ['ZC2026112300002', 'ZC2026112300001'])
  assert.deepEqual(await numbers(clerk), ['ZC2026112300001'])
  assert.equal((await street.get('/desk/lists/registrations')).status, 403)
  for (const typed of ['百脉', 'bmwy', 'ma3cq0xx3f', '23000 百脉', '历下', '待确认 百脉'])
    assert.deepEqual(await numbers(city, `?q=${typed}`), ['ZC2026112300001'], typed)
  assert.deepEqual(await numbers(clerk, '?q=雪野'), [])
  await portal.db('registrations').delete()
  assert.match((await see(city, '/desk/lists/registrations')).text, /还没有单位申请注册/)
})

// Filters, columns, size

test('filters narrow, stand as chips, and each can be taken away', async () => {
  const { rows, text } = await see(city, '/desk/lists/organisations?kind=company&district=370102&q=清荷')

  assert.equal(rows.length, 2)
  for (const chip of ['搜索：清荷', '类型：物业企业', '区县：历下区']) assert.ok(text.includes(chip), chip)
  assert.match(
    text,
    /<a href="\/desk\/lists\/organisations\?q=%E6%B8%85%E8%8D%B7&amp;district=370102" aria-label="去掉条件：类型">/,
  )
  assert.match(text, /<a class="small" href="\/desk\/lists\/organisations">清除全部条件/)
})

test('a period includes both of its days, in Beijing time', async () => {
  await givenAccounts(portal.db, [
    { username: 'day-1', name: '周一', organisation_id: shanghe, created_at: new Date('2025-03-09T15:59:59.999Z') },
    { username: 'day-2', name: '周二', organisation_id: shanghe, created_at: new Date('2025-03-09T16:00:00Z') },
    { username: 'day-3', name: '周三', organisation_id: shanghe, created_at: new Date('2025-03-11T15:59:59.999Z') },
    { username: 'day-4', name: '周四', organisation_id: shanghe, created_at: new Date('2025-03-11T16:00:00Z') },
  ])
  const found = await see(admin, '/desk/lists/users?sort=username&district=370126&created_from=2025-03-10&created_to=2025-03-11')
  assert.deepEqual(names(found.rows), ['周二', '周三'])
  assert.match(found.text, /建立时间：2025-03-10 至 2025-03-11/)
  assert.equal((await see(admin, '/desk/lists/users?district=370126&created_from=2025-03-12&created_to=2025-03-12')).count, '1')
  await portal
    .db('search_terms')
    .where({ scope: 'users' })
    .whereIn('doc_id', portal.db('users').where('username', 'like', 'day-%').select('id'))
    .delete()
  await portal.db('users').where('username', 'like', 'day-%').delete()
})

test('accounts are filtered by role, also by having none', async () => {
  const [id = 0] = await givenAccounts(portal.db, [{ username: 'roleless', name: '吴角', organisation_id: shanghe }])
  assert.deepEqual(names((await see(admin, '/desk/lists/users?role=street-clerk')).rows), ['单丽'])
  assert.deepEqual((await see(admin, '/desk/lists/users?role=none')).ids, [id])
  assert.deepEqual((await see(admin, '/desk/lists/users?role=none&idle=yes')).ids, [])
  await portal.db('search_terms').where({ scope: 'users', doc_id: id }).delete()
  await portal.db('users').where({ id }).delete()
})

test('columns are chosen per person and list, and come back', async () => {
  const path = '/desk/lists/organisations'
  const standard = (await see(city, path)).heads

  const answer = await city.post(`${path}/columns`, {
    column: ['address', 'code', 'nonsense', '__proto__'],
    query: 'q=清荷&sort=-name&after=x',
  })
  assert.deepEqual([answer.status, answer.location], [303, '/desk/lists/organisations?q=%E6%B8%85%E8%8D%B7&sort=-name'])
  assert.deepEqual((await see(city, path)).heads, ['名称', '统一社会信用代码', '地址'])
  assert.deepEqual((await see(clerk, path)).heads, standard)
  assert.match((await city.get(`${path}/export.csv`)).text, /^\ufeff?名称,统一社会信用代码,地址\r\n/)

  await city.post(`${path}/columns`, { column: 'kind' })
  assert.deepEqual((await see(city, path)).heads, ['名称', '类型'])
  await city.post(`${path}/columns`, {})
  assert.deepEqual((await see(city, path)).heads, ['名称'])
  await city.post(`${path}/columns`, { standard: 'yes', column: 'kind' })
  assert.deepEqual((await see(city, path)).heads, standard)
})

test('the number of rows is remembered, and an address can ask for another one', async () => {
  const path = '/desk/lists/regions'
  assert.equal((await see(city, path)).rows.length, 20)

  assert.equal((await city.post(`${path}/size`, { size: '50', query: 'level=street&size=10' })).location, `${path}?level=street`)

  assert.equal((await see(city, path)).rows.length, 50)
  assert.equal((await see(city, `${path}?size=10`)).rows.length, 10)
  assert.equal((await see(clerk, path)).rows.length, 20)
  for (const size of ['7', '9999', '-1', 'abc', '']) assert.equal((await city.post(`${path}/size`, { size })).status, 400, size)
})

test('the head says how it is sorted and leads to the other ways', async () => {
  const { text } = await see(city, '/desk/lists/regions?q=路&sort=-name')

  assert.match(text, /aria-sort="descending"><a href="\/desk\/lists\/regions\?q=%E8%B7%AF&amp;sort=name"/)
  assert.match(text, /<a href="\/desk\/lists\/regions\?q=%E8%B7%AF" title="正序">代码/)
})

// Paging

test('every region is visited once in order, forwards and backwards, in every sort and size', async () => {
  const { db } = portal
  for (const sort of ['code', '-code', 'name', '-name', 'level', '-level'])
    for (const size of [10, 50]) {
      const column = { code: 'code', name: 'name_key', level: 'level' }[sort.replace('-', '')] ?? ''
      const direction = sort.startsWith('-') ? 'desc' : 'asc'
      const expected: string[] = await db('regions').orderBy([{ column, order: direction }, { column: 'code', order: direction }]).pluck('code') // biome-ignore format: one order
      const codes = (rows: string[][]) => rows.map(row => row[1])

      const pages = await walk(city, `/desk/lists/regions?sort=${sort}&size=${size}`)
      assert.deepEqual(
        pages.flatMap(page => codes(page.rows)),
        expected,
        sort,
      )

      const back = [pages.at(-1)]
      while (back[0]?.previous) back.unshift(await see(city, back[0].previous))
      assert.deepEqual(back.map(page => codes(page?.rows ?? [])), pages.map(page => codes(page.rows)), `${sort} back`) // biome-ignore format: one comparison
      assert.equal(back[0]?.text.includes(`第 <span class="num">1–${size}</span> 条`), true)
    }
})

test('rows that come in meanwhile neither hide nor repeat one of those that were there', async () => {
  const given = ['王伟', '王伟', '王伟', '张敏', '张敏', '𠮷田', '李静', '王伟', '赵一', '钱二']
  const days = ['2025-01-01', '2025-01-02']
  let serial = 0
  const make = (many: number) =>
    Array.from({ length: many }, () => {
      serial++
      const day = days[serial % days.length] ?? ''
      return {
        username: `paging-${serial}`,
        name: given[serial % given.length] ?? '',
        organisation_id: shanghe,
        created_at: new Date(`${day}T00:00:00Z`),
      }
    })
  let present = await givenAccounts(portal.db, make(43))

  const sorts = fc.constantFrom('name', '-name', 'created_at', '-created_at', 'username', '-username')
  const steps = fc.array(fc.record({ back: fc.boolean(), come: fc.nat({ max: 2 }) }), { minLength: 3, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(sorts, steps, async (sort, steps) => {
      const start = `/desk/lists/users?district=370126&size=10&sort=${sort}`
      const seen: number[] = []
      let page = await see(admin, start)
      seen.push(...page.ids)
      const came: number[] = []
      for (const { come } of steps) {
        if (come) came.push(...(await givenAccounts(portal.db, make(come))))
        if (!page.next) break
        page = await see(admin, page.next)
        seen.push(...page.ids)
      }
      while (page.next) {
        page = await see(admin, page.next)
        seen.push(...page.ids)
      }
      assert.equal(new Set(seen).size, seen.length, 'none twice')
      assert.deepEqual(
        present.filter(id => !seen.includes(id)),
        [],
        'none left out',
      )

      // The way back ends on a whole first page, whatever has come in.
      const back: number[] = []
      while (page.previous) {
        page = await see(admin, page.previous)
        back.push(...page.ids)
      }
      assert.equal(page.ids.length, 10)
      assert.equal(page.first, undefined)
      assert.deepEqual(page.ids, (await see(admin, start)).ids)
      present = [...present, ...came]
    }),
    { numRuns: 12 },
  )
})

test('a page whose rows are gone says so and leads to the first one', async () => {
  const [page] = await walk(admin, '/desk/lists/users?district=370126&size=10&sort=username')
  const { writePlace } = await import('../src/lists/cursor.ts')
  const place = writePlace({ sort: 'username', value: 'zzzz', key: 1, before: 70 })

  const { status, text } = await see(admin, `/desk/lists/users?district=370126&size=10&sort=username&after=${place}`)

  assert.equal(status, 200)
  assert.match(text, /这一页已经没有内容/)
  assert.ok((page?.ids.length ?? 0) > 0)
})

// Counts

test('rows are counted up to a thousand, and beyond when asked', async () => {
  await givenAccounts(
    portal.db,
    Array.from({ length: 2100 }, (_, n) => ({ username: `many-${n}`, name: '满员', organisation_id: shanghe })),
  )
  const total = Number((await portal.db('users').count({ n: '*' }).first())?.n)

  assert.equal((await see(admin, '/desk/lists/users')).count, '1,000+')
  const exact = await see(admin, '/desk/lists/users?count=exact')
  assert.equal(exact.count, total.toLocaleString('en'))
  assert.ok(!exact.text.includes('数清'))
})

test('of a search that finds too much the newest two thousand are sorted, and the page says so', async () => {
  const found = await see(admin, '/desk/lists/users?q=满员&sort=username&size=100')
  assert.equal(found.count, '2,000+')
  assert.match(found.text, /只按顺序列出其中最新的 2,000 条/)
  const pages = await walk(admin, '/desk/lists/users?q=满员&sort=username&size=100')
  assert.equal(new Set(pages.flatMap(page => page.ids)).size, 2000)

  assert.equal((await see(admin, '/desk/lists/users?q=满员&count=exact')).count, '2,100')
  assert.equal((await see(admin, '/desk/lists/users?q=满员 2099')).count, '1')
  const { rows } = JSON.parse((await admin.get('/desk/lists/users/export.json?q=满员&sort=-username')).text)
  assert.equal(rows.length, 2100)
  assert.equal(rows[0].username, 'many-999')
})

// Bad input

for (const [why, path, status, sentence] of [
  ['a place that is none', 'users?after=garbage', 400, '翻页位置已失效'],
  ['a place of another sort', 'users?sort=username&after=WyJuYW1lIiwiYSIsMSwxXQ', 400, '翻页位置已失效'],
  ['a place with a wrong type', 'users?sort=-created_at&after=WyItY3JlYXRlZF9hdCIsImFiYyIsMSwxXQ', 400, '翻页位置已失效'],
  ['a place with Han in a column of ASCII', 'users?sort=username&after=WyJ1c2VybmFtZSIsIua4hSIsMSwxXQ', 400, '翻页位置已失效'],
  ['a place with Han in a key of pinyin', 'users?after=WyJuYW1lIiwi5riFIiwxLDFd', 400, '翻页位置已失效'],
  ['a key with Han', 'users?after=WyJuYW1lIiwiYSIsIua4hSIsMV0', 400, '翻页位置已失效'],
  ['a key that is none here', 'regions?after=WyJjb2RlIiwiMSIsIidvciAxPTEiLDFd', 200, ''],
  ['a place with an object', 'users?after=WyJuYW1lIix7ImEiOjF9LDEsMV0', 400, '翻页位置已失效'],
  ['a place that is too long', `users?before=${'a'.repeat(1300)}`, 400, '翻页位置已失效'],
  ['a sort that is none', 'users?sort=password_hash', 400, '排序方式这个列表没有'],
  ['a sort by a prototype', 'users?sort=__proto__', 400, '排序方式这个列表没有'],
  ['a sort with SQL', 'users?sort=name;drop table users', 400, '排序方式这个列表没有'],
  ['a column that cannot be sorted', 'users?sort=organisation', 400, '排序方式这个列表没有'],
  ['a size that is none', 'users?size=9999', 400, '每页行数只能是 10、20、50、100'],
  ['a parameter twice', 'users?q=1&q=2', 400, ''],
  ['a filter twice', 'users?status=active&status=disabled', 400, ''],
  ['a search too long', `users?q=${'物'.repeat(300)}`, 422, '搜索内容最多 100 个字，现有 300 个'],
  ['a search of signs', 'users?q=%25%25', 422, '里没有可搜的字'],
  ['an option that is none', 'users?status=gone', 422, '状态里没有“gone”，请重新选择。'],
  ['an option of the prototype', 'users?status=__proto__', 422, '状态里没有“__proto__”'],
  [
    'a day that does not exist',
    'users?created_from=2025-02-30',
    422,
    '建立时间的起始日期请填写成 2026-11-23 这样、确实存在的日期。',
  ],
  ['a day that is none', 'users?created_to=x', 422, '建立时间的截止日期请填写成'],
  ['a period backwards', 'users?created_from=2025-03-02&created_to=2025-03-01', 422, '起始日期晚于截止日期 2025-03-01'],
  ['a flag that is none', 'users?idle=maybe', 422, '90 天内登录过只能选“没有”或“有”。'],
] as const)
  test(`${why} is ${status}`, async () => {
    const answer = await admin.get(`/desk/lists/${path.replace(/ /g, '%20')}`)

    assert.equal(answer.status, status)
    assert.ok(answer.text.includes(sentence), sentence)
    assert.ok(answer.text.includes('<!doctype html>'))
  })

test('a wrong condition shows no rows and keeps what was typed, also on the way to a file', async () => {
  for (const path of ['/desk/lists/users', '/desk/lists/users/export.xlsx']) {
    const { status, text } = await admin.get(`${path}?q=王&status=active&created_from=2025-13-01`)
    assert.equal(status, 422)
    assert.ok(!text.includes('<tbody>'))
    assert.match(text, /value="王"/)
    assert.match(text, /value="2025-13-01"[^>]*aria-invalid="true" aria-describedby="f-created_from-mistake"/)
    assert.match(text, /<option value="active" selected>/)
    assert.match(text, /<title>有误：/)
  }
})

test('parameters nobody knows change nothing, and hostile ones come back as text', async () => {
  const plain = await see(admin, '/desk/lists/users')
  assert.deepEqual((await see(admin, '/desk/lists/users?foo=1&__proto__=2&constructor[a]=3')).ids, plain.ids)
  const { text } = await see(admin, '/desk/lists/users?q="><script>alert(1)</script>')
  assert.ok(!text.includes('<script>alert'))
})

test('whatever the address says, the answer is never an error of ours', async () => {
  const name = fc.constantFrom(
    'q', 'sort', 'size', 'after', 'before', 'count', 'status', 'role', 'created_from', 'created_to', 'idle', 'district', 'columns', 'view', 'x',
  ) // biome-ignore format: a list of names
  const forged = fc
    .tuple(fc.constantFrom('name', '-name', 'username', '-created_at'), fc.jsonValue(), fc.jsonValue(), fc.jsonValue())
    .map(place => Buffer.from(JSON.stringify(place)).toString('base64url'))
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    forged,
    fc.constantFrom(
      'exact',
      '-name',
      'name',
      'username',
      '-created_at',
      '10',
      '2025-01-01',
      'active',
      'yes',
      '清荷',
      '\\',
      "'",
      '%',
      '\u0000',
      '𠮷',
    ),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 6 }), async pairs => {
      const { status } = await admin.get(`/desk/lists/users?${new URLSearchParams(pairs)}`)
      assert.ok([200, 400, 422].includes(status), String(status))
    }),
    { numRuns: 120 },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('name', '-name', 'username', '-created_at'),
      fc.constantFrom('after', 'before'),
      fc.jsonValue(),
      fc.jsonValue(),
      async (sort, side, value, key) => {
        const place = Buffer.from(JSON.stringify([sort, value, key, 1])).toString('base64url')
        const { status } = await admin.get(`/desk/lists/users?sort=${sort}&${side}=${place}`)
        assert.ok([200, 400].includes(status), String(status))
      },
    ),
    { numRuns: 60 },
  )
})

// Logs

test('reading a log is logged once per question, not per page', async () => {
  const auditor = await portal.as('audit-admin')
  const read = () => portal.db('action_log').where({ action: 'log.read' }).count({ n: '*' }).first().then(row => Number(row?.n)) // biome-ignore format: one number
  const before = await read()

  const page = await see(auditor, '/desk/lists/sign-ins?outcome=ok&size=10&sort=at')
  await see(auditor, '/desk/lists/action-log?q=导出')

  assert.ok(page.rows.length > 0)
  assert.equal(await read(), before + 2)
  const last = await portal.db('action_log').where({ action: 'log.read' }).orderBy('id', 'desc').first()
  assert.deepEqual([last.object_id, JSON.parse(last.detail)], ['action-log', { conditions: ['搜索：导出'] }])
})

test('the sign-in log is found by person, account and address', async () => {
  const auditor = await portal.as('audit-admin')
  for (const typed of ['单丽', 'street', 'sl', '127.0'])
    assert.ok((await see(auditor, `/desk/lists/sign-ins?q=${encodeURIComponent(typed)}`)).rows.length > 0, typed)
  assert.equal((await see(auditor, '/desk/lists/sign-ins?q=单丽 已锁定')).rows.length, 0)
})
