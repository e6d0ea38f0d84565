import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { newCompany, newDeveloper, newProject, type TestProject } from './filings.ts'
import { confirmRun, handIn, type Line } from './importing.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

/** 批量导入 of areas, tenders, links and contracts: what a city brings along when it starts with the portal. */

let portal: TestPortal
let city: Agent
let district: Agent
let project: TestProject
let far: TestProject
let firm: { id: number; code: string; name: string }
let next: { id: number; code: string; name: string }
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-files-'))
const { addDays } = await import('../src/calendar.ts')
const { today } = await import('../src/clock.ts')
const day = today()

before(async () => {
  portal = await startPortal({ demo: true })
  const { DiskStorage, useStorage } = await import('../src/files/storage.ts')
  useStorage(new DiskStorage(folder))
  city = await portal.as('city-clerk')
  district = await portal.as('district-clerk')
  const developer = await newDeveloper(portal)
  project = await newProject(portal, developer.id)
  far = await newProject(portal, developer.id, { district_code: '370103', street_code: await streetOf('370103') })
  const coded = async () => {
    const { id, name } = await newCompany(portal)
    const row: { code: string } = await portal.db('organisations').where({ id }).first('code')
    return { id, name, code: row.code }
  }
  ;[firm, next] = [await coded(), await coded()]
})
after(async () => {
  await portal.stop()
  fs.rmSync(folder, { recursive: true })
})

async function streetOf(district_code: string): Promise<string> {
  const row: { code: string } = await portal.db('regions').where({ level: 'street', parent_code: district_code }).first('code')
  return row.code
}

const area = (more: Line = {}): Line => ({
  '*所属项目': project.code,
  '*登记编号': `济物划〔2019〕370102-I${process.pid}号`,
  '*登记日期': '2019-04-18',
  东至: '凤鸣路',
  '总建筑面积（㎡）': 50000,
  '住宅面积（㎡）': null,
  '*楼栋数': 6,
  '*户数': 480,
  '物业服务用房面积（㎡）': 260,
  ...more,
})
const link = (more: Line = {}): Line => ({
  '*所属项目': project.code,
  '*企业统一社会信用代码': firm.code,
  '*挂接编号': `济物挂〔2019〕I${process.pid}号`,
  '*服务阶段': '前期物业',
  '*选聘方式': '公开招标',
  选聘决定日期: '2019-05-06',
  '*接管日期': '2019-06-01',
  撤出日期: null,
  终止原因: null,
  ...more,
})
const contract = (more: Line = {}): Line => ({
  '*所属项目': project.code,
  '*企业统一社会信用代码': firm.code,
  '*备案编号': `济物合备〔2024〕370102-I${process.pid}号`,
  '*服务阶段': '业委会选聘',
  '*备案类型': '新签',
  '*合同甲方': '试园业主委员会',
  '*签订日期': addDays(day, -120),
  '*合同起始日': addDays(day, -100),
  '*合同到期日': addDays(day, 600),
  '*备案日期': addDays(day, -115),
  实际终止日: null,
  终止原因: null,
  '*收费方式': '包干制',
  '*定价方式': '市场调节价',
  服务等级: '三级',
  '*物业费（元/㎡·月）': 1.85,
  '*服务面积（㎡）': 50000,
  ...more,
})
const tender = (more: Line = {}): Line => ({
  '*所属项目': project.code,
  '*招标备案编号': `济物招备〔2019〕I${process.pid}号`,
  '*招标备案日期': '2019-03-01',
  '*招标方式': '公开招标',
  '*组织形式': '自行招标',
  '*结果': '已签约',
  公告日期: '2019-03-15',
  开标日期: '2019-04-10',
  中标企业统一社会信用代码: firm.code,
  中标企业: firm.name,
  中标备案编号: `济物中备〔2019〕I${process.pid}号`,
  中标通知书日期: '2019-04-15',
  '中标价（元/㎡·月）': 1.8,
  流标原因: null,
  ...more,
})

test('an area comes in once, and stands in the register and on the page of its project', async () => {
  await confirmRun(city, await handIn(city, 'areas', '区域登记', [area()]))
  const row = await portal.db('areas').where({ project_id: project.id }).first()
  assert.deepEqual([row.state, row.registered_on, row.house_count, row.name], ['registered', '2019-04-18', 480, project.name])
  assert.match((await city.get(`/desk/projects/${project.id}`)).text, new RegExp(row.number))
  assert.match((await city.get(`/desk/areas/${row.id}`)).text, /没有附图/)
  const again = await handIn(city, 'areas', '区域登记', [area()])
  assert.match(again.words, /没有新内容|已在档|0 条/)
  const other = await handIn(city, 'areas', '区域登记', [area({ '*登记编号': `济物划〔2020〕370102-I${process.pid}号` })])
  assert.match(other.mistakes.join(), /这个项目已有区域登记/)
})

test('what does not add up, lies ahead or belongs to others is told at its row', async () => {
  const told = await handIn(district, 'areas', '区域登记', [
    area({ '*所属项目': far.code, '*登记编号': 'A-1' }),
    area({ '*登记编号': 'A-2', '*登记日期': addDays(day, 1) }),
    area({ '*登记编号': 'A-3', '住宅面积（㎡）': 40000, '总建筑面积（㎡）': 50000 }),
  ])
  const words = told.mistakes.join('\n')
  assert.match(words, /没有找到“\S+”这个项目，或不在您的管辖范围/)
  assert.match(words, /登记日期不能晚于今天/)
  assert.match(words, /相加为 40000\.00 ㎡，与总建筑面积 50000(\.00)? ㎡ 不一致/)
  assert.equal(told.version, '')
})

test('links say who served and who serves; two at one time are refused', async () => {
  const wrong = await handIn(city, 'links', '项目挂接', [
    link(),
    link({ '*企业统一社会信用代码': next.code, '*挂接编号': 'L-2', '*接管日期': '2020-01-01' }),
  ])
  assert.match(wrong.mistakes.join(), /另一行的服务时间与这一行重叠/)
  await confirmRun(
    city,
    await handIn(city, 'links', '项目挂接', [
      link({ 撤出日期: '2022-05-31', 终止原因: '合同期满' }),
      link({ '*企业统一社会信用代码': next.code, '*挂接编号': `L-3-${process.pid}`, '*服务阶段': '业委会选聘', '*接管日期': '2022-06-01', 选聘决定日期: '2022-05-01' }), // biome-ignore format: a row a line
    ]),
  )
  const rows = await portal.db('project_links').where({ project_id: project.id }).orderBy('starts_on')
  assert.deepEqual(
    rows.map(({ state, company_id }) => [state, company_id]),
    [
      ['ended', firm.id],
      ['linked', next.id],
    ],
  )
  assert.equal((await portal.db('projects').where({ id: project.id }).first()).stage, 'selected')
  assert.ok(await portal.db('company_areas').where({ company_id: next.id, basis: 'project', region_code: '370102' }).first())
  const third = await handIn(city, 'links', '项目挂接', [
    link({ '*挂接编号': 'L-4', '*接管日期': '2023-01-01', 选聘决定日期: null }),
  ])
  assert.match(third.mistakes.join(), new RegExp(`${next.name}从 2022-06-01 起服务这个项目，时间重叠`))
})

test('contracts come in with what they cost; one that runs sets the fee of its project', async () => {
  const line = contract({ '*企业统一社会信用代码': next.code })
  const past = contract({ '*备案编号': `C-1-${process.pid}`, '*服务阶段': '前期物业', '*签订日期': '2019-05-20', '*合同起始日': '2019-06-01', '*合同到期日': '2022-05-31', '*备案日期': '2019-05-28' }) // biome-ignore format: a row a line
  await confirmRun(city, await handIn(city, 'contracts', '物业服务合同', [line, past]))
  const rows = await portal.db('contracts').where({ project_id: project.id }).orderBy('starts_on')
  assert.deepEqual(
    rows.map(({ company_id, phase }) => [company_id, phase]),
    [
      [firm.id, 'early'],
      [next.id, 'selected'],
    ],
  )
  const fee = await portal.db('project_fees').where({ project_id: project.id, live: 1 }).first()
  assert.deepEqual([fee.property_type, fee.price], ['high-rise', '1.85'])
  const wrong = await handIn(city, 'contracts', '物业服务合同', [
    contract({ '*备案编号': 'C-2', '*合同到期日': addDays(day, -200) }),
    contract({ '*备案编号': 'C-3', '*服务面积（㎡）': 60000 }),
    contract({ '*备案编号': 'C-4', '*物业费（元/㎡·月）': -1 }),
    contract({ '*备案编号': 'C-5', '*企业统一社会信用代码': '91370100MA3NOSUCHX' }),
  ])
  const words = wrong.mistakes.join('\n')
  for (const sentence of [
    /合同到期日要晚于起始日/,
    /服务面积大于项目总建筑面积 50000\.00 ㎡/,
    /期限重叠/,
    /物业费（元\/㎡·月）/,
    /校验码不符|没有找到这个信用代码|信用代码/,
  ])
    assert.match(words, sentence)
  assert.equal(wrong.version, '')
})

test('tenders come in with their outcome; a failed one has no winner', async () => {
  await confirmRun(city, await handIn(city, 'tenders', '前期招标', [tender()]))
  const row = await portal.db('tenders').where({ project_id: project.id }).first()
  assert.deepEqual([row.state, row.winner, row.winner_id, row.price], ['settled', firm.name, firm.id, '1.80'])
  const wrong = await handIn(city, 'tenders', '前期招标', [
    tender({ '*招标备案编号': 'T-1', '*结果': '流标' }),
    tender({ '*招标备案编号': 'T-2', 公告日期: '2019-02-01', 中标备案编号: null }),
    tender({ '*招标备案编号': 'T-3', 中标企业: '另一家物业有限公司', 中标备案编号: null }),
  ])
  const words = wrong.mistakes.join('\n')
  for (const sentence of [/流标的请填写原因/, /流标的没有中标企业/, /公告日期早于招标备案日期/, /与企业档案对不上/])
    assert.match(words, sentence)
})

test('companies and developers bring in nothing', async () => {
  for (const who of ['company', 'developer', 'committee', 'supervisor'])
    assert.equal((await (await portal.as(who)).get('/desk/imports/contracts')).status, 403, who)
})
