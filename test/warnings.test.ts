import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { givenOrganisation, givenPerson, see } from './list-rows.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

const { givenCase, setDay } = await import('./given-cases.ts')
const { shiftClock } = await import('../src/clock.ts')
const { computeWarnings } = await import('../src/warnings/warnings.ts')

/** 预警: raised by a job, escalated, read, and gone when their cause is. Today is Monday 2026-11-23. */

let portal: TestPortal
let city: Agent
let clerk: Agent
let other: Agent
let street: Agent
let company: Agent
let rival: Agent
let editor: Agent
let baimai: number
let zhenzhu: number

before(async () => {
  await setDay('2026-11-23')
  portal = await startPortal()
  const { db } = portal
  const bureau = await givenOrganisation(db, '济南市住房和城乡建设局', { kind: 'city', region: '370100' })
  const lixia = await givenOrganisation(db, '历下区住房和城乡建设局', { kind: 'district', region: '370102' })
  const shizhong = await givenOrganisation(db, '市中区住房和城乡建设局', { kind: 'district', region: '370103' })
  const jiefang = await givenOrganisation(db, '解放路街道办事处', { kind: 'street', region: '370102001' })
  baimai = await givenOrganisation(db, '济南百脉物业有限公司', { region: '370102001' })
  zhenzhu = await givenOrganisation(db, '济南珍珠物业有限公司', { region: '370103' })
  const stamps = { created_at: new Date(), updated_at: new Date() }
  for (const id of [baimai, zhenzhu])
    await db('companies').insert({
      id,
      origin: 'city',
      ownership: 'limited',
      legal_person: '赵一',
      registered_address: '经十路',
      ...stamps,
    })
  await givenPerson(db, 'city-clerk', '曾敏', 'city-clerk', bureau)
  await givenPerson(db, 'district-clerk', '乔远', 'district-clerk', lixia, '370102')
  await givenPerson(db, 'other-clerk', '单丽', 'district-clerk', shizhong, '370103')
  await givenPerson(db, 'street-clerk', '韩松', 'street-clerk', jiefang, '370102001')
  await givenPerson(db, 'company', '赵一', 'company-admin', baimai)
  await givenPerson(db, 'rival', '钱二', 'company-admin', zhenzhu)
  const editors = await givenPerson(db, 'editor', '孙三', 'city-clerk', bureau)
  await db('user_roles').where({ user_id: editors }).update({ role: 'editor' })
  await askForNoStaff(db)
  city = await portal.as('city-clerk')
  clerk = await portal.as('district-clerk')
  other = await portal.as('other-clerk')
  street = await portal.as('street-clerk')
  company = await portal.as('company')
  rival = await portal.as('rival')
  editor = await portal.as('editor')
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})
beforeEach(async () => {
  await setDay('2026-11-23')
  const { db } = portal
  for (const table of ['warning_receipts', 'warnings', 'certificates', 'case_parties', 'cases']) await db(table).delete()
})

/** The companies here have nobody; a threshold of 0 is switched off, so only their papers are warned of. */
async function askForNoStaff(db: TestPortal['db']): Promise<void> {
  const { settingsInForce } = await import('../src/cases/settings.ts')
  const { qualificationNew } = await import('../src/modules/qualification/kinds.ts')
  const { settings } = await settingsInForce(db, qualificationNew)
  await db('kind_settings').insert({
    kind: qualificationNew.code,
    variant: '',
    effective_on: '2000-01-02',
    revision: 1,
    settings: JSON.stringify({ ...settings, thresholds: { ...settings.thresholds, staff: 0, titled: 0 } }),
    created_at: new Date(),
    updated_at: new Date(),
  })
}

const atDistrict = { state: 'reviewing', place: 'district' } as const
const titles = async (agent: Agent, query = 'open=yes') =>
  (await see(agent, `/desk/lists/warnings?${query}`)).rows.map(row => row[0])
const onlyWarning = async () => {
  const rows = await portal.db('warnings')
  assert.equal(rows.length, 1)
  return rows[0]
}

test('a case three working days from its limit is warned of once, and again in red when it is over', async () => {
  const id = await givenCase(portal.db, { company: baimai, ...atDistrict, due_on: '2026-11-26' })

  assert.deepEqual(await computeWarnings(portal.db), { raised: 1, escalated: 0, closed: 0 })
  const soon = await onlyWarning()
  assert.deepEqual(
    [soon.kind, soon.level, soon.stage, soon.due_on, soon.link, soon.title],
    ['case-limit', 'yellow', 'soon', '2026-11-26', `/desk/cases/${id}`, '区县初审将超期：济南百脉物业有限公司，避雨亭备案'],
  )

  assert.deepEqual(await computeWarnings(portal.db), { raised: 0, escalated: 0, closed: 0 })
  await setDay('2026-11-27')
  assert.deepEqual(await computeWarnings(portal.db), { raised: 0, escalated: 1, closed: 0 })

  const late = await onlyWarning()
  assert.deepEqual([late.id, late.level, late.stage], [soon.id, 'red', 'late'])
  assert.ok(late.raised_at > soon.raised_at)
})

for (const [what, told] of [
  ['is four working days away', { ...atDistrict, due_on: '2026-11-27' }],
  ['rests', { state: 'reviewing', place: 'province', due_on: '2026-11-24', paused: 1 }],
  ['is the applicant’s', { state: 'supplement', place: 'district', due_on: '2026-11-24' }],
  ['does not run', { state: 'done' }],
] as const)
  test(`a limit that ${what} is nobody’s warning`, async () => {
    await givenCase(portal.db, { company: baimai, ...told })

    assert.equal((await computeWarnings(portal.db)).raised, 0)
  })

test('the desk that has the case and the level above it are warned, and nobody else', async () => {
  await givenCase(portal.db, { company: baimai, ...atDistrict, due_on: '2026-11-24' })
  await givenCase(portal.db, { company: zhenzhu, ...atDistrict, due_on: '2026-11-25' })
  await givenCase(portal.db, { company: baimai, state: 'reviewing', place: 'review', due_on: '2026-11-23' })
  await computeWarnings(portal.db)

  assert.equal((await titles(city)).length, 3)
  assert.deepEqual(await titles(clerk), ['区县初审将超期：济南百脉物业有限公司，避雨亭备案'])
  assert.deepEqual(await titles(other), ['区县初审将超期：济南珍珠物业有限公司，避雨亭备案'])
  assert.deepEqual(await titles(street), [])
  assert.deepEqual(await titles(company), [])
  assert.equal((await editor.get('/desk/lists/warnings')).status, 403)
})

test('a warning ends by itself when the step is taken, and follows the case to the next desk', async () => {
  const id = await givenCase(portal.db, { company: baimai, ...atDistrict, due_on: '2026-11-24' })
  await computeWarnings(portal.db)

  await portal.db('cases').where({ id }).update({ place: 'review', holder_role: 'city-reviewer' })
  assert.deepEqual(await computeWarnings(portal.db), { raised: 0, escalated: 0, closed: 0 })
  assert.deepEqual(await titles(clerk), [])
  assert.deepEqual(await titles(city), ['市局复核将超期：济南百脉物业有限公司，避雨亭备案'])

  await portal.db('cases').where({ id }).update({ state: 'done', place: null, holder_role: null, due_on: '9999-12-31' })
  assert.deepEqual(await computeWarnings(portal.db), { raised: 0, escalated: 0, closed: 1 })
  assert.deepEqual(await titles(city), [])
  assert.equal((await titles(city, 'open=no')).length, 1)
})

test('what comes back is a new warning', async () => {
  const id = await givenCase(portal.db, { company: baimai, ...atDistrict, due_on: '2026-11-24' })
  await computeWarnings(portal.db)
  await portal.db('cases').where({ id }).update({ due_on: '2026-12-24' })
  await computeWarnings(portal.db)
  await portal.db('cases').where({ id }).update({ due_on: '2026-11-24' })

  assert.deepEqual(await computeWarnings(portal.db), { raised: 1, escalated: 0, closed: 0 })
  assert.equal((await portal.db('warnings')).length, 2)
})

test('several processes at once raise it once', async () => {
  for (let n = 0; n < 5; n++) await givenCase(portal.db, { company: baimai, ...atDistrict, due_on: '2026-11-24' })

  await Promise.all(Array.from({ length: 4 }, () => computeWarnings(portal.db)))

  assert.equal((await portal.db('warnings')).length, 5)
})

test('more cases than one batch holds are all warned of, and all end', async () => {
  const { db } = portal
  const id = await givenCase(db, { company: baimai, ...atDistrict, due_on: '2026-11-24' })
  const { id: _id, entered_at: _entered, serial: _serial, ...row } = await db('cases').where({ id }).first()
  // Many fall due on one day, so a batch ends in the middle of it.
  await db('cases').insert(
    Array.from({ length: 1200 }, (_, n) => ({ ...row, serial: `BYW${n}`, due_on: n < 900 ? '2026-11-24' : '2026-11-20' })),
  )

  assert.deepEqual(await computeWarnings(db), { raised: 1201, escalated: 0, closed: 0 })
  assert.equal((await db('warnings').where({ level: 'red' })).length, 300)

  await db('cases').update({ due_on: '9999-12-31' })
  assert.deepEqual(await computeWarnings(db), { raised: 0, escalated: 0, closed: 1201 })
})

// Certificates

async function givenCertificate(company_id: number, valid_until: string | null, state = 'valid'): Promise<number> {
  const at = new Date()
  const [id = 0] = await portal.db('certificates').insert({
    company_id,
    number: `鲁济物暂-2025-${company_id}-${state}`,
    level: 'provisional',
    state,
    issuer: '济南市住房和城乡建设局',
    approved_on: '2025-12-18',
    issued_on: '2025-12-18',
    valid_until,
    created_at: at,
    updated_at: at,
  })
  return id
}

test('a certificate is warned of 90, 60 and 30 days ahead and when it has run out, always as the same warning', async () => {
  const id = await givenCertificate(baimai, '2027-02-21')
  const seen: [string, string][] = []
  for (const day of [
    '2026-11-22',
    '2026-11-23',
    '2026-12-22',
    '2026-12-23',
    '2027-01-21',
    '2027-01-22',
    '2027-02-21',
    '2027-02-22',
  ]) {
    await setDay(day)
    await computeWarnings(portal.db)
    const [row] = await portal.db('warnings')
    if (row) seen.push([row.stage, row.level])
  }

  assert.deepEqual(seen, [
    ['90', 'yellow'],
    ['90', 'yellow'],
    ['60', 'yellow'],
    ['60', 'yellow'],
    ['30', 'red'],
    ['30', 'red'],
    ['expired', 'red'],
  ])
  const row = await onlyWarning()
  assert.equal(row.link, `/desk/certificates/${id}`)
  assert.match(row.title, /^资质证书已到期：济南百脉物业有限公司，鲁济物暂-2025-.*，2027-02-21$/)
})

test('the company and the city are warned of it; another company and the districts are not', async () => {
  await givenCertificate(baimai, '2026-12-20')
  await computeWarnings(portal.db)

  assert.equal((await titles(company)).length, 1)
  assert.equal((await titles(city)).length, 1)
  assert.deepEqual(await titles(rival), [])
  assert.equal((await clerk.get('/desk/lists/warnings')).status, 200)
  assert.deepEqual(await titles(clerk), [])
})

test('a certificate that was replaced, or has no last day, is nobody’s warning', async () => {
  const id = await givenCertificate(baimai, '2026-12-20')
  await givenCertificate(zhenzhu, null)
  await computeWarnings(portal.db)

  await portal.db('certificates').where({ id }).update({ state: 'replaced', ended_on: '2026-11-23' })

  assert.deepEqual(await computeWarnings(portal.db), { raised: 0, escalated: 0, closed: 1 })
})

// 已阅

test('what somebody has read leaves their home until it becomes worse; others still see it', async () => {
  await givenCase(portal.db, { company: baimai, ...atDistrict, due_on: '2026-11-24' })
  await computeWarnings(portal.db)
  const { id, title } = await onlyWarning()
  const isOnHome = async (agent: Agent) => (await agent.get('/desk')).text.includes(`href="/desk/warnings/${id}"`)
  assert.ok(await isOnHome(clerk))

  const page = await clerk.get(`/desk/warnings/${id}`)
  assert.ok(page.text.includes(title) && page.text.includes('还没有人阅过'))
  const answer = await clerk.post(`/desk/warnings/${id}/read`)

  assert.deepEqual([answer.status, answer.location], [303, '/desk/warnings'])
  assert.equal(await isOnHome(clerk), false)
  assert.equal(await isOnHome(city), true)
  assert.match((await city.get(`/desk/warnings/${id}`)).text, /乔远/)
  assert.deepEqual(await titles(clerk, 'open=yes&read=no'), [])
  assert.equal((await titles(clerk, 'open=yes&read=yes')).length, 1)
  assert.equal((await portal.db('action_log').where({ action: 'warning.read', object_id: String(id) })).length, 1)

  await setDay('2026-11-25')
  await computeWarnings(portal.db)

  const later = await portal.as('district-clerk')
  assert.equal(await isOnHome(later), true)
  assert.ok((await later.get(`/desk/warnings/${id}`)).text.includes('已阅</button>'))
})

test('reading twice counts once', async () => {
  await givenCase(portal.db, { company: baimai, ...atDistrict, due_on: '2026-11-24' })
  await computeWarnings(portal.db)
  const { id } = await onlyWarning()

  for (let n = 0; n < 2; n++) assert.equal((await clerk.post(`/desk/warnings/${id}/read`)).status, 303)

  assert.equal((await portal.db('warning_receipts')).length, 1)
})

test("another district's warning is not found, neither to see nor to read", async () => {
  await givenCase(portal.db, { company: baimai, ...atDistrict, due_on: '2026-11-24' })
  await computeWarnings(portal.db)
  const { id } = await onlyWarning()

  for (const agent of [other, street, company]) {
    assert.equal((await agent.get(`/desk/warnings/${id}`)).status, 404)
    assert.equal((await agent.post(`/desk/warnings/${id}/read`)).status, 404)
  }
  assert.equal((await editor.get(`/desk/warnings/${id}`)).status, 403)
  for (const path of ['/desk/warnings/0', '/desk/warnings/x', '/desk/warnings/999999'])
    assert.equal((await clerk.get(path)).status, 404, path)
  assert.deepEqual(await portal.db('warning_receipts'), [])
})

test('the red ones come first on the home page, the ones closest to their limit next', async () => {
  for (const due_on of ['2026-11-26', '2026-11-20', '2026-11-24', '2026-11-19'])
    await givenCase(portal.db, { company: baimai, ...atDistrict, due_on })
  await computeWarnings(portal.db)
  const dueOf = new Map((await portal.db('warnings').select('id', 'due_on')).map(({ id, due_on }) => [id, due_on]))

  const { text } = await clerk.get('/desk')

  const order = [...text.matchAll(/href="\/desk\/warnings\/(\d+)"/g)].map(([, id]) => dueOf.get(Number(id)))
  assert.deepEqual(order, ['2026-11-19', '2026-11-20', '2026-11-24', '2026-11-26'])
})

test('the address of the menu leads to what stands now', async () => {
  assert.deepEqual((await clerk.get('/desk/warnings')).location, '/desk/lists/warnings?open=yes')
  assert.match((await clerk.get('/desk/lists/warnings')).text, /没有预警/)
})
