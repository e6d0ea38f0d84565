import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { PDFParse } from 'pdf-parse'
import type { Browser, Page } from 'playwright-core'
import { desktop, launch, phone, sidewaysScroll, signIn, violations, visit } from './browser.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { paper, residentId } from './qualification.ts'

/**
 * The main job of the portal, done in a real browser: a company registers, applies for its first certificate, corrects what it is asked
 * to, the district and three desks of the city pass it in turn, publicity ends, the certificate comes out and is verified.
 * SHOTS=folder keeps a picture of each page.
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

const { shiftClock, today } = await import('../src/clock.ts')
const { standardOf } = await import('../src/cases/kind.ts')
const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { checkSignOfCreditCode, checkSignOfOrganisationCode } = await import('../src/identifiers.ts')

const company = '济南听泉物业服务有限公司'
const password = 'Yunqi#Lv7wa'

/** Each part stands on the one before; after a fault the rest is told at once. */
let failed = false

/** Somebody at a browser of their own, who signs in where a name is given, and complains of nothing. */
async function as(username: string | undefined, act: (page: Page) => Promise<void>, secret?: string): Promise<void> {
  const { context, page, problems } = await visit(browser, { base: portal.base })
  context.setDefaultTimeout(20_000)
  try {
    if (failed) throw new Error('an earlier part of the story failed')
    if (username) await signIn(page, username, secret)
    await act(page)
    assert.deepEqual(problems, [])
  } catch (error) {
    failed = true
    if (process.env.SHOTS) await page.screenshot({ path: path.join(process.env.SHOTS, 'failed.png'), fullPage: true })
    throw error
  } finally {
    await context.close()
  }
}

/** Waits for what the page says after a press. What a form leads to opens in a tab of the workspace. */
async function told(page: Page, words: RegExp): Promise<void> {
  await page.frameLocator('iframe.shown').getByText(words).first().waitFor()
}

let shots = 0

/** Looks at the page as a person would: both widths, no rule of accessibility broken, nothing to scroll sideways. */
async function look(page: Page, name: string): Promise<void> {
  for (const viewport of [desktop, phone]) {
    await page.setViewportSize(viewport)
    assert.deepEqual(await violations(page), [], `${name} at ${viewport.width}`)
    assert.equal(await sidewaysScroll(page), 0, `${name} at ${viewport.width}`)
    if (process.env.SHOTS)
      await page.screenshot({ path: path.join(process.env.SHOTS, `${++shots}-${name}-${viewport.width}.png`), fullPage: true })
  }
  await page.setViewportSize(desktop)
}

let id = 0
const caseRow = async () => await portal.db('cases').where({ id }).first()

test('a company registers and its district confirms', async () => {
  const body = 'MATQ0001'
  const first17 = `91370102${body}${checkSignOfOrganisationCode(body)}`
  await as(undefined, async page => {
    await page.goto('/register/company')
    await page.getByLabel('统一社会信用代码', { exact: true }).fill(first17 + checkSignOfCreditCode(first17))
    await page.getByLabel('企业名称', { exact: true }).fill(company)
    await page.getByLabel('法定代表人', { exact: true }).fill('沈听泉')
    await page.getByLabel('注册地所在区县', { exact: true }).selectOption({ label: '历下区' })
    await page.getByLabel('注册地址', { exact: true }).fill('历下区听泉路6号')
    await page.getByLabel('联系人', { exact: true }).fill('叶小舟')
    await page.getByLabel('联系电话', { exact: true }).fill('15400001234')
    await page.getByLabel('登录账号', { exact: true }).fill('tingquan')
    await page.getByLabel('密码', { exact: true }).fill(password)
    await page.getByLabel('再输入一次密码', { exact: true }).fill(password)
    await page.getByLabel(/我已阅读/).check()
    await page.getByRole('button', { name: /提交/ }).click()
    await page.getByRole('heading', { level: 1, name: /已提交|等待/ }).waitFor()
  })
  const { id: registration } = await portal.db('registrations').where({ username: 'tingquan' }).first('id')
  await as('district-clerk', async page => {
    await page.goto(`/desk/registrations/${registration}`)
    await page.getByRole('button', { name: '确认，开通账号' }).click()
    await told(page, /现在可以登录/)
  })
})

test('the company fills in its application; what is missing keeps it a draft', async () => {
  await as(
    'tingquan',
    async page => {
      await page.goto('/desk/kinds/qualification-new')
      await look(page, 'catalogue')
      await page.getByRole('button', { name: '办这件事' }).click()
      await told(page, /企业基本情况/)
      id = Number((await portal.db('cases').orderBy('id', 'desc').first('id'))?.id)
      await page.goto(`/desk/cases/${id}`)

      await page.getByLabel('法定代表人身份证号', { exact: true }).fill(await residentId(1))
      await page.getByLabel('法定代表人电话', { exact: true }).fill('15400001235')
      await page.getByLabel('联系电话', { exact: true }).fill('15400001236')
      await page.getByLabel('注册资本', { exact: true }).fill('100')
      await page.getByLabel('企业类型', { exact: true }).selectOption({ label: '有限责任' })
      await page.getByLabel('营业执照成立日期', { exact: true }).fill(today())
      await page.getByLabel('办公地址', { exact: true }).fill('历下区听泉路8号')
      for (let n = 0; n < 10; n++) {
        if (n) await page.getByRole('button', { name: '增加人员' }).click()
        const cell = (name: string) => page.locator(`[name="people.${n}.${name}"]`)
        await cell('name').fill(`${'赵钱孙李周吴郑王冯陈'[n]}听泉`)
        await cell('id_number').fill(await residentId(10 + n))
        await cell('post').selectOption(n === 0 ? 'engineering-head' : n === 1 ? 'finance-head' : 'steward')
        await cell('title').selectOption(n < 5 ? 'intermediate' : 'none')
        await cell('credential').selectOption('property-manager')
        await cell('credential_number').fill(`TQ-${n}`)
      }
      await page.getByText(/草稿已自动保存/).waitFor()
      await page.locator('[data-findings]').getByText('10 人', { exact: true }).first().waitFor()

      await look(page, 'draft')
      await page.getByRole('button', { name: '提交', exact: true }).click()
      await told(page, /还差 9 份必需材料/)
    },
    password,
  )
})

test('on another computer the draft is there; with all papers it is submitted', async () => {
  await as(
    'tingquan',
    async page => {
      await page.goto(`/desk/cases/${id}`)
      assert.equal(await page.getByLabel('注册资本', { exact: true }).inputValue(), '100')
      const { qualificationNew } = await import('../src/modules/qualification/kinds.ts')
      for (const { code } of standardOf(qualificationNew).materials.filter(material => material.required)) {
        const file = {
          name: `${code}.pdf`,
          mimeType: 'application/pdf',
          buffer: Buffer.from(await paper(`听泉 ${code}`).arrayBuffer()),
        }
        await page.locator(`#m-${code} input[type=file]`).first().setInputFiles(file)
        await page
          .locator(`#m-${code} a`, { hasText: `${code}.pdf` })
          .first()
          .waitFor()
      }
      await page.getByLabel(/本单位承诺/).check()
      await look(page, 'ready')
      await page.getByRole('button', { name: '提交', exact: true }).click()
      await told(page, /已提交，流水号/)
      await page.goto(`/desk/cases/${id}`)
      await look(page, 'submitted')
    },
    password,
  )
  assert.equal((await caseRow()).state, 'submitted')
})

test('the district asks for two corrections at once', async () => {
  await as('district-clerk', async page => {
    await page.goto('/desk')
    await page.getByText(company).first().waitFor()
    await look(page, 'district-home')
    await page.goto(`/desk/cases/${id}`)
    await look(page, 'review')
    await page.getByText('退回补正（一次告知全部）').click()
    await page.getByLabel('办公地址', { exact: true }).check()
    await page.getByLabel('办公地址：要补正什么').fill('与办公场所证明的地址不一致，请核对。')
    await page.getByLabel('企业章程', { exact: true }).check()
    await page.getByLabel('企业章程：要补正什么').fill('缺最后一页签字页。')
    await page.getByRole('button', { name: '退回补正' }).click()
    await told(page, /已退回补正/)
  })
  assert.equal((await caseRow()).state, 'supplement')
})

test('the company sees only the two items open, answers them, and submits again', async () => {
  await as(
    'tingquan',
    async page => {
      await page.goto('/desk')
      await page.getByText(/补正/).first().waitFor()
      await page.goto(`/desk/cases/${id}`)
      await page.getByText('缺最后一页签字页。').first().waitFor()
      await look(page, 'correction')
      assert.equal(await page.locator('[name="capital"]').count(), 0, 'locked fields are text')
      await page.locator('[name="office_address"]').fill('历下区听泉路6号2层')
      await page.locator('[name="answer.field.office_address"]').fill('已按租赁合同更正。')
      const file = {
        name: '章程-完整.pdf',
        mimeType: 'application/pdf',
        buffer: Buffer.from(await paper('完整章程').arrayBuffer()),
      }
      await page.locator('input[type=file]').first().setInputFiles(file)
      await page.getByText('章程-完整.pdf').first().waitFor()
      await page.getByRole('button', { name: '提交补正' }).click()
      await told(page, /已提交，流水号/)
    },
    password,
  )
  assert.equal((await caseRow()).edition, 2)
})

test('the district accepts and passes, with the visit of two officers', async () => {
  await as('district-clerk', async page => {
    await page.goto(`/desk/cases/${id}`)
    await page.getByText('历下区听泉路6号2层').first().waitFor()
    await page.getByText('历下区听泉路8号').first().waitFor()
    await page.getByRole('button', { name: '受理', exact: true }).click()
    await told(page, /已受理，现在是/)
    await page.goto(`/desk/cases/${id}`)
    await page.getByLabel('核查日期', { exact: true }).fill(today())
    await page.getByLabel('核查人员', { exact: true }).fill('周砚秋、郑伯川')
    await page.getByLabel('核查情况', { exact: true }).fill('办公场所、人员在岗情况属实。')
    await page.locator('#opinion').fill('初审符合条件，请市局审核。')
    await look(page, 'district-decides')
    await page.getByRole('button', { name: '通过', exact: true }).click()
    await told(page, /已通过，现在是/)
  })
})

test('the three desks of the city pass in turn', async () => {
  for (const [username, opinion] of [
    ['city-clerk', '材料齐全，补正内容属实。'],
    ['city-reviewer', '经复核，同意报批。'],
    ['city-approver', '同意。'],
  ] as const)
    await as(username, async page => {
      await page.goto(`/desk/cases/${id}`)
      await page.locator('#opinion').fill(opinion)
      await page.getByRole('button', { name: '通过', exact: true }).click()
      await told(page, /已通过，现在是/)
      await page.goto(`/desk/cases/${id}`)
      await look(page, username)
    })
  assert.equal((await caseRow()).state, 'waiting')
})

test('anybody reads the publicity, in which nothing is personal', async () => {
  const { id: publicity } = await portal.db('publicities').where({ case_id: id }).first('id')
  await as(undefined, async page => {
    await page.goto('/publicity')
    await page.getByText(company).first().waitFor()
    await page.goto(`/publicity/${publicity}`)
    const words = await page.locator('main').innerText()
    for (const personal of ['沈听泉', '赵听泉', '15400001235', await residentId(1)])
      assert.ok(!words.includes(personal), personal)
    await look(page, 'publicity')
  })
})

test('when publicity has ended the certificate is there, and its QR address says 有效', async () => {
  const { ends_on } = await portal.db('publicities').where({ case_id: id }).first('ends_on')
  shiftClock(Date.parse(`${ends_on}T12:00:00+08:00`) - Date.now())
  await moveDueCases(portal.db)
  assert.equal((await caseRow()).state, 'waiting', 'the last day belongs to the publicity')
  shiftClock(Date.parse(`${ends_on}T12:00:00+08:00`) + 86_400_000 - Date.now())
  await moveDueCases(portal.db)
  const done = await caseRow()
  assert.equal(done.state, 'done')

  const texts: string[] = []
  await as(
    'tingquan',
    async page => {
      await page.goto(`/desk/cases/${id}`)
      await page.getByText(done.number).first().waitFor()
      await look(page, 'done')
      for (const document of await portal.db('documents').where({ case_id: id })) {
        const answer = await page.request.get(`/desk/cases/${id}/papers/${document.id}.pdf`)
        assert.equal(answer.status(), 200, document.title)
        const bytes = await answer.body()
        if (process.env.SHOTS) fs.writeFileSync(path.join(process.env.SHOTS, `${document.paper}.pdf`), bytes)
        if (document.paper === 'certificate-main')
          texts.push((await new PDFParse({ data: new Uint8Array(bytes) }).getText()).text)
      }
    },
    password,
  )
  const text = texts.join('').replace(/\s/g, '')
  for (const word of [company, done.number, '沈听泉', '三级（暂定）', '100.00'])
    assert.ok(text.includes(word), `${word} in ${text}`)
  const address = /\/verify\/[\w-]+/.exec(text)?.[0]
  assert.ok(address, text)

  await as(undefined, async page => {
    await page.goto(address)
    await page.getByRole('heading', { name: '有效' }).waitFor()
    await page.getByText(company).first().waitFor()
    await look(page, 'verify')
  })
})
