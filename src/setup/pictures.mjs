// Takes the pictures of the manual (public/help/*.png) from a running portal with the demo city:
//   node src/setup/pictures.mjs http://127.0.0.1:3000
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import ExcelJS from 'exceljs'
import { chromium } from 'playwright-core'

const base = process.argv[2] ?? 'http://127.0.0.1:3000'
const folder = path.join(import.meta.dirname, '../../public/help')
const password = 'Wuye@2026'
const executablePath = process.env.CHROMIUM ?? execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim()
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })

/** Signs somebody in, lets them do something, and takes the picture. */
async function picture(name, username, act) {
  const page = await browser.newPage({
    baseURL: base,
    viewport: { width: 1366, height: 900 },
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
  })
  await page.goto('/login')
  await page.getByLabel('账号', { exact: true }).fill(username)
  await page.getByLabel('密码', { exact: true }).fill(password)
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await page.waitForURL('**/desk')
  await act?.(page)
  await page.evaluate(() => document.activeElement?.blur())
  await page.mouse.move(700, 20)
  await page.screenshot({ path: path.join(folder, `${name}.png`) })
  await page.close()
  console.log(`${name}.png`)
}

/** Presses a menu entry and waits until its tab has the page. */
async function open(page, label) {
  await page.locator('.menu').getByRole('link', { name: label, exact: true }).click()
  await page.frameLocator('iframe.shown').getByRole('heading', { level: 1 }).waitFor()
}

/** Lets a company that does not exist ask for an account, so that the district has something to do. */
async function register(code, name, username) {
  const page = await browser.newPage({ baseURL: base, locale: 'zh-CN' })
  await page.goto('/register/company')
  const given = {
    统一社会信用代码: code,
    企业名称: name,
    法定代表人: '周*',
    注册地址: '济南市历下区演示路 1 号',
    联系人: '周*',
    联系电话: '0531-00000000',
    登录账号: username,
    密码: 'Demo-2026-picture',
    再输入一次密码: 'Demo-2026-picture',
  }
  for (const [label, text] of Object.entries(given)) await page.getByLabel(label, { exact: true }).fill(text)
  await page.getByLabel('注册地所在区县').selectOption({ label: '历下区' })
  await page.getByRole('checkbox').check()
  await page.getByRole('button', { name: '提交注册' }).click()
  await page.getByRole('heading', { level: 1 }).waitFor()
  console.log(`${name}：${await page.getByRole('heading', { level: 1 }).textContent()}`)
  await page.close()
}

async function signedIn(username) {
  const page = await browser.newPage({ baseURL: base, locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  await page.goto('/login')
  await page.getByLabel('账号', { exact: true }).fill(username)
  await page.getByLabel('密码', { exact: true }).fill(password)
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await page.waitForURL('**/desk')
  return page
}

/** Lets a company hand in its application, and the district ask for two corrections. */
async function submit(username) {
  const address = filed.replace('/draft', '')
  const page = await signedIn(username)
  await page.goto(address)
  await page.locator('[name=revenue]').fill('860.00')
  await page.locator('[name=profit]').fill('52.00')
  await page.locator('[name=pledge]').check()
  const pdf =
    '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n'
  for (const box of await page.locator('.mat-upload input[type=file]').all()) {
    const name = `${(await box.getAttribute('id')).replace('u-', '')}.pdf`
    await box.setInputFiles({ name, mimeType: 'application/pdf', buffer: Buffer.from(`${pdf}% ${name}`) })
    await page.getByRole('link', { name }).first().waitFor()
  }
  await page.getByRole('button', { name: '提交', exact: true }).click()
  await page
    .frameLocator('iframe.shown')
    .getByText(/已提交，流水号/)
    .waitFor()
  await page.close()
  const officer = await signedIn('district-clerk')
  await officer.goto(address)
  await officer.getByText('退回补正（一次告知全部）').click()
  await officer.locator('[value="field.office_address"]').check()
  await officer.locator('[name="words.field.office_address"]').fill('与办公场所证明的地址不一致，请核对。')
  await officer.locator('[value="material.performance"]').check()
  await officer.locator('[name="words.material.performance"]').fill('缺第 2 个项目的业绩证明，请补齐后重新上传。')
  await officer.getByRole('button', { name: '退回补正' }).click()
  await officer
    .frameLocator('iframe.shown')
    .getByText(/已退回补正/)
    .waitFor()
  await officer.close()
}

fs.mkdirSync(folder, { recursive: true })
await register('91370102MA9XT0A13Q', '济南鹊华演示物业服务有限公司', 'picture-a')
await register('91370102MA9XT0B28Y', '济南泺源演示物业管理有限公司', 'picture-b')
await register('91370102MA9XT0C323', '山东明湖演示物业有限公司', 'picture-c')
await picture('desk-home', 'district-clerk')
await picture('workspace', 'district-clerk', async page => {
  await open(page, '单位注册')
  await open(page, '账号与安全')
  await page.frameLocator('iframe.shown').getByRole('link', { name: '修改密码' }).click()
  await page.frameLocator('iframe.shown').getByLabel('现在的密码').fill('填到一半')
})
await picture('list', 'city-clerk', async page => {
  await open(page, '单位')
  const list = page.frameLocator('iframe.shown')
  await list.getByRole('searchbox').fill('物业 历下，物业 市中')
  await list.getByRole('button', { name: '搜索' }).click()
  await list.locator('.chip.on, .empty, tbody').first().waitFor()
  await page.waitForTimeout(500)
})
await picture('registration', 'district-clerk', async page => {
  await page.locator('main .lines a.t').first().click()
  await page.frameLocator('iframe.shown').getByRole('heading', { level: 1 }).waitFor()
})
/** Opens an address as the page of the window itself. */
const visit = address => async page => {
  await page.goto(address)
  await page.getByRole('heading', { level: 1 }).first().waitFor()
}

await picture('kind', 'district-clerk', visit('/desk/kinds/qualification-new'))
await picture('case-review', 'district-clerk', async page => {
  await page.goto('/desk/lists/cases?box=todo&sort=due_on')
  const href = await page.locator('tbody th a').first().getAttribute('href')
  await visit(href)(page)
})
let filed = ''
await picture('case-form', 'company4', async page => {
  await page.goto('/desk/kinds/qualification-confirm')
  await page.getByRole('button', { name: '办这件事' }).click()
  const frame = page.frameLocator('iframe.shown')
  await frame.locator('#case-form').waitFor({ state: 'attached' })
  filed = await frame.locator('#case-form').getAttribute('data-draft')
  await visit(filed.replace('/draft', ''))(page)
})
await submit('company4')
await picture('case-correction', 'company4', visit(filed.replace('/draft', '')))
/** Opens the first row of a list. */
const first = list => async page => {
  await page.goto(list)
  await visit(await page.locator('tbody th a').first().getAttribute('href'))(page)
}

await picture('project', 'city-clerk', first('/desk/lists/projects?stage=selected'))
await picture('person', 'company', first('/desk/lists/people?title=intermediate'))
await picture('certificate', 'city-clerk', first('/desk/lists/certificates?level=provisional&state=valid&sort=-issued_on'))
await picture('inspections', 'city-clerk', visit('/desk/inspections'))
await picture('import', 'city-clerk', async page => {
  await page.goto('/desk/imports/people')
  const template = page.waitForEvent('download')
  await page.getByRole('link', { name: '下载模板' }).click()
  const book = new ExcelJS.Workbook()
  await book.xlsx.readFile(await (await template).path())
  const [sheet] = book.worksheets
  const heads = sheet.getRow(1).values.map(head =>
    String(head ?? '')
      .replace(/[*＊]/g, '')
      .trim(),
  )
  const rows = [
    { 姓名: '周明', 身份证号: '370100199003070018', 岗位类别: '管理员', 入职日期: '2026-10-08' },
    { 姓名: '吴晓', 身份证号: '37010019910307', 岗位类别: '保安队长', 入职日期: '2026-13-01' },
  ]
  for (const [at, row] of rows.entries())
    for (const [head, value] of Object.entries(row)) {
      const column = heads.indexOf(head)
      if (column > 0) sheet.getCell(at + 2, column).value = value
    }
  await page.getByLabel('Excel 文件').setInputFiles({
    name: '从业人员.xlsx',
    mimeType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    buffer: Buffer.from(await book.xlsx.writeBuffer()),
  })
  await page.getByRole('button', { name: '上传并检查' }).click()
  await page.frameLocator('iframe.shown').getByRole('heading', { name: '需要修改的地方' }).waitFor()
  await page.goto(
    page
      .frames()
      .find(frame => /imports\/people\/\d+/.test(frame.url()))
      .url(),
  )
})
await picture('users', 'system-admin', page => open(page, '账号'))
await browser.close()
