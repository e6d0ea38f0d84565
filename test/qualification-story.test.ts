import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPortal, type TestPortal } from './portal.ts'
import { type Applicant, endPublicity, newCompany, paper, passAll, residentId, submitWhole } from './qualification.ts'
import { begin, decide, handIn, openStage, type Stage, tab, told } from './stage.ts'

/**
 * The life of a certificate in a real browser: its legal person changes and the old paper is void, a company is raised to 二级 by the
 * province, and a provisional certificate ends with its last day.
 */

let portal: TestPortal
let stage: Stage
/** A company that got its provisional certificate here, on paper. */
let company: Applicant
before(async () => {
  portal = await startPortal({ demo: true })
  company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await passAll(portal, id)
  await endPublicity(portal, id)
  stage = await openStage(portal)
})
after(async () => {
  shiftClock(0)
  await stage?.close()
  await portal.stop()
})

const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { lapseCertificates } = await import('../src/modules/qualification/lapse.ts')

const papersNow = async (): Promise<{ paper: string; code: string }[]> =>
  await portal
    .db('documents')
    .where({ organisation_id: company.id })
    .whereIn('paper', ['certificate-main', 'certificate-copy'])
    .orderBy('id', 'desc')
    .limit(2)
    .select('paper', 'code')
const codeOfMain = async () => (await papersNow()).find(({ paper }) => paper === 'certificate-main')?.code ?? assert.fail()
const held = async (id: number) => await portal.db('certificates').where({ company_id: id, live: 1 }).first()

test('a change of the legal person ends in the next edition; the old paper says 已换发, the new one 有效', async () => {
  const before = await held(company.id)
  const old = await codeOfMain()
  let id = 0
  await stage.as(company.username, async page => {
    await page.goto(`/desk/certificates/${before.id}`)
    await page.getByText(before.number).first().waitFor()
    await stage.look(page, 'certificate')
    id = await begin(portal, page, 'qualification-change', '资质变更')
    await page.getByLabel('变更后法定代表人 选填', { exact: true }).fill('沈问渠')
    await page.getByLabel(/^变更后法定代表人身份证号/).fill(await residentId(611))
    await page.getByLabel('变更登记日期', { exact: true }).fill(today())
    await handIn(page, [
      'application-form',
      'business-licence',
      'registration-notice',
      'legal-person-id',
      'old-certificate',
      'pledge',
    ])
    await page.getByLabel(/本单位承诺/).check()
    await page.getByText(/草稿已自动保存/).waitFor()
    await stage.look(page, 'change')
    await page.getByRole('button', { name: '提交', exact: true }).click()
    await told(page, /已提交，流水号/)
  })
  await stage.as('district-clerk', async page => {
    await page.goto(`/desk/cases/${id}`)
    await page.getByText('变更为：沈问渠').first().waitFor()
    await stage.look(page, 'change-review')
    await decide(page, id, '受理', /已受理，现在是/)
    await decide(page, id, '通过', /已通过，现在是/)
  })
  await stage.as('city-reviewer', async page => {
    await page.goto(`/desk/cases/${id}`)
    await decide(page, id, '通过', /这一件办结/)
    await page.goto(`/desk/certificates/${before.id}`)
    await page.getByRole('row').filter({ hasText: '法定代表人' }).filter({ hasText: '沈问渠' }).waitFor()
    await page.getByRole('rowheader', { name: '第 2 版' }).waitFor()
    await stage.look(page, 'changed')
  })

  const after = await held(company.id)
  assert.deepEqual([after.id, after.number, after.edition], [before.id, before.number, 2])
  const fresh = await codeOfMain()
  assert.notEqual(fresh, old)
  await stage.as(undefined, async page => {
    await page.goto(`/verify/${old}`)
    await page.getByRole('heading', { name: '已换发' }).waitFor()
    await stage.look(page, 'verify-old')
    await page.goto(`/verify/${fresh}`)
    await page.getByRole('heading', { name: '有效' }).waitFor()
    await page.getByText(before.number).first().waitFor()
  })
})

test('a company is raised to 二级: district, city and province in turn, publicity, and the new certificate in the register', async () => {
  const { organisation_id } = await portal.db('users').where({ username: 'company2' }).first('organisation_id')
  const third = await held(organisation_id)
  assert.equal(third.level, 'third')
  let id = 0
  await stage.as('company2', async page => {
    id = await begin(portal, page, 'qualification-upgrade', '资质升级（二级、一级核定）')
    await page.getByLabel('申报等级', { exact: true }).selectOption({ label: '二级' })
    await page.getByLabel('上年度营业收入', { exact: true }).fill('860')
    await page.getByLabel('上年度利润总额', { exact: true }).fill('52')
    for (const [label, text] of [
      ['法定代表人身份证号', await residentId(612)],
      ['法定代表人电话', '15400001235'],
      ['联系电话', '15400001236'],
    ] as const) {
      const field = page.getByLabel(label, { exact: true })
      if ((await field.inputValue()) === '') await field.fill(text)
    }
    await page.getByLabel(/本单位承诺/).check()
    await page.getByText(/草稿已自动保存/).waitFor()
    await page.goto(`/desk/cases/${id}`)
    // The arithmetic of the area index stands in the self-check.
    await page
      .getByText(/面积分别占计算基数的百分比之和/)
      .first()
      .waitFor()
    const { upgradeSettings } = await import('../src/modules/qualification/settings.ts')
    const asked = upgradeSettings('second').materials.filter(({ required }) => required)
    await handIn(
      page,
      asked.map(({ code }) => code),
    )
    await stage.look(page, 'upgrade')
    await page.getByRole('button', { name: '提交', exact: true }).click()
    await told(page, /已提交，流水号/)
  })
  await stage.as('district2-clerk', async page => {
    await page.goto(`/desk/cases/${id}`)
    await decide(page, id, '受理', /已受理，现在是/)
    await page.getByLabel('核查日期', { exact: true }).fill(today())
    await page.getByLabel('核查人员', { exact: true }).fill('周砚秋、郑伯川')
    await page.getByLabel('核查情况', { exact: true }).fill('办公场所、人员在岗情况属实。')
    await decide(page, id, '通过', /已通过，现在是/)
  })
  for (const username of ['city-clerk', 'city-reviewer', 'city-approver'])
    await stage.as(username, async page => {
      await page.goto(`/desk/cases/${id}`)
      await decide(page, id, '通过', /已通过，现在是/)
    })

  const number = '鲁物2-2026-T0611'
  await stage.as('city-clerk', async page => {
    await page.goto(`/desk/cases/${id}`)
    await page.getByLabel('文号', { exact: true }).fill('鲁建物〔2026〕611号')
    await page.getByLabel('决定日期', { exact: true }).fill(today())
    await page.getByLabel('新证书编号', { exact: true }).fill(third.number)
    const scan = { name: '批复.pdf', mimeType: 'application/pdf', buffer: Buffer.from(await paper('省厅批复').arrayBuffer()) }
    await page.getByLabel('决定扫描件').setInputFiles(scan)
    await stage.look(page, 'province')
    await page.getByRole('button', { name: '通过', exact: true }).click()
    // A number that another certificate bears is told at its field; what was typed stays, only the file is chosen anew.
    await told(page, new RegExp(`证书编号 ${third.number} 已登记在另一张证书上`))
    assert.equal(await tab(page).getByLabel('文号', { exact: true }).inputValue(), '鲁建物〔2026〕611号')
    await tab(page).getByLabel('新证书编号', { exact: true }).fill(number)
    await tab(page).getByLabel('决定扫描件').setInputFiles(scan)
    await tab(page).getByRole('button', { name: '通过', exact: true }).click()
    await told(page, /已通过，现在是“公示中”/)
  })
  const { id: publicity } = await portal.db('publicities').where({ case_id: id }).first('id')
  await stage.as(undefined, async page => {
    await page.goto(`/publicity/${publicity}`)
    await page.getByText('二级', { exact: true }).first().waitFor()
    await stage.look(page, 'publicity')
  })
  await endPublicity(portal, id)

  const second = await held(organisation_id)
  assert.deepEqual([second.level, second.number], ['second', number])
  await stage.as(undefined, async page => {
    await page.goto(`/certificates?q=${encodeURIComponent(number)}`)
    await page.getByText(number).first().waitFor()
    await stage.look(page, 'register')
    await page.goto(`/certificates/${third.id}`)
    await page.getByText('已换发').first().waitFor()
  })
  await stage.as('company2', async page => {
    await page.goto(`/desk/certificates/${second.id}`)
    await page.getByText('本系统只登记').first().waitFor()
    await stage.look(page, 'second')
  })
})

test('a provisional certificate that nobody confirmed lapses with its last day', async () => {
  const { id, number, valid_until } = await held(company.id)
  const code = await codeOfMain()
  const moveTo = (day: string) => shiftClock(Date.parse(`${day}T12:00:00+08:00`) - Date.now())

  moveTo(addDays(valid_until, -30))
  await lapseCertificates(portal.db)
  await stage.as(company.username, async page => {
    await page.goto(`/desk/certificates/${id}`)
    await page.getByText('即将到期').first().waitFor()
    await stage.look(page, 'ahead')
  })
  moveTo(valid_until)
  await lapseCertificates(portal.db)
  assert.equal((await held(company.id)).id, id, 'the last day belongs to the certificate')
  moveTo(addDays(valid_until, 1))
  await lapseCertificates(portal.db)
  assert.equal(await held(company.id), undefined)

  await stage.as(undefined, async page => {
    await page.goto(`/verify/${code}`)
    await page.getByRole('heading', { name: '已过期' }).waitFor()
    await page.getByText(number).first().waitFor()
    await stage.look(page, 'verify-lapsed')
  })
  await stage.as(company.username, async page => {
    await page.goto('/desk/kinds/qualification-confirm')
    await page.getByText(/现在不能申请：.*(请重新办理新设立申报|请先办理新设立申报)/).waitFor()
    await page.goto('/desk/kinds/qualification-change')
    await page.getByText(new RegExp(`现在不能申请：.*${number}.*届满失效`)).waitFor()
    await page.goto(`/desk/certificates/${id}`)
    await page.getByText('已过期').first().waitFor()
    await stage.look(page, 'lapsed')
  })
})
