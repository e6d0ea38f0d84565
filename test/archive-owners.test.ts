import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { creditCodeOf, humanOf, mobileOf } from '../seeds/identities.ts'
import { desktop, launch, phone, sidewaysScroll, signIn, violations, visit } from './browser.ts'
import { type Agent, type Answer, startPortal, type TestPortal } from './portal.ts'

const { shiftClock, today, dayOf } = await import('../src/clock.ts')
const { addDays } = await import('../src/calendar.ts')
const { blindIndex, decrypt } = await import('../src/crypto.ts')
const { gridOf } = await import('../src/modules/archives/house-grid.ts')
const { houseKey, houseName } = await import('../src/modules/archives/house-names.ts')
const { idNumberMistake, shareMistake } = await import('../src/modules/archives/owner-rules.ts')

/**
 * 楼栋、房屋、业主、居民 in the demo city: project 1 (历下区) is served by `company` and has the committee of `committee`, project 2
 * (市中区) by `company2`; 3 is still under early service of `company` and was built by `developer`.
 */

let portal: TestPortal
let clerk: Agent
let company: Agent
let company2: Agent
let committee: Agent
let developer: Agent
let district2: Agent
let street: Agent

before(async () => {
  portal = await startPortal({ demo: true })
  clerk = await portal.as('district-clerk')
  company = await portal.as('company')
  company2 = await portal.as('company2')
  committee = await portal.as('committee')
  developer = await portal.as('developer')
  district2 = await portal.as('district2-clerk')
  street = await portal.as('street-clerk')
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})
afterEach(() => shiftClock(0))

interface House {
  id: number
  name: string
  building_id: number
  state: string
}

let used = 0
/** A house nobody has changed yet, with as many running owners as told. */
async function house(project_id = 1, owners = 1): Promise<House> {
  const found: House[] = await portal
    .db('houses')
    .where({ project_id })
    .whereRaw('(select count(*) from owners where owners.house_id = houses.id and owners.live = 1) = ?', [owners])
    .orderBy('id', 'desc')
    .select('id', 'name', 'building_id', 'state')
  const next = found[used++]
  assert.ok(next, `project ${project_id} has a house with ${owners} owners`)
  return next
}

interface Owner {
  id: number
  house_id: number
  name: string
  id_number: string
  phone: string
  share: string
  starts_on: string
  ends_on: string | null
  source: string
  version: number
  user_id: number | null
}

async function ownersOf(house_id: number): Promise<Owner[]> {
  const rows = await portal.db('owners').where({ house_id }).orderBy('id')
  return rows.map(row => ({
    ...row,
    id_number: decrypt('owners.id_number', row.id_number_cipher),
    phone: row.phone_cipher ? decrypt('owners.phone', row.phone_cipher) : '',
  }))
}
async function ownerOf(house_id: number): Promise<Owner> {
  const [owner] = await ownersOf(house_id)
  assert.ok(owner)
  return owner
}

let humans = 800_000
/** Somebody nobody knows yet. */
const newcomer = (name = '欧阳晓晴') => {
  const n = humans++
  return { name, id_type: 'resident-id', id_number: humanOf('owner', n).id_number, phone: mobileOf('owner', n) }
}
const mistakesIn = ({ text }: Answer) =>
  [...text.matchAll(/<p class="mistake"[^>]*>(?:<svg[\s\S]*?<\/svg>)?([^<]*)/g)].map(match => match[1])
const versionIn = ({ text }: Answer) => /name="version" value="(\d+)"/.exec(text)?.[1] ?? ''
/** Changes some fields of a form as a browser does: what the page shows is sent back with it. */
async function edit(agent: Agent, path: string, fields: Record<string, string>): Promise<Answer> {
  const page = await agent.get(path)
  assert.equal(page.status, 200, path)
  return await agent.post(path, { ...valuesIn(page.text), ...fields })
}
function valuesIn(html: string): Record<string, string> {
  const [form = ''] = /<form class="stack-y"[\s\S]*?<\/form>/.exec(html) ?? []
  const values: Record<string, string> = {}
  for (const [tag] of form.matchAll(/<input [^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(tag)?.[1]
    if (name && !/type="checkbox"/.test(tag)) values[name] = /value="([^"]*)"/.exec(tag)?.[1] ?? ''
  }
  for (const [, name = '', options = ''] of form.matchAll(/<select [^>]*name="([^"]*)"[^>]*>([\s\S]*?)<\/select>/g))
    values[name] = /value="([^"]*)" selected/.exec(options)?.[1] ?? ''
  return values
}

// 楼栋 and 房屋

test('a building shows its houses as they lie, with their states in words, and as a table', async () => {
  const { building_id } = await house()
  const rows = await portal.db('houses').where({ building_id })

  const drawn = await clerk.get(`/desk/buildings/${building_id}`)
  const table = await clerk.get(`/desk/buildings/${building_id}?view=table`)

  for (const row of rows) {
    assert.ok(drawn.text.includes(`href="/desk/houses/${row.id}"><b>${row.room}</b>`), row.name)
    assert.ok(table.text.includes(`<a href="/desk/houses/${row.id}">${row.name}</a>`), row.name)
  }
  assert.match(drawn.text, /<span class="visually-hidden">已交付<\/span>/)
  assert.match(drawn.text, /已交付 <b class="num">\d+<\/b> 户/)
})

test('houses of one line stand above each other, gaps included', () => {
  const at = (floor: number, room: string, unit: string | null = '1单元') => ({
    id: floor,
    name: room,
    unit,
    floor,
    room,
    state: 'sold' as const,
  })
  const rooms = (houses: ReturnType<typeof at>[]) =>
    gridOf(houses).floors.map(({ floor, places }) => [floor, ...places.map(house => house?.room ?? '')])

  assert.deepEqual(rooms([at(1, '101'), at(1, '102'), at(2, '202'), at(12, '1201'), at(12, '1202')]), [
    [12, '1201', '1202'],
    [2, '', '202'],
    [1, '101', '102'],
  ])
  // Numbers that tell nothing of the floor keep their order.
  assert.deepEqual(rooms([at(1, 'A'), at(1, 'B'), at(2, 'C'), at(2, 'D')]), [
    [2, 'C', 'D'],
    [1, 'A', 'B'],
  ])
  const grid = gridOf([at(1, '101'), at(1, '102'), at(1, '101', '2单元')])
  assert.deepEqual(grid.units, [
    { label: '1单元', width: 2 },
    { label: '2单元', width: 1 },
  ])
})

test('a house is called after its building, unit and room, and stands in their order', () => {
  assert.equal(houseName('3号楼', { unit: '2单元', room: '1502' }), '3号楼-2单元-1502')
  assert.equal(houseName('商业楼', { unit: null, room: '101' }), '商业楼-101')
  const keys = [
    houseKey(3, { unit: '2单元', room: '902' }),
    houseKey(3, { unit: '2单元', room: '1502' }),
    houseKey(3, { unit: '10单元', room: '101' }),
    houseKey(12, { unit: null, room: '101' }),
    houseKey(12, { unit: null, room: 'B101' }),
  ]
  assert.deepEqual([...keys].sort(), keys)
})

test('a building and its houses can be added and corrected by who serves the project', async () => {
  const facts = {
    building_type: 'multi-storey',
    structure: 'frame',
    floors_above: '6',
    floor_area: '1,200.5',
    shared_area: '100',
  }
  const made = await company.post('/desk/projects/1/buildings/new', { name: '19号楼', ...facts })
  assert.deepEqual([made.status, made.location], [303, '/desk/projects/1'])
  const building = await portal.db('buildings').where({ project_id: 1, name: '19号楼' }).first()
  assert.equal(building.floor_area, '1200.50')

  const twice = await company.post('/desk/projects/1/buildings/new', { name: '19号楼', ...facts })
  assert.equal(twice.status, 422)
  assert.deepEqual(mistakesIn(twice), ['这个项目已有“19号楼”，请改用别的楼号。'])

  const flat = {
    unit: '2单元',
    floor: '15',
    room: '1502',
    purpose: 'residence',
    floor_area: '90',
    inner_area: '75',
    state: 'sold',
  }
  const path = `/desk/buildings/${building.id}/houses/new`
  assert.equal((await company.post(path, flat)).status, 303)
  const added = await portal.db('houses').where({ building_id: building.id }).first()
  assert.deepEqual([added.name, added.project_id, added.name_key.slice(5)], ['19号楼-2单元-1502', 1, '02-01502'])
  assert.deepEqual(mistakesIn(await company.post(path, flat)), ['“19号楼-2单元-1502”已在这栋楼的房屋里，请核对单元和室号。'])
  assert.deepEqual(mistakesIn(await company.post(path, { ...flat, room: '1503', state: 'delivered' })), [
    '状态为“已交付”的房屋已经交付，请填写交付日期。',
  ])
  assert.deepEqual(mistakesIn(await company.post(path, { ...flat, room: '1503', delivered_on: '2026-01-01' })), [
    '状态为“已售未交”的房屋还没有交付，请清空交付日期，或把状态改为“已交付”。',
  ])
  assert.deepEqual(mistakesIn(await company.post(path, { ...flat, room: '1503', inner_area: '95' })), [
    '套内面积 95.00 ㎡ 大于建筑面积 90.00 ㎡，请核对。',
  ])

  // What the project says of itself stays; the difference is told.
  const page = await company.get(`/desk/houses/${added.id}`)
  assert.match(page.text, /总户数登记为 \d+ 户，按房屋档案为 \d+ 户/)
  assert.match((await company.get(`/desk/buildings/${building.id}`)).text, /户数登记为 0 户，按房屋档案为 1 户/)

  // The name of the house follows its building; the day before is still read as it was.
  shiftClock(86_400_000)
  const later = await portal.as('company')
  assert.equal((await edit(later, `/desk/buildings/${building.id}/edit`, { name: '19A号楼' })).status, 303)
  assert.equal((await portal.db('houses').where({ id: added.id }).first()).name, '19A号楼-2单元-1502')
  assert.match((await later.get(`/desk/houses/${added.id}`)).text, /<h1>19A号楼-2单元-1502<\/h1>/)
  assert.match((await later.get(`/desk/houses/${added.id}?on=${addDays(today(), -1)}`)).text, /<h1>19号楼-2单元-1502<\/h1>/)
  assert.match((await later.get(`/desk/buildings/${building.id}`)).text, /<span class="was">19号楼<\/span>/)
})

test('two people who add the same house at once make one', async () => {
  const { building_id } = await house()
  const flat = { unit: '9单元', floor: '1', room: '101', purpose: 'residence', floor_area: '90', state: 'sold' }

  const answers = await Promise.all(
    [company, clerk, street].map(agent => agent.post(`/desk/buildings/${building_id}/houses/new`, flat)),
  )

  assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 422, 422])
  assert.equal((await portal.db('houses').where({ building_id, unit: '9单元' })).length, 1)
})

test('houses handed over on one day are registered in one step, and the figures of the project are left alone', async () => {
  const { db } = portal
  const { building_id } = await house()
  const ids: number[] = await db('houses').where({ building_id }).orderBy('id').limit(3).pluck('id')
  await db('houses').whereIn('id', ids).update({ state: 'sold', delivered_on: null })
  const filed = await db('projects').where({ id: 1 }).first('delivered_count', 'delivered_area', 'version')
  const path = `/desk/buildings/${building_id}/deliver`
  const [one = 0, two = 0] = ids

  const page = await developer.get(path)
  for (const id of ids) assert.ok(page.text.includes(`value="${id}"`), String(id))
  const late = await developer.post(path, { houses: String(one), delivered_on: addDays(today(), 1) })
  assert.match(mistakesIn(late)[0] ?? '', /交付日期不能晚于今天/)
  const none = await developer.post(path, { delivered_on: today() })
  assert.deepEqual(mistakesIn(none), ['请勾选这一天交付的房屋。'])

  const fields = { houses: [String(one), String(two)], delivered_on: '2026-11-01' }
  assert.equal((await developer.post(path, fields)).status, 303)
  const read = () => db('houses').whereIn('id', ids).orderBy('id').select('state', 'delivered_on', 'version')
  const after = await read()
  assert.deepEqual(
    after.map(({ state, delivered_on }) => [state, delivered_on]),
    [
      ['delivered', '2026-11-01'],
      ['delivered', '2026-11-01'],
      ['sold', null],
    ],
  )
  assert.equal((await db('changes').where({ table_name: 'houses', row_id: one })).length, 2)
  assert.match((await developer.get(`/desk/buildings/${building_id}`)).text, /已交付户数登记为 \d+ 户，按房屋档案为 \d+ 户/)
  assert.deepEqual(await db('projects').where({ id: 1 }).first('delivered_count', 'delivered_area', 'version'), filed)

  // Pressed twice, nothing more happens; another district has no such building, the committee no such page.
  assert.equal((await developer.post(path, fields)).status, 303)
  assert.deepEqual(await read(), after)
  assert.equal((await district2.post(path, fields)).status, 404)
  assert.equal((await committee.get(path)).status, 403)
})

// Who sees and who may

test('houses and owners are found by who has to do with the project, and by nobody else', async () => {
  const { id, building_id } = await house()
  const owner = await ownerOf(id)
  const paths = [`/desk/buildings/${building_id}`, `/desk/houses/${id}`, `/desk/owners/${owner.id}`]
  for (const path of paths) {
    for (const agent of [clerk, company, committee, developer, street]) assert.equal((await agent.get(path)).status, 200, path)
    for (const agent of [district2, company2]) assert.equal((await agent.get(path)).status, 404, path)
    for (const way of ['/edit', '/end', '/transfer', '/owners/new'])
      assert.equal((await company2.get(path + way)).status, 404, path + way)
  }
  for (const path of [`/desk/houses/${id}/transfer`, `/desk/owners/${owner.id}/edit`, `/desk/owners/${owner.id}/reveal`])
    assert.equal((await district2.post(path, { reason: '电话核实' })).status, 404, path)
})

test('a company that no longer serves the project sees neither houses nor owners, and changes nothing', async () => {
  const { db } = portal
  const { id, building_id } = await house()
  const owner = await ownerOf(id)
  const link = await db('project_links').where({ project_id: 1, live: 1 }).first()
  await db('project_links').where({ id: link.id }).update({ state: 'ended', ends_on: '2026-11-01' })
  try {
    for (const path of [`/desk/houses/${id}`, `/desk/owners/${owner.id}`, `/desk/houses/${id}/owners/new`])
      assert.equal((await company.get(path)).status, 404, path)
    const building = await company.get(`/desk/buildings/${building_id}`)
    assert.equal(building.status, 200)
    assert.match(building.text, /服务到 2026-11-01 为止/)
    assert.ok(!building.text.includes(`/desk/houses/${id}`))
    assert.equal((await company.get(`/desk/buildings/${building_id}/edit`)).status, 403)
    assert.equal((await company.post(`/desk/owners/${owner.id}/edit`, { share: '1' })).status, 404)
  } finally {
    await db('project_links').where({ id: link.id }).update({ state: 'linked', ends_on: null })
  }
})

test('a committee enters owners of its own project only, and changes no houses', async () => {
  const { id } = await house()
  assert.equal((await committee.get(`/desk/houses/${id}/owners/new`)).status, 200)
  assert.equal((await committee.get(`/desk/houses/${id}/edit`)).status, 403)
  const other = await portal.db('houses').where({ project_id: 2 }).first()
  assert.equal((await committee.get(`/desk/houses/${other.id}`)).status, 404)
  assert.equal((await committee.post(`/desk/houses/${other.id}/owners/new`, newcomer())).status, 404)
})

test('a developer registers owners until the owners have chosen who serves them', async () => {
  const early = await portal.db('houses').where({ project_id: 3 }).first()
  const chosen = await house()

  assert.equal((await developer.get(`/desk/houses/${early.id}/owners/new`)).status, 200)
  const refused = await developer.get(`/desk/houses/${chosen.id}/owners/new`)
  assert.equal(refused.status, 403)
  assert.match(refused.text, /业主大会已选聘物业/)
  assert.ok(!(await developer.get(`/desk/houses/${chosen.id}`)).text.includes('登记业主</a>'))
})

// 业主

test('an owner is registered by whoever may, encrypted, with where it came from', async () => {
  const { id } = await house()
  await portal.db('owners').where({ house_id: id }).update({ ends_on: '2026-01-31' })
  const who = newcomer()

  const page = await company.get(`/desk/houses/${id}/owners/new`)
  assert.match(page.text, /value="100"/)
  assert.match(page.text, /href="\/privacy"/)
  const answer = await company.post(`/desk/houses/${id}/owners/new`, { ...who, share: '100', starts_on: '2026-02-01' })

  assert.deepEqual([answer.status, answer.location], [303, `/desk/houses/${id}`])
  const owner = (await ownersOf(id)).at(-1)
  assert.deepEqual([owner?.name, owner?.id_number, owner?.share, owner?.source], [who.name, who.id_number, '100.0000', 'company'])
  const [row] = await portal.db('owners').where({ id: owner?.id })
  assert.ok(!JSON.stringify(row).includes(who.id_number) && !JSON.stringify(row).includes(who.phone))
  assert.equal(row.id_number_index, blindIndex('owners.id_number', who.id_number))
  const shown = await company.get(`/desk/houses/${id}`)
  assert.match(shown.text, /欧\*/)
  assert.ok(!shown.text.includes(who.name) && !shown.text.includes(who.id_number) && !shown.text.includes(who.phone))
  const [logged] = await portal.db('action_log').where({ action: 'archive.add', object_id: `owners/${owner?.id}` })
  assert.ok(logged && !JSON.stringify(logged).includes(who.name))
})

test('what does not fit is said at its field, and everything typed is kept', async () => {
  const { id } = await house()
  const owner = await ownerOf(id)
  const path = `/desk/houses/${id}/owners/new`
  const whole = { ...newcomer(), share: '50', starts_on: '2026-02-01' }
  const wrong = async (fields: Record<string, string>) => {
    const answer = await company.post(path, { ...whole, ...fields })
    assert.equal(answer.status, 422)
    assert.ok(answer.text.includes('value="欧阳晓晴"'))
    return mistakesIn(answer)
  }

  const digits = whole.id_number.slice(0, 17) + (whole.id_number.endsWith('0') ? '1' : '0')
  assert.match((await wrong({ id_number: digits }))[0] ?? '', /校验码不符/)
  assert.match((await wrong({ id_type: 'credit-code', id_number: '91370100MA3000221X' }))[0] ?? '', /统一社会信用代码/)
  assert.match((await wrong({ id_type: 'permit', id_number: 'X123' }))[0] ?? '', /港澳居民通行证为 H 或 M 加 8 位数字/)
  assert.match((await wrong({ starts_on: addDays(today(), 1) }))[0] ?? '', /取得日期不能晚于今天/)
  assert.deepEqual(await wrong({}), [
    `产权比例合计 150%，超过 100%：${owner.name.slice(0, 1)}* 100%，本次 50%。原业主已转出的请用“产权转移”。`.replace(
      '、本次',
      '，本次',
    ),
  ])
  assert.match((await wrong({ id_number: owner.id_number }))[0] ?? '', /这个证件号已登记为本房屋的业主/)
  assert.match((await wrong({ share: '0' }))[0] ?? '', /产权比例请填写/)
  assert.equal((await ownersOf(id)).length, 1)
})

for (const [kind, number, good] of [
  ['resident-id', humanOf('owner', 1).id_number, true],
  ['resident-id', '110105194912310021', false],
  ['credit-code', creditCodeOf(7, '370102'), true],
  ['credit-code', '913501000000000000', false],
  ['passport', 'E12345678', true],
  ['passport', 'E-12', false],
  ['permit', 'H12345678', true],
  ['permit', '12345678', true],
  ['permit', 'K12345678', false],
  ['other', '外侨证第 1', false],
  ['other', '军官证20150012', true],
] as const)
  test(`${number} is ${good ? 'a' : 'no'} ${kind}`, () => {
    assert.equal(idNumberMistake(kind, number) === undefined, good)
  })

test('shares are counted day by day: who left before does not stand in the way, who was there then does', () => {
  const past = { name: '张三', share: '100.0000', starts_on: '2010-01-01', ends_on: '2019-12-31' }
  const thirds = ['赵', '钱', '孙'].map(name => ({ name, share: '33.3333', starts_on: '2020-01-01', ends_on: null }))
  assert.equal(shareMistake([past], { share: '100', starts_on: '2020-01-01', ends_on: null }), undefined)
  assert.match(shareMistake([past], { share: '1', starts_on: '2019-12-31', ends_on: null }) ?? '', /合计 101%/)
  assert.equal(shareMistake(thirds, { share: '0.0001', starts_on: '2021-01-01', ends_on: null }), undefined)
  assert.match(shareMistake(thirds, { share: '0.0002', starts_on: '2021-01-01', ends_on: null }) ?? '', /最多可填 0\.0001%/)
  // Somebody begins in the middle of a period that is entered afterwards.
  assert.match(shareMistake(thirds, { share: '50', starts_on: '2015-01-01', ends_on: '2020-06-30' }) ?? '', /合计 149\.9999%/)
})

test('two people who register shares at once never exceed the whole', async () => {
  const { id } = await house(1, 2)
  const [first, second] = await ownersOf(id)
  assert.ok(first && second)
  await portal.db('owners').where({ id: second.id }).update({ ends_on: '2026-01-31' })
  const left = String(100 - Number(first.share))

  const answers = await Promise.all(
    [company, clerk, street, committee].map(agent =>
      agent.post(`/desk/houses/${id}/owners/new`, { ...newcomer(), share: left, starts_on: '2026-02-01' }),
    ),
  )

  assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 422, 422, 422])
  const running = (await ownersOf(id)).filter(owner => owner.ends_on === null)
  assert.equal(
    running.reduce((sum, { share }) => sum + Number(share), 0),
    100,
  )
})

test('a masked value sent back, or none, changes nothing; a new one does, and its change is kept sealed', async () => {
  const { id } = await house()
  const owner = await ownerOf(id)
  const path = `/desk/owners/${owner.id}/edit`

  const page = await company.get(path)
  for (const secret of [owner.name, owner.id_number, owner.phone])
    assert.ok(!page.text.includes(secret), 'a full value in the form')
  const masked = `370***********${owner.id_number.slice(-4)}`
  assert.ok(page.text.includes(`现为 ${masked}`))

  assert.equal(
    (await edit(company, path, { id_number: masked, phone: `${owner.phone.slice(0, 3)}****${owner.phone.slice(-4)}` })).status,
    303,
  )
  assert.deepEqual(await ownerOf(id), owner)

  const { phone } = newcomer()
  assert.equal((await edit(company, path, { phone, title_deed: '鲁（2026）济南市不动产权第演0000001号' })).status, 303)
  const after = await ownerOf(id)
  assert.deepEqual([after.phone, after.id_number, after.name], [phone, owner.id_number, owner.name])
  const changes = await portal.db('changes').where({ table_name: 'owners', row_id: owner.id })
  assert.deepEqual(changes.map(({ field }) => field).sort(), ['phone', 'title_deed'])
  assert.ok(!JSON.stringify(changes).includes(phone) && !JSON.stringify(changes).includes(owner.phone))
  const shown = await company.get(`/desk/owners/${owner.id}`)
  assert.match(shown.text, new RegExp(`<span class="was">${owner.phone.slice(0, 3)}\\*{4}${owner.phone.slice(-4)}</span>`))
  assert.ok(!shown.text.includes(phone))

  // What may be left out can be taken away.
  assert.equal((await edit(company, path, { phone: '无' })).status, 303)
  assert.equal((await ownerOf(id)).phone, '')
})

test('who comes second is told who was first, and nothing typed is lost', async () => {
  const { id } = await house()
  const owner = await ownerOf(id)
  const path = `/desk/owners/${owner.id}/edit`
  const opened = valuesIn((await clerk.get(path)).text)
  assert.equal((await edit(company, path, { title_deed: '济房权证演字第0000777号' })).status, 303)

  const late = await clerk.post(path, { ...opened, title_deed: '济房权证演字第0000888号' })

  assert.equal(late.status, 409)
  assert.ok(late.text.includes('济房权证演字第0000888号'))
  assert.match(late.text, /刚刚改过这份档案的“产权证号或网签号”/)
  assert.notEqual(versionIn(late), opened.version)
})

test('an owner who leaves stays in the history, and an end registered by mistake can be taken back', async () => {
  const { id } = await house()
  const owner = await ownerOf(id)
  const path = `/desk/owners/${owner.id}/end`

  assert.deepEqual(mistakesIn(await edit(company, path, {})), ['请填写转出日期。'])
  assert.match(mistakesIn(await edit(company, path, { ends_on: addDays(today(), 1) }))[0] ?? '', /转出日期不能晚于今天/)
  assert.match(mistakesIn(await edit(company, path, { ends_on: addDays(owner.starts_on, -1) }))[0] ?? '', /转出日期早于取得日期/)
  assert.equal((await edit(company, path, { ends_on: '2026-10-31' })).status, 303)

  const page = await company.get(`/desk/houses/${id}`)
  assert.match(page.text, /还没有登记业主/)
  assert.match(page.text, /以前的业主 <span class="count">1<\/span>/)
  assert.match((await company.get(`/desk/owners/${owner.id}`)).text, /已转出/)
  assert.equal((await edit(company, path, { ends_on: '' })).status, 303)
  assert.equal((await ownerOf(id)).ends_on, null)
})

test('an owner cannot come back beside whoever bought from them', async () => {
  const { id } = await house()
  const owner = await ownerOf(id)
  assert.equal((await edit(company, `/desk/owners/${owner.id}/end`, { ends_on: '2026-10-31' })).status, 303)
  assert.equal(
    (await company.post(`/desk/houses/${id}/owners/new`, { ...newcomer(), share: '100', starts_on: '2026-11-01' })).status,
    303,
  )

  const back = await edit(company, `/desk/owners/${owner.id}/end`, { ends_on: '' })

  assert.equal(back.status, 422)
  assert.match(back.text, /产权比例合计 200%，超过 100%/)
  assert.equal((await ownerOf(id)).ends_on, '2026-10-31')
})

// 产权转移

const row = (at: number, fields: Record<string, string>) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`owners.${at}.${name}`, value]))

test('a transfer ends the old owners and begins the new ones in one step', async () => {
  const { id } = await house(1, 2)
  const old = await ownersOf(id)
  const leaving = old.filter(({ ends_on }) => ends_on === null).map(owner => String(owner.id))
  const [one, other] = [newcomer('慕容清'), newcomer('慕容越')]
  const path = `/desk/houses/${id}/transfer`

  const page = await company.get(path)
  for (const owner of old) {
    assert.ok(page.text.includes(`value="${owner.id}" checked`))
    assert.ok(!page.text.includes(owner.id_number))
  }
  // 增加 brings the page back with one row more, without script.
  const more = await company.post(path, { leaving, starts_on: '2026-09-01', rows: 'owners+', ...row(0, { ...one, share: '60' }) })
  assert.equal(more.status, 200)
  assert.ok(more.text.includes('name="owners.1.name"'))

  const both = { ...row(0, { ...one, share: '60' }), ...row(1, { ...other, share: '60' }) }
  const much = await company.post(path, { leaving, starts_on: '2026-09-01', ...both })
  assert.equal(much.status, 422)
  assert.match(mistakesIn(much)[0] ?? '', /产权比例合计 120%，超过 100%：慕\* 60%，本次 60%。最多可填 40%/)
  const some = await company.post(path, {
    leaving: leaving.slice(0, 1),
    starts_on: '2026-09-01',
    ...row(0, { ...one, share: '100' }),
  })
  assert.match(mistakesIn(some)[0] ?? '', /超过 100%/)
  const early = await company.post(path, { leaving, starts_on: '1990-01-01', ...row(0, { ...one, share: '100' }) })
  assert.match(mistakesIn(early)[0] ?? '', /转移登记日期须晚于原业主/)
  assert.deepEqual(await ownersOf(id), old)

  const fields = { leaving, starts_on: '2026-09-01', ...both, 'owners.1.share': '40' }
  const done = await company.post(path, fields)
  assert.deepEqual([done.status, done.location], [303, `/desk/houses/${id}`])
  const after = await ownersOf(id)
  assert.deepEqual(
    after.map(owner => [owner.share, owner.ends_on, owner.ends_on ? '' : owner.starts_on]),
    [...old.map(owner => [owner.share, '2026-08-31', '']), ['60.0000', null, '2026-09-01'], ['40.0000', null, '2026-09-01']],
  )

  // Pressed twice, it happens once.
  assert.equal((await company.post(path, fields)).status, 409)
  assert.equal((await ownersOf(id)).length, after.length)
})

test('when a member of the committee sells, whoever registers it is told what the committee must file', async () => {
  const seat = await portal
    .db('committee_members')
    .join('owners', 'owners.id', 'committee_members.owner_id')
    .where({ 'committee_members.live': 1, 'committee_members.office': 'vice-chair', 'owners.project_id': 1, 'owners.live': 1 })
    .first('owners.id', 'owners.house_id')
  const leaving = (await ownersOf(seat.house_id)).filter(owner => !owner.ends_on).map(({ id }) => String(id))
  const fields = { leaving, starts_on: '2026-10-08', ...row(0, { ...newcomer(), share: '100' }) }

  assert.equal((await company.post(`/desk/houses/${seat.house_id}/transfer`, fields)).status, 303)

  assert.match(
    (await company.get(`/desk/houses/${seat.house_id}`)).text,
    /转出的业主是“[^”]*业主委员会”的成员[^<]*请业委会办理成员变更/,
  )
})

test('the house on a past day is that of its owners then', async () => {
  const { id } = await house()
  const owner = await ownerOf(id)
  const buyer = newcomer('司徒安')
  const fields = { leaving: String(owner.id), starts_on: '2026-09-01', ...row(0, { ...buyer, share: '100' }) }
  assert.equal((await company.post(`/desk/houses/${id}/transfer`, fields)).status, 303)
  const bought = (await ownersOf(id)).at(-1)

  const before = await clerk.get(`/desk/houses/${id}?on=2026-08-31`)
  const after = await clerk.get(`/desk/houses/${id}?on=2026-09-01`)

  assert.ok(before.text.includes(`/desk/owners/${owner.id}`) && !before.text.includes(`/desk/owners/${bought?.id}"`))
  assert.match(after.text, new RegExp(`/desk/owners/${bought?.id}"[\\s\\S]*以前的业主[\\s\\S]*/desk/owners/${owner.id}"`))
  assert.ok(!before.text.includes('产权转移</a>'), 'nothing can be changed on a past day')
  assert.match((await clerk.get(`/desk/houses/${id}?on=2026-02-30`)).text, /确实存在的一天/)
})

test('an owner on a past day reads as it did then, masked', async () => {
  const { id } = await house()
  const owner = await ownerOf(id)
  const created = dayOf(new Date((await portal.db('owners').where({ id: owner.id }).first()).created_at))
  shiftClock(2 * 86_400_000)
  const later = await portal.as('company')
  const { phone } = newcomer()
  assert.equal((await edit(later, `/desk/owners/${owner.id}/edit`, { phone, share: '80' })).status, 303)

  const then = await later.get(`/desk/owners/${owner.id}?on=${addDays(today(), -1)}`)
  const now = await later.get(`/desk/owners/${owner.id}`)

  const mask = (number: string) => `${number.slice(0, 3)}****${number.slice(-4)}`
  assert.ok(then.text.includes(mask(owner.phone)) && /<dd[^>]*>100 %<\/dd>/.test(then.text))
  assert.ok(now.text.includes(mask(phone)) && /<dd[^>]*>80 %<\/dd>/.test(now.text))
  assert.match((await later.get(`/desk/owners/${owner.id}?on=${addDays(created, -1)}`)).text, /还没有建立/)
})

test('all houses of one person in sight, one vote each project, seats in the committee', async () => {
  const { db } = portal
  const [first, second] = [await house(), await house()]
  const owner = await ownerOf(first.id)
  const other = await ownerOf(second.id)
  // The second is bought by the owner of the first, with another share; a third lies in another district.
  const away = await db('houses').where({ project_id: 2 }).whereNotNull('delivered_on').first()
  const theirs = await db('owners').where({ id: owner.id }).first()
  const copy = { id_number_index: theirs.id_number_index, id_number_cipher: theirs.id_number_cipher }
  await db('owners')
    .where({ id: other.id })
    .update({ ...copy, share: '25' })
  const foreign = await db('owners').where({ house_id: away.id, live: 1 }).first()
  await db('owners').where({ id: foreign.id }).update(copy)

  const page = await clerk.get(`/desk/owners/${owner.id}`)

  assert.ok(page.text.includes(`/desk/owners/${other.id}"`))
  assert.ok(!page.text.includes(`/desk/owners/${foreign.id}"`))
  const [one, two] = await Promise.all([first, second].map(({ id }) => db('houses').where({ id }).first()))
  const area = (Math.round(Number(one.floor_area) * 100) + Math.round((Number(two.floor_area) * 100 * 25) / 100)) / 100
  const shown = new Intl.NumberFormat('zh-CN', { minimumFractionDigits: 2 }).format(area)
  assert.match(page.text, new RegExp(`data-label="人数">1</td><td class="num" data-label="面积">${shown}</td>`))

  const seat = await db('committee_members')
    .join('owners', 'owners.id', 'committee_members.owner_id')
    .where({ 'committee_members.live': 1, 'committee_members.office': 'chair', 'owners.project_id': 1 })
    .first('owners.id')
  const chair = await company.get(`/desk/owners/${seat.id}`)
  assert.match(chair.text, /业主委员会第 \d+ 届主任/)
  assert.match(page.text, /是否业委会成员<\/dt><dd>否/)
})

test('who owns other houses and has an account has it for a new one too; another ID number is another human', async () => {
  const { db } = portal
  const { id } = await house()
  const bound = await db('owners').where({ project_id: 1, live: 1 }).whereNotNull('user_id').first()
  const id_number = decrypt('owners.id_number', bound.id_number_cipher)
  const owner = await ownerOf(id)
  const fields = {
    leaving: String(owner.id),
    starts_on: '2026-09-01',
    ...row(0, { ...newcomer(bound.name), id_number, share: '100' }),
  }
  assert.equal((await company.post(`/desk/houses/${id}/transfer`, fields)).status, 303)
  const made = (await ownersOf(id)).at(-1)
  assert.equal(made?.user_id, bound.user_id)
  assert.match((await company.get(`/desk/owners/${made?.id}`)).text, /已绑定实名账号/)

  assert.equal((await edit(company, `/desk/owners/${made?.id}/edit`, { id_number: newcomer().id_number })).status, 303)

  assert.equal((await ownersOf(id)).at(-1)?.user_id, null)
})

// 居民

test('who lives in a house is registered beside who owns it, and leaves', async () => {
  const { id } = await house()
  const path = `/desk/houses/${id}/residents/new`
  const { phone, ...who } = newcomer('上官云')
  const whole = { ...who, phone, relation: 'tenant', starts_on: '2026-03-01' }

  assert.deepEqual(mistakesIn(await committee.post(path, { ...whole, id_type: '' })), ['填了证件号，请选择证件类型。'])
  assert.equal((await committee.post(path, whole)).status, 303)
  const resident = await portal.db('residents').where({ house_id: id }).first()
  assert.deepEqual([resident.source, resident.relation], ['committee', 'tenant'])
  assert.deepEqual(mistakesIn(await committee.post(path, whole)), ['这个证件号已登记为本房屋的居民，不用重复登记。'])
  const nameless = { name: '上官云', relation: 'family', starts_on: '2026-03-01' }
  assert.equal((await committee.post(path, nameless)).status, 303)
  assert.deepEqual(mistakesIn(await committee.post(path, nameless)), [
    '本房屋已登记同名居民。确是另一人的，请填写证件号以便区分。',
  ])

  const page = await company.get(`/desk/houses/${id}`)
  assert.match(page.text, /居民 <span class="count">2<\/span>/)
  for (const text of [page.text, (await company.get(`/desk/residents/${resident.id}`)).text])
    for (const secret of [who.name, who.id_number, phone]) assert.ok(!text.includes(secret))
  assert.equal((await company2.get(`/desk/residents/${resident.id}`)).status, 404)

  assert.equal((await edit(company, `/desk/residents/${resident.id}/end`, { ends_on: '2026-10-01' })).status, 303)
  assert.match((await company.get(`/desk/houses/${id}`)).text, /以前的居民 <span class="count">1<\/span>/)
  assert.match((await company.get(`/desk/houses/${id}?on=2026-09-30`)).text, /居民 <span class="count">2<\/span>/)
  assert.match((await company.get(`/desk/residents/${resident.id}`)).text, /已迁出/)
})

// 查看完整

test('personal data in full take a reason, are logged, and are gone when the page is opened again', async () => {
  const { id } = await house()
  const owner = await ownerOf(id)
  const path = `/desk/owners/${owner.id}`
  const secrets = [owner.name, owner.id_number, owner.phone]

  const without = await company.post(`${path}/reveal`, { reason: '' })
  assert.equal(without.status, 422)
  for (const secret of secrets) assert.ok(!without.text.includes(secret))

  const shown = await company.post(`${path}/reveal`, { reason: '电话核实产权' })
  assert.equal(shown.status, 200)
  for (const secret of secrets) assert.ok(shown.text.includes(secret), 'the full value')
  const again = await company.get(path)
  for (const secret of secrets) assert.ok(!again.text.includes(secret))

  const logged = await portal.db('action_log').where({ action: 'personal.reveal', object_id: `owners/${owner.id}` })
  assert.equal(logged.length, 1)
  assert.match(logged[0].detail, /电话核实产权/)
  for (const secret of secrets) assert.ok(!JSON.stringify(logged[0]).includes(secret))
  for (const agent of [committee, developer])
    assert.equal((await agent.post(`${path}/reveal`, { reason: '电话核实' })).status, 403)
})

test('no page, form, list or export carries a full name, ID number or phone of an owner', async () => {
  const { id, building_id } = await house()
  const owner = await ownerOf(id)
  const secrets = [owner.name, owner.id_number, owner.phone, owner.id_number.slice(0, 14)]
  const pages = [
    `/desk/projects/1`,
    `/desk/buildings/${building_id}`,
    `/desk/buildings/${building_id}?view=table`,
    `/desk/houses/${id}`,
    `/desk/houses/${id}?on=2026-06-30`,
    `/desk/houses/${id}/transfer`,
    `/desk/houses/${id}/owners/new`,
    `/desk/owners/${owner.id}`,
    `/desk/owners/${owner.id}?on=2026-06-30`,
    `/desk/owners/${owner.id}/edit`,
    `/desk/owners/${owner.id}/end`,
    '/desk/lists/owners?size=100&columns=all',
    '/desk/lists/houses?size=100',
    '/desk/lists/owners/export.csv',
    '/desk/lists/houses/export.json',
  ]
  for (const agent of [clerk, company, committee])
    for (const path of pages) {
      const { status, text } = await agent.get(path)
      assert.equal(status, 200, path)
      for (const secret of secrets) assert.ok(!text.includes(secret), `${path} carries ${secret.length} signs of an owner`)
    }
})

test('the pages stand axe and a phone, and a house is opened from the picture by keyboard', async () => {
  const { id, building_id } = await house()
  const owner = await ownerOf(id)
  await portal.db('houses').where({ id }).update({ state: 'sold' })
  const browser = await launch()
  try {
    for (const viewport of [desktop, phone]) {
      const { page, problems, context } = await visit(browser, { base: portal.base, viewport })
      await signIn(page, 'company')
      for (const path of [
        `/desk/buildings/${building_id}`,
        `/desk/buildings/${building_id}?view=table`,
        `/desk/buildings/${building_id}/deliver`,
        `/desk/houses/${id}`,
        `/desk/houses/${id}/transfer`,
        `/desk/owners/${owner.id}`,
        `/desk/owners/${owner.id}/edit`,
      ]) {
        await page.goto(path)
        assert.deepEqual(await violations(page), [], path)
        assert.equal(await sidewaysScroll(page), 0, path)
      }
      await page.goto(`/desk/buildings/${building_id}`)
      await page.locator(`a.flat[href="/desk/houses/${id}"]`).focus()
      await page.keyboard.press('Enter')
      await page.waitForURL(`**/desk/houses/${id}`)
      assert.deepEqual(problems, [])
      await context.close()
    }
  } finally {
    await browser.close()
  }
})
