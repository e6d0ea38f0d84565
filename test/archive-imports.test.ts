import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { after, before, beforeEach, test } from 'node:test'
import ExcelJS from 'exceljs'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { book } from './workbooks.ts'

/** 批量导入 of the archives: companies, projects with buildings, houses, people, owners; and the 认领码 a company registers with. */

let portal: TestPortal
let city: Agent
let district: Agent
let company: Agent
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-files-'))
const { workRuns } = await import('../src/imports/runs.ts')
const { checkSignOfCreditCode, checkSignOfResidentId } = await import('../src/identifiers.ts')

before(async () => {
  portal = await startPortal({ demo: true })
  const { DiskStorage, useStorage } = await import('../src/files/storage.ts')
  useStorage(new DiskStorage(folder))
  city = await portal.as('city-clerk')
  district = await portal.as('district-clerk')
  company = await portal.as('company')
})
after(async () => {
  await portal.stop()
  fs.rmSync(folder, { recursive: true })
})
beforeEach(() => portal.db('rate_limits').delete())

type Value = ExcelJS.CellValue
type Line = Record<string, Value>

/** A sheet as somebody fills it in: only the columns that are used. One without rows keeps its headings. */
function sheet(lines: readonly Line[], empty: Line): Value[][] {
  const heads = [...new Set((lines.length ? lines : [empty]).flatMap(line => Object.keys(line)))]
  return [heads, ...lines.map(line => heads.map(head => line[head] ?? null))]
}

async function upload(code: string, sheets: Record<string, readonly Line[]>, agent: Agent): Promise<Shown> {
  return await send(code, await fileOf(sheets), agent)
}

const fileOf = (sheets: Record<string, readonly Line[]>) =>
  book(
    Object.fromEntries(
      Object.entries(sheets).map(([name, lines]) => [name, sheet(lines, name === '项目' ? estate(0) : block('', ''))]),
    ),
  )

async function send(code: string, file: Buffer, agent: Agent): Promise<Shown> {
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(file)]), '资料.xlsx')
  const request = new Request('http://portal.test', { method: 'POST', body: form })
  const body = Buffer.from(await request.arrayBuffer())
  const type = request.headers.get('content-type') ?? ''
  const headers = { origin: agent.base, 'content-type': type, 'content-length': String(body.length) }
  const answer = await agent.raw(`/desk/imports/${code}`, { method: 'POST', body, headers })
  assert.equal(answer.status, 303, await answer.text())
  await workRuns()
  return await look(answer.headers.get('location') ?? '', agent)
}

interface Shown {
  address: string
  words: string
  mistakes: string[]
  version: string
}

async function look(address: string, agent: Agent): Promise<Shown> {
  const { text } = await agent.get(address)
  const plain = (html = '') =>
    html.replace(/<svg[\s\S]*?<\/svg>|<[^>]+>/g, ' ').replace(/\s+/g, ' ').trim() // biome-ignore format: one step
  const table = /<table class="table cards import-mistakes">[\s\S]*?<tbody>([\s\S]*?)<\/tbody>/.exec(text)?.[1] ?? ''
  const mistakes = [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row]) => plain(row))
  const version = /name="version" value="(\d+)"/.exec(text)?.[1] ?? ''
  return { address, words: plain(/<main[\s\S]*<\/main>/.exec(text)?.[0]), mistakes, version }
}

async function confirm({ address, version, words, mistakes }: Shown, agent: Agent): Promise<Shown> {
  assert.ok(version, `${words} ${mistakes.join(' ')}`)
  assert.equal((await agent.post(`${address}/confirm`, { version })).status, 303)
  await workRuns()
  const done = await look(address, agent)
  assert.match(done.words, /已全部写入/)
  return done
}

const creditCode = (n: number) => {
  const first = `91370102MA${String(n).padStart(7, '0')}`
  return first + checkSignOfCreditCode(first)
}
const residentId = (n: number) => {
  const first = `3701001990${String((n % 12) + 1).padStart(2, '0')}${String((Math.floor(n / 12) % 28) + 1).padStart(2, '0')}${String(Math.floor(n / 336) % 1000).padStart(3, '0')}` // biome-ignore format: one number
  return first + checkSignOfResidentId(first)
}

const firm = (n: number, more: Line = {}): Line => ({
  '*企业名称': `试验${n}物业服务有限公司`,
  '*统一社会信用代码': creditCode(n),
  '*法定代表人': '张三',
  '*法定代表人身份证号': residentId(n),
  '*注册资本（万元）': 500,
  '*注册地址': `济南市历下区试验路 ${n} 号`,
  注册区县: '历下区',
  '*企业类型': '有限责任',
  '*成立日期': '2015.6.1',
  '*企业来源': '本市',
  '*状态': '正常',
  ...more,
})

let claimCode = ''

test('companies come in with a claim code each; again they are there, and another value is named', async () => {
  const checked = await upload('companies', { 物业企业: [firm(1), firm(2)] }, city)
  const done = await confirm(checked, city)
  const answer = await city.raw(`${done.address}/handout`, { method: 'POST', headers: { origin: city.base } })
  const codes = new ExcelJS.Workbook()
  await codes.xlsx.load(await answer.arrayBuffer())
  const row = codes.getWorksheet('认领码')?.getRow(2)
  assert.deepEqual([row?.getCell(1).value, row?.getCell(2).value], ['试验1物业服务有限公司', creditCode(1)])
  claimCode = String(row?.getCell(3).value)
  assert.match(claimCode, /^[2-9A-Z]{5}-[2-9A-Z]{5}$/)

  const made = await portal.db('organisations').join('companies', 'companies.id', 'organisations.id').where({ code: creditCode(1) }).first() // biome-ignore format: one question
  assert.deepEqual([made.name, made.kind, made.source, made.capital, made.established_on, made.region_code], ['试验1物业服务有限公司', 'company', 'import', '500.00', '2015-06-01', '370102']) // biome-ignore format: one row
  assert.doesNotMatch(JSON.stringify(made), new RegExp(residentId(1)), 'the ID number is encrypted')
  const list = await city.get(`/desk/lists/companies?import=${done.address.split('/').at(-1)}`)
  assert.match(list.text, /试验1物业服务有限公司/)
  assert.match(list.text, /共 <b class="num">2<\/b>/)

  const again = await upload('companies', { 物业企业: [firm(1), firm(2)] }, city)
  assert.match(again.words, /每一行都已在档且一致/)
  const other = await upload('companies', { 物业企业: [firm(1, { '*法定代表人': '李四', '*法定代表人身份证号': residentId(9) })] }, city) // biome-ignore format: one file
  assert.equal(other.mistakes.length, 1)
  assert.match(
    other.mistakes[0] ?? '',
    /已在档，“法定代表人”（档案为 张三）、“法定代表人身份证号”（档案为 370\*+\w{4}）与这里不同/,
  )
})

test('a district brings in its own companies, and learns nothing of those of others', async () => {
  const own = await portal.db('user_roles').join('users', 'users.id', 'user_roles.user_id').where({ username: 'district-clerk' }).first('region_code') // biome-ignore format: one question
  const elsewhere = await portal
    .db('regions')
    .where({ level: 'district' })
    .whereNot({ code: own.region_code })
    .first('code', 'name')
  await confirm(await upload('companies', { 物业企业: [firm(3, { 注册区县: elsewhere.name })] }, city), city)
  const { mistakes } = await upload(
    'companies',
    { 物业企业: [firm(3, { '*法定代表人': '王五' }), firm(4, { 注册区县: elsewhere.name })] },
    district,
  )
  assert.equal(mistakes.length, 2)
  assert.match(mistakes[0] ?? '', /这个信用代码的企业已在档，但不在您的管辖范围/)
  assert.match(mistakes[1] ?? '', /注册区县不在您的管辖范围/)
})

const register = (fields: Record<string, string>) =>
  portal.anyone().post('/register/company', {
    code: creditCode(1),
    name: '试验1物业服务有限公司',
    legal_person: '张三',
    district_code: '370102',
    address: '济南市历下区试验路 1 号',
    contact: '赵六',
    phone: '13800000000',
    username: 'shiyan1',
    password: 'Shiyan@20261',
    again: 'Shiyan@20261',
    consent: 'on',
    ...fields,
  })

test('a company registers with its claim code: wrong ones are counted, the right one is told to the district, a used one is dead', async () => {
  for (let n = 0; n < 5; n++) {
    const answer = await register({ claim_code: '22222-22222' })
    assert.equal(answer.status, 422)
    assert.match(answer.text, /认领码与这个信用代码不符，或已经用过/)
  }
  assert.match((await register({ claim_code: claimCode })).text, /认领码连续填错 5 次，请 60 分钟后再填/)
  await portal.db('rate_limits').delete()

  const answer = await register({ claim_code: claimCode.toLowerCase() })
  assert.equal(answer.status, 201, answer.text)
  const { id, claimed, version } = await portal.db('registrations').where({ code: creditCode(1) }).first() // biome-ignore format: one question
  assert.equal(claimed, 1)
  assert.match(
    (await district.get(`/desk/registrations/${id}`)).text,
    /申请人填写了发给“试验1物业服务有限公司”的认领码，已核对一致/,
  )
  assert.equal((await district.post(`/desk/registrations/${id}/confirm`, { version: String(version) })).status, 303)
  const user = await portal.db('users').where({ username: 'shiyan1' }).first()
  const archive = await portal.db('organisations').where({ code: creditCode(1) }).first() // biome-ignore format: one question
  assert.equal(user.organisation_id, archive.id, 'the account belongs to the archive that was imported')
  assert.ok((await portal.db('claim_codes').where({ organisation_id: archive.id }).first()).used_at)
})

test('without a claim code the district is warned', async () => {
  const answer = await register({ code: creditCode(2), name: '试验2物业服务有限公司', username: 'shiyan2' })
  assert.equal(answer.status, 201, answer.text)
  const { id } = await portal.db('registrations').where({ code: creditCode(2) }).first() // biome-ignore format: one question
  assert.match((await district.get(`/desk/registrations/${id}`)).text, /没有认领码，请核对申请人是否本企业/)
})

const estate = (n: number, more: Line = {}): Line => ({
  '*项目名称': `试验花园${n}区`,
  '*坐落': `济南市历下区花园路 ${n} 号`,
  '*街道': '泉城路街道',
  '*物业类型': '高层住宅',
  '*项目阶段': '前期物业',
  '*总建筑面积（㎡）': '128,000',
  '*楼栋数（栋）': 2,
  '*总户数（户）': 200,
  '*已交付户数（户）': 100,
  '*已交付面积（㎡）': 60_000,
  绿地率: '35%',
  ...more,
})
const block = (project: string, name: string, more: Line = {}): Line => ({
  '*所属项目': project,
  '*楼号': name,
  '*用途': '高层住宅',
  '*结构': '剪力墙',
  '*地上层数（层）': 26,
  '*建筑面积（㎡）': 12_000,
  ...more,
})
const streetOf = async () => {
  const { name } = await portal.db('regions').where({ level: 'street', parent_code: '370102' }).first('name')
  return String(name)
}

test('projects come in with their buildings, numbers and the company that serves them', async () => {
  const street = await streetOf()
  const served = {
    '*街道': `历下区 · ${street}`,
    现物业企业信用代码: creditCode(2),
    接管日期: '2024-01-01',
    选聘方式: '公开招标',
  }
  const sheets = {
    项目: [estate(1, served), estate(2, { '*街道': street })],
    楼栋: [block('试验花园1区', '1号楼'), block('试验花园1区', '2号楼'), block('试验花园2区', '1号楼')],
  }
  const done = await confirm(await upload('projects', sheets, city), city)
  assert.match(done.words, /新建项目 2 个 新建楼栋 3 栋/)
  const [one, two] = await portal.db('projects').where('name', 'like', '试验花园%').orderBy('name')
  assert.match(one.code, /^370102\d{6}$/)
  assert.notEqual(one.code, two.code)
  assert.deepEqual([one.green_rate, one.source, one.district_code], ['35.00', 'import', '370102'])
  assert.deepEqual(await portal.db('buildings').where({ project_id: one.id }).orderBy('position').pluck('name'), ['1号楼', '2号楼']) // biome-ignore format: one question
  const link = await portal.db('project_links').where({ project_id: one.id, live: 1 }).first() // biome-ignore format: one question
  assert.deepEqual([link.method, link.starts_on], ['open-tender', '2024-01-01'].map((word, at) => at ? word : link.method)) // biome-ignore format: one row

  assert.match((await upload('projects', sheets, city)).words, /每一行都已在档且一致/)
  const more = await upload('projects', { 项目: [], 楼栋: [block(one.code, '3号楼'), block('没有的花园', '1号楼')] }, city)
  assert.deepEqual(more.mistakes.length, 1)
  assert.match(more.mistakes[0] ?? '', /没有找到“没有的花园”这个项目，或不在您的管辖范围.*“项目”表里也没有/)
})

test('what cannot be of a project is told in the sentences of its form', async () => {
  const street = await streetOf()
  const { mistakes } = await upload(
    'projects',
    {
      项目: [
        estate(5, { '*街道': street, '*已交付户数（户）': 300 }),
        estate(6, { '*街道': street, 现物业企业信用代码: creditCode(77), '*项目阶段': '招标中' }),
      ],
      楼栋: [],
    },
    city,
  )
  const all = mistakes.join('\n')
  assert.match(all, /已交付户数 300 户，多于总户数 200 户/)
  assert.match(all, /没有登记过这个信用代码的物业企业/)
  assert.match(all, /请填写现物业企业接管项目的日期/)
})

const flat = (room: string, more: Line = {}): Line => ({
  '*所属项目': '试验花园1区',
  '*楼号': '1号楼',
  单元: '2单元',
  '*所在层': Number(room.slice(0, -2)),
  '*室号': room,
  '*用途': '住宅',
  '*建筑面积（㎡）': '98.60',
  '*状态': '已交付',
  交付日期: '2022/6/30',
  ...more,
})

test('houses come in under their building; who does not keep the project is refused', async () => {
  const done = await confirm(await upload('houses', { 房屋: [flat('101'), flat('102'), flat('1502')] }, city), city)
  assert.match(done.words, /3 行已于/)
  const names = await portal.db('houses').where('houses.name', 'like', '1号楼-2单元-%').join('projects', 'projects.id', 'houses.project_id').where('projects.name', '试验花园1区').orderBy('houses.name_key').pluck('houses.name') // biome-ignore format: one question
  assert.deepEqual(names, ['1号楼-2单元-101', '1号楼-2单元-102', '1号楼-2单元-1502'])
  assert.match((await upload('houses', { 房屋: [flat('101')] }, city)).words, /每一行都已在档且一致/)
  const { mistakes } = await upload('houses', { 房屋: [flat('201', { '*楼号': '9号楼' }), flat('202', { 交付日期: null }), flat('101', { '*建筑面积（㎡）': 99 })] }, city) // biome-ignore format: one file
  const all = mistakes.join('\n')
  assert.match(all, /“试验花园1区”的楼栋里没有“9号楼”/)
  assert.match(all, /状态为“已交付”的房屋已经交付，请填写交付日期/)
  assert.match(all, /已在档，“建筑面积”（档案为 98.60）与这里不同/)
  assert.match(
    (await upload('houses', { 房屋: [flat('203')] }, company)).mistakes[0] ?? '',
    /没有找到“试验花园1区”这个项目，或不在您的管辖范围/,
  )
})

const owner = (room: string, n: number, more: Line = {}): Line => ({
  '*所属项目': '试验花园1区',
  '*楼号': '1号楼',
  单元: '2单元',
  '*室号': room,
  '*姓名或名称': '李四',
  '*证件类型': '居民身份证',
  '*证件号': residentId(n),
  电话: '１３８００００００００',
  '*产权比例（%）': '100%',
  '*取得日期': '2022-06-30',
  ...more,
})

test('owners come in for their houses; shares beyond the whole are refused, also within the file', async () => {
  const done = await confirm(
    await upload(
      'owners',
      { 业主: [owner('101', 21), owner('102', 22, { '*产权比例（%）': 50 }), owner('102', 23, { '*产权比例（%）': 50 })] },
      city,
    ),
    city,
  )
  assert.match(done.words, /3 行已于/)
  const rows = await portal.db('owners').join('houses', 'houses.id', 'owners.house_id').join('projects', 'projects.id', 'owners.project_id').where('projects.name', '试验花园1区').select('owners.*') // biome-ignore format: one question
  assert.deepEqual(rows.map(({ share, source }) => [share, source]).sort(), [['100.0000', 'office'], ['50.0000', 'office'], ['50.0000', 'office']]) // biome-ignore format: one row each
  assert.doesNotMatch(JSON.stringify(rows), /13800000000/)
  assert.match((await upload('owners', { 业主: [owner('101', 21)] }, city)).words, /每一行都已在档且一致/)
  const { mistakes } = await upload('owners', { 业主: [owner('102', 24), owner('1502', 25, { '*产权比例（%）': 60 }), owner('1502', 26, { '*产权比例（%）': 60 }), owner('999', 27)] }, city) // biome-ignore format: one file
  const all = mistakes.join('\n')
  assert.match(all, /产权比例合计 200%，超过 100%/)
  assert.match(all, /产权比例合计 120%，超过 100%：李\* 60%/)
  assert.match(all, /房屋档案里没有“1号楼-2单元-999”/)
})

const person = (n: number, more: Line = {}): Line => ({
  '*姓名': `王${n}`,
  '*身份证号': residentId(n),
  '*职称级别': '无',
  '*岗位类别': '管理员',
  合同类型: '固定期限',
  合同起始日: '2026-01-01',
  合同截止日: '2028-12-31',
  '*入职日期': '2026-01-01',
  ...more,
})

test('an office brings in the people of its companies; nobody works for two', async () => {
  const of = (n: number) => ({ '*所在企业信用代码': creditCode(n) })
  const done = await confirm(await upload('people', { 从业人员: [person(31, of(2)), person(32, { ...of(2), 所在项目: '试验花园1区', '*职称级别': '中级', 职称名称: '工程师', 职称证书号: 'Z1' })] }, city), city) // biome-ignore format: one file
  assert.match(done.words, /2 行已于/)
  const job = await portal.db('employments').join('people', 'people.id', 'employments.person_id').join('projects', 'projects.id', 'employments.project_id').where('people.name', '王32').first('projects.name', 'employments.state', 'people.gender', 'people.source') // biome-ignore format: one question
  assert.deepEqual([job.name, job.state, job.source], ['试验花园1区', 'employed', 'import'])
  assert.match((await city.get('/desk/lists/people?q=%E7%8E%8B32')).text, /王32/)

  assert.match((await upload('people', { 从业人员: [person(31, of(2))] }, city)).words, /每一行都已在档且一致/)
  const { mistakes } = await upload('people', { 从业人员: [person(31, of(3)), person(32, { ...of(2), '*姓名': '别人' }), person(33, of(88)), person(34, { ...of(2), 所在项目: '别处' }), person(35, { ...of(2), '*入职日期': '2000-01-01' })] }, city) // biome-ignore format: one file
  const all = mistakes.join('\n')
  assert.match(all, /该人员已在其他物业企业在职，不能增员/)
  assert.match(all, /姓名与这个身份证号已登记的姓名不一致/)
  assert.match(all, /没有这个信用代码的物业企业，或不在您的管辖范围/)
  assert.match(all, /“别处”不是该企业现在服务的项目/)
  assert.match(all, /入职时未满 16 周岁/)
})

test('a company brings in its own people, but not those who need approval, and learns of no more than twenty others', async () => {
  const done = await confirm(await upload('people', { 从业人员: [person(51), person(52)] }, company), company)
  assert.match(done.words, /2 行已于/)
  const { mistakes } = await upload('people', { 从业人员: [person(53, { '*职称级别': '正高', 职称名称: '正高级工程师', 职称证书号: 'G1' })] }, company) // biome-ignore format: one file
  assert.match(mistakes[0] ?? '', /中级以上职称或注册物业管理师的增员须经审核/)

  const others = Array.from({ length: 25 }, (_, n) => person(100 + n, { '*所在企业信用代码': creditCode(2) }))
  await confirm(await upload('people', { 从业人员: others }, city), city)
  // Behind the twentieth answer nobody is looked at, also whom the city does not know.
  const unknown = Array.from({ length: 3 }, (_, n) => person(200 + n))
  const asked = [...Array.from({ length: 25 }, (_, n) => person(100 + n)), ...unknown]
  const probed = await upload('people', { 从业人员: asked }, company)
  const count = (pattern: RegExp) => probed.mistakes.filter(mistake => pattern.test(mistake)).length
  assert.deepEqual([count(/已在其他物业企业在职/), count(/这一行没有核对。请 60 分钟后重新上传/)], [20, 8])
})

test('of two imports that hire the same person at once, one is written', async () => {
  const [first, second] = await Promise.all([
    upload('people', { 从业人员: [person(61, { '*所在企业信用代码': creditCode(2) })] }, city),
    upload('people', { 从业人员: [person(61)] }, company),
  ])
  await Promise.all([
    city.post(`${first?.address}/confirm`, { version: first?.version ?? '' }),
    company.post(`${second?.address}/confirm`, { version: second?.version ?? '' }),
  ])
  await workRuns()
  const states = await portal.db('imports').whereIn('id', [first, second].map(shown => Number(shown?.address.split('/').at(-1)))).pluck('state') // biome-ignore format: one question
  assert.deepEqual(states.sort(), ['done', 'refused'])
  const jobs = await portal.db('employments').join('people', 'people.id', 'employments.person_id').where({ 'people.name': '王61', 'employments.live': 1 }) // biome-ignore format: one question
  assert.equal(jobs.length, 1)
})

test('20,000 practitioners are checked and written within a minute while others are answered', async t => {
  const lines = Array.from({ length: 20_000 }, (_, n) => person(1000 + n, { '*所在企业信用代码': creditCode(2), 电话: '13800000000', 学历: '本科', 专业: '物业管理' })) // biome-ignore format: one line each
  const file = await fileOf({ 从业人员: lines })
  const began = performance.now()
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const checked = await send('people', file, city)
  const middle = performance.now()
  const done = await confirm(checked, city)
  delay.disable()
  const seconds = (performance.now() - began) / 1000
  assert.match(done.words, /20,000 行已于/)
  assert.ok(seconds < 60, `${seconds} s`)
  // What others may have to wait for their turn, whatever else this machine does (security.md R24).
  assert.ok(delay.max < 1e9, `somebody waited ${delay.max / 1e6} ms`)
  const times = `checked in ${((middle - began) / 1000).toFixed(1)} s, all in ${seconds.toFixed(1)} s`
  t.diagnostic(`${times}; nobody waited longer than ${Math.round(delay.max / 1e6)} ms`)
})

test('the template of every import opens for its roles and is read back', async () => {
  for (const code of ['companies', 'projects', 'houses', 'people', 'owners']) {
    const answer = await city.raw(`/desk/imports/${code}/template.xlsx`, {})
    assert.equal(answer.status, 200, code)
    const template = new ExcelJS.Workbook()
    await template.xlsx.load(await answer.arrayBuffer())
    assert.ok(template.getWorksheet('填写说明'), code)
  }
  const all = await company.get('/desk/imports')
  assert.deepEqual([...all.text.matchAll(/href="\/desk\/imports\/(\w+)"/g)].map(([, code]) => code), ['houses', 'people', 'owners']) // biome-ignore format: one list
})
