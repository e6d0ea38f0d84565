import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { holdContract, linkTo, newCommittee, newCompany, newDeveloper, newProject, type TestProject } from './filings.ts'
import { startPortal, type TestPortal } from './portal.ts'
import type { Applicant } from './qualification.ts'

/** 合同到期、签约后未备案 (domain.md §5.6, §12): who is warned, when, and until when. */

let portal: TestPortal
let company: Applicant
let committee: Applicant
let project: TestProject
const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today, now } = await import('../src/clock.ts')
const { computeWarnings } = await import('../src/warnings/warnings.ts')
const days = (n: number) => n * 86_400_000

before(async () => {
  portal = await startPortal({ demo: true })
  const developer = await newDeveloper(portal)
  project = await newProject(portal, developer.id)
  company = await newCompany(portal)
  committee = await newCommittee(portal, project)
  await linkTo(portal, project.id, company.id)
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

const open = async (kind: string, object_id: number) =>
  await portal
    .db('warnings')
    .where({ open_key: `${kind}:${object_id}` })
    .first('stage', 'level', 'title', 'street_code')

test('a contract is warned of 90, 60 and 30 days ahead, and until another is filed', async () => {
  const id = await holdContract(portal, project.id, company.id, { ends_on: addDays(today(), 100) })
  try {
    await computeWarnings(portal.db)
    assert.equal(await open('contract-expiry', id), undefined)
    for (const [shift, stage, level] of [
      [10, '90', 'yellow'],
      [39, '90', 'yellow'],
      [40, '60', 'yellow'],
      [70, '30', 'red'],
      [101, 'expired', 'red'],
    ] as const) {
      shiftClock(days(shift))
      await computeWarnings(portal.db)
      const row = await open('contract-expiry', id)
      assert.deepEqual([row?.stage, row?.level], [stage, level], `after ${shift} days`)
      assert.equal((await open('contract-expiry-committee', id))?.stage, stage)
    }
    // Their sessions ended long ago.
    const shown = async ({ username }: Applicant) => (await (await portal.as(username)).get('/desk/lists/warnings')).text
    assert.match(await shown(company), new RegExp(`物业服务合同已到期：${project.name}`))
    assert.match(await shown(committee), new RegExp(`物业服务合同已到期：${project.name}`))
    const { street_code } = await portal.db('projects').where({ id: project.id }).first('street_code')
    assert.equal((await open('contract-expiry', id))?.street_code, street_code)
    const stranger = await newCompany(portal)
    assert.doesNotMatch(await shown(stranger), new RegExp(project.name))

    await holdContract(portal, project.id, company.id, {
      starts_on: addDays(today(), 1),
      ends_on: addDays(today(), 700),
      filing: 'renewal',
    })
    await computeWarnings(portal.db)
    assert.equal(await open('contract-expiry', id), undefined, 'what follows it closes the warning')
    assert.equal(await open('contract-expiry-committee', id), undefined)
  } finally {
    shiftClock(0)
  }
})

test('what was signed online and not filed is told two days ahead, and as late afterwards', async () => {
  const at = now()
  const { id: party_id } = committee
  const signing = async (phase: string) => {
    const [id = 0] = await portal.db('signings').insert({
      code: `W${process.pid}${phase}`,
      project_id: project.id,
      company_id: company.id,
      party_id,
      phase,
      filing: 'new',
      model: 'test',
      answers: '{}',
      body: '合同',
      digest: '0'.repeat(64),
      state: 'signed',
      signed_on: today(),
      created_at: at,
      updated_at: at,
    })
    return id
  }
  const [selected, early] = [await signing('selected'), await signing('early')]
  const stages = async () => [(await open('contract-unfiled', selected))?.stage, (await open('contract-unfiled', early))?.stage]
  try {
    for (const [shift, wanted] of [
      [7, [undefined, undefined]],
      [8, ['due', undefined]],
      [10, ['due', undefined]],
      [11, ['late', undefined]],
      [13, ['late', 'due']],
      [16, ['late', 'late']],
    ] as const) {
      shiftClock(days(shift))
      await computeWarnings(portal.db)
      assert.deepEqual(await stages(), wanted, `after ${shift} days`)
    }
    assert.match((await open('contract-unfiled', selected))?.title ?? '', /没有备案，已逾期 6 天/)
    const kase = await portal.db('cases').first('id')
    await portal.db('signings').whereIn('id', [selected, early]).update({ case_id: kase.id })
    await computeWarnings(portal.db)
    assert.deepEqual(await stages(), [undefined, undefined])
  } finally {
    shiftClock(0)
  }
})
