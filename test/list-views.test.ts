import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import ExcelJS from 'exceljs'
import { desktop, launch, phone, signIn, violations, visit } from './browser.ts'
import { givenOrganisation, givenPerson, see } from './list-rows.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

/** Counts by group, saved views, picked rows, the print view and the filters of the office, on a list of a table of its own. */

let portal: TestPortal
let city: Agent
let colleague: Agent
let clerk: Agent
const days: Record<string, string> = {}
/** What the list does with picked rows, as it was told. */
const done: { names: unknown[]; missing: number }[] = []

const kinds = { company: '物业企业', developer: '开发企业', branch: '分支机构', none: '没有人选的' }

before(async () => {
  portal = await startPortal()
  const { db } = portal
  const bureau = await givenOrganisation(db, '济南市住房和城乡建设局', { kind: 'city', region: '370100' })
  const lixia = await givenOrganisation(db, '历下区住房和城乡建设局', { kind: 'district', region: '370102' })
  await givenPerson(db, 'city-clerk', '曾敏', 'city-clerk', bureau)
  await givenPerson(db, 'colleague', '林知', 'city-clerk', bureau)
  await givenPerson(db, 'district-clerk', '乔远', 'district-clerk', lixia, '370102')
  await givenTable()
  await declareList()
  city = await portal.as('city-clerk')
  colleague = await portal.as('colleague')
  clerk = await portal.as('district-clerk')
})
after(() => portal.stop())

async function givenTable() {
  const { addDays } = await import('../src/calendar.ts')
  const { today } = await import('../src/clock.ts')
  const { indexTerms } = await import('../src/lists/terms.ts')
  const { db } = portal
  await db.schema.createTable('plots', table => {
    table.bigIncrements('id')
    table.string('name', 100)
    table.specificType('kind', 'varchar(20) character set ascii collate ascii_bin')
    table.specificType('district_code', 'varchar(9) character set ascii collate ascii_bin')
    table.specificType('street_code', 'varchar(9) character set ascii collate ascii_bin')
    table.decimal('area', 14, 2)
    table.integer('floors')
    table.date('ends_on')
    table.string('manager', 30)
    table.string('phone', 20)
    table.index(['district_code', 'kind'])
    table.index(['kind'])
    table.collate('utf8mb4_unicode_520_ci')
  })
  Object.assign(days, {
    past: addDays(today(), -1),
    now: today(),
    month: addDays(today(), 30),
    season: addDays(today(), 31),
    far: addDays(today(), 91),
  })
  const plot = (id: number, name: string, kind: string, street_code: string, more: object = {}) => ({
    id,
    name,
    kind,
    district_code: street_code.slice(0, 6),
    street_code,
    area: 100 * id,
    floors: id,
    manager: '赵明',
    phone: '13812345678',
    ...more,
  })
  const rows = [
    plot(1, '清荷苑', 'company', '370102001', { ends_on: days.past }),
    plot(2, '清荷新居', 'company', '370102002', { ends_on: days.now }),
    plot(3, '泉城花园', 'developer', '370102001', { ends_on: days.month, manager: null }),
    plot(4, '历山名郡', 'company', '370103001', { ends_on: days.season }),
    plot(5, '舜耕山庄', 'branch', '370103001', { ends_on: days.far }),
    plot(6, '=1+1 花园', 'branch', '370103001'),
  ]
  await db('plots').insert(rows)
  for (const { id, name } of rows) await indexTerms(db, 'plots', id, [name])
}

async function declareList() {
  const { defineList } = await import('../src/lists/list.ts')
  const { has, regionFilters, within } = await import('../src/lists/narrowings.ts')
  const { registerLists } = await import('../src/lists/registry.ts')
  const { districtNames } = await import('../src/lists/regions.ts')
  const list = defineList({
    code: 'plots',
    label: '地块',
    roles: ['city-clerk', 'district-clerk'],
    from: (db, { scope }) => (scope.level === 'district' ? db('plots').where('plots.district_code', scope.code) : db('plots')),
    key: 'plots.id',
    columns: [
      { name: 'name', label: '名称', source: 'plots.name' },
      { name: 'number', label: '序号', type: 'number', source: 'plots.id', sort: true },
      { name: 'kind', label: '类型', source: 'plots.kind', words: kinds },
      { name: 'district', label: '区县', source: 'plots.district_code', words: districtNames },
      { name: 'area', label: '面积', type: 'area', unit: '㎡', source: 'plots.area' },
      { name: 'manager', label: '经理', source: 'plots.manager', mask: 'name' },
      { name: 'phone', label: '电话', source: 'plots.phone', mask: 'phone', phone: false },
      { name: 'ends_on', label: '到期日', type: 'date', source: 'plots.ends_on', shown: false },
    ],
    heading: 'name',
    sort: 'number',
    groups: { filter: 'kind' },
    filters: [
      { name: 'kind', label: '类型', type: 'select', options: kinds, where: 'plots.kind' },
      ...regionFilters({ district: 'plots.district_code', street: 'plots.street_code' }),
      within({ name: 'ends', label: '到期', source: 'plots.ends_on' }),
      has({ name: 'managed', label: '经理', source: 'plots.manager' }),
      has({ name: 'listed', label: '单位登记', words: ['已登记', '未登记'], rows: query => void query.from('organisations').whereRaw('organisations.name = plots.name') }), // biome-ignore format: one filter
      { name: 'area', label: '面积', type: 'range', unit: '㎡', digits: 2, where: 'plots.area' },
      { name: 'floors', label: '层数', type: 'range', where: 'plots.floors' },
    ],
    search: { about: '名称', terms: 'plots', texts: ['plots.name'] },
    bulk: [
      {
        code: 'merge',
        label: '合并',
        roles: ['city-clerk'],
        async run({ rows, missing, back }, _req, res) {
          done.push({ names: rows.map(row => row.name), missing })
          res.redirect(303, back)
        },
      },
    ],
  })
  registerLists(list)
}

const names = (rows: string[][]) => rows.map(row => row[0])

/** The links above the list: label and count, with a star where it is chosen. */
function groupsIn(text: string): string[] {
  const [, nav = ''] = /<nav class="groups"[^>]*>([\s\S]*?)<\/nav>/.exec(text) ?? []
  return [...nav.matchAll(/<a href="[^"]*"( aria-current="true")?>([^<]*)(?:<span class="count">([^<]*)<\/span>)?<\/a>/g)].map(
    ([, current, label, count]) => `${current ? '*' : ''}${label?.trim()} ${count ?? '?'}`,
  )
}

// Counts by group

test('groups are counted under everything else that is asked, within what one sees; empty ones are left out', async () => {
  assert.deepEqual(groupsIn((await see(city, '/desk/lists/plots')).text), ['*全部 6', '物业企业 3', '开发企业 1', '分支机构 2'])
  assert.deepEqual(groupsIn((await see(clerk, '/desk/lists/plots')).text), ['*全部 3', '物业企业 2', '开发企业 1'])
  const found = await see(city, '/desk/lists/plots?kind=company&district=370102')
  assert.deepEqual(groupsIn(found.text), ['全部 3', '*物业企业 2', '开发企业 1'])
  assert.deepEqual(groupsIn((await see(city, '/desk/lists/plots?q=清荷，花园')).text), [
    '*全部 4', '物业企业 2', '开发企业 1', '分支机构 1',
  ]) // biome-ignore format: a list of groups
  assert.deepEqual(groupsIn((await see(city, '/desk/lists/plots?kind=none')).text).slice(-1), ['*没有人选的 0'])
  assert.match(found.text, /<a href="\/desk\/lists\/plots\?kind=developer&amp;district=370102">开发企业/)
})

test('a group of thousands is counted up to a thousand', async () => {
  const { db } = portal
  const rows = Array.from({ length: 1100 }, (_, n) => ({
    id: 1000 + n,
    name: `批量 ${n}`,
    kind: 'branch',
    district_code: '370124',
  }))
  await db('plots').insert(rows)
  assert.deepEqual(groupsIn((await see(city, '/desk/lists/plots?district=370124')).text), ['*全部 1,000+', '分支机构 1,000+'])
  await db('plots').where('id', '>=', 1000).delete()
})

// Filters of the office

for (const [query, expected] of [
  ['ends=past', [1]],
  ['ends=30', [2, 3]],
  ['ends=60', [2, 3, 4]],
  ['ends=90', [2, 3, 4]],
  ['managed=no', [3]],
  ['managed=yes&kind=developer', []],
  ['listed=yes', []],
  ['listed=no&kind=developer', [3]],
  ['area_from=300&area_to=500', [3, 4, 5]],
  ['area_from=500.01', [6]],
  ['area_to=１００', [1]],
  ['area_from=1,00&area_to=2 00', [1, 2]],
  ['floors_from=6&floors_to=6', [6]],
  ['street=370102001', [1, 3]],
] as const)
  test(`${query} leaves ${expected.length}`, async () => {
    const { status, rows } = await see(city, `/desk/lists/plots?${encodeURI(query)}`)
    assert.equal(status, 200)
    assert.deepEqual(rows.map(row => Number(row[1])), expected) // biome-ignore format: one comparison
  })

test('what is due is told by its words, and a range by its unit', async () => {
  const { text } = await see(city, '/desk/lists/plots?ends=30&area_from=1&area_to=400&floors_from=1')
  for (const chip of ['到期：30 天内到期', '面积：1 至 400 ㎡', '层数：1 起']) assert.ok(text.includes(chip), chip)
})

for (const [query, sentence] of [
  ['area_from=x', '面积的起始数请填写数字，最多 2 位小数，如 1000.50。'],
  ['area_to=1.234', '面积的截止数请填写数字，最多 2 位小数，如 1000.50。'],
  ['area_from=-5', '面积的起始数请填写数字'],
  ['floors_from=1.5', '层数的起始数请填写整数，如 1000。'],
  ['area_from=1e9', '面积的起始数请填写数字'],
  ['area_from=9999999999999', '面积的起始数请填写数字'],
  ['area_from=5&area_to=4', '面积的起始数大于截止数 4，请对调或改一个。'],
  ['ends=45', '到期里没有“45”，请重新选择。'],
] as const)
  test(`${query} is refused at its field`, async () => {
    const { status, text } = await city.get(`/desk/lists/plots?${query}`)
    assert.equal(status, 422)
    assert.ok(text.includes(sentence), sentence)
  })

test('a district is offered itself and its own streets, the city all of them with their district', async () => {
  const options = async (agent: Agent, name: string) => {
    const { text } = await agent.get('/desk/lists/plots')
    const [, select = ''] = new RegExp(`<select[^>]*name="${name}"[^>]*>([\\s\\S]*?)</select>`).exec(text) ?? []
    return [...select.matchAll(/<option value="(\d+)">([^<]*)</g)].map(([, code, label]) => `${code} ${label}`)
  }
  assert.deepEqual(await options(clerk, 'district'), ['370102 历下区'])
  assert.ok((await options(city, 'district')).length > 8)
  assert.ok((await options(clerk, 'street')).every(option => option.startsWith('370102')))
  assert.ok((await options(clerk, 'street')).includes('370102001 解放路街道'))
  assert.ok((await options(city, 'street')).includes('370102001 历下区 解放路街道'))
})

// Saved views

const keep = (agent: Agent, name: string, query: string, more: Record<string, string> = {}) =>
  agent.post('/desk/lists/plots/views', { name, query, ...more })

test('a view keeps conditions, order, size and columns, and opens as it was', async () => {
  const saved = await keep(city, '历下物业', 'kind=company&district=370102&sort=-number&size=50&columns=kind.ends_on&q=清荷')
  assert.equal(saved.status, 303)
  const opened = await city.get(saved.location ?? '')
  assert.equal(opened.status, 302)

  const { rows, heads, text } = await see(city, opened.location ?? '')
  assert.deepEqual(names(rows), ['清荷新居', '清荷苑'])
  assert.deepEqual(heads, ['名称', '类型', '到期日'])
  assert.match(text, /我的视图：历下物业</)
  assert.match(text, /<option value="50" selected>/)
  assert.match(text, /aria-current="true"><svg[^>]*><use[^>]*><\/svg>历下物业<\/a>/)
  assert.match(text, /已存为视图“历下物业”/)
  assert.match((await see(city, `${opened.location}`.replace('kind=company&', ''))).text, /我的视图：历下物业（已改）</)
  assert.ok(!(await see(clerk, '/desk/lists/plots')).text.includes('历下物业'))
  assert.equal((await colleague.get(saved.location ?? '')).status, 404)
  assert.equal((await clerk.get(saved.location ?? '')).status, 404)
})

test('pressing twice keeps one view; another question under the same name is refused and stays typed', async () => {
  const first = await keep(city, '两次', 'kind=branch')
  assert.equal((await keep(city, '两次', 'kind=branch')).location, first.location)

  const { status, text } = await keep(city, '两次', 'kind=company')
  assert.equal(status, 422)
  assert.match(text, /您已有叫“两次”的视图。请换一个名字，或替换原来那个的条件。/)
  assert.match(text, /id="f-name" name="name" maxlength="20" required value="两次"/)
  assert.equal((await keep(colleague, '两次', 'kind=company')).status, 303)
})

for (const [why, name, sentence] of [
  ['no name', '', '请填写视图名称。'],
  ['a long name', '视'.repeat(21), '视图名称最多 20 个字'],
] as const)
  test(`a view with ${why} is refused`, async () => {
    const { status, text } = await keep(city, name, '')
    assert.equal(status, 422)
    assert.ok(text.includes(sentence), sentence)
  })

test('a view is renamed, replaced and deleted by whoever keeps it', async () => {
  const { location = '' } = await keep(city, '原来的', 'kind=branch')
  const address = location ?? ''
  const rename = (agent: Agent) => agent.post(address, { name: '改了的', query: '' })

  assert.equal((await rename(colleague)).status, 404)
  assert.equal((await rename(city)).status, 303)
  assert.match((await see(city, '/desk/lists/plots')).text, /改了的<\/a>/)
  assert.equal((await city.post(address, { name: '两次', query: '' })).status, 422)

  const replaced = await city.post(address, { replace: 'yes', query: 'kind=developer' })
  assert.deepEqual(names((await see(city, (await city.get(replaced.location ?? '')).location ?? '')).rows), ['泉城花园'])

  assert.equal((await colleague.post(`${address}/delete`, {})).status, 303)
  assert.equal((await city.get(address)).status, 302, 'a stranger deletes nothing')
  assert.equal((await city.post(`${address}/delete`, {})).status, 303)
  assert.equal((await city.post(`${address}/delete`, {})).status, 303, 'a second press is harmless')
  assert.equal((await city.get(address)).status, 404)
})

test('a shared view is there for colleagues of the organisation alone, keeps its own scope, and is logged', async () => {
  const { location } = await keep(city, '全部分支', 'kind=branch', { shared: 'on' })
  const address = location ?? ''

  const menu = (await see(colleague, '/desk/lists/plots')).text
  assert.match(menu, /全部分支<span class="tiny soft">　曾敏共享<\/span>/)
  assert.equal((await colleague.get(address)).status, 302)
  assert.equal((await clerk.get(address)).status, 404)
  assert.match((await colleague.get('/desk/lists/plots/views')).text, /同事共享的视图[\s\S]*全部分支[\s\S]*类型：分支机构/)
  await colleague.post(`${address}/delete`, {})
  assert.equal((await colleague.post(address, { name: '我的了' })).status, 404)
  assert.equal((await colleague.get(address)).status, 302)

  await city.post(address, { name: '全部分支', query: '' })
  assert.equal((await colleague.get(address)).status, 404)
  const logged: string[] = await portal.db('action_log').where('action', 'like', 'list-view.%').orderBy('id').pluck('action')
  assert.deepEqual(logged, ['list-view.share', 'list-view.unshare'])
})

test('a view whose filter, option or column is gone opens with the rest and says what was left out', async () => {
  const { location } = await keep(city, '旧条件', 'kind=company&district=370102&sort=-number')
  const id = Number(location?.split('/').at(-1))
  const old = {
    query: 'columns=name.kind.fax&district=370199&kind=company&level=3&size=20&sort=-fax',
    words: JSON.stringify({ district: '区县：旧城区', level: '等级：三级', kind: '类型：物业企业', sort: '按传真排列', 'column.fax': '“传真”列' }),
  } // biome-ignore format: a kept view
  await portal.db('list_views').where({ id }).update(old)

  const opened = await city.get(location ?? '')
  const { status, rows, heads, text } = await see(city, opened.location ?? '')
  assert.equal(status, 200)
  assert.deepEqual(names(rows), ['清荷苑', '清荷新居', '历山名郡'])
  assert.deepEqual(heads, ['名称', '类型'])
  assert.match(text, /视图“旧条件”里的区县：旧城区、等级：三级、按传真排列、“传真”列现在没有了，已略去，其余照旧。/)
})

test('nobody keeps more than twenty views of one list', async () => {
  const count = async () => Number((await portal.db('list_views').where({ list: 'plots', user_id: await idOf('district-clerk') }).count({ n: '*' }).first())?.n) // biome-ignore format: one number
  const answers = await Promise.all(Array.from({ length: 24 }, (_, n) => keep(clerk, `第 ${n} 个`, `size=${n % 2 ? 10 : 50}`)))
  assert.equal(answers.filter(({ status }) => status === 303).length, 20)
  assert.equal(await count(), 20)
  assert.match((await keep(clerk, '再一个', '')).text, /每个列表最多存 20 个视图，请先删去不用的，或替换其中一个。/)
})

const idOf = async (username: string) => (await portal.db('users').where({ username }).first('id')).id

test('an ID number that was searched is not kept in a view', async () => {
  const { location } = await keep(city, '查过身份证', 'q=370102199001010012&kind=company')
  const row = await portal
    .db('list_views')
    .where({ id: location?.split('/').at(-1) })
    .first()
  assert.ok(!JSON.stringify(row).includes('1990'))
  assert.ok(!new URLSearchParams(row.query).has('q'))
  assert.match((await city.get((await city.get(location ?? '')).location ?? '')).text, /搜索词里的证件号或手机号没有存进视图。/)
})

// Picked rows

const pick = (agent: Agent, act: string, key: string[], query = '') =>
  agent.raw('/desk/lists/plots/picked', {
    method: 'POST',
    body: new URLSearchParams([['do', act], ['query', query], ...key.map((one): [string, string] => ['key', one])]),
    headers: { origin: portal.base },
  })

test('picked rows leave as a workbook: these and no others, as the page shows them', async () => {
  const answer = await pick(city, 'export', ['6', '1', '1', '3'], 'kind=company&sort=-number&columns=manager.phone')
  assert.equal(answer.status, 200)
  const book = new ExcelJS.Workbook()
  await book.xlsx.load(await answer.arrayBuffer())
  const sheet = book.getWorksheet('地块')
  const cells = sheet?.getSheetValues().slice(1).map(row => Array.from(row as unknown[]).slice(1)) // biome-ignore format: rows of cells
  assert.deepEqual(cells, [
    ['名称', '经理', '电话'],
    ['=1+1 花园', '赵*', '138****5678'],
    ['泉城花园', undefined, '138****5678'],
    ['清荷苑', '赵*', '138****5678'],
  ])
  const logged = await portal.db('action_log').where({ action: 'list.export' }).orderBy('id', 'desc').first()
  assert.deepEqual(JSON.parse(logged.detail).conditions, ['所选：3 条'])
})

test('who picks a row outside their sight gets nothing of it', async () => {
  const text = await (await pick(clerk, 'print', ['1', '4', '99', 'abc', '__proto__'])).text()
  assert.ok(text.includes('清荷苑') && !text.includes('历山名郡'))
  assert.match(text, /共 <b class="num">1<\/b> 条/)
})

test('what a list does with picked rows gets them whole and knows how many are missing', async () => {
  done.length = 0
  const answer = await pick(city, 'merge', ['2', '4', '77'], 'kind=company&size=10')
  assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/desk/lists/plots?size=10&kind=company'])
  assert.deepEqual(done, [{ names: ['清荷新居', '历山名郡'], missing: 1 }])

  assert.equal((await pick(clerk, 'merge', ['1'])).status, 404, 'not offered to this role')
  assert.equal((await pick(city, 'nothing', ['1'])).status, 404)
  assert.equal((await pick(city, '__proto__', ['1'])).status, 404)
  assert.equal(
    (
      await pick(
        city,
        'export',
        Array.from({ length: 101 }, (_, n) => String(n)),
      )
    ).status,
    400,
  )
  assert.equal((await pick(city, 'export', ['清'])).status, 400)
  assert.equal(done.length, 1)
})

test('nothing picked leads back to the same page and says what to do', async () => {
  const answer = await pick(city, 'export', [], 'kind=company')
  assert.equal(answer.headers.get('location'), '/desk/lists/plots?kind=company')
  assert.match((await city.get('/desk/lists/plots?kind=company')).text, /还没有勾选。请先勾选要处理的行，再按按钮。/)
})

// Print

test('the print view holds the whole answer with conditions, person, time and masks, and is logged', async () => {
  const { status, text } = await city.get('/desk/lists/plots/print?kind=branch&sort=-number&size=10')
  assert.equal(status, 200)
  assert.match(text, /条件：类型：分支机构。共 <b class="num">2<\/b> 条。济南市住房和城乡建设局 曾敏（市局经办人）/)
  assert.match(
    text,
    /class="print-mark" aria-hidden="true">济南市住房和城乡建设局　曾敏（市局经办人）　\d{4}-\d\d-\d\d \d\d:\d\d</,
  )
  assert.ok(text.indexOf('=1+1 花园') < text.indexOf('舜耕山庄'))
  assert.ok(text.includes('138****5678') && !text.includes('13812345678') && !text.includes('赵明'))
  const logged = await portal.db('action_log').where({ action: 'list.print' }).orderBy('id', 'desc').first()
  assert.deepEqual(JSON.parse(logged.detail).conditions, ['类型：分支机构'])
  assert.equal((await city.get('/desk/lists/plots/print?kind=gone')).status, 422)
  assert.equal((await portal.anyone().get('/desk/lists/plots/print')).status, 302)
})

test('of more than two thousand rows the first two thousand are printed, and the page says so', async () => {
  const { db } = portal
  const rows = Array.from({ length: 2001 }, (_, n) => ({
    id: 5000 + n,
    name: `批量 ${n}`,
    kind: 'none',
    district_code: '370124',
  }))
  await db('plots').insert(rows)
  const { text } = await city.get('/desk/lists/plots/print?kind=none')
  assert.equal(text.match(/<tr>/g)?.length, 2001)
  assert.match(text, /符合条件的超过 2,000 条，这里只有按顺序排在前面的 2,000 条。/)
  await db('plots').where('id', '>=', 5000).delete()
})

// In a browser

test('rows are picked by mouse and keyboard, one view is kept and opened, without a fault for axe, wide and narrow', async () => {
  const browser = await launch()
  try {
    for (const viewport of [desktop, phone]) {
      const { page, problems, context } = await visit(browser, { base: portal.base, viewport })
      await signIn(page, 'city-clerk')
      await page.goto('/desk/lists/plots')
      const bar = page.getByRole('region', { name: '批量办理' })
      assert.equal(await bar.isVisible(), false)

      await page.getByLabel('选择 清荷苑').focus()
      await page.keyboard.press('Space')
      assert.match((await bar.textContent()) ?? '', /已选 1 条/)
      await page.getByLabel('选择 历山名郡').click({ modifiers: ['Shift'] })
      assert.match((await bar.textContent()) ?? '', /已选 4 条/)
      await page.getByLabel('选择本页全部').locator('visible=true').check()
      assert.match((await bar.textContent()) ?? '', /已选 6 条/)
      assert.deepEqual(await violations(page), [])
      if (viewport === phone) {
        assert.equal(await page.getByText('138****5678').first().isVisible(), false)
        await page.getByLabel('每条显示全部列').check()
        assert.equal(await page.getByText('138****5678').first().isVisible(), true)
      }
      await bar.getByRole('button', { name: '取消选择' }).click()
      assert.equal(await bar.isVisible(), false)

      await page.getByText('我的视图').first().click()
      assert.deepEqual(await violations(page), [])
      await page.goto('/desk/lists/plots/views?kind=developer')
      assert.deepEqual(await violations(page), [])
      const sideways = () => page.evaluate('document.documentElement.scrollWidth - window.innerWidth')
      assert.equal(await sideways(), 0)
      await page.goto('/desk/lists/plots/print')
      assert.deepEqual(await violations(page), [])
      assert.equal(await sideways(), 0)
      assert.deepEqual(problems, [])
      await context.close()
    }
  } finally {
    await browser.close()
  }
})

test('without script rows are picked, printed and searched all the same', async () => {
  const browser = await launch()
  try {
    const { page } = await visit(browser, { base: portal.base, script: false })
    await signIn(page, 'city-clerk')
    await page.goto('/desk/lists/plots?kind=company')
    await page.getByLabel('选择 清荷苑').check()
    await page.getByRole('button', { name: '打印所选' }).click()
    await page.getByText('条件：所选：1 条').waitFor()
    await page.getByRole('link', { name: '回到列表' }).click()
    assert.match(page.url(), /\/desk\/lists\/plots\?kind=company$/)
    await page.getByLabel('搜索地块').fill('名郡')
    await page.getByRole('button', { name: '搜索' }).click()
    assert.match(page.url(), /\/desk\/lists\/plots\?q=%E5%90%8D%E9%83%A1&kind=company$/)
  } finally {
    await browser.close()
  }
})
