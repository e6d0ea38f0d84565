import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { givenOrganisation, givenPerson, see } from './list-rows.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

const { givenCase, setDay } = await import('./given-cases.ts')
const { shiftClock } = await import('../src/clock.ts')
const { forgetSettings } = await import('../src/admin/settings.ts')
const { blindIndex, encrypt } = await import('../src/crypto.ts')
const { computeWarnings } = await import('../src/warnings/warnings.ts')

/** 证照监测: everything with a last day, beside the 资质证书. Today is Monday 2026-11-23. */

let portal: TestPortal
let baimai: number
let zhenzhu: number
let quancheng: number
let clerk: Agent
let company: Agent
let rival: Agent
let developer: Agent
let district: Agent
const stamps = { created_at: new Date('2026-01-05T01:00:00Z'), updated_at: new Date('2026-01-05T01:00:00Z') }

before(async () => {
  await setDay('2026-11-23')
  portal = await startPortal()
  const { db } = portal
  const bureau = await givenOrganisation(db, '济南市住房和城乡建设局', { kind: 'city', region: '370100' })
  const lixia = await givenOrganisation(db, '历下区住房和城乡建设局', { kind: 'district', region: '370102' })
  baimai = await givenOrganisation(db, '济南百脉物业有限公司', { region: '370102001' })
  zhenzhu = await givenOrganisation(db, '济南珍珠物业有限公司', { region: '370103' })
  quancheng = await givenOrganisation(db, '济南泉城置业有限公司', { kind: 'developer', region: '370102' })
  const file = { ownership: 'limited', legal_person: '赵一', registered_address: '经十路', ...stamps }
  for (const id of [baimai, zhenzhu]) await db('companies').insert({ id, origin: 'city', ...file })
  await db('developers').insert({ id: quancheng, ...file })
  await givenPerson(db, 'city-clerk', '曾敏', 'city-clerk', bureau)
  await givenPerson(db, 'district-clerk', '乔远', 'district-clerk', lixia, '370102')
  await givenPerson(db, 'company', '赵一', 'company-admin', baimai)
  await givenPerson(db, 'rival', '钱二', 'company-admin', zhenzhu)
  const builder = await givenPerson(db, 'developer', '孙三', 'company-admin', quancheng)
  await db('user_roles').where({ user_id: builder }).update({ role: 'developer' })
  clerk = await portal.as('city-clerk')
  company = await portal.as('company')
  rival = await portal.as('rival')
  developer = await portal.as('developer')
  district = await portal.as('district-clerk')
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})
beforeEach(async () => {
  await setDay('2026-11-23')
  const { db } = portal
  for (const table of [
    'warnings',
    'project_links',
    'employments',
    'people',
    'projects',
    'case_materials',
    'case_parties',
    'cases',
  ])
    await db(table).delete()
  await db('companies').update({ business_until: null, state: 'normal' })
  await db('developers').update({ business_until: null, qualification_until: null })
  await setSetting('warnings.credential-days', '30')
  await setSetting('warnings.document-days', '90')
})

async function setSetting(code: string, value: string): Promise<void> {
  const row = { value: JSON.stringify(value), created_at: new Date(), updated_at: new Date() }
  await portal.db('settings').insert({ code, ...row }).onConflict('code').merge() // biome-ignore format: one statement
  forgetSettings()
}

let people = 0
async function givenHolder(
  company_id: number,
  name: string,
  { until, credential = 'electrician', live = true }: { until: string; credential?: string; live?: boolean },
): Promise<number> {
  const { db } = portal
  const number = `37010019800101${String(++people).padStart(4, '0')}`
  const [id = 0] = await db('people').insert({
    name,
    name_key: 'zhou',
    id_number_cipher: encrypt('people.id_number', number),
    id_number_index: blindIndex('people.id_number', number),
    id_number_last4: number.slice(-4),
    gender: 'male',
    born_on: '1980-01-01',
    credential,
    credential_until: until,
    ...stamps,
  })
  await db('employments').insert({
    person_id: id,
    company_id,
    post: 'technician',
    state: live ? 'employed' : 'left',
    starts_on: '2020-01-01',
    ends_on: live ? null : '2025-01-01',
    ...stamps,
  })
  return id
}

async function givenLink(company_id: number, manager_id: number, state = 'linked'): Promise<void> {
  const { db } = portal
  const [project_id = 0] = await db('projects').insert({
    code: `370102${String(++people).padStart(6, '0')}`,
    name: '历山花园',
    name_key: 'lishanhuayuan',
    address: '历山路 1 号',
    district_code: '370102',
    street_code: '370102001',
    stage: 'early',
    property_type: 'high-rise',
    ...stamps,
  })
  const link = { phase: 'early', method: 'open', starts_on: '2024-01-01', ...stamps }
  await db('project_links').insert({ project_id, company_id, manager_id, state, ...link })
}

const titles = async (agent: Agent) => (await see(agent, '/desk/lists/warnings?open=yes')).rows.map(row => row[0])
const stagesOver = async (days: readonly string[]): Promise<(string | undefined)[]> => {
  const seen: (string | undefined)[] = []
  for (const day of days) {
    await setDay(day)
    await computeWarnings(portal.db)
    const rows = await portal.db('warnings').whereNull('closed_at')
    assert.ok(rows.length < 2, `${rows.length} warnings of one paper`)
    seen.push(rows[0]?.stage)
  }
  return seen
}
const papers = [
  ['a business licence', 'companies', 'business_until'],
  ['the licence of a developer', 'developers', 'business_until'],
  ['the qualification of a developer', 'developers', 'qualification_until'],
] as const
for (const [what, table, column] of papers)
  test(`${what} is warned of 90, 60 and 30 days ahead and when it has run out, once each`, async () => {
    const id = table === 'companies' ? baimai : quancheng
    await portal
      .db(table)
      .where({ id })
      .update({ [column]: '2027-02-21' })

    const days = ['2026-11-22', '2026-11-23', '2026-11-24', '2026-12-23', '2027-01-22', '2027-02-21', '2027-02-22', '2027-06-01']
    assert.deepEqual(await stagesOver(days), [undefined, '90', '90', '60', '30', '30', 'expired', 'expired'])

    const rows = await portal.db('warnings')
    assert.deepEqual(
      rows.map(row => [row.organisation_id, row.link, row.due_on]),
      [[id, `/desk/${table}/${id}`, '2027-02-21']],
    )
  })

test('a licence that was renewed, or whose company is cancelled, resolves its warning', async () => {
  const { db } = portal
  await db('companies').update({ business_until: '2026-12-01' })
  assert.equal((await computeWarnings(db)).raised, 2)

  await db('companies').where({ id: baimai }).update({ business_until: '2046-12-01' })
  await db('companies').where({ id: zhenzhu }).update({ state: 'cancelled' })

  assert.deepEqual(await computeWarnings(db), { raised: 0, escalated: 0, closed: 2 })
})

test('whose paper it is and the city are warned, in words; others and the districts are not', async () => {
  await portal.db('companies').where({ id: baimai }).update({ business_until: '2026-12-01' })
  await portal.db('developers').update({ qualification_until: '2026-11-20', qualification_number: '济建开 0123' })
  await computeWarnings(portal.db)

  assert.deepEqual(await titles(company), ['营业执照 30 天内到期：济南百脉物业有限公司，2026-12-01'])
  assert.deepEqual(await titles(developer), ['开发资质已到期：济南泉城置业有限公司，济建开 0123，2026-11-20'])
  assert.deepEqual((await titles(clerk)).length, 2)
  assert.deepEqual(await titles(rival), [])
  assert.deepEqual(await titles(district), [])
})

test('a practitioner’s credential is warned of 30 days ahead, to the company that employs them', async () => {
  const id = await givenHolder(baimai, '周平', { until: '2026-12-23' })

  assert.deepEqual(await stagesOver(['2026-11-22', '2026-11-23', '2026-12-23', '2026-12-24']), [undefined, '30', '30', 'expired'])

  const [row] = await portal.db('warnings')
  assert.deepEqual([row.title, row.link], ['资格证书已到期：济南百脉物业有限公司，周平，电工，2026-12-23', `/desk/people/${id}`])
  // Sessions do not last for a month.
  await setDay('2026-11-23')
  assert.equal((await titles(company)).length, 1)
  assert.deepEqual(await titles(rival), [])
})

test('who sets the city’s parameters may have credentials warned of earlier', async () => {
  await givenHolder(baimai, '周平', { until: '2027-02-21' })
  await setSetting('warnings.credential-days', '90')

  assert.deepEqual(await stagesOver(['2026-11-23', '2026-12-23', '2027-01-22']), ['90', '60', '30'])
})

test('who left is nobody’s warning, and who changed company is the new one’s', async () => {
  const { db } = portal
  await givenHolder(baimai, '吴静', { until: '2026-12-01', live: false })
  const id = await givenHolder(baimai, '周平', { until: '2026-12-01' })
  await computeWarnings(db)
  assert.deepEqual((await db('warnings').pluck('object_id')).map(Number), [id])

  await db('employments').where({ person_id: id }).update({ company_id: zhenzhu })
  await computeWarnings(db)

  assert.deepEqual(await titles(company), [])
  assert.equal((await titles(rival)).length, 1)
})

test('the card of a project manager who leads a project is warned of as early as papers of the company, and only so', async () => {
  const { db } = portal
  const leading = await givenHolder(baimai, '郑和', { until: '2027-02-01', credential: 'project-manager' })
  const idle = await givenHolder(baimai, '王安', { until: '2026-12-01', credential: 'project-manager' })
  await givenHolder(baimai, '冯程', { until: '2027-02-01', credential: 'project-manager' })
  await givenLink(baimai, leading)
  await givenLink(baimai, idle, 'ended')

  await computeWarnings(db)

  const rows = await db('warnings').orderBy('due_on')
  assert.deepEqual(
    rows.map(({ kind, stage, object_id }) => [kind, stage, Number(object_id)]),
    [
      ['credential-expiry', '30', idle],
      ['manager-card', '90', leading],
    ],
  )

  // Who hands the project over stops being warned of so early.
  await db('project_links').where({ manager_id: leading }).update({ state: 'ended' })
  assert.deepEqual(await computeWarnings(db), { raised: 0, escalated: 0, closed: 1 })
})

async function givenPaper(company: number, expires_on: string, state = 'done', material = 'office'): Promise<number> {
  const id = await givenCase(portal.db, { company, state: state as 'done' }) // a word of the lifecycle
  await portal.db('case_materials').insert({ case_id: id, material, expires_on })
  return id
}

test('a paper of a case is warned of until the applicant has handed in a newer one', async () => {
  const { db } = portal
  const id = await givenPaper(baimai, '2026-12-20')
  await givenPaper(zhenzhu, '9999-12-31')
  await givenPaper(zhenzhu, '2026-12-20', 'draft')
  await givenPaper(zhenzhu, '2026-12-20', 'declined')

  assert.deepEqual(await computeWarnings(db), { raised: 1, escalated: 0, closed: 0 })
  const [row] = await db('warnings')
  assert.deepEqual([row.link, row.organisation_id], [`/desk/cases/${id}#m-office`, baimai])
  assert.match(row.title, /^办件材料 30 天内到期：济南百脉物业有限公司，2026-12-20$/)

  // Another material, another applicant and an unsubmitted application change nothing.
  await givenPaper(baimai, '2028-12-20', 'submitted', 'legal-person-id')
  await givenPaper(zhenzhu, '2028-12-20', 'submitted')
  await givenPaper(baimai, '2028-12-20', 'draft')
  assert.deepEqual(await computeWarnings(db), { raised: 0, escalated: 0, closed: 0 })

  await givenPaper(baimai, '2028-12-20', 'submitted')
  assert.deepEqual(await computeWarnings(db), { raised: 0, escalated: 0, closed: 1 })
})

test('a paper that ran out a year ago is history', async () => {
  await givenPaper(baimai, '2026-11-01')
  await computeWarnings(portal.db)
  assert.equal((await portal.db('warnings').whereNull('closed_at')).length, 1)

  await setDay('2027-11-02')
  assert.deepEqual(await computeWarnings(portal.db), { raised: 0, escalated: 0, closed: 1 })
})

test('more credentials than a batch holds are each warned of once', async () => {
  const { db } = portal
  const first = await givenHolder(baimai, '周平', { until: '2026-12-01' })
  const { id: _id, ...person } = await db('people').where({ id: first }).first()
  const { id: _employment, live: _live, ...employment } = await db('employments').where({ person_id: first }).first()
  await db('people').insert(
    Array.from({ length: 1300 }, (_, n) => ({ ...person, id_number_index: `many${n}`, credential_until: n % 2 ? '2026-12-01' : '2026-12-02' })), // biome-ignore format: one row
  )
  const ids: number[] = await db('people').where('id_number_index', 'like', 'many%').pluck('id')
  await db('employments').insert(ids.map(person_id => ({ ...employment, person_id })))

  assert.deepEqual(await computeWarnings(db), { raised: 1301, escalated: 0, closed: 0 })
  assert.deepEqual(await computeWarnings(db), { raised: 0, escalated: 0, closed: 0 })
  assert.equal((await titles(clerk)).length, 20)
})

test('the register is read along its last days, not through everybody', async () => {
  const { db } = portal
  const asked: string[] = []
  const listen = ({ sql }: { sql: string }) => asked.push(sql)
  db.on('query', listen)
  await computeWarnings(db)
  db.removeListener('query', listen)

  const [question = ''] = asked.filter(sql => /from `people`/.test(sql) && /order by/.test(sql))
  assert.match(question, /`people`.`credential_until` <= \?/)
  const [plan] = await db.raw(
    `explain select id from people where credential_until <= '2026-12-23' order by credential_until, id limit 500`,
  )
  // The servers draw their plans differently; both name the index.
  assert.match(JSON.stringify(plan), /people_credential_until_id_index/)
})
