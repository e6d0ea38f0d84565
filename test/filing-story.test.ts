import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import {
  areaForm,
  awardForm,
  contractForm,
  decisionFields,
  linkForm,
  planForm,
  tenderForm,
  tenderTicks,
  threeBidders,
} from './filing-forms.ts'
import { newCommittee, newCompany, newDeveloper, type TestProject } from './filings.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { type Applicant, endPublicity } from './qualification.ts'
import { decide, handIn, openStage, type Stage, tab, told } from './stage.ts'

/**
 * The whole life of a project in a real browser: its area is divided, its tender filed, its winner, its first contract; then the
 * owners choose another company, the one before objects, and the new contract ends the old one.
 */

let portal: TestPortal
let stage: Stage
let developer: Applicant
let winner: Applicant
let others: { bidders: Applicant[]; codes: string[] }
let project: TestProject
before(async () => {
  portal = await startPortal({ demo: true })
  developer = await newDeveloper(portal)
  others = await threeBidders(portal)
  winner = others.bidders[0] ?? assert.fail()
  stage = await openStage(portal)
})
after(async () => {
  shiftClock(0)
  await stage?.close()
  await portal.stop()
})

const { addDays } = await import('../src/calendar.ts')
const { standardOf } = await import('../src/cases/kind.ts')
const { findKind } = await import('../src/cases/kind.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { turnContracts } = await import('../src/modules/filings/contracts.ts')

const day = 86_400_000
const latest = async (kind: string): Promise<number> =>
  Number((await portal.db('cases').where({ kind }).orderBy('id', 'desc').first('id')).id)

/** Fills a form in as a person does, field by field; rows are added as they are needed. */
async function fillIn(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`:is(input, select, textarea)[name="${name}"]:not([type=hidden])`)
    const [rows] = name.split('.')
    if (!(await field.count())) await page.locator(`[data-rows="${rows}"] > button`).click()
    const kind = await field.first().evaluate(element => (element as unknown as { type: string }).type)
    if (kind === 'checkbox') await field.first().check()
    else if (kind === 'radio') await page.locator(`[name="${name}"][value="${value}"]`).check()
    else if (kind === 'select-one') await field.first().selectOption(value)
    else
      await field
        .first()
        .fill(value, { timeout: 5_000 })
        .catch(cause => {
          throw new Error(`${name} cannot be filled in`, { cause })
        })
  }
  await page.getByText(/草稿已自动保存/).waitFor()
}

/** The form with its papers, looked at and submitted. */
async function apply(page: Page, kind: string, fields: Record<string, string>, papers: readonly string[] = []): Promise<number> {
  const id = await latest(kind)
  await page.goto(`/desk/cases/${id}`)
  await fillIn(page, fields)
  await page.reload()
  const found = findKind(kind) ?? assert.fail()
  const { variant } = await portal.db('cases').where({ id }).first('variant')
  const required = standardOf(found, variant).materials.flatMap(({ code, required }) => (required ? [code] : []))
  await handIn(page, [...required, ...papers])
  await stage.look(page, `${kind}-form`)
  await submit(page)
  return id
}

async function submit(page: Page, button = '提交'): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click()
  await told(page, /已提交，流水号/)
}

/** Presses the button of a kind on the page of the project. */
async function fromProject(page: Page, button: RegExp): Promise<void> {
  await page.goto(`/desk/projects/${project.id}`)
  await stage.look(page, 'project')
  await page.getByRole('button', { name: button }).first().click()
  await told(page, '随填写更新')
}

/** What one desk does: each button in turn. */
async function desk(
  username: string,
  id: number,
  steps: readonly (readonly [button: string, says: RegExp])[],
  fields: Record<string, string> = {},
) {
  await stage.as(username, async page => {
    await page.goto(`/desk/cases/${id}`)
    await stage.look(page, `${username}-case`)
    for (const [button, says] of steps) {
      for (const name of Object.keys(fields)) {
        const tick = page.locator(`[name="${name}"]`)
        if (await tick.count()) await tick.check()
      }
      await decide(page, id, button, says)
    }
  })
}
const accept = ['受理', /已受理，现在是/] as const
const pass = ['通过', /已通过，现在是/] as const

/** The proof of a case, found by its QR address, stands. */
async function verified(id: number, name: RegExp): Promise<void> {
  const { number } = await portal.db('cases').where({ id }).first('number')
  const { code } = await portal.db('documents').where({ case_id: id, paper: 'proof' }).orderBy('id', 'desc').first('code')
  await stage.as(undefined, async page => {
    await page.goto(`/verify/${code}`)
    await page.getByRole('heading', { name: '有效' }).waitFor()
    await page.getByText(number).first().waitFor()
    await page.getByText(name).first().waitFor()
    await stage.look(page, 'verify')
  })
}

test('the area of a project is divided, and the project is in the archives', async () => {
  const street = await portal.db('regions').where({ level: 'street', parent_code: '370102' }).orderBy('code').first('code')
  let id = 0
  await stage.as(developer.username, async page => {
    await page.goto('/desk/kinds/area-division')
    await stage.look(page, 'catalogue')
    await page.getByRole('button', { name: '办这件事' }).click()
    await told(page, '随填写更新')
    id = await apply(page, 'area-division', areaForm(street.code, { name: '听泉澜庭' }))
  })
  await desk('district-clerk', id, [accept, pass])
  await desk('district-reviewer', id, [pass])
  await verified(id, /物业服务区域划分登记证明/)
  project = await portal.db('projects').where({ name: '听泉澜庭' }).first('id', 'name', 'code')
  assert.ok(project)
})

test('its tender is refused, is 未提交 again with the opinion, and is filed when it is corrected', async () => {
  let id = 0
  await stage.as(developer.username, async page => {
    await fromProject(page, /招标备案/)
    id = await apply(page, 'tender-filing', tenderForm())
  })
  await desk('city-clerk', id, [accept, pass])
  const opinion = '招标文件没有写明评标标准，请补充。'
  await stage.as('city-reviewer', async page => {
    await page.goto(`/desk/cases/${id}`)
    await page.locator('textarea[name=opinion]').first().fill(opinion)
    await page.getByRole('button', { name: '不通过', exact: true }).click()
    await told(page, /未提交/)
  })
  await stage.as(developer.username, async page => {
    await page.goto('/desk')
    await page.goto(`/desk/cases/${id}`)
    await page.getByText(opinion).first().waitFor()
    await stage.look(page, 'tender-refused')
    await fillIn(page, { content: '公共部位保洁、绿化养护、秩序维护。评标标准见招标文件第四章。' })
    await submit(page, '修改后重新提交')
  })
  await desk('city-clerk', id, [accept, pass])
  await desk('city-reviewer', id, [pass], tenderTicks)
  await verified(id, /招标备案证明/)
})

test('bids are opened, the winner stands before the public and enters the register', async () => {
  shiftClock(33 * day)
  let id = 0
  await stage.as(developer.username, async page => {
    const tender = await portal.db('tenders').where({ project_id: project.id }).first('id')
    await page.goto(`/desk/projects/${project.id}`)
    await page.getByRole('link', { name: '开标并登记结果' }).click()
    await told(page, '投标人')
    for (const [n, { name }] of others.bidders.entries()) {
      await page.goto(`/desk/tenders/${tender.id}`)
      if (!n) await stage.look(page, 'tender')
      const bid = (field: string) => page.locator(`form[action$="/bids"] [name=${field}]`)
      await bid('name').fill(name)
      await bid('code').fill(others.codes[n] ?? '')
      await bid('state').selectOption('valid')
      await bid('price').fill((1.7 + n / 100).toFixed(2))
      await page.getByRole('button', { name: '登记投标人' }).click()
      await told(page, name)
    }
    await page.goto(`/desk/tenders/${tender.id}`)
    await page.getByRole('button', { name: '确认开标' }).click()
    await told(page, '已开标')
    await page.goto(`/desk/tenders/${tender.id}`)
    await stage.look(page, 'opened')
    await page.getByRole('button', { name: '办理中标备案' }).click()
    await told(page, '随填写更新')
    id = await apply(page, 'award-filing', awardForm(others.bidders, others.codes))
  })
  await desk('city-clerk', id, [accept, pass])
  await desk('city-reviewer', id, [pass])
  const publicity = await portal.db('publicities').where({ case_id: id }).first('id')
  await stage.as(undefined, async page => {
    await page.goto(`/publicity/${publicity.id}`)
    await page.getByText(winner.name).first().waitFor()
    await stage.look(page, 'publicity')
  })
  await endPublicity(portal, id)
  await verified(id, /中标备案证明/)
})

test('the developer files the first contract, the company confirms it, and serves the project', async () => {
  let id = 0
  await stage.as(developer.username, async page => {
    await fromProject(page, /前期物业管理备案|物业方案备案/)
    const { serviced_area: _area, room_area: _room, ...terms } = planForm({ 'fees.0.price': '1.70', signed_on: today() })
    id = await apply(page, 'plan-filing', { ...terms, serviced_area: '60000', room_area: '300' }, ['contract'])
  })
  await desk('district-clerk', id, [accept, pass])
  await stage.as(winner.username, async page => {
    await page.goto('/desk')
    await stage.look(page, 'company-home')
    await page.goto(`/desk/cases/${id}`)
    await stage.look(page, 'confirm')
    await decide(page, id, '确认', /已确认|现在是/)
  })
  await desk('city-reviewer', id, [pass])
  await verified(id, /前期物业管理备案证明/)
  await stage.as(undefined, async page => {
    await page.goto(`/projects/${project.id}`)
    await page.getByText(winner.name).first().waitFor()
    await page.getByText('1.70').first().waitFor()
    await stage.look(page, 'public-project')
  })
})

test('the owners choose another company: the one before objects, the desks weigh it, and the new one takes over', async () => {
  shiftClock(73 * day)
  const committee = await newCommittee(portal, project)
  const fresh = await newCompany(portal)
  let id = 0
  await stage.as(fresh.username, async page => {
    await page.goto('/desk/links/new')
    await page.locator('#f-q').fill(project.code)
    await page.getByRole('button', { name: '查找', exact: true }).click()
    await told(page, project.name)
    await tab(page)
      .getByRole('button', { name: `挂接 ${project.name}` })
      .click()
    await told(page, '随填写更新')
  })
  const old = await linkForm(portal, fresh, { owners_total: '400', area_total: '59000' })
  await stage.as(fresh.username, async page => {
    id = await apply(page, 'project-link', old, ['ended'])
  })
  await desk('district-clerk', id, [accept, pass])
  await stage.as(winner.username, async page => {
    await page.goto(`/desk/cases/${id}`)
    await stage.look(page, 'objection')
    await page.locator('textarea[name=opinion]').first().fill('前期合同还没有到期。')
    await page.getByRole('button', { name: '提出异议', exact: true }).click()
    await told(page, /提出异议|现在是/)
  })
  await stage.as('district-reviewer', async page => {
    await page.goto(`/desk/cases/${id}`)
    await page.getByText('前期合同还没有到期。').first().waitFor()
    await decide(page, id, '通过', /已通过，现在是/)
  })
  await desk('city-reviewer', id, [pass])
  await verified(id, /项目挂接通知书/)

  const starts_on = addDays(today(), 5)
  let contract = 0
  await stage.as(fresh.username, async page => {
    await fromProject(page, /合同备案/)
    contract = await apply(
      page,
      'contract-filing',
      {
        ...contractForm({ party_kind: 'committee', signed_on: today(), starts_on, ends_on: addDays(starts_on, 729) }),
        ...decisionFields({
          owners_total: '400',
          area_total: '59000',
          owners_joined: '300',
          area_joined: '45000',
          area_agreed: '30000',
        }),
        decided_on: addDays(today(), -10),
        serviced_area: '60000',
      },
      ['contract', 'resolution', 'committee'],
    )
  })
  await desk('district-clerk', contract, [accept, pass])
  await desk('city-reviewer', contract, [pass])
  await verified(contract, /物业服务合同备案证明/)

  shiftClock(78 * day)
  await turnContracts(portal.db)
  const early = await portal.db('contracts').where({ project_id: project.id, phase: 'early' }).first()
  await stage.as(committee.username, async page => {
    await page.goto(`/desk/contracts/${early.id}`)
    await page.getByText('业主大会解聘').first().waitFor()
    await stage.look(page, 'old-contract')
    await page.goto(`/desk/projects/${project.id}`)
    await page.getByText(fresh.name).first().waitFor()
    await stage.look(page, 'life-line')
  })
})
