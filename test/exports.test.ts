import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import ExcelJS from 'exceljs'
import { givenAccounts, givenOrganisation, givenPerson, see, walk } from './list-rows.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

let portal: TestPortal
let admin: Agent
let city: Agent
let clerk: Agent

before(async () => {
  portal = await startPortal()
  const { db } = portal
  const bureau = await givenOrganisation(db, '济南市住房和城乡建设局', { kind: 'city', region: '370100' })
  const lixia = await givenOrganisation(db, '历下区住房和城乡建设局', { kind: 'district', region: '370102' })
  await givenPerson(db, 'system-admin', '韩松', 'system-admin', bureau)
  await givenPerson(db, 'city-clerk', '曾敏', 'city-clerk', bureau)
  await givenPerson(db, 'district-clerk', '乔远', 'district-clerk', lixia, '370102')
  for (const [at, name] of hostile.entries())
    await givenOrganisation(db, name, {
      region: at % 2 ? '370102' : '370103',
      contact: '刘伟',
      code: `9137010${at}MA3CQ0000${at}`,
    })
  const company = await givenOrganisation(db, '济南满员物业服务有限公司', { region: '370126', contact: '𠮷田' })
  await givenAccounts(db, Array.from({ length: 1230 }, (_, n) => ({
    username: `crowd-${n}`,
    name: ['𠮷田', '王伟', '单丽', '赵一'][n % 4] ?? '',
    organisation_id: company,
    created_at: new Date(Date.parse('2025-01-01T00:00:00Z') + (n % 7) * 3_661_000),
  }))) // biome-ignore format: one call
  admin = await portal.as('system-admin')
  city = await portal.as('city-clerk')
  clerk = await portal.as('district-clerk')
})
after(() => portal.stop())

/** Names that a spreadsheet would calculate, or that would break a file. */
const hostile = [
  '=1+1物业', '+cmd|calc物业', '-2+3物业', '@SUM(A1)物业', '＝HYPERLINK物业', '＠物业', '"引号"，逗号,物业', "'单引号物业", '换行\n物业', '<b>&物业', '𠮷祥物业', '＋１物业',
] // biome-ignore format: a list of names

// The same in every format

const questions = [
  'organisations',
  'organisations?q=物业&sort=-name',
  'organisations?district=370102',
  'users?q=王伟，单丽&sort=-username',
  'users?q=满员 𠮷田&created_from=2025-01-01&sort=created_at',
  'users?role=none&sort=-created_at',
  'regions?q=街道&sort=name',
]

for (const question of questions)
  test(`${question}: the files hold what the pages show, all of it and in order`, async () => {
    const agent = question.startsWith('users') ? admin : city
    const pages = await walk(agent, `/desk/lists/${question}${question.includes('?') ? '&' : '?'}size=100`)
    const shown = { heads: pages[0]?.heads ?? [], rows: pages.flatMap(page => page.rows) }
    assert.ok(shown.rows.length > 0)

    assert.deepEqual(await readCsv(agent, question), shown, 'csv')
    assert.deepEqual(await readXlsx(agent, question), shown, 'xlsx')
    assert.deepEqual(await readJson(agent, question), shown, 'json')
  })

test('chosen columns and masks hold for the files too', async () => {
  await city.post('/desk/lists/organisations/columns', { column: ['contact', 'code'] })

  const { heads, rows } = await readXlsx(city, 'organisations?q=物业')
  assert.deepEqual(heads, ['名称', '统一社会信用代码', '联系人'])
  assert.deepEqual([...new Set(rows.map(row => row[2]))].sort(), ['刘*', '𠮷*'])
  for (const format of ['csv', 'json']) {
    const { text } = await city.get(`/desk/lists/organisations/export.${format}?q=物业`)
    assert.ok(text.includes('刘*') && !text.includes('刘伟') && !text.includes('𠮷田'), format)
  }
  await city.post('/desk/lists/organisations/columns', { standard: 'yes' })
})

test("another district's rows are in no file", async () => {
  const { rows } = await readJson(clerk, 'organisations')
  assert.equal(rows.length, hostile.filter((_, at) => at % 2).length + 1)
})

// What a spreadsheet makes of it

test('texts that look like formulas are texts', async () => {
  const { text } = await city.get('/desk/lists/organisations/export.csv?q=物业')
  for (const name of ['=1+1物业', '+cmd|calc物业', '-2+3物业', '@SUM(A1)物业', '＝HYPERLINK物业', '＠物业', '＋１物业'])
    assert.ok(text.includes(`\r\n'${name},`), name)
  for (const name of ['"""引号""，逗号,物业"', "'单引号物业", '"换行\n物业"', '<b>&物业', '𠮷祥物业'])
    assert.ok(text.includes(`\r\n${name},`), name)

  const book = await workbook(city, 'organisations?q=物业')
  const sheet = book.getWorksheet('单位')
  sheet?.eachRow(row =>
    row.eachCell(cell => {
      assert.equal(cell.type, ExcelJS.ValueType.String)
      assert.equal(cell.formula, undefined)
    }),
  )
  const names = sheet?.getColumn(1).values.map(String) ?? []
  for (const name of hostile) assert.ok(names.includes(name), name)
})

test('csv is UTF-8 with a mark and ends its lines as Excel wants them', async () => {
  const answer = await city.raw('/desk/lists/organisations/export.csv', {})
  const bytes = Buffer.from(await answer.arrayBuffer())
  assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf])
  assert.ok(bytes.toString().endsWith('\r\n'))
})

test('the workbook has a head that stays, real days and times, codes as text, and says what it is', async () => {
  const book = await workbook(admin, 'users?q=满员&status=active')
  const sheet = book.getWorksheet('账号')
  assert.equal(sheet?.getRow(1).getCell(1).font?.bold, true)
  assert.deepEqual([sheet?.views[0]?.state, sheet?.rowCount], ['frozen', 1231])
  const created = sheet?.getRow(2).getCell(8)
  assert.ok(created?.value instanceof Date && created.numFmt === 'yyyy-mm-dd hh:mm')
  assert.equal(sheet?.getRow(2).getCell(2).numFmt, '@')

  const facts = new Map<string, string>()
  book.getWorksheet('说明')?.eachRow(row => facts.set(String(row.getCell(1).value), String(row.getCell(2).value)))
  assert.equal(facts.get('列表'), '账号')
  assert.equal(facts.get('条件'), '搜索：满员；状态：在用')
  assert.equal(facts.get('行数'), '1230')
  assert.equal(facts.get('导出人'), '韩松（系统管理员）')
  assert.equal(facts.get('单位'), '济南市住房和城乡建设局')
  assert.match(facts.get('导出时间') ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d（北京时间）$/)
})

test('a file has a Chinese name with the day, is kept by nobody on the way, and an empty one is whole', async () => {
  const { today } = await import('../src/clock.ts')
  const day = today().replaceAll('-', '')
  for (const [format, type] of [
    ['xlsx', /spreadsheetml/],
    ['csv', /^text\/csv; charset=utf-8$/],
    ['json', /^application\/json/],
  ] as const) {
    const answer = await admin.raw(`/desk/lists/users/export.${format}?q=没有这个人`, {})
    assert.equal(answer.status, 200)
    assert.equal(
      answer.headers.get('content-disposition'),
      `attachment; filename="users_${day}.${format}"; filename*=UTF-8''%E8%B4%A6%E5%8F%B7_${day}.${format}`,
    )
    assert.match(answer.headers.get('content-type') ?? '', type)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    await answer.arrayBuffer()
  }
  assert.deepEqual((await readXlsx(admin, 'users?q=没有这个人')).rows, [])
  assert.deepEqual((await readJson(admin, 'users?q=没有这个人')).rows, [])
})

test('json names list, time, conditions and columns', async () => {
  const { text } = await admin.get('/desk/lists/users/export.json?q=crowd-7&status=active')
  const { list, at, conditions, columns, rows } = JSON.parse(text)
  assert.deepEqual(list, { code: 'users', label: '账号' })
  assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/)
  assert.deepEqual(conditions, ['搜索：crowd-7', '状态：在用'])
  assert.deepEqual(columns[0], { name: 'name', label: '姓名' })
  assert.deepEqual(rows[0].created_at, '2025-01-01T08:00:00+08:00')
  assert.equal(rows[0].last_signed_in_at, null)
})

test('numbers are numbers and days are days, in every format', async () => {
  const { defineList } = await import('../src/lists/list.ts')
  const { registerLists } = await import('../src/lists/registry.ts')
  const figures = defineList({
    code: 'figures',
    label: '数字',
    roles: ['city-clerk'],
    from: db => db('regions').where('regions.code', '370102'),
    key: 'regions.code',
    columns: [
      { name: 'name', label: '名称', source: 'regions.name', sort: 'regions.name_key' },
      { name: 'area', label: '面积', type: 'area', unit: '㎡', source: db => db.raw('cast(-1234567.5 as decimal(14, 2))') },
      { name: 'households', label: '户数', type: 'number', source: db => db.raw('1234567') },
      { name: 'fee', label: '金额', type: 'money', unit: '万元', source: db => db.raw('cast(0 as decimal(16, 2))') },
      { name: 'signed_on', label: '签订日期', type: 'date', source: db => db.raw("cast('2024-02-29' as date)") },
      { name: 'built_on', label: '建成日期', type: 'date', source: db => db.raw("cast('1850-01-01' as date)") },
      { name: 'open', label: '公开', type: 'flag', source: db => db.raw('1') },
      { name: 'score', label: '得分', type: 'number', source: db => db.raw('null') },
    ],
    heading: 'name',
    sort: 'name',
  })
  registerLists(figures)

  const { heads, rows } = await see(city, '/desk/lists/figures')
  assert.deepEqual(heads.slice(1, 4), ['面积（㎡）', '户数', '金额（万元）'])
  assert.deepEqual(rows, [['历下区', '−1,234,567.50', '1,234,567', '0.00', '2024-02-29', '1850-01-01', '是', '']])

  const csv = (await city.get('/desk/lists/figures/export.csv')).text
  assert.equal(csv.split('\r\n')[1], '历下区,-1234567.50,1234567,0.00,2024-02-29,1850-01-01,是,')
  const json = JSON.parse((await city.get('/desk/lists/figures/export.json')).text)
  assert.deepEqual(Object.values(json.rows[0]), ['历下区', -1234567.5, 1234567, 0, '2024-02-29', '1850-01-01', '是', null])
  assert.equal(json.columns[1].unit, '㎡')
  const row = (await workbook(city, 'figures')).worksheets[0]?.getRow(2)
  assert.deepEqual(
    [2, 3, 4, 5, 6, 7, 8].map(at => row?.getCell(at).value),
    [-1234567.5, 1234567, 0, new Date('2024-02-29T00:00:00Z'), '1850-01-01', '是', null],
  )
  assert.equal(row?.getCell(2).numFmt, '#,##0.00')
})

// The log

test('every export is in the action log, with numbers of persons masked', async () => {
  await admin.get('/desk/lists/users/export.csv?q=13812345678 满员&status=active')

  const row = await portal.db('action_log').where({ action: 'list.export' }).orderBy('id', 'desc').first()
  assert.deepEqual(
    [row.user_name, row.object_type, row.object_id, row.object_label, row.result],
    ['韩松', 'list', 'users', '账号', 'ok'],
  )
  const { format, conditions, columns } = JSON.parse(row.detail)
  assert.deepEqual([format, conditions], ['csv', ['搜索：138****5678 满员', '状态：在用']])
  assert.equal(columns.length, 8)
})

test('without its row in the log nothing leaves', async () => {
  await portal.db.raw('rename table action_log to action_log_away')
  try {
    for (const format of ['xlsx', 'csv', 'json']) {
      const answer = await admin.get(`/desk/lists/users/export.${format}`)
      assert.equal(answer.status, 500)
      assert.equal(answer.headers.get('content-disposition'), null)
      assert.ok(!answer.text.includes('crowd-'))
    }
  } finally {
    await portal.db.raw('rename table action_log_away to action_log')
  }
})

test('an export somebody is refused is not logged as one', async () => {
  const count = () => portal.db('action_log').where({ action: 'list.export' }).count({ n: '*' }).first().then(row => Number(row?.n)) // biome-ignore format: one number
  const before = await count()
  assert.equal((await city.get('/desk/lists/users/export.csv')).status, 403)
  assert.equal((await admin.get('/desk/lists/users/export.csv?status=gone')).status, 422)
  assert.equal(await count(), before)
})

// When something goes wrong on the way

test('a download that is broken off stops the work', async () => {
  const { defineList } = await import('../src/lists/list.ts')
  const { registerLists } = await import('../src/lists/registry.ts')
  let asked = 0
  const long = defineList({
    code: 'long',
    label: '很长的列表',
    roles: ['system-admin'],
    from(db) {
      asked++
      return db.from(db.raw("(select concat(a.code, '-', b.code) as code from regions a cross join regions b) as pairs"))
    },
    key: 'pairs.code',
    columns: [
      { name: 'code', label: '代码', type: 'code', source: 'pairs.code', sort: true, text: row => `${row.code} ${noise}` },
    ],
    heading: 'code',
    sort: 'code',
  })
  registerLists(long)
  // 31,684 rows: two queries for each of 32 batches, 60 MB in all.
  for (const format of ['csv', 'json', 'xlsx']) {
    asked = 0
    await breakOff(`/desk/lists/long/export.${format}`)
    await pause(400)
    const then = asked
    assert.ok(then < 40, `${format}: ${then}`)
    await pause(200)
    assert.equal(asked, then, `${format} goes on`)
  }
  assert.equal((await admin.get('/desk/lists/users')).status, 200)
})

test('a reader that is slow is waited for', async () => {
  let before = process.memoryUsage().rss
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) =>
    open('/desk/lists/long/export.xlsx', resolve, reject),
  )
  answer.pause()
  await pause(1500)
  before = process.memoryUsage().rss - before
  assert.ok(before < 100e6, `${Math.round(before / 1e6)} MB wait in memory`)
  answer.destroy()
})

function open(path: string, done: (answer: http.IncomingMessage) => void, failed: (error: Error) => void) {
  const headers = { cookie: [...admin.cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
  http.get(portal.base + path, { headers }, done).once('error', failed)
}

function breakOff(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    open(path, answer => answer.once('data', () => resolve(void answer.destroy())), reject)
  })
}

/** Two thousand signs that do not shrink to nothing in a zip. */
const noise = Array.from({ length: 250 }, (_, n) => ((n * 2654435761) % 4294967291).toString(36)).join(' ')

test('a fault in the middle breaks the connection, so that half a file does not look whole', async () => {
  const { defineList } = await import('../src/lists/list.ts')
  const { registerLists } = await import('../src/lists/registry.ts')
  let asked = 0
  const brittle = defineList({
    code: 'brittle',
    label: '会断的列表',
    roles: ['system-admin'],
    // Two queries for each batch: the second batch fails.
    from: db => (++asked > 2 ? db('users').whereRaw('no_such_column = 1') : db('users')),
    key: 'users.id',
    columns: [{ name: 'username', label: '账号', type: 'code', source: 'users.username', sort: true }],
    heading: 'username',
    sort: 'username',
  })
  registerLists(brittle)
  for (const format of ['csv', 'json', 'xlsx']) {
    asked = 0
    await assert.rejects(
      admin.raw(`/desk/lists/brittle/export.${format}`, {}).then(answer => answer.arrayBuffer()),
      format,
    )
  }
  asked = 0
  assert.equal((await see(admin, '/desk/lists/users')).status, 200)
})

// Reading files back

interface Table {
  heads: string[]
  rows: string[][]
}

const addressOf = (question: string, format: string) => `/desk/lists/${question.replace(/(\?|$)/, `/export.${format}$1`)}`

async function readCsv(agent: Agent, question: string): Promise<Table> {
  const { text } = await agent.get(addressOf(question, 'csv'))
  const records: string[][] = [[]]
  for (const [, quoted, plain = '', end] of text.replace(/^\ufeff/, '').matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    records.at(-1)?.push((quoted?.replaceAll('""', '"') ?? plain).replace(/^'(?=[=+\-@＝＋－＠])/, ''))
    if (end === '\r\n') records.push([])
  }
  const [heads = [], ...rows] = records.slice(0, -1)
  return { heads, rows: rows.map(row => row.map(cell => cell.trim())) }
}

async function workbook(agent: Agent, question: string): Promise<ExcelJS.Workbook> {
  const answer = await agent.raw(addressOf(question, 'xlsx'), {})
  const book = new ExcelJS.Workbook()
  await book.xlsx.load(await answer.arrayBuffer())
  return book
}

async function readXlsx(agent: Agent, question: string): Promise<Table> {
  const sheet = (await workbook(agent, question)).worksheets[0]
  const width = sheet?.getRow(1).cellCount ?? 0
  const all: string[][] = []
  sheet?.eachRow(row => all.push(Array.from({ length: width }, (_, at) => shown(row.getCell(at + 1).value))))
  const [heads = [], ...rows] = all
  return { heads, rows: rows.map(row => row.map(cell => cell.trim())) }
}

function shown(value: ExcelJS.CellValue): string {
  return value instanceof Date ? value.toISOString().slice(0, 16).replace('T', ' ') : String(value ?? '')
}

async function readJson(agent: Agent, question: string): Promise<Table> {
  const { columns, rows }: { columns: { name: string; label: string }[]; rows: Record<string, string | null>[] } = JSON.parse(
    (await agent.get(addressOf(question, 'json'))).text,
  )
  const moment = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):00\+08:00$/
  return {
    heads: columns.map(({ label }) => label),
    rows: rows.map(row => columns.map(({ name }) => (row[name] ?? '').replace(moment, '$1 $2').trim())),
  }
}
