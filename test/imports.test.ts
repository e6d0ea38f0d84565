import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import ExcelJS from 'exceljs'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { book, hostile, rawBook, zip } from './workbooks.ts'

/** 导入: from the template to the rows, and everything that may be wrong with a file in between. */

let portal: TestPortal
let clerk: Agent
let colleague: Agent
let company: Agent

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-files-'))
const { during, scratch, createScratchTable } = await import('./scratch-import.ts')
const { registerImports } = await import('../src/imports/import.ts')
const { eraseOldRuns, workRuns } = await import('../src/imports/runs.ts')
const { shiftClock } = await import('../src/clock.ts')

before(async () => {
  registerImports(scratch)
  portal = await startPortal({ demo: true })
  await createScratchTable(portal.db)
  const { DiskStorage, useStorage } = await import('../src/files/storage.ts')
  useStorage(new DiskStorage(folder))
  clerk = await portal.as('city-clerk')
  colleague = await portal.as('district-clerk')
  company = await portal.as('company')
})
after(async () => {
  await portal.stop()
  fs.rmSync(folder, { recursive: true })
})
beforeEach(async () => {
  await portal.db('scratch_firms').delete()
  await portal.db('rate_limits').delete()
})

const heads = ['单位名称', '编号', '等级', '面积', '占比', '户数', '成立日期', '电话', '是否上市']
type Value = ExcelJS.CellValue

/** Sends a file as a browser does and lets it be checked. */
async function upload(file: Buffer, name = '单位.xlsx', agent = clerk): Promise<Shown> {
  const answer = await send(file, name, agent)
  if (answer.status !== 303) return shown(answer.status, await answer.text(), '')
  await workRuns()
  return await look(answer.headers.get('location') ?? '', agent)
}

async function send(file: Buffer, name: string, agent: Agent): Promise<Response> {
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(file)]), name)
  const request = new Request('http://portal.test', { method: 'POST', body: form })
  const body = Buffer.from(await request.arrayBuffer())
  const headers = { origin: agent.base, 'content-type': request.headers.get('content-type') ?? '', 'content-length': `${body.length}` } // biome-ignore format: one step
  return await agent.raw('/desk/imports/scratch', { method: 'POST', body, headers })
}

interface Shown {
  status: number
  address: string
  text: string
  /** What the page says, without its tags. */
  words: string
  /** Row, column, content and sentence of each mistake. */
  mistakes: string[][]
  version: string
}

function shown(status: number, text: string, address: string): Shown {
  const plain = (html = '') =>
    html
      .replace(/<svg[\s\S]*?<\/svg>|<[^>]+>/g, '')
      .replace(/&#34;/g, '"')
      .replace(/\s+/g, ' ')
      .trim()
  const table = /<table class="table cards import-mistakes">[\s\S]*?<tbody>([\s\S]*?)<\/tbody>/.exec(text)?.[1] ?? ''
  const mistakes = [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell]) => plain(cell).replace(/^第 (\d+) 行$/, '$1')),
  )
  const version = /name="version" value="(\d+)"/.exec(text)?.[1] ?? ''
  return { status, address, text, words: plain(/<main[\s\S]*<\/main>/.exec(text)?.[0]), mistakes, version }
}

async function look(address: string, agent = clerk): Promise<Shown> {
  const { status, text } = await agent.get(address)
  return shown(status, text, address)
}

async function confirm({ address, version }: Shown, agent = clerk): Promise<Shown> {
  const answer = await agent.post(`${address}/confirm`, { version })
  assert.equal(answer.status, 303, answer.text)
  await workRuns()
  return await look(address, agent)
}

/** The cells of a row from column A on; the values of exceljs begin at 1. */
const valuesOf = (row?: ExcelJS.Row) => (Array.isArray(row?.values) ? row.values.slice(1) : [])

const firms = (count: number): Value[][] =>
  Array.from({ length: count }, (_, n) => [`第${n}物业公司`, `QY${String(n).padStart(6, '0')}`, '一级', n + 0.5])
const written = () => portal.db('scratch_firms').orderBy('code')

test('a file is checked, confirmed and written; sent again, it changes nothing', async () => {
  const rows = [
    ['历下物业', 'AB01', '一级', 1200.5, 0.35, '１，２００', '2026年11月23日', 13800000001, '是'],
    ['泉城物业', 'AB02', '二级（暂定）'],
  ]
  const file = await book({ 单位: [heads, ...rows] }, sheet => {
    sheet.getCell('E2').numFmt = '0%'
  })
  const checked = await upload(file)
  assert.match(checked.words, /没有发现问题，可以写入.*将写入 2 行/)
  assert.deepEqual(await written(), [], 'nothing is written before somebody says so')

  const done = await confirm(checked)
  assert.match(done.words, /已全部写入 2 行.*新编号2 个/)
  const [first, second] = await written()
  assert.deepEqual(
    [first.name, first.area, first.share, first.houses, first.founded_on, first.listed],
    ['历下物业', '1200.50', '35.00', 1200, '2026-11-23', 1],
  )
  assert.deepEqual([second.level, second.area, second.listed], ['two', null, 0])

  const again = await upload(file)
  assert.match(again.words, /没有要写入的.*每一行都已在档且一致/)
  assert.equal((await written()).length, 2)
})

const wrongRows = [
  ['好物业', 'AB01', '一级'],
  ['', 'AB02', '一级'],
  ['三物业', 'AB03', '三级', '很大', 0.35, 1.5, '2026-02-30'],
  ['四物业', 'ab01', '一级', null, null, null, null, '2380000000123'],
  ['五物业', 'AB09', '一级'],
  ['=1+1物业', 'AB06', '一级', null, null, null, null, null, '也许'],
]

test('one wrong row keeps all out: what is wrong is told by row and column, personal data masked', async () => {
  await portal.db('scratch_firms').insert({ name: '甲物业', code: 'AB09', level: 'one', listed: false })
  const { words, mistakes } = await upload(await book({ 单位: [heads, ...wrongRows] }))
  assert.match(words, /需要修改的地方共 9 处 一行也没有写入/)
  assert.deepEqual(
    mistakes.map(([row, column, content, sentence]) => `${row} ${column} ${content}: ${sentence}`),
    [
      '3 单位名称 A —: 请填写单位名称。',
      '4 等级 C 三级: 等级不在可选范围内，请重新选择。',
      '4 面积 D 很大: 面积请填写 0 到 1,000,000 之间的数，最多 2 位小数，单位为㎡。',
      '4 户数 F 1.5: 户数请填写 0 到 100000 之间的整数，单位为户。',
      '4 成立日期 G 2026-02-30: 成立日期请填写成 2026-11-23 这样的日期。',
      '5 电话 H ****0123: 请填写 11 位手机号。',
      '5 编号 B ab01: 与第 2 行的“编号”相同。请删去重复的一行。',
      '6 单位名称 A 五物业: 编号已登记给“甲物业”，与这里的名称不同。',
      '7 是否上市 I 也许: 是否上市请填“是”或“否”。',
    ],
  )
  assert.equal((await written()).length, 1)
})

test('the annotated file says what is wrong, is mended and handed in as it is; a cell that begins with = stays a text', async () => {
  const wrong = await upload(await book({ 单位: [heads, ...wrongRows, ['+86物业', 'AB07', '一级']] }))
  const answer = await clerk.raw(`${wrong.address}/annotated.xlsx`, {})
  const file = Buffer.from(await answer.arrayBuffer())
  const annotated = new ExcelJS.Workbook()
  await annotated.xlsx.load(new Uint8Array(file).buffer)
  const sheet = annotated.getWorksheet('单位')
  assert.ok(sheet)
  assert.deepEqual(valuesOf(sheet.getRow(1)), ['原行号', '问题', '*单位名称', '*编号', '*等级', '面积（㎡）', '占比（%）', '户数（户）', '成立日期', '电话', '是否上市']) // biome-ignore format: one row
  assert.equal(sheet.getCell('B3').value, '请填写单位名称。')
  assert.match(JSON.stringify(sheet.getCell('C3').note), /请填写单位名称/)
  assert.deepEqual(
    ['C3', 'C2'].map(place => JSON.stringify(sheet.getCell(place).fill).includes('solid')),
    [true, false],
  )
  assert.equal(sheet.getCell('J5').value, '2380000000123', 'whoever sent it gets back what was sent')
  assert.deepEqual(['C7', 'C8'].map(place => sheet.getCell(place).type), [ExcelJS.ValueType.String, ExcelJS.ValueType.String]) // biome-ignore format: one comparison
  assert.equal(sheet.getCell('C7').value, '=1+1物业')

  const mend = { C3: '二物业', E4: '一级', F4: '300㎡', H4: '15', I4: '2026.2.3', D5: 'AB04', J5: '', K7: '否' }
  for (const [place, text] of Object.entries(mend)) sheet.getCell(place).value = text
  const checked = await upload(Buffer.from(await annotated.xlsx.writeBuffer()))
  assert.match(checked.words, /将写入 7 行/)
  assert.doesNotMatch(checked.words, /没有读入/)
  await confirm(checked)
  assert.deepEqual(
    (await written()).map(({ code, name, area }) => [code, name, area]),
    [['AB01', '好物业', null], ['AB02', '二物业', null], ['AB03', '三物业', '300.00'], ['AB04', '四物业', null], ['AB06', '=1+1物业', null], ['AB07', '+86物业', null], ['AB09', '五物业', null]], // biome-ignore format: one row each
  )
})

test('what people type is understood: days in five styles, full width, blanks, signs nobody sees, units', async () => {
  const days = ['2026-11-23', '2026/11/23', '2026.11.23', '2026年11月23日', '20261123', 46349, new Date('2026-11-23T00:00:00Z'), '２０２６－１１－２３'] // biome-ignore format: one line
  const file = await book({
    单位: [
      heads,
      ...days.map((day, n) => [
        `　第${n}家\u00a0物业\u200b `,
        `ＡＢ０${n}`,
        ' 一 级 ',
        ' １，２００．５㎡ ',
        '35%',
        '1,200户',
        day,
      ]),
    ],
  })
  await confirm(await upload(file))
  const rows = await written()
  assert.equal(rows.length, days.length)
  for (const [n, row] of rows.entries())
    assert.deepEqual(
      [row.name, row.code, row.level, row.area, row.share, row.houses, row.founded_on],
      [`第${n}家 物业`, `AB0${n}`, 'one', '1200.50', '35.00', 1200, '2026-11-23'],
    )
})

test('columns may stand in any order, below a title, with others between; blank rows are passed over', async () => {
  const checked = await upload(
    await book(
      {
        随便: [['物业单位登记表'], ['填表日期：11 月'], [], ['序号', '* 编号', '备注', '等级（必填）', '单位名称：'], [1, 'AB01', '好', '一级', '历下物业'], [], [], [2, 'AB02', '', '二级(暂定)', '泉城物业', '丢了表头']],
        其他: [['x']],
      },
      sheet => {
        if (sheet.name !== '随便') return
        sheet.mergeCells('A1:E1')
        sheet.getRow(8).hidden = true
        sheet.getColumn(2).hidden = true
      },
    ), // biome-ignore format: one sheet
  )
  assert.match(checked.words, /将写入 2 行/)
  assert.match(checked.words, /多出的列没有读入：“序号”（A 列）、“备注”（C 列）。/)
  assert.match(checked.words, /F 列没有表头，没有读入。/)
  assert.match(checked.words, /第 8 行在文件里是隐藏的，也已读入。B 列在文件里是隐藏的，也已读入。/)
  assert.match(checked.words, /没有读入工作表“其他”。/)
  await confirm(checked)
  assert.deepEqual((await written()).map(({ name, level }) => [name, level]), [['历下物业', 'one'], ['泉城物业', 'two']]) // biome-ignore format: one line
})

test('formulas, errors, merged cells and numbers that lost their digits are told by row and column', async () => {
  const { mistakes } = await upload(
    await book(
      {
        单位: [
          heads,
          [{ formula: '"甲"&"物业"', result: '甲物业' }, 'AB01', '一级'],
          ['乙物业', Number('370102199001010012'), '一级', { error: '#REF!' }],
          ['丙物业', 'AB03', '一级'],
          ['丙物业', 'AB04', '一级'],
        ],
      },
      sheet => sheet.mergeCells('A4:A5'),
    ),
  )
  assert.deepEqual(
    mistakes.map(([row, column, , sentence]) => `${row} ${column}: ${sentence}`),
    [
      '2 单位名称 A: 单位名称是公式。请复制这一列，用“选择性粘贴”改成数值后再传。',
      '3 编号 B: 编号是超过 15 位的数值，Excel 已把后几位变成 0，系统无法还原。请把这一列设为“文本”格式，重新填写完整号码。',
      '3 面积 D: 面积显示为 #REF!，是公式出错留下的。请填写实际内容。',
      '4 单位名称 A: A4:A5 合并成了一格。请取消合并，在每一行填上自己的内容。',
      '5 单位名称 A: 请填写单位名称。',
    ],
  )
})

test('a file whose columns do not fit is refused with their names', async () => {
  const said = async (rows: Value[][]) => (await upload(await book({ 单位: rows }))).words
  assert.match(await said([['单位名称', '面积'], ['a', 1]]), /工作表“单位”缺少必填的列“编号”、“等级”。请按模板补上这些列/) // biome-ignore format: one row
  assert.match(await said([[...heads, '编号']]), /“编号”有两列：B 列和 J 列。请删去一列后再传。/)
  assert.match(await said([['a', 'b'], ['c', 'd']]), /没有找到表头。表头要有“单位名称”、“编号”、“等级”/) // biome-ignore format: one row
  assert.match(await said([heads]), /表头下面没有内容/)
  assert.match(await said([heads, ...firms(20_001)]), /工作表“单位”有 20,001 行，一次最多 20,000 行。请拆成几个文件/)
})

/** Files that are refused before they are read, and what is said. */
const strangers: [name: string, bytes: () => Promise<Buffer> | Buffer, says: RegExp][] = [
  ['单位.xls', () => Buffer.from('d0cf11e0a1b11ae1', 'hex'), /“单位.xls”不是 Excel 表格（xlsx），请另存为 xlsx 再传。/],
  ['单位.csv', () => Buffer.from('a,b'), /请另存为 xlsx 再传/],
  ['单位.xlsm', () => book({ 单位: [heads] }), /请另存为 xlsx 再传/],
  ['csv.xlsx', () => Buffer.from('单位名称,编号\na,b'), /“csv.xlsx”的内容不是 Excel 表格（xlsx）/],
  ['empty.xlsx', () => Buffer.alloc(0), /空文件/],
  ['locked.xlsx', () => Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(4096)]), /加了打开密码，或是旧格式。请去掉密码，另存为 xlsx 后上传/], // biome-ignore format: one row
  ['macro.xlsx', () => rawBook({ sheet: '', more: [{ name: 'xl/vbaProject.bin', content: 'x' }] }), /含有宏，不能上传。请另存为不含宏的 xlsx 后上传/], // biome-ignore format: one row
  ['nested.xlsx', () => rawBook({ sheet: '', more: [{ name: 'xl/embeddings/a.zip', content: zip([{ name: 'a', content: 'b' }]) }] }), /里嵌有其他文件（a.zip），不能上传。请删去嵌入的内容后上传/], // biome-ignore format: one row
  ['bomb.xlsx', () => hostile['a part of 300 MB that says so']?.bytes() ?? Buffer.alloc(0), /解压后超过 200 MB 或 2000 个部分。请删去多余内容后上传/], // biome-ignore format: one row
  ['large.xlsx', () => rawBook({ sheet: '', more: [{ name: 'a.bin', content: Buffer.from(Array.from({ length: 11_000_000 }, () => Math.random() * 256)) }] }), /有 10\.\d MB|有 11\.\d MB|超过 10 MB/], // biome-ignore format: one row
]

for (const [name, bytes, says] of strangers)
  test(`refused at once, on the same page: ${name}`, async () => {
    const { status, words } = await upload(await bytes(), name)
    assert.ok(status === 422 || status === 413, String(status))
    assert.match(words, says)
    assert.match(words, /上传并检查/)
    assert.deepEqual(await stored(), await known(), 'nothing of it is kept')
  })

test('a file that unpacks to more than is read is refused by its page, with what to do', async () => {
  const { words } = await upload(rawBook({ sheet: ' '.repeat(60_000_000) }))
  assert.match(words, /需要修改.*文件解压后超过 50 MB 或 200 个部分。请删去图片和无关的工作表，或拆成几个文件后再传。 重新上传/)
})

test('without a file, or with two, the page says so', async () => {
  const boundary = { origin: clerk.base, 'content-type': 'multipart/form-data; boundary=x', 'content-length': '5' }
  const none = await clerk.raw('/desk/imports/scratch', { method: 'POST', body: '--x--', headers: boundary })
  assert.equal(none.status, 422)
  assert.match(await none.text(), /还没有选择文件。请选择填好的 xlsx 文件/)
})

/** What lies in the storage, and what the rows know of. */
async function stored(): Promise<string[]> {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.map(name => path.basename(name)).filter(name => name.length > 2).sort() // biome-ignore format: one step
}
async function known(): Promise<string[]> {
  const runs: { storage_key: string; annotated_key: string }[] = await portal.db('imports').select('storage_key', 'annotated_key')
  return runs.flatMap(({ storage_key, annotated_key }) => [storage_key, annotated_key].filter(Boolean)).sort()
}

test('only whoever uploaded a file sees it; who may not import is refused', async () => {
  const { address, version } = await upload(await book({ 单位: [heads, ['历下物业', 'AB01', '一级']] }))
  for (const page of ['', '/progress', '/annotated.xlsx']) assert.equal((await colleague.get(address + page)).status, 404)
  assert.equal((await colleague.post(`${address}/confirm`, { version })).status, 404)
  for (const page of ['/desk/imports/scratch', '/desk/imports/scratch/template.xlsx', address])
    assert.equal((await company.get(page)).status, 403, page)
  assert.equal((await company.get('/desk/imports/unknown')).status, 404)
})

test('a second yes does nothing more; a yes to something else is refused; what was given up cannot be written', async () => {
  const checked = await upload(await book({ 单位: [heads, ['历下物业', 'AB01', '一级']] }))
  const stale = await clerk.post(`${checked.address}/confirm`, { version: '1' })
  assert.equal(stale.status, 409)
  const answers = await Promise.all([1, 2].map(() => clerk.post(`${checked.address}/confirm`, { version: checked.version })))
  assert.ok(answers.every(({ status }) => status === 303 || status === 409))
  await workRuns()
  assert.equal((await written()).length, 1)

  const other = await upload(await book({ 单位: [heads, ['泉城物业', 'AB02', '一级']] }))
  assert.equal((await clerk.post(`${other.address}/drop`)).status, 303)
  assert.equal((await clerk.post(`${other.address}/confirm`, { version: other.version })).status, 409)
  assert.equal((await written()).length, 1)
  assert.deepEqual(await stored(), await known())
})

test('what changed between check and yes is found inside the transaction, and nothing is written', async () => {
  const checked = await upload(await book({ 单位: [heads, ['历下物业', 'AB01', '一级'], ['泉城物业', 'AB02', '一级']] }))
  await portal.db('scratch_firms').insert({ name: '别人', code: 'AB02', level: 'one', listed: false })
  const after = await confirm(checked)
  assert.match(after.words, /您确认之后，档案有了变动，一行也没有写入/)
  assert.deepEqual(after.mistakes[0]?.slice(0, 1), ['3'])
  assert.equal((await written()).length, 1)
})

test('two who write the same at once: one is written, the other is told and writes nothing', async t => {
  const file = await book({ 单位: [heads, ['历下物业', 'AB01', '一级']] })
  const checked = await upload(file)
  during.writing = async () => {
    during.writing = async () => undefined
    throw Object.assign(new Error('duplicate'), { errno: 1062 })
  }
  t.after(() => {
    during.writing = async () => undefined
  })
  const answer = await clerk.post(`${checked.address}/confirm`, { version: checked.version })
  assert.equal(answer.status, 303)
  await workRuns().catch(() => undefined)
  const told = await look(checked.address)
  assert.match(told.words, /写入时有人刚好登记了同样的内容，一行也没有写入。请再确认一次。/)
  assert.deepEqual(await written(), [])
  assert.match((await confirm(told)).words, /已全部写入/)
})

/** Lets another process take up what is to be written, and end in the middle of it. */
async function writeElsewhere(end: 'kill' | 'stop'): Promise<{ code: number | null; signal: string | null }> {
  const url = new URL(process.env.DATABASE_URL ?? '')
  url.pathname = `/${portal.db.client.config.connection.database}`
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/write-and-die.ts'], {
    env: { ...process.env, DATABASE_URL: url.href, IMPORT_FILES: folder, IMPORT_END: end },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return await new Promise(resolve => child.once('exit', (code, signal) => resolve({ code, signal })))
}

const confirmed = (shown: Shown) => portal.db('imports').where({ id: idOf(shown) }).update({ state: 'writing' }) // biome-ignore format: one step

test('a worker killed while it writes leaves nothing behind; the yes is asked again', async () => {
  const checked = await upload(await book({ 单位: [heads, ...firms(1200)] }))
  await confirmed(checked)
  assert.equal((await writeElsewhere('kill')).signal, 'SIGKILL')
  assert.deepEqual(await written(), [], 'the transaction of the dead is gone')

  await workRuns()
  assert.match((await look(checked.address)).words, /正在写入/, 'its lease still holds')
  shiftClock(3 * 60_000)
  try {
    await workRuns()
    const told = await look(checked.address)
    assert.match(told.words, /写入中途系统停止，一行也没有写入。请再确认一次。/)
    assert.match((await confirm(told)).words, /已全部写入/)
  } finally {
    shiftClock(0)
  }
  assert.equal((await written()).length, 1200)
})

test('a portal that is stopped while it writes takes everything back and asks again at once', async () => {
  const checked = await upload(await book({ 单位: [heads, ...firms(1200)] }))
  await confirmed(checked)
  assert.deepEqual(await writeElsewhere('stop'), { code: 0, signal: null })
  assert.deepEqual(await written(), [])
  const told = await look(checked.address)
  assert.match(told.words, /写入中途系统停止，一行也没有写入。请再确认一次。/)
  assert.match((await confirm(told)).words, /已全部写入/)
})

const idOf = ({ address }: Shown) => Number(address.split('/').at(-1))

test('a check whose worker failed is tried again, three times in all', async () => {
  during.checking = async () => {
    throw new Error('not now')
  }
  try {
    await send(await book({ 单位: [heads, ['历下物业', 'AB01', '一级']] }), '单位.xlsx', clerk)
    for (let turn = 0; turn < 4; turn++) {
      shiftClock(turn * 60_000)
      await workRuns().catch(() => undefined)
    }
  } finally {
    shiftClock(0)
    during.checking = async () => undefined
  }
  const run = await portal.db('imports').orderBy('id', 'desc').first()
  assert.deepEqual([run.state, run.attempts, run.error], ['failed', 3, 'not now'])
  assert.match((await look(`/desk/imports/scratch/${run.id}`)).words, /检查时系统出错，没有完成。请稍后重新上传。/)
})

test('20,000 rows are checked and written within a minute while others are answered', async t => {
  const file = await book({ 单位: [heads, ...firms(20_000)] })
  const began = performance.now()
  const waits: number[] = []
  let isOver = false
  const others = (async () => {
    while (!isOver) {
      const asked = performance.now()
      assert.equal((await colleague.get('/desk/help')).status, 200)
      waits.push(performance.now() - asked)
    }
  })()
  const done = await confirm(await upload(file))
  isOver = true
  await others
  const seconds = (performance.now() - began) / 1000
  assert.match(done.words, /已全部写入 20,000 行/)
  assert.equal((await written()).length, 20_000)
  assert.ok(seconds < 60, `${seconds} s`)
  assert.ok(Math.max(...waits) < 1000, `somebody waited ${Math.max(...waits)} ms`)
  t.diagnostic(`${seconds.toFixed(1)} s; ${waits.length} pages meanwhile, the slowest in ${Math.round(Math.max(...waits))} ms`)
})

test('what the office hands on is fetched once, and its cells are texts', async () => {
  const done = await confirm(await upload(await book({ 单位: [heads, ['历下物业', 'AB01', '一级']] })))
  const answer = await clerk.raw(`${done.address}/handout`, { method: 'POST', headers: { origin: clerk.base } })
  assert.equal(answer.status, 200)
  const codes = new ExcelJS.Workbook()
  await codes.xlsx.load(await answer.arrayBuffer())
  assert.deepEqual(valuesOf(codes.getWorksheet('认领码')?.getRow(2)), ['=HYPERLINK("x")', 'K7'])
  assert.equal((await clerk.post(`${done.address}/handout`)).status, 409)
  const [logged] = await portal.db('action_log').where({ action: 'import.handout', object_id: String(idOf(done)) })
  assert.equal(logged.user_name, '林知远')
})

test('file, report and handout are erased after seven days; the counts stay', async () => {
  const done = await confirm(await upload(await book({ 单位: [heads, ['历下物业', 'AB01', '一级']] })))
  shiftClock(8 * 86_400_000)
  try {
    await eraseOldRuns()
  } finally {
    shiftClock(0)
  }
  assert.deepEqual(await stored(), [])
  const run = await portal.db('imports').where({ id: idOf(done) }).first() // biome-ignore format: one step
  assert.deepEqual(
    [run.state, run.new_count, run.report_cipher, run.handout_cipher, run.storage_key],
    ['done', 1, null, null, null],
  )
  assert.match((await look(done.address)).words, /已按期清除/)
})

test('what is kept of a file in the database is encrypted', async () => {
  const { address } = await upload(await book({ 单位: [heads, ['', 'AB01', '一级', '', '', '', '', '13800000001']] }))
  const run = await portal.db('imports').where({ id: Number(address.split('/').at(-1)) }).first() // biome-ignore format: one step
  assert.doesNotMatch(JSON.stringify(run), /13800000001|单位名称/)
})

test('a list narrows to what one import wrote', async () => {
  const { batchFilter } = await import('../src/imports/batches.ts')
  const done = await confirm(await upload(await book({ 单位: [heads, ['历下物业', 'AB01', '一级']] })))
  const filter = batchFilter('scratch', 'organisations.id')
  assert.ok(filter.type === 'select' && typeof filter.options === 'function' && typeof filter.where === 'function')
  const user = { id: (await portal.db('users').where({ username: 'city-clerk' }).first('id')).id }
  const options = await filter.options(portal.db, user as Parameters<typeof filter.options>[1], '')
  assert.match(options[idOf(done)] ?? '', /，1 条$/)
  const query = portal.db('organisations')
  filter.where(query, String(idOf(done)), user as Parameters<typeof filter.options>[1])
  assert.equal((await query.select('id')).length, 1)
})

test('the template has headings, drop-downs, text columns and notes, and is read back as it is', async () => {
  const answer = await clerk.raw('/desk/imports/scratch/template.xlsx', {})
  const file = await answer.arrayBuffer()
  const template = new ExcelJS.Workbook()
  await template.xlsx.load(file)
  const sheet = template.getWorksheet('单位')
  assert.ok(sheet)
  assert.deepEqual(valuesOf(sheet.getRow(1)).slice(0, 4), ['*单位名称', '*编号', '*等级', '面积（㎡）'])
  assert.equal(sheet.rowCount, 1, 'no example among the rows')
  assert.equal(sheet.getCell('B7').numFmt, '@')
  assert.match(JSON.stringify(sheet.getCell('C2').dataValidation), /选项!\$A\$1:\$A\$2/)
  assert.match(JSON.stringify(sheet.getCell('I20001').dataValidation), /选项!\$B\$1:\$B\$2/)
  assert.equal(template.getWorksheet('选项')?.state, 'hidden')
  const notes = template.getWorksheet('填写说明')?.getSheetValues().flat().join(' ') ?? '' // biome-ignore format: one step
  for (const word of ['编号不能重复。', '从下拉列表选择：一级、二级（暂定）', '历下试验物业有限公司', '最多 60 个字']) assert.match(notes, new RegExp(word)) // biome-ignore format: one loop

  sheet.addRow(['历下物业', 'AB01', '一级'])
  assert.match((await upload(Buffer.from(await template.xlsx.writeBuffer()))).words, /将写入 1 行/)
})
