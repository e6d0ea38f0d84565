import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPortal, type TestPortal } from './portal.ts'
import { begin, decide, handIn, openStage, type Stage, tab, told } from './stage.ts'

/**
 * A year of 年检 in a real browser: on the first day everybody who holds a certificate is asked, one files and is found 不合格, who has
 * not filed is entered as 未参检. Then 资质管理 is put out of use and into use again.
 */

let portal: TestPortal
let stage: Stage
before(async () => {
  portal = await startPortal({ demo: true })
  stage = await openStage(portal)
})
after(async () => {
  shiftClock(0)
  await stage?.close()
  await portal.stop()
})

const { now, shiftClock, today } = await import('../src/clock.ts')
const { standardOf } = await import('../src/cases/kind.ts')
const { annualInspection } = await import('../src/modules/qualification/inspection-kinds.ts')
const { turnSeasons } = await import('../src/modules/qualification/inspections.ts')
const { lapseCertificates } = await import('../src/modules/qualification/lapse.ts')

/** What the jobs of the night would have done on a day. */
async function moveTo(day: string): Promise<void> {
  shiftClock(Date.parse(`${day}T12:00:00+08:00`) - Date.now())
  // Officials change their passwords every 90 days, which is another story.
  await portal.db('users').update({ password_changed_at: now() })
  await lapseCertificates(portal.db)
  await turnSeasons(portal.db)
}

const year = Number(today().slice(0, 4)) + 1
const counted = async (where: object) => (await portal.db('inspections').where({ year, ...where })).length
const company = async (): Promise<number> =>
  (await portal.db('users').where({ username: 'company' }).first('organisation_id')).organisation_id

test('on the first day of the window every holder of a certificate is asked, and told', async () => {
  await moveTo(`${year}-02-28`)
  assert.equal(await counted({}), 0, 'not before the window')
  await moveTo(`${year}-03-01`)

  const holders: number[] = await portal.db('certificates').where({ live: 1 }).pluck('company_id')
  const asked: number[] = await portal.db('inspections').where({ year }).pluck('company_id')
  assert.ok(holders.length > 20)
  assert.deepEqual(asked.sort(), holders.sort())
  await stage.as('city-clerk', async page => {
    await page.goto(`/desk/inspections/${year}`)
    await page.getByText('申报中').first().waitFor()
    await stage.look(page, 'season')
  })
})

test('a company files; the city finds it 不合格, for a reason that is asked for', async () => {
  let id = 0
  await stage.as('company', async page => {
    id = await begin(portal, page, 'annual-inspection', '资质年检')
    await page.getByLabel('上年度营业收入', { exact: true }).fill('860')
    await page.getByLabel('上年度利润总额', { exact: true }).fill('-12.5')
    await page.getByLabel('自查情况', { exact: true }).fill('对照等级条件逐项自查，人员有变动，其余符合。')
    await handIn(
      page,
      standardOf(annualInspection)
        .materials.filter(({ required }) => required)
        .map(({ code }) => code),
    )
    await page.getByLabel(/本单位承诺/).check()
    await page.getByText(/草稿已自动保存/).waitFor()
    await stage.look(page, 'inspection')
    await page.getByRole('button', { name: '提交', exact: true }).click()
    await told(page, /已提交，流水号/)
  })
  assert.equal(await counted({ result: 'filed' }), 1)
  await stage.as('district-clerk', async page => {
    await page.goto(`/desk/cases/${id}`)
    assert.equal(await page.getByText('年检结论').count(), 0, 'the district does not conclude')
    await decide(page, id, '受理', /已受理，现在是/)
    await decide(page, id, '通过', /已通过，现在是/)
  })
  await stage.as('city-reviewer', async page => {
    await page.goto(`/desk/cases/${id}`)
    await page.getByLabel('不合格', { exact: true }).check()
    await page.locator('#opinion').fill('经核对，人员不符合二级条件。')
    await stage.look(page, 'conclusion')
    await page.getByRole('button', { name: '通过', exact: true }).click()
    await told(page, '结论为不合格的，请写明理由。')
    await tab(page).getByLabel('不合格', { exact: true }).isChecked()
    await tab(page)
      .getByLabel(/^整改要求或不合格的理由/)
      .fill('专职管理和技术人员少于二级要求。')
    await tab(page).getByRole('button', { name: '通过', exact: true }).click()
    await told(page, /已通过，现在是“已有结论”/)
    await page.goto(`/desk/cases/${id}`)
    await page.getByText('年检结论：不合格').first().waitFor()
    await stage.look(page, 'concluded')
  })
  const record = await portal
    .db('inspections')
    .where({ year, company_id: await company() })
    .first()
  assert.equal(record.result, 'failed')
  await stage.as('company', async page => {
    await page.goto(`/desk/inspections/records/${record.id}`)
    await page.getByText('专职管理和技术人员少于二级要求。').first().waitFor()
    await stage.look(page, 'failed')
    await page.goto(`/desk/certificates/${record.certificate_id}`)
    await page
      .getByRole('row')
      .filter({ hasText: `${year} 年` })
      .filter({ hasText: '不合格' })
      .waitFor()
  })
})

test('when the window has closed, who has not filed is 未参检, by district', async () => {
  const open = await counted({ result: 'open' })
  await moveTo(`${year}-04-30`)
  assert.equal(await counted({ result: 'absent' }), 0, 'the last day belongs to the window')
  await moveTo(`${year}-05-01`)
  assert.equal(await counted({ result: 'open' }), 0)
  const absent = await counted({ result: 'absent' })
  assert.ok(absent > 20 && absent <= open)
  await stage.as('company2', async page => {
    await page.goto('/desk/kinds/annual-inspection')
    await page.getByText(/现在不能申请：.*年资质年检的窗口是 .*，已经截止，现在不能申报/).waitFor()
    assert.equal(await page.getByRole('button', { name: '办这件事' }).count(), 0)
    assert.equal(await portal.db('cases').where({ kind: 'annual-inspection' }).whereNot({ state: 'done' }).first('id'), undefined)
  })
  await stage.as('city-clerk', async page => {
    await page.goto(`/desk/inspections/${year}`)
    await page.getByText('已截止').first().waitFor()
    await page
      .getByRole('link', { name: String(absent), exact: true })
      .first()
      .waitFor()
    await stage.look(page, 'closed')
    await page.goto(`/desk/lists/inspections?year=${year}&result=failed`)
    await page.getByRole('row').filter({ hasText: '不合格' }).first().waitFor()
    await stage.look(page, 'ledger')
  })
})

/** The system administrator ticks or unticks 资质管理启用 on the page of parameters. */
async function turn(on: boolean): Promise<void> {
  await stage.as('system-admin', async page => {
    await page.goto('/desk/admin/settings')
    await page.getByLabel('资质管理启用').setChecked(on)
    await page.getByRole('button', { name: /^保存\s*业务$/ }).click()
    await told(page, /“业务”已保存，1 项有变化/)
  })
}

test('put out of use, 资质管理 is an archive to read: nothing begins, nothing is claimed; 企业信息登记 takes its place', async () => {
  await turn(false)
  await stage.as('company', async page => {
    await page.goto('/desk/kinds')
    await page.getByRole('row').filter({ hasText: '资质升级' }).getByText('现在不办理').waitFor()
    await page.getByRole('row').filter({ hasText: '企业信息登记' }).getByText('您可以申请').waitFor()
    await stage.look(page, 'off-catalogue')
    await page.goto('/desk/kinds/qualification-upgrade')
    await page.getByText('物业服务企业资质许可已经取消').first().waitFor()
    assert.equal(await page.getByRole('button', { name: '办这件事' }).count(), 0)
    await begin(portal, page, 'company-information', '企业信息登记')
    await stage.look(page, 'information')
  })
  await stage.as('city-clerk', async page => {
    await page.goto('/desk/lists/certificates')
    await page.getByRole('row').nth(1).waitFor()
    await stage.look(page, 'off-ledger')
  })
  await stage.as(undefined, async page => {
    await page.goto('/certificates')
    await page.getByText('有没有证书都不影响承接物业服务').first().waitFor()
    await stage.look(page, 'off-register')
    await page.goto('/guides')
    await page.getByRole('listitem').filter({ hasText: '三级核定' }).getByText('现在不办理').waitFor()
  })
})

test('put into use again, everything is as it was', async () => {
  await turn(true)
  await stage.as('company', async page => {
    await page.goto('/desk/kinds/qualification-upgrade')
    await page.getByText(/现在不能申请：/).waitFor()
    await page.goto('/desk/kinds/company-information')
    assert.equal(await page.getByRole('button', { name: '办这件事' }).count(), 0)
    const record = await portal
      .db('inspections')
      .where({ year, company_id: await company() })
      .first('certificate_id')
    await page.goto(`/desk/certificates/${record.certificate_id}`)
    await page
      .getByRole('row')
      .filter({ hasText: `${year} 年` })
      .filter({ hasText: '不合格' })
      .waitFor()
  })
})
