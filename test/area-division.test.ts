import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { areaForm } from './filing-forms.ts'
import { newDeveloper, newProject } from './filings.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, passAll, plain, press, startCase, upload, versionsOf } from './qualification.ts'

/** 物业服务区域划分登记 (山东省物业管理条例 第九条): application, opinion of the street, registration, adjustment. */

let portal: TestPortal
let developer: Applicant
let street: string
before(async () => {
  portal = await startPortal({ demo: true })
  developer = await newDeveloper(portal)
  street = (await portal.db('regions').where({ level: 'street', parent_code: '370102' }).orderBy('code').first('code')).code
})
after(() => portal.stop())

async function filled(id: number, changes: Record<string, string> = {}) {
  const { findKind, standardOf } = await import('../src/cases/kind.ts')
  const kind = findKind('area-division')
  assert.ok(kind)
  const variant = changes.reason ? 'adjust' : 'new'
  for (const { code, required } of standardOf(kind, variant).materials)
    if (required) assert.equal((await upload(developer.agent, id, code)).status, 303, code)
  return await developer.agent.post(`/desk/cases/${id}/submit`, {
    ...areaForm(street, changes),
    ...(await versionsOf(portal, id)),
  })
}

test('a divided area enters the register and the archives, with map and proof', async () => {
  const id = await startCase(developer.agent, 'area-division')
  const answer = await filled(id, { name: '试区青府' })
  assert.equal(answer.status, 303, plain(answer.text))

  const kase = await portal.db('cases').where({ id }).first()
  assert.equal(kase.district_code, '370102')
  assert.equal(kase.street_code, street)
  const page = await (await portal.as('district-clerk')).get(`/desk/cases/${id}`)
  assert.match(page.text, /物业服务用房不少于 180.00 ㎡/)

  assert.equal(await passAll(portal, id), 'done')
  const area = await portal.db('areas').where({ case_id: id }).first()
  assert.match(area.number, /^济物划〔\d{4}〕370102-\d{4}号$/)
  assert.equal(area.state, 'registered')
  const project = await portal.db('projects').where({ id: area.project_id }).first()
  assert.deepEqual(
    [project.name, project.stage, project.developer_id, project.floor_area, project.house_count],
    ['试区青府', 'divided', developer.id, '60000.00', 400],
  )
  assert.match(project.bounds, /东至凤鸣路，南至经十路/)
  assert.match(project.code, /^370102\d{6}$/)

  const shown = await developer.agent.get(`/desk/areas/${area.id}`)
  assert.equal(shown.status, 200)
  assert.match(shown.text, new RegExp(`<iframe src="/desk/areas/${area.id}/map#`))
  assert.equal((await developer.agent.get(`/desk/areas/${area.id}/map`)).status, 200)
  const proof = await portal.db('documents').where({ object_type: 'area', object_id: area.id }).first()
  assert.match((await portal.anyone().get(`/verify/${proof.code}`)).text, /有效/)
  assert.match((await developer.agent.get('/desk/lists/areas')).text, /试区青府/)
  assert.match((await developer.agent.get(`/desk/projects/${area.project_id}`)).text, new RegExp(area.number))
})

test('others do not find the area or its map', async () => {
  const area = await portal.db('areas').whereNotNull('map_file_id').first()
  for (const who of ['district2-clerk', 'company2', 'developer']) {
    const agent = await portal.as(who)
    assert.equal((await agent.get(`/desk/areas/${area.id}`)).status, 404, who)
    assert.equal((await agent.get(`/files/${area.map_file_id}`)).status, 404, who)
    assert.equal((await agent.get(`/desk/areas/${area.id}/map`)).status, 404, who)
    assert.doesNotMatch((await agent.get('/desk/lists/areas')).text, new RegExp(area.number), who)
  }
  const company = await newCompany(portal)
  assert.equal((await company.agent.post('/desk/cases/new/area-division')).status, 403)
  assert.equal((await (await portal.as('business-admin')).get('/desk/lists/areas')).status, 403)
})

test('areas that do not add up, parts beyond the whole and strange streets stand beside their field', async () => {
  const id = await startCase(developer.agent, 'area-division')
  const answer = await filled(id, { floor_area: '61000', committee_room_area: '400', street_code: '370102999' })
  assert.equal(answer.status, 422)
  assert.match(answer.text, /相加为 60,000\.00 ㎡，与规划总建筑面积 61,000\.00 ㎡ 不一致/)
  assert.match(answer.text, /业委会用房面积 400 ㎡，多于物业服务用房面积 300 ㎡/)
  assert.match(answer.text, /id="f-street_code"[^>]*aria-invalid/)
  assert.match(answer.text, /value="世纪大道"/, 'nothing typed is lost')
  assert.equal((await portal.db('cases').where({ id }).first()).state, 'draft')
  const negative = await developer.agent.post(`/desk/cases/${id}/submit`, {
    ...areaForm(street, { residential_area: '-1' }),
    ...(await versionsOf(portal, id)),
  })
  assert.equal(negative.status, 422)
})

test('two applications for one project: the second is told at its name', async () => {
  const [first, second] = [await startCase(developer.agent, 'area-division'), await startCase(developer.agent, 'area-division')]
  assert.notEqual(first, second)
  assert.equal((await filled(first, { name: '试区双府' })).status, 303)
  const late = await filled(second, { name: '试区双府' })
  assert.equal(late.status, 422)
  assert.match(late.text, /同名项目正在办理项目建档或区域划分登记/)
  assert.equal((await press(portal, developer.agent, first, 'withdraw')).status, 303)
  const again = await developer.agent.post(`/desk/cases/${second}/submit`, {
    ...areaForm(street, { name: '试区双府' }),
    ...(await versionsOf(portal, second)),
  })
  assert.equal(again.status, 303, plain(again.text))
})

test('the street gives its opinion beside the chain and blocks nothing', async () => {
  const id = await startCase(developer.agent, 'area-division')
  assert.equal((await filled(id)).status, 303)
  assert.equal((await press(portal, await portal.as('district-clerk'), id, 'accept')).status, 303)
  const asked = await (await portal.as('district-clerk')).post(`/desk/cases/${id}/consultations`, {
    code: 'street',
    question: '界线与社区管理范围是否一致？',
  })
  assert.equal(asked.status, 303, plain(asked.text))
  const row = await portal.db('case_consultations').where({ case_id: id }).first()
  assert.equal(row.role, 'street-clerk')
})

test('an adjustment needs its reason, ends the area before, and the old proof says so', async () => {
  const project = await newProject(portal, developer.id)
  assert.match((await developer.agent.get(`/desk/projects/${project.id}`)).text, /申请区域划分/)
  const begin = async () => {
    const answer = await developer.agent.post('/desk/cases/new/area-division', { subject_id: String(project.id) })
    assert.equal(answer.status, 303, plain(answer.text))
    return Number(/\/desk\/cases\/(\d+)/.exec(answer.location ?? '')?.[1])
  }
  const own = { name: project.name, floor_area: '50000', residential_area: '40000', other_area: '0', underground_area: '10000' }
  const first = await begin()
  assert.equal((await filled(first, own)).status, 303)
  assert.equal(await passAll(portal, first), 'done')
  const area = await portal.db('areas').where({ project_id: project.id }).first()
  assert.equal(area.case_id, first)

  const second = await begin()
  const bare = await filled(second, { ...own, house_count: '360' })
  assert.equal(bare.status, 422)
  assert.match(bare.text, /请写明调整什么/)
  const answer = await filled(second, { ...own, house_count: '360', reason: '业主大会决定并入北侧绿地。' })
  assert.equal(answer.status, 303, plain(answer.text))
  assert.equal(await passAll(portal, second), 'done')
  const rows = await portal.db('areas').where({ project_id: project.id }).orderBy('id')
  assert.deepEqual(
    rows.map(({ state, previous_id }) => [state, previous_id]),
    [
      ['adjusted', null],
      ['registered', area.id],
    ],
  )
  const proof = await portal.db('documents').where({ object_type: 'area', object_id: area.id }).first()
  assert.doesNotMatch((await portal.anyone().get(`/verify/${proof.code}`)).text, />有效</)
  assert.equal((await portal.db('projects').where({ id: project.id }).first()).house_count, 360)
})

test('a project of another developer is not found', async () => {
  const other = await newDeveloper(portal)
  const project = await newProject(portal, other.id)
  assert.equal((await developer.agent.post('/desk/cases/new/area-division', { subject_id: String(project.id) })).status, 404)
})
