import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { newDeveloper, newProject } from './filings.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, residentId } from './qualification.ts'

/** 评标专家名册 and the fair draw (domain.md §5.2, §15). */

let portal: TestPortal
let city: Agent
let district: Agent
let developer: Applicant
const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today, now } = await import('../src/clock.ts')
const { draw, expertsNeeded, isCommitteeSize, poolDigest, poolText } = await import('../src/modules/filings/draw.ts')

before(async () => {
  portal = await startPortal({ demo: true })
  city = await portal.as('city-clerk')
  district = await portal.as('district-clerk')
  developer = await newDeveloper(portal)
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

let serial = 7000
async function enter(name: string, employer: string, changes: Record<string, string> = {}): Promise<number> {
  const answer = await city.post('/desk/experts/new', {
    name,
    employer,
    id_number: await residentId(serial++),
    phone: '13800005678',
    specialty: 'property',
    ...changes,
  })
  assert.equal(answer.status, 303, answer.text.slice(0, 500))
  return Number(answer.location?.split('/').at(-1))
}

async function newTender(changes: Record<string, string | number | null> = {}): Promise<number> {
  const { id: project_id } = await newProject(portal, developer.id)
  const project = await portal.db('projects').where({ id: project_id }).first()
  const at = now()
  const [id = 0] = await portal.db('tenders').insert({
    project_id,
    developer_id: developer.id,
    district_code: project.district_code,
    street_code: project.street_code,
    state: 'tendering',
    method: 'open',
    organising: 'agency',
    agency: '济南某招标代理有限公司',
    number: `济物招备T${serial++}`,
    announce_on: addDays(today(), -30),
    bids_until: addDays(today(), 1),
    opens_on: addDays(today(), 1),
    opens_at: '09:30',
    committee_size: 5,
    created_at: at,
    updated_at: at,
    ...changes,
  })
  return id
}

const drawsOf = async (tender_id: number) => await portal.db('expert_draws').where({ tender_id }).orderBy('sequence')

test('the rule of the draw: two thirds, odd, and the same result for anybody who repeats it', () => {
  assert.deepEqual([5, 7, 9, 11].map(expertsNeeded), [4, 5, 6, 8])
  assert.deepEqual([null, 3, 4, 5, 6, 7].map(isCommitteeSize), [false, false, false, true, false, true])
  const pool = [{ id: 3 }, { id: 1 }, { id: 2, reason: '回避' }, { id: 10 }, { id: 7 }]
  const seed = 'ab'.repeat(32)
  // Written out once more from the description on the page.
  const expected = [1, 3, 7, 10]
    .map(id => [createHmac('sha256', seed).update(`${id}`).digest('hex'), id] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .slice(0, 3)
    .map(([, id]) => id)
  assert.deepEqual(draw(seed, pool, 3), expected)
  assert.deepEqual(draw(seed, [...pool].reverse(), 3), expected)
  assert.equal(poolText(pool), poolText([...pool].reverse()))
  const firsts = new Map<number, number>()
  for (let n = 0; n < 4000; n++) {
    const [first = 0] = draw(n.toString(16).padStart(64, '0'), pool, 1)
    firsts.set(first, (firsts.get(first) ?? 0) + 1)
  }
  assert.deepEqual(
    [...firsts.keys()].sort((a, b) => a - b),
    [1, 3, 7, 10],
  )
  for (const count of firsts.values()) assert.ok(count > 850 && count < 1150, `drawn first ${count} of 4000`)
})

test('the city keeps the register, the district reads it masked, others not at all', async () => {
  const id_number = await residentId(serial++)
  const id = await enter('周评审', '济南大学', { id_number })
  const page = await district.get(`/desk/experts/${id}`)
  assert.equal(page.status, 200)
  assert.match(page.text, /138\*\*\*\*5678/)
  for (const text of [
    page.text,
    (await city.get(`/desk/experts/${id}`)).text,
    (await city.get(`/desk/experts/${id}/edit`)).text,
  ]) {
    assert.ok(!text.includes(id_number))
    assert.ok(!text.includes('13800005678'))
  }
  assert.match((await district.get('/desk/lists/experts')).text, /周评审/)
  const stored = await portal.db('experts').where({ id }).first()
  assert.ok(!JSON.stringify(stored).includes(id_number))

  assert.equal((await city.post(`/desk/experts/${id}/reveal`, { reason: '' })).status, 422)
  const full = await city.post(`/desk/experts/${id}/reveal`, { reason: '电话通知评标时间' })
  assert.ok(full.text.includes(id_number) && full.text.includes('13800005678'))
  assert.ok(
    await portal
      .db('action_log')
      .where({ action: 'personal.reveal', object_type: 'expert', object_id: String(id) })
      .first(),
  )

  assert.equal((await district.post(`/desk/experts/${id}/reveal`, { reason: '电话通知评标时间' })).status, 403)
  assert.equal((await district.get('/desk/experts/new')).status, 403)
  assert.equal((await developer.agent.get(`/desk/experts/${id}`)).status, 403)
  assert.notEqual((await developer.agent.get('/desk/lists/experts')).status, 200)

  const again = await city.post('/desk/experts/new', { name: '周另名', employer: '别处', id_number, specialty: 'law' })
  assert.equal(again.status, 422)
  assert.match(again.text, /已在名册里/)
  assert.match(again.text, /周另名/)

  const change = { name: '周评审', employer: '山东大学', specialty: 'law', version: '1' }
  assert.equal((await city.post(`/desk/experts/${id}/edit`, change)).status, 303)
  assert.equal((await city.post(`/desk/experts/${id}/edit`, change)).status, 409, 'an old version does not overwrite')
  assert.match((await city.get(`/desk/experts/${id}`)).text, /138\*\*\*\*5678/, 'an empty phone keeps what is there')
  assert.equal((await city.post(`/desk/experts/${id}/state`, { state: 'suspended', reason: '', version: '2' })).status, 422)
  assert.equal((await city.post(`/desk/experts/${id}/state`, { state: 'removed', reason: '本人申请', version: '2' })).status, 303)
  assert.equal((await city.post(`/desk/experts/${id}/state`, { state: 'active', reason: '恢复', version: '3' })).status, 409)
})

test('a draw leaves out who has an interest, happens once, is secret to the developer and can be repeated', async () => {
  const able: number[] = []
  for (let n = 0; n < 6; n++) able.push(await enter(`专家能${n}`, `某某研究院${n}`))
  const bidder = await newCompany(portal)
  const atDeveloper = await enter('专家开', developer.name)
  const atAgency = await enter('专家代', '济南某招标代理有限公司')
  const atBidder = await enter('专家投', bidder.name)
  const suspended = await enter('专家停', '某某研究院')
  assert.equal(
    (await city.post(`/desk/experts/${suspended}/state`, { state: 'suspended', reason: '考核未过', version: '1' })).status,
    303,
  )
  const expired = await enter('专家期', '某某研究院', { valid_until: addDays(today(), -1) })
  // Registered as working for the bidder, whatever the register of experts says.
  const job = await portal
    .db('employments')
    .join('people', 'people.id', 'employments.person_id')
    .where({ 'employments.live': 1 })
    .first('people.id_number_index as mark', 'employments.company_id')
  const employed = await enter('专家职', '说是自由职业')
  await portal.db('experts').where({ id: employed }).update({ id_number_index: job.mark })
  const employer = await portal.db('organisations').where({ id: job.company_id }).first('name')

  const id = await newTender({ opens_on: addDays(today(), 2), bids_until: addDays(today(), 2) })
  const at = now()
  for (const name of [bidder.name, employer.name])
    await portal
      .db('tender_bids')
      .insert({ tender_id: id, name, price: '0.00', state: 'invited', created_at: at, updated_at: at })
  await portal.db('tender_bids').where({ tender_id: id, name: employer.name }).update({ company_id: job.company_id })

  const early = await city.post(`/desk/tenders/${id}/draw`, { sequence: '1' })
  assert.equal(early.status, 409)
  assert.match(early.text, /开标前一天起/)
  await portal
    .db('tenders')
    .where({ id })
    .update({ opens_on: addDays(today(), 1), bids_until: addDays(today(), 1) })
  for (const other of [district, developer.agent])
    assert.equal((await other.post(`/desk/tenders/${id}/draw`, { sequence: '1' })).status, 403)

  const pressed = await Promise.all([1, 2, 3].map(() => city.post(`/desk/tenders/${id}/draw`, { sequence: '1' })))
  assert.deepEqual(
    pressed.map(({ status }) => status),
    [303, 303, 303],
  )
  const [first, ...more] = await drawsOf(id)
  assert.equal(more.length, 0, 'a double click draws once')
  const drawn: number[] = JSON.parse(first.result)
  assert.equal(drawn.length, 4)
  const pool: { id: number; reason?: string }[] = JSON.parse(first.pool)
  const reasonOf = (expert: number) => pool.find(one => one.id === expert)?.reason
  assert.match(reasonOf(atDeveloper) ?? '', /招标人/)
  assert.match(reasonOf(atAgency) ?? '', /代理机构/)
  assert.match(reasonOf(atBidder) ?? '', /投标人/)
  assert.match(reasonOf(employed) ?? '', /任职/)
  for (const gone of [suspended, expired]) assert.ok(!pool.some(one => one.id === gone))
  assert.ok(drawn.every(expert => able.includes(expert)))
  assert.deepEqual(draw(first.seed, pool, first.wanted), drawn)
  assert.equal(poolDigest(first.pool), first.pool_digest)
  const seed = await portal.db('expert_seeds').where({ tender_id: id, sequence: 1 }).first()
  assert.equal(seed.seed, first.seed)
  await assert.rejects(portal.db('expert_draws').where({ id: first.id }).update({ result: '[1]' }), /append-only/)
  await assert.rejects(portal.db('expert_seeds').where({ tender_id: id }).delete(), /append-only/)

  const checked = await city.get(`/desk/tenders/${id}/draws/${first.id}`)
  assert.match(checked.text, /结果与记录一致/)
  const names: string[] = await portal.db('experts').whereIn('id', drawn).pluck('name')
  for (const name of names) assert.ok((await city.get(`/desk/tenders/${id}`)).text.includes(name))
  for (const other of [developer.agent, district]) {
    const page = await other.get(`/desk/tenders/${id}`)
    assert.equal(page.status, 200)
    for (const name of names) assert.ok(!page.text.includes(name), 'names are secret till the opening day')
  }
  assert.equal((await district.get(`/desk/tenders/${id}/draws/${first.id}`)).status, 404)

  const [judge] = await portal.db('tender_judges').where({ tender_id: id })
  assert.equal((await city.post(`/desk/tenders/${id}/judges/${judge.id}/excuse`, { state: 'excused', reason: '' })).status, 422)
  assert.equal(
    (await city.post(`/desk/tenders/${id}/draw`, { sequence: '2', reason: '补' })).status,
    409,
    'nobody is missing yet',
  )
  for (let n = 0; n < 2; n++)
    assert.equal(
      (await city.post(`/desk/tenders/${id}/judges/${judge.id}/excuse`, { state: 'excused', reason: '出差' })).status,
      303,
    )
  assert.equal(
    (await city.post(`/desk/tenders/${id}/draw`, { sequence: '2', reason: '' })).status,
    422,
    'a further draw needs its reason',
  )
  assert.equal((await city.post(`/desk/tenders/${id}/draw`, { sequence: '2', reason: '一位专家请假' })).status, 303)
  const [, second] = await drawsOf(id)
  const next: number[] = JSON.parse(second.result)
  assert.equal(next.length, 1)
  assert.ok(!drawn.includes(next[0] ?? 0))

  // The session of the developer is old by then.
  shiftClock(86_400_000)
  const later = await (await portal.as(developer.username)).get(`/desk/tenders/${id}`)
  assert.ok(
    names.some(name => later.text.includes(name)),
    'on the opening day the developer knows',
  )
  shiftClock(0)
})

test('a draw that was cut off after its seed ends with the experts of that seed', async () => {
  const id = await newTender()
  assert.equal((await city.post(`/desk/tenders/${id}/draw`, { sequence: '1' })).status, 303)
  const [done] = await drawsOf(id)
  const cut = await newTender()
  const seed = { wanted: 4, seed: '5c'.repeat(32), pool: done.pool, pool_digest: done.pool_digest }
  await portal.db('expert_seeds').insert({ ...seed, tender_id: cut, sequence: 1, made_at: now() })
  assert.equal((await city.post(`/desk/tenders/${cut}/draw`, { sequence: '1' })).status, 303)
  const [row] = await drawsOf(cut)
  assert.equal(row.seed, seed.seed)
  assert.deepEqual(JSON.parse(row.result), draw(seed.seed, JSON.parse(done.pool), 4))
})

test('a committee against the rule, or too few experts, draws nobody', async () => {
  for (const [size, words] of [
    [4, /五人以上单数/],
    [null, /五人以上单数/],
    [99, /可以抽取的专家只有/],
  ] as const) {
    const id = await newTender({ committee_size: size })
    const answer = await city.post(`/desk/tenders/${id}/draw`, { sequence: '1' })
    assert.equal(answer.status, 409)
    assert.match(answer.text, words)
    assert.equal((await portal.db('expert_seeds').where({ tender_id: id })).length, 0)
  }
})
