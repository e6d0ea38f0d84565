import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import ExcelJS from 'exceljs'
import { confirmRun, handIn, type Line, lookAt, type Shown } from './importing.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, holdCertificate, newCompany } from './qualification.ts'

/** 批量导入 of certificates and inspection results: what a city brings along when it starts with the portal. */

let portal: TestPortal
let city: Agent
let district: Agent
/** In 历下区, 历下区 and 市中区. */
let firms: { one: Firm; two: Firm; far: Firm }
type Firm = Applicant & { code: string }
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-files-'))
const { workRuns } = await import('../src/imports/runs.ts')
const { addDays } = await import('../src/calendar.ts')
const { today } = await import('../src/clock.ts')
const day = today()
const year = Number(day.slice(0, 4))

before(async () => {
  portal = await startPortal({ demo: true })
  const { DiskStorage, useStorage } = await import('../src/files/storage.ts')
  useStorage(new DiskStorage(folder))
  city = await portal.as('city-clerk')
  district = await portal.as('district-clerk')
  const firm = async (region: string): Promise<Firm> => {
    const made = await newCompany(portal, { district: region })
    const row: { code: string } | undefined = await portal.db('organisations').where({ id: made.id }).first('code')
    return { ...made, code: row?.code ?? '' }
  }
  firms = { one: await firm('370102'), two: await firm('370102'), far: await firm('370103') }
})
after(async () => {
  await portal.stop()
  fs.rmSync(folder, { recursive: true })
})

const upload = (code: string, name: string, lines: readonly Line[], agent = city): Promise<Shown> =>
  handIn(agent, code, name, lines)
const look = (address: string, agent: Agent): Promise<Shown> => lookAt(agent, address)
const confirm = (shown: Shown, agent = city): Promise<Shown> => confirmRun(agent, shown)

const certificate = (number: string, more: Line = {}): Line => ({
  '*统一社会信用代码': firms.one.code,
  '*证书编号': number,
  '*资质等级': '三级',
  '*证书状态': '有效',
  '*批准日期': '2024-06-03',
  '*发证日期': '2024/6/5',
  有效期至: addDays(day, 300),
  '*发证机关': '济南市住房和城乡建设局',
  证书记载的法定代表人: '李大山',
  终止日期: null,
  终止原因: null,
  原证书编号: null,
  ...more,
})

/** A company's own two: the one in force, and the provisional one it replaced, below it in the file. */
const history = (): Line[] => [
  certificate('鲁济物3-2024-9001', { 原证书编号: '鲁济物暂-2023-9001' }),
  certificate('鲁济物暂-2023-9001', {
    '*资质等级': '三级（暂定）',
    '*证书状态': '已换发',
    '*批准日期': '2023-05-10',
    '*发证日期': '2023-05-12',
    有效期至: '2024-05-09',
    终止日期: '2024-06-03',
    证书记载的法定代表人: '王前任',
  }),
]

const certificateOf = (number: string) => portal.db('certificates').where({ number }).first()

test('certificates come in with what they replaced; the register and the company are found by their numbers', async () => {
  const done = await confirm(await upload('certificates', '资质证书', history()))
  const [now, before] = [await certificateOf('鲁济物3-2024-9001'), await certificateOf('鲁济物暂-2023-9001')]
  assert.deepEqual(
    [now.company_id, now.state, now.level, now.approved_on, now.issued_on, now.valid_until, now.previous_id, now.live],
    [firms.one.id, 'valid', 'third', '2024-06-03', '2024-06-05', addDays(day, 300), before.id, 1],
  )
  assert.deepEqual([before.state, before.ended_on, before.live, before.end_reason], ['replaced', '2024-06-03', null, null])
  const edition = await portal.db('certificate_editions').where({ certificate_id: before.id }).first()
  assert.deepEqual([edition.reason, edition.papers, edition.edition], ['imported', 'none', 1])
  assert.equal(JSON.parse(edition.facts).legal_person, '王前任', 'as it is printed on the old one')

  const list = await city.get(`/desk/lists/certificates?import=${done.address.split('/').at(-1)}`)
  assert.match(list.text, /鲁济物3-2024-9001[\s\S]*鲁济物暂-2023-9001/)
  const found = await city.get(`/desk/lists/companies?q=${encodeURIComponent('鲁济物暂-2023-9001')}`)
  assert.ok(found.text.includes(firms.one.name), 'the company is indexed again')
  assert.equal((await city.get(`/desk/certificates/${now.id}`)).status, 200)
})

test('the same file again changes nothing; another value is named with what is on file', async () => {
  const count = async () => Number((await portal.db('certificates').count({ n: '*' }).first())?.n)
  const n = await count()
  assert.match((await upload('certificates', '资质证书', history())).words, /每一行都已在档且一致/)
  assert.equal(await count(), n)
  const [first = {}] = history()
  const { mistakes } = await upload('certificates', '资质证书', [
    { ...first, 证书记载的法定代表人: '赵另外', '*发证机关': '别的机关' },
  ])
  assert.equal(mistakes.length, 1)
  assert.match(
    mistakes[0] ?? '',
    /“发证机关”（档案为 济南市住房和城乡建设局）、“证书记载的法定代表人”（档案为 李大山）与这里不同/,
  )
})

test('wrong rows are each told, nothing is written; put right, all of it is', async () => {
  const { checkSignOfCreditCode, checkSignOfOrganisationCode } = await import('../src/identifiers.ts')
  const first17 = `91370102MA9XX001${checkSignOfOrganisationCode('MA9XX001')}`
  const nobody = first17 + checkSignOfCreditCode(first17)
  await holdCertificate(portal, firms.far.id, { number: '鲁济物3-2022-9009' })
  const two = { '*统一社会信用代码': firms.two.code }
  const lines: Line[] = [
    certificate('鲁济物3-2025-9101', { '*统一社会信用代码': nobody }),
    certificate('鲁济物3-2025-9102', { '*统一社会信用代码': firms.far.code }),
    certificate('鲁济物3-2025-9103', { ...two, '*发证日期': addDays(day, 1) }),
    certificate('鲁济物3-2025-9104', two),
    certificate('鲁济物暂-2021-9105', { ...two, '*资质等级': '三级（暂定）', '*证书状态': '已过期', 有效期至: '2027-01-01' }),
    certificate('鲁济物3-2020-9106', { ...two, '*证书状态': '已撤销', '*批准日期': '2020-01-06', '*发证日期': '2020-01-06', 有效期至: '2019-12-31' }),
    certificate('鲁济物3-2022-9009', two),
    certificate('鲁济物3-2025-9107', { ...two, '*证书状态': '已注销', 终止日期: addDays(day, 1), 原证书编号: '没有这张' }),
    certificate('鲁济物3-2019-9108', { ...two, '*证书状态': '已撤销', '*批准日期': '2019-01-07', '*发证日期': '2019-01-07', 有效期至: '2022-01-06', 终止日期: '2020-09-01', 终止原因: '王某（13800138000）出借证书。' }),
    certificate('鲁济物３-2022-9009 ', { ...two }),
  ] // biome-ignore format: a mistake a line
  const checked = await upload('certificates', '资质证书', lines)
  const told = checked.mistakes.join('\n')
  for (const sentence of [
    /没有找到这个信用代码的企业档案/,
    /这家企业已有有效证书 鲁济物3-2022-9009。一家企业只能有一张/,
    /发证日期不能晚于今天/,
    /第 4 行也是这家企业的有效证书/,
    /三级（暂定）的期限为一年，最晚到 2025-06-05（资质管理办法第七条）/,
    /有效期到 2027-01-01 才届满，证书还没有过期/,
    /有效期至要晚于批准日期 2020-01-06/,
    /证书状态是“已撤销”的，请填写终止日期/,
    /已撤销的证书请填写撤销的原因/,
    /证书编号 鲁济物3-2022-9009 已登记在另一家企业名下/,
    /终止日期不能晚于今天/,
    /都没有编号 没有这张 的证书/,
    /终止原因会向社会公开，不能写身份证号和电话号码/,
  ])
    assert.match(told, sentence)
  assert.equal(checked.version, '', 'there is nothing to confirm')
  assert.equal(await certificateOf('鲁济物3-2025-9103'), undefined)

  const right = [
    certificate('鲁济物3-2025-9103', { ...two, '*批准日期': '2025-03-03', '*发证日期': '2025-03-04', 原证书编号: '鲁济物暂-2021-9105' }),
    certificate('鲁济物暂-2021-9105', { ...two, '*资质等级': '三级（暂定）', '*证书状态': '已过期', '*批准日期': '2021-01-04', '*发证日期': '2021-01-05', 有效期至: '2022-01-03' }),
    certificate('鲁济物3-2020-9106', { ...two, '*证书状态': '已撤销', '*批准日期': '2020-01-06', '*发证日期': '2020-01-06', 有效期至: '2023-01-05', 终止日期: '2020-09-01', 终止原因: '以欺骗手段取得资质证书。' }),
  ] // biome-ignore format: a row a line
  await confirm(await upload('certificates', '资质证书', right))
  const expired = await certificateOf('鲁济物暂-2021-9105')
  assert.deepEqual([expired.state, expired.ended_on], ['expired', '2022-01-03'])
  assert.deepEqual((await certificateOf('鲁济物3-2020-9106')).end_reason, '以欺骗手段取得资质证书。')
  assert.equal((await certificateOf('鲁济物3-2025-9103')).previous_id, expired.id)
})

test('a certificate issued while the file lay checked is not overruled by it', async () => {
  const { id } = await newCompany(portal)
  const row: { code: string } | undefined = await portal.db('organisations').where({ id }).first('code')
  const checked = await upload('certificates', '资质证书', [
    certificate('鲁济物3-2024-9201', { '*统一社会信用代码': row?.code ?? '' }),
  ])
  await holdCertificate(portal, id, { number: '鲁济物3-2026-9202' })
  assert.equal((await city.post(`${checked.address}/confirm`, { version: checked.version })).status, 303)
  await workRuns()
  const after = await look(checked.address, city)
  assert.doesNotMatch(after.words, /已全部写入/)
  assert.match(after.mistakes.join(), /这家企业已有有效证书 鲁济物3-2026-9202/)
  assert.equal(await certificateOf('鲁济物3-2024-9201'), undefined)
})

test('only the city brings in certificates; the template asks for every column', async () => {
  assert.equal((await district.get('/desk/imports/certificates')).status, 403)
  assert.match((await city.get('/desk/lists/certificates')).text, /\/desk\/imports\/certificates/)
  const answer = await city.raw('/desk/imports/certificates/template.xlsx', {})
  const template = new ExcelJS.Workbook()
  await template.xlsx.load(await answer.arrayBuffer())
  const heads = template.getWorksheet('资质证书')?.getSheetValues().flat().map(String) ?? []
  for (const head of Object.keys(certificate(''))) assert.ok(heads.includes(head), `${head}: ${heads.join()}`)
})

const inspection = (more: Line = {}): Line => ({
  '*统一社会信用代码': firms.one.code,
  '*年检年度': year - 1,
  '*年检结果': '基本合格',
  结论日期: `${year - 1}-05-20`,
  作出结论的机关: '济南市住房和城乡建设局',
  年检意见: '人员花名册与劳动合同不一致，限期整改。',
  整改期限: `${year - 1}-08-20`,
  整改完成日期: `${year - 1}-07-15`,
  ...more,
})

test('inspection results come in by company and year with the certificate of that time; a district brings in its own', async () => {
  const lines = [
    inspection(),
    inspection({ '*年检年度': year - 2, '*年检结果': '未参检', 结论日期: null, 作出结论的机关: null, 年检意见: null, 整改期限: null, 整改完成日期: null }),
  ] // biome-ignore format: a row a line
  await confirm(await upload('inspections', '年检结果', lines, district), district)
  const rows = await portal.db('inspections').where({ company_id: firms.one.id }).orderBy('year', 'desc')
  const held = await certificateOf('鲁济物3-2024-9001')
  assert.deepEqual(
    rows.map(row => [row.year, row.result, row.decided_on, row.rectified_on, row.source, row.case_id]),
    [
      [year - 1, 'basic', `${year - 1}-05-20`, `${year - 1}-07-15`, 'import', null],
      [year - 2, 'absent', null, null, 'import', null],
    ],
  )
  assert.equal(rows[0].certificate_id, held.id)
  assert.match((await upload('inspections', '年检结果', lines, district)).words, /每一行都已在档且一致/)

  const far = await upload('inspections', '年检结果', [inspection({ '*统一社会信用代码': firms.far.code })], district)
  assert.match(far.mistakes.join(), /没有找到这个信用代码的企业档案，或不在您的管辖范围/)
})

test('a second result for a year and results that contradict themselves are refused row by row', async () => {
  const two = { '*统一社会信用代码': firms.two.code }
  // A season of the past that nobody has closed yet.
  await portal.db('inspection_seasons').insert({
    year: year - 6,
    opens_on: `${year - 6}-03-01`,
    closes_on: `${year - 6}-04-30`,
    created_at: new Date(),
    updated_at: new Date(),
  })
  const { mistakes, version } = await upload('inspections', '年检结果', [
    inspection({ '*年检结果': '合格', 整改期限: null, 整改完成日期: null, 年检意见: null }),
    inspection({ ...two, '*年检年度': year + 1 }),
    inspection({ ...two, '*年检年度': year - 2, '*年检结果': '合格', 整改完成日期: null }),
    inspection({ ...two, '*年检年度': year - 3, 结论日期: null }),
    inspection({ ...two, '*年检年度': year - 4, 结论日期: `${year - 4}-05-20`, 整改完成日期: addDays(day, 1) }),
    inspection({ ...two, '*年检年度': year - 5, '*年检结果': '优秀' }),
    inspection({ ...two, '*年检年度': year - 4 }),
    inspection({ ...two, '*年检年度': year }),
    inspection({ ...two, '*年检年度': year - 6, 结论日期: `${year - 6}-05-20` }),
  ])
  const told = mistakes.join('\n')
  for (const sentence of [
    /已在档，“年检结果”（档案为 基本合格）与这里不同/,
    new RegExp(`${year + 1} 年的年检还没有开始`),
    /只有基本合格的才有整改期限/,
    /结果是“基本合格”的，请填写结论日期/,
    /整改完成日期不能晚于今天/,
    /年检结果不在可选范围内/,
    /与第 6 行的“统一社会信用代码”、“年检年度”相同/,
    new RegExp(`只导入 ${year} 年以前的年检结果`),
    /年的年检还没有结束/,
  ])
    assert.match(told, sentence)
  assert.equal(version, '')
  assert.equal(await portal.db('inspections').where({ company_id: firms.two.id }).first(), undefined)
})
