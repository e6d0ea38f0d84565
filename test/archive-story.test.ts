import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, test } from 'node:test'
import ExcelJS from 'exceljs'
import type { Browser, FrameLocator, Page } from 'playwright-core'
import { desktop, launch, phone, signIn, violations, visit } from './browser.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { paper, residentId } from './qualification.ts'

/**
 * The archives in a real browser: a company changes its name and is found by the old one, two companies want the same person, an
 * official reads an ID number for a reason, a file with five wrong rows is repaired and brought in. SHOTS=folder keeps a picture of
 * each page.
 */

let portal: TestPortal
let browser: Browser
before(async () => {
  portal = await startPortal({ demo: true })
  browser = await launch()
})
after(async () => {
  shiftClock(0)
  await browser.close()
  await portal.stop()
})

const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { maskId } = await import('../src/lists/masks.ts')

/** Somebody at a browser of their own, signed in; nothing they meet may complain in the console. */
async function as(username: string, act: (page: Page) => Promise<void>): Promise<void> {
  const { context, page, problems } = await visit(browser, { base: portal.base })
  context.setDefaultTimeout(30_000)
  try {
    await signIn(page, username)
    await act(page)
    assert.deepEqual(problems, [])
  } catch (error) {
    if (process.env.SHOTS) await page.screenshot({ path: path.join(process.env.SHOTS, 'failed.png'), fullPage: true })
    throw error
  } finally {
    await context.close()
  }
}

/** The tab of the workspace in front, where what a form or a link of the page leads to opens. */
const tab = (page: Page): FrameLocator => page.frameLocator('iframe.shown')

/** Waits for what the tab in front says. */
async function told(page: Page, words: RegExp | string): Promise<void> {
  await tab(page).getByText(words).first().waitFor()
}

let shots = 0

/** Looks as a person would, at both widths, also into the tab in front: no rule of accessibility broken, nothing to scroll sideways. */
async function look(page: Page, name: string): Promise<void> {
  for (const viewport of [desktop, phone]) {
    await page.setViewportSize(viewport)
    assert.deepEqual(await violations(page), [], `${name} at ${viewport.width}`)
    for (const frame of page.frames()) {
      const wider = await frame.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      assert.equal(wider, 0, `${name} at ${viewport.width}: ${frame.url()}`)
    }
    if (process.env.SHOTS)
      await page.screenshot({ path: path.join(process.env.SHOTS, `${++shots}-${name}-${viewport.width}.png`), fullPage: true })
  }
  await page.setViewportSize(desktop)
}

const organisationOf = async (username: string): Promise<{ id: number; name: string; code: string }> =>
  await portal
    .db('organisations')
    .join('users', 'users.organisation_id', 'organisations.id')
    .where({ 'users.username': username })
    .first('organisations.id', 'organisations.name', 'organisations.code')

test('a company applies for another name; district and city decide; the archive tells both', async () => {
  const { id: company, name: old } = await organisationOf('company')
  const name = '济南云栖听松物业服务有限公司'
  const before = today()
  let id = 0

  await as('company', async page => {
    await page.goto('/desk')
    await page.getByRole('link', { name: '我的企业档案', exact: true }).first().click()
    await tab(page).getByRole('heading', { level: 1, name: old }).waitFor()
    await page.goto('/desk/companies/mine')
    await look(page, 'company')
    await page.getByRole('button', { name: '变更申请' }).click()
    await tab(page).getByRole('heading', { level: 1, name: '企业档案变更' }).waitFor()
    id = Number((await portal.db('cases').orderBy('id', 'desc').first('id'))?.id)
    await page.goto(`/desk/cases/${id}`)
    await page.getByLabel('变更后企业名称 选填', { exact: true }).fill(name)
    await page.getByLabel('变更登记日期', { exact: true }).fill(before)
    await page.getByText(/草稿已自动保存/).waitFor()
    await page.goto(`/desk/cases/${id}`)
    for (const code of ['application-form', 'business-licence', 'registration-notice']) {
      const buffer = Buffer.from(await paper(`听松 ${code}`).arrayBuffer())
      const place = page.locator(`#m-${code}`)
      await place
        .locator('input[type=file]')
        .first()
        .setInputFiles({ name: `${code}.pdf`, mimeType: 'application/pdf', buffer })
      await place
        .getByRole('link', { name: `${code}.pdf` })
        .first()
        .waitFor()
    }
    await page.getByLabel(/本单位承诺/).check()
    await look(page, 'application')
    await page.getByRole('button', { name: '提交', exact: true }).click()
    await told(page, /已提交，流水号/)
  })

  await as('district-clerk', async page => {
    await page.goto(`/desk/cases/${id}`)
    await page.getByText(`变更为：${name}`).first().waitFor()
    await look(page, 'review')
    await page.getByRole('button', { name: '受理', exact: true }).click()
    await told(page, /已受理，现在是/)
    await page.goto(`/desk/cases/${id}`)
    await page.locator('#opinion').fill('与营业执照一致，同意变更。')
    await page.getByRole('button', { name: '通过', exact: true }).click()
    await told(page, /已通过，现在是/)
  })

  // The city decides a day later: until then the old name is the name.
  shiftClock(86_400_000)
  await as('city-reviewer', async page => {
    await page.goto(`/desk/companies/${company}`)
    await page.getByRole('heading', { level: 1, name: old }).waitFor()
    await page.goto(`/desk/cases/${id}`)
    await page.locator('#opinion').fill('同意。')
    await page.getByRole('button', { name: '通过', exact: true }).click()
    await told(page, /这一件办结/)
  })

  await as('company', async page => {
    await page.goto('/desk/companies/mine')
    await page.getByRole('heading', { level: 1, name }).waitFor()
    const change = page.getByRole('region', { name: '变更记录' }).getByRole('row').filter({ hasText: name })
    await change.getByText(old).waitFor()
    const { serial } = await portal.db('cases').where({ id }).first('serial')
    assert.equal(await change.getByRole('link', { name: serial }).getAttribute('href'), `/desk/cases/${id}`)
    await look(page, 'changed')
    await page.getByText('过去某一天', { exact: true }).click()
    await page.getByLabel('看过去某一天的档案').fill(before)
    await page.getByRole('button', { name: '看这一天' }).click()
    await tab(page).getByRole('heading', { level: 1, name: old }).waitFor()
    await page.goto(`/desk/companies/${company}?on=${before}`)
    await page.getByText('按变更记录还原，不能修改').waitFor()
    assert.equal(await page.getByRole('main').getByText(name).count(), 0, 'nothing of that day knows the new name')
    await look(page, 'past')
  })

  await as('district-clerk', async page => {
    await page.goto('/desk/lists/companies')
    await page.getByRole('searchbox', { name: '搜索物业企业' }).fill(old)
    await page.getByRole('button', { name: '搜索', exact: true }).last().click()
    await tab(page).getByRole('link', { name }).waitFor()
    await look(page, 'found')
  })
})

const person = { name: '卢听松', phone: '15400004321' }
let personId = 0

test('two companies enter the same person; the second learns that somebody has them, not who', async () => {
  const id_number = await residentId(711)
  const first = await organisationOf('company')
  const enter = async (page: Page) => {
    await page.goto('/desk/people/new')
    await page.getByLabel('姓名', { exact: true }).fill(person.name)
    await page.getByLabel('身份证号', { exact: true }).fill(id_number)
    await page.getByLabel('电话 选填', { exact: true }).fill(person.phone)
    await page.getByLabel('职称级别', { exact: true }).selectOption({ label: '无' })
    await page.getByLabel('岗位类别', { exact: true }).selectOption({ label: '管理员' })
    await page.getByLabel('入职日期', { exact: true }).fill(addDays(today(), -30))
  }

  await as('company', async page => {
    await enter(page)
    await look(page, 'new-person')
    await page.getByRole('button', { name: '保存', exact: true }).click()
    await told(page, `${person.name}已登记为在职，即时生效`)
  })
  personId = Number((await portal.db('people').where({ name: person.name }).first('id'))?.id)

  await as('company2', async page => {
    await enter(page)
    await page.getByRole('button', { name: '保存', exact: true }).click()
    const field = tab(page).locator('.wrong').filter({ has: tab(page).getByLabel('身份证号', { exact: true }) }) // biome-ignore format: one place
    await field.getByText('该人员已在其他物业企业在职').waitFor()
    await look(page, 'elsewhere')
    assert.equal(await tab(page).getByLabel('姓名', { exact: true }).inputValue(), person.name, 'what was typed is kept')
    await tab(page).getByRole('button', { name: '提交人员归属异议' }).waitFor()
    for (const frame of page.frames())
      for (const secret of [first.name, first.code]) assert.ok(!(await frame.content()).includes(secret), secret)
    assert.equal((await page.goto(`/desk/people/${personId}`))?.status(), 404)
  })
  assert.equal((await portal.db('employments').where({ person_id: personId })).length, 1)
})

test('an official reads the number of a person once, for a reason that is kept', async () => {
  const id_number = await residentId(711)
  const reason = '电话核实任职情况'
  const times = (html: string, words: string) => html.split(words).length - 1

  await as('district-clerk', async page => {
    await page.goto(`/desk/people/${personId}`)
    await page.getByText(maskId(id_number)).first().waitFor()
    for (const secret of [id_number, person.phone]) assert.equal(times(await page.content(), secret), 0, secret)
    await look(page, 'person')
    await page.getByText('查看完整身份证号和电话').click()
    await page.getByLabel('查看原因').fill(reason)
    await page.getByRole('button', { name: '查看完整', exact: true }).click()
    await told(page, /已完整显示，仅此一次，已记入操作日志/)
    const shown = await tab(page).locator('html').innerHTML()
    for (const secret of [id_number, person.phone]) assert.equal(times(shown, secret), 1, secret)
    await look(page, 'revealed')
    await page.reload()
    await page.getByText(maskId(id_number)).first().waitFor()
    for (const secret of [id_number, person.phone]) assert.equal(times(await page.content(), secret), 0, secret)
  })

  await as('audit-admin', async page => {
    await page.goto('/desk/lists/action-log')
    const row = page.getByRole('row').filter({ hasText: '查看完整个人信息' }).filter({ hasText: '周砚秋' })
    await row.first().waitFor()
    await look(page, 'log')
  })
  const logged = await portal.db('action_log').where({ action: 'personal.reveal', object_id: `people/${personId}` })
  assert.equal(logged.length, 1)
  assert.match(logged[0].detail, new RegExp(reason))
})

test('a file with five wrong rows is refused whole, repaired in the annotated workbook and brought in; once more changes nothing', async () => {
  const [company, elsewhere] = [await organisationOf('company'), await organisationOf('company2')]
  const ids = await Promise.all(Array.from({ length: 8 }, (_, n) => residentId(720 + n)))
  const names = Array.from('赵钱孙李周吴郑王', family => `${family}问渠`)
  const rows: Record<string, string>[] = names.map((name, n) => ({
    '*所在企业信用代码': company.code,
    '*姓名': name,
    '*身份证号': ids[n] ?? '',
    '*职称级别': '无',
    '*岗位类别': '管理员',
    '*入职日期': '2026-01-05',
  }))
  /** Where somebody went wrong, what they wrote, and what the page says of it. */
  const slips = [
    { n: 1, head: '*身份证号', wrong: `${ids[1]?.slice(0, 17)}${ids[1]?.endsWith('5') ? '6' : '5'}`, says: /校验码/ },
    { n: 2, head: '*职称级别', wrong: '工人', says: /职称级别/ },
    { n: 3, head: '*入职日期', wrong: '2026年13月1日', says: /日期/ },
    { n: 4, head: '*所在企业信用代码', wrong: elsewhere.code, says: /不在您的管辖范围/ },
    { n: 6, head: '*身份证号', wrong: ids[0] ?? '', says: /与第 2 行的“身份证号”相同/ },
  ]
  const brought = async () => await portal.db('people').whereIn('name', names).orderBy('id').select('id', 'name', 'version') // biome-ignore format: one question

  await as('district-clerk', async page => {
    const book = new ExcelJS.Workbook()
    /** Downloads a workbook from the page or tab, to work in. @returns its sheet and the column of each heading */
    const fetched = async (press: () => Promise<void>) => {
      const [download] = await Promise.all([page.waitForEvent('download'), press()])
      const file = await download.path()
      await book.xlsx.readFile(file)
      const sheet = book.getWorksheet('从业人员')
      assert.ok(sheet)
      const heads = new Map<string, number>()
      sheet.getRow(1).eachCell((cell, at) => heads.set(cell.text, at))
      return {
        sheet,
        at: (head: string) => heads.get(head) ?? assert.fail(`no column ${head}`),
        name: download.suggestedFilename(),
      }
    }
    /** Uploads the workbook as it now is. @returns what was uploaded */
    const upload = async (name: string, bytes?: Buffer): Promise<Buffer> => {
      const buffer = bytes ?? Buffer.from(await book.xlsx.writeBuffer())
      await page.goto('/desk/imports/people')
      const mimeType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
      await page.getByLabel('Excel 文件').setInputFiles({ name, mimeType, buffer })
      await page.getByRole('button', { name: '上传并检查' }).click()
      return buffer
    }
    const runAddress = async () => `/desk/imports/people/${(await portal.db('imports').orderBy('id', 'desc').first('id'))?.id}`

    await page.goto('/desk/imports/people')
    await look(page, 'import')
    const template = await fetched(() => page.getByRole('link', { name: '下载模板' }).click())
    assert.equal(template.name, '从业人员导入模板.xlsx')
    for (const [n, row] of rows.entries())
      for (const [head, text] of Object.entries(row)) template.sheet.getCell(n + 2, template.at(head)).value = text
    for (const { n, head, wrong } of slips) template.sheet.getCell(n + 2, template.at(head)).value = wrong
    await upload('从业人员.xlsx')

    // The page opens itself again when the check is through.
    await tab(page).getByRole('heading', { name: '需要修改的地方' }).waitFor()
    await page.goto(await runAddress())
    await page.getByText('一行也没有写入').first().waitFor()
    await look(page, 'refused')
    const lines = page.locator('.import-mistakes tbody tr')
    assert.equal(await lines.count(), slips.length)
    for (const [at, { n, head, says }] of slips.entries()) {
      const words = await lines.nth(at).innerText()
      const column = template.sheet.getColumn(template.at(head)).letter
      assert.match(words, new RegExp(`^第 ${n + 2} 行\\s+${head.slice(1)} ${column}\\s`))
      assert.match(words, says)
    }
    assert.deepEqual(await brought(), [])

    const annotated = await fetched(() => page.getByRole('link', { name: '下载批注文件' }).click())
    assert.equal(annotated.name, '从业人员_批注.xlsx')
    for (const { n, head, wrong, says } of slips) {
      const line = annotated.sheet.getRow(n + 2)
      assert.match(line.getCell(annotated.at('问题')).text, says)
      const cell = line.getCell(annotated.at(head))
      assert.equal(cell.text, wrong, 'the cell stands as it was written')
      assert.ok(cell.note, 'and says itself what is wrong')
      cell.value = rows[n]?.[head]
    }
    for (const n of [0, 5, 7]) assert.equal(annotated.sheet.getRow(n + 2).getCell(annotated.at('问题')).text, '')
    const repaired = await upload(annotated.name)
    await told(page, '没有发现问题，可以写入')
    await page.goto(await runAddress())
    await look(page, 'checked')

    // As long as somebody else holds the company, writing waits and the bar can be looked at.
    const held = await portal.db.transaction()
    try {
      for (const table of ['organisations', 'companies']) await held(table).where({ id: company.id }).forUpdate().first('id')
      await page.getByRole('button', { name: '确认导入' }).click()
      await tab(page).getByRole('progressbar', { name: '正在写入' }).waitFor()
      assert.deepEqual(await brought(), [], 'others see nothing before all is written')
    } finally {
      await held.rollback()
    }
    await told(page, '已全部写入')
    await look(page, 'written')
    await tab(page).getByRole('link', { name: '查看写入的从业人员' }).click()
    for (const name of names) await tab(page).getByRole('link', { name, exact: true }).waitFor()
    await look(page, 'list')
    const written = await brought()
    assert.deepEqual(written.map(({ name }) => name).sort(), [...names].sort())

    await upload(annotated.name, repaired)
    await told(page, '文件里的每一行都已在档且一致，档案没有改动')
    await look(page, 'again')
    assert.deepEqual(await brought(), written)
  })
  const jobs = await portal.db('employments').join('people', 'people.id', 'employments.person_id').whereIn('people.name', names).select('company_id', 'state') // biome-ignore format: one question
  assert.deepEqual(jobs, Array(8).fill({ company_id: company.id, state: 'employed' }))
})
