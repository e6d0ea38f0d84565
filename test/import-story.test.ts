import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import ExcelJS from 'exceljs'
import type { Browser, Page } from 'playwright-core'
import { launch, phone, signIn, violations, visit } from './browser.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { book } from './workbooks.ts'

/** A clerk brings in companies by Excel: five rows are wrong, are mended in the annotated file, come in, and change nothing again. */

let portal: TestPortal
let browser: Browser
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-files-'))
const { checkSignOfCreditCode, checkSignOfResidentId } = await import('../src/identifiers.ts')

before(async () => {
  portal = await startPortal({ demo: true })
  const { DiskStorage, useStorage } = await import('../src/files/storage.ts')
  useStorage(new DiskStorage(folder))
  browser = await launch()
})
after(async () => {
  await browser.close()
  await portal.stop()
  fs.rmSync(folder, { recursive: true })
})

const creditCode = (n: number) => {
  const first = `91370102MA${String(n).padStart(7, '0')}`
  return first + checkSignOfCreditCode(first)
}
const residentId = (n: number) => {
  const first = `37010019900101${String(n).padStart(3, '0')}`
  return first + checkSignOfResidentId(first)
}

const heads = ['*企业名称', '*统一社会信用代码', '*法定代表人', '*法定代表人身份证号', '*注册资本（万元）', '*注册地址', '注册区县', '*企业类型', '*成立日期', '*企业来源', '*状态'] // biome-ignore format: one row
const firm = (n: number) => [`新来${n}物业服务有限公司`, creditCode(n), '张三', residentId(n), '500', `济南市历下区新来路 ${n} 号`, '历下区', '有限责任', '2015-06-01', '本市', '正常'] // biome-ignore format: one row
/** Row as the annotated file numbers it, column of its cell there, and what should have stood there. */
const repairs: [cell: string, wrong: string, right: string][] = [
  ['D2', '91370102MA00000019', creditCode(1)],
  ['F3', `${residentId(2).slice(0, 17)}${residentId(2).endsWith('1') ? '2' : '1'}`, residentId(2)],
  ['K4', '2015-13-01', '2015-12-01'],
  ['I5', '高新', '历下区'],
  ['G6', '五百万', '500'],
]

async function upload(page: Page, file: string): Promise<void> {
  await page.goto('/desk/imports/companies')
  await page.getByLabel('Excel 文件').setInputFiles(file)
  await page.getByRole('button', { name: '上传并检查' }).click()
}

test('five wrong rows are mended and the file is sent again', async () => {
  const lines = [1, 2, 3, 4, 5, 6].map(firm)
  for (const [cell, wrong] of repairs) {
    const line = lines[Number(cell.slice(1)) - 2]
    // Two columns of the annotated file stand before those of ours.
    if (line) line[cell.charCodeAt(0) - 65 - 2] = wrong
  }
  const first = path.join(folder, '企业.xlsx')
  fs.writeFileSync(first, await book({ 物业企业: [heads, ...lines] }))

  const { page, problems, context } = await visit(browser, { base: portal.base })
  // The pages alone, without the tabs around them.
  await context.route('**/workspace.js*', route => route.fulfill({ contentType: 'text/javascript', body: '' }))
  await signIn(page, 'city-clerk')
  await page.goto('/desk/lists/companies')
  await page.getByRole('link', { name: '导入', exact: true }).click()
  assert.deepEqual(await violations(page), [])

  await upload(page, first)
  await page.getByRole('heading', { name: '需要修改的地方' }).waitFor()
  assert.equal(await page.locator('.import-mistakes tbody tr').count(), 5)
  assert.deepEqual(await violations(page), [])
  await page.setViewportSize(phone)
  assert.deepEqual(await violations(page), [])
  assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'no sideways scroll on a phone')

  const waiting = page.waitForEvent('download')
  await page.getByRole('link', { name: '下载批注文件' }).click()
  const download = await waiting
  assert.equal(download.suggestedFilename(), '企业_批注.xlsx')
  const annotated = new ExcelJS.Workbook()
  await annotated.xlsx.readFile(await download.path())
  const sheet = annotated.getWorksheet('物业企业')
  for (const [cell, wrong, right] of repairs) {
    assert.ok(sheet)
    assert.equal(sheet.getCell(cell).value, wrong)
    assert.match(JSON.stringify(sheet.getCell(cell).fill), /solid/, `${cell} is marked`)
    sheet.getCell(cell).value = right
  }
  const second = path.join(folder, '企业_改好.xlsx')
  await annotated.xlsx.writeFile(second)

  await upload(page, second)
  await page.getByRole('button', { name: '确认导入' }).click()
  await page.getByRole('heading', { name: '已全部写入' }).waitFor()
  assert.deepEqual(await violations(page), [])
  await page.getByRole('link', { name: '查看写入的物业企业' }).click()
  await page.getByRole('link', { name: '新来6物业服务有限公司' }).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 6)

  await upload(page, second)
  await page.getByRole('heading', { name: '没有要写入的' }).waitFor()
  assert.match(await page.locator('main').innerText(), /每一行都已在档且一致，档案没有改动/)
  assert.deepEqual(problems, [])
  await context.close()
})

test('without script a link brings the page up to date', async () => {
  const file = path.join(folder, '一家.xlsx')
  fs.writeFileSync(file, await book({ 物业企业: [heads, firm(20)] }))
  const { page, context } = await visit(browser, { base: portal.base, script: false })
  await signIn(page, 'city-clerk')
  await upload(page, file)
  const refresh = page.getByRole('link', { name: '刷新进度' })
  for (const until = Date.now() + 20_000; (await refresh.isVisible()) && Date.now() < until; ) await refresh.click()
  await page.getByRole('button', { name: '确认导入' }).click()
  for (const until = Date.now() + 20_000; (await refresh.isVisible()) && Date.now() < until; ) await refresh.click()
  assert.match(await page.locator('main').innerText(), /已全部写入/)
  await context.close()
})
