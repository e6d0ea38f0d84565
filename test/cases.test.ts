import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { newCompany, plain, press, startCase, submitWhole, upload, versionsOf, visit, wholeForm } from './qualification.ts'

/** A case from draft to certificate, by what people press: 资质新设立申报. */

let portal: TestPortal
let district: Agent
let clerk: Agent
let reviewer: Agent
let approver: Agent
before(async () => {
  portal = await startPortal({ demo: true })
  district = await portal.as('district-clerk')
  clerk = await portal.as('city-clerk')
  reviewer = await portal.as('city-reviewer')
  approver = await portal.as('city-approver')
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

const { shiftClock } = await import('../src/clock.ts')
const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { checkHistory } = await import('../src/cases/check-history.ts')

const caseRow = async (id: number) => await portal.db('cases').where({ id }).first()

test('an application goes from draft to certificate through all desks', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  assert.equal((await caseRow(id)).state, 'submitted')

  const page = await district.get(`/desk/cases/${id}`)
  assert.equal(page.status, 200, plain(page.text))
  assert.match(page.text, /条件自检/)

  assert.equal((await press(portal, district, id, 'accept')).status, 303)
  const passed = await press(portal, district, id, 'pass', { opinion: '初审符合。', ...(await visit()) })
  assert.equal(passed.status, 303, plain(passed.text))
  assert.equal((await press(portal, clerk, id, 'pass')).status, 303)
  assert.equal((await press(portal, reviewer, id, 'pass')).status, 303)
  assert.equal((await press(portal, approver, id, 'pass', { opinion: '同意。' })).status, 303)
  assert.equal((await caseRow(id)).state, 'waiting')

  shiftClock(20 * 86_400_000)
  await moveDueCases(portal.db)
  shiftClock(0)

  const done = await caseRow(id)
  assert.equal(done.state, 'done')
  assert.match(done.number, /^鲁济物暂-\d{4}-\d{4}$/)
  const certificate = await portal.db('certificates').where({ case_id: id }).first()
  assert.equal(certificate.number, done.number)
  assert.deepEqual((await checkHistory(portal.db)).faults, [])
  const own = await company.agent.get(`/desk/cases/${id}`)
  assert.match(own.text, new RegExp(done.number))
})

test('what is asked to be corrected unlocks, and nothing else', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  const asked = await press(portal, district, id, 'correct', {
    item: ['field.office_address', 'material.charter'],
    'words.field.office_address': '与办公场所证明不一致，请核对。',
    'words.material.charter': '章程缺最后一页。',
  })
  assert.equal(asked.status, 303, plain(asked.text))
  assert.equal((await caseRow(id)).state, 'supplement')

  const page = await company.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, /章程缺最后一页/)
  assert.match(page.text, /已锁定/)

  const locked = await company.agent.post(`/desk/cases/${id}/submit`, {
    ...(await versionsOf(portal, id)),
    office_address: '历下区新路2号',
    capital: '9000',
  })
  assert.equal(locked.status, 409)
  assert.match(locked.text, /“注册资本”已锁定/)
  assert.equal((await caseRow(id)).edition, 1)

  const shut = await upload(company.agent, id, 'office', '别的')
  assert.equal(shut.status, 409)
  const opened = await upload(company.agent, id, 'charter', '补上最后一页')
  assert.equal(opened.status, 303)

  const idle = await company.agent.post(`/desk/cases/${id}/submit`, await versionsOf(portal, id))
  assert.equal(idle.status, 422, 'an item about which nothing was done')
  assert.match(idle.text, /这一项还没有修改，也没有写说明/)

  const again = await company.agent.post(`/desk/cases/${id}/submit`, {
    ...(await versionsOf(portal, id)),
    office_address: '历下区新路2号',
    'answer.field.office_address': '已按租赁合同更正。',
  })
  assert.equal(again.status, 303, plain(again.text))
  const row = await caseRow(id)
  assert.equal(row.state, 'submitted')
  assert.equal(row.edition, 2)

  const review = await district.get(`/desk/cases/${id}`)
  assert.match(review.text, /改动 1 处/)
  assert.match(review.text, /历下区新路2号/)
  assert.match(review.text, /已按租赁合同更正/)
  assert.match((await district.get(`/desk/cases/${id}/editions/1`)).text, /试验路1号3层/)

  await press(portal, district, id, 'accept')
  const second = await press(portal, district, id, 'correct', { item: 'field.capital', 'words.field.capital': '再改一次。' })
  assert.equal(second.status, 409, '一次性告知')
})

test('a correction names what is missing: no item, no words, a locked field', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  for (const [fields, sentence] of [
    [{}, /请勾选要补正的内容或材料/],
    [{ item: 'field.capital' }, /请写明这一项要补正什么/],
    [{ item: 'field.company_name', 'words.field.company_name': '改名' }, /不在这个事项里/],
    [{ item: 'field.__proto__', 'words.field.__proto__': 'x' }, /不在这个事项里/],
    [{ item: 'field.capital', 'words.field.capital': '长'.repeat(501) }, /最多 500 个字/],
  ] as const) {
    const answer = await press(portal, district, id, 'correct', fields)
    assert.equal(answer.status, 422)
    assert.match(answer.text, sentence)
  }
  assert.equal((await caseRow(id)).state, 'submitted')
})

test('mistakes and missing papers keep an application a draft, with everything typed', async () => {
  const company = await newCompany(portal)
  const id = await startCase(company.agent)
  const fields = await wholeForm({ capital: '五十万', 'people.0.id_number': '370100199001010000', pledge: '' })

  const answer = await company.agent.post(`/desk/cases/${id}/submit`, { ...fields, ...(await versionsOf(portal, id)) })

  assert.equal(answer.status, 422)
  assert.match(answer.text, /校验码不符/)
  assert.match(answer.text, /value="五十万"/)
  assert.match(answer.text, /还差 9 份必需材料/)
  const row = await caseRow(id)
  assert.equal(row.state, 'draft')
  assert.equal(row.serial, null)
  assert.match((await company.agent.get(`/desk/cases/${id}`)).text, /value="五十万"/)
})

test('a draft is saved as it is typed and found on another device', async () => {
  const company = await newCompany(portal)
  const id = await startCase(company.agent)
  const background = { 'x-background': '1' }

  const saved = await company.agent.post(
    `/desk/cases/${id}/draft`,
    { ...(await versionsOf(portal, id)), contact: '赵新' },
    background,
  )
  assert.equal(saved.status, 200)
  const { draft_version } = JSON.parse(saved.text)
  const other = await portal.as(company.username)
  assert.match((await other.get(`/desk/cases/${id}`)).text, /value="赵新"/)

  await other.post(`/desk/cases/${id}/draft`, { draft_version: String(draft_version), contact: '钱新' }, background)
  const late = await company.agent.post(
    `/desk/cases/${id}/draft`,
    { draft_version: String(draft_version), contact: '孙新' },
    background,
  )
  assert.equal(late.status, 409)
  assert.match((await company.agent.get(`/desk/cases/${id}`)).text, /value="钱新"/)

  const sealed = await portal.db('case_drafts').where({ case_id: id }).first('answers')
  assert.doesNotMatch(sealed.answers, /370100199/, 'ID numbers are encrypted inside drafts')
})

test('the archive fills in and cannot be overwritten', async () => {
  const company = await newCompany(portal)
  const id = await startCase(company.agent)
  const page = await company.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, new RegExp(company.name))

  await company.agent.post(`/desk/cases/${id}/draft`, {
    ...(await versionsOf(portal, id)),
    company_name: '假公司',
    state: 'done',
    number: 'X',
  })

  assert.doesNotMatch((await company.agent.get(`/desk/cases/${id}`)).text, /假公司/)
  assert.equal((await caseRow(id)).state, 'draft')
})

test('starting twice, or another application while one is open, leads to the same case', async () => {
  const company = await newCompany(portal)
  const [one, other] = await Promise.all([startCase(company.agent), startCase(company.agent)])
  assert.equal(one, other)
  const denied = await company.agent.post('/desk/cases/new/qualification-confirm')
  assert.equal(denied.status, 409)
  assert.match(denied.text, /三级（暂定）/)
})

test('other companies, other districts and citizens do not find a case', async () => {
  const company = await newCompany(portal)
  const stranger = await newCompany(portal)
  const id = await submitWhole(portal, company)
  const draft = await startCase(stranger.agent)
  const other = await portal.as('district2-clerk')
  for (const agent of [stranger.agent, other]) {
    for (const path of ['', '/editions/1', '/papers/application.pdf'])
      assert.equal((await agent.get(`/desk/cases/${id}${path}`)).status, 404)
    assert.equal((await press(portal, agent, id, 'accept')).status, 404)
  }
  for (const agent of [district, clerk])
    assert.equal((await agent.get(`/desk/cases/${draft}`)).status, 404, 'a draft is the applicant’s')
  assert.equal((await portal.anyone().get(`/desk/cases/${id}`)).status, 302)
  assert.equal((await (await portal.as('owner')).get(`/desk/cases/${id}`)).status, 403)
})

test('steps out of turn, stale pages and repeated presses change nothing', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  const before = await versionsOf(portal, id)

  assert.equal((await press(portal, clerk, id, 'accept')).status, 403, 'the district is first')
  assert.equal((await press(portal, district, id, 'pass', await visit())).status, 409, 'not accepted yet')
  for (const action of ['submit', 'expire', 'nonsense', 'constructor'])
    assert.equal((await press(portal, district, id, action)).status, 400)
  assert.equal((await press(portal, company.agent, id, 'accept')).status, 403)

  assert.equal((await district.post(`/desk/cases/${id}/steps`, { action: 'accept', version: before.version })).status, 303)
  const twice = await district.post(`/desk/cases/${id}/steps`, { action: 'accept', version: before.version })
  assert.equal(twice.status, 303, 'the same press again has the effect of once')
  const stale = await district.post(`/desk/cases/${id}/steps`, {
    action: 'decline',
    version: before.version,
    opinion: '不属本机关。',
  })
  assert.equal(stale.status, 409)
  assert.match(stale.text, /办理“受理”/)
  assert.match(stale.text, /不属本机关/)
  assert.equal((await portal.db('case_history').where({ case_id: id })).length, 2)
})

test('a refusal wants its reasons, ends the case and frees the company to apply again', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await press(portal, district, id, 'accept')
  const silent = await press(portal, district, id, 'refuse', { opinion: ' ' })
  assert.equal(silent.status, 422)
  assert.match(silent.text, /请填写意见/)

  assert.equal((await press(portal, district, id, 'refuse', { opinion: '人员不足。', note: '电话核实过。' })).status, 303)

  const row = await caseRow(id)
  assert.equal(row.state, 'refused')
  assert.equal(row.open_key, null)
  const own = await company.agent.get(`/desk/cases/${id}`)
  assert.match(own.text, /人员不足/)
  assert.doesNotMatch(own.text, /电话核实过/, 'internal notes stay internal')
  assert.match((await district.get(`/desk/cases/${id}`)).text, /电话核实过/)
  const copy = await company.agent.post(`/desk/cases/${id}/copy`)
  assert.equal(copy.status, 303)
  assert.match((await company.agent.get(copy.location ?? '')).text, /value="200.00"/)
})

test('the visit of two officers is recorded with the pass of the district', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await press(portal, district, id, 'accept')
  const alone = await press(portal, district, id, 'pass', { ...(await visit()), officers: '周砚秋' })
  assert.equal(alone.status, 422)
  assert.match(alone.text, /至少两人/)
  assert.equal((await press(portal, district, id, 'pass', { ...(await visit()), visited_on: '2999-01-01' })).status, 422)
  assert.equal((await caseRow(id)).place, 'district')
})

test('nobody decides at two places, and a city reviewer who is clerk too does not either', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await press(portal, district, id, 'accept')
  await press(portal, district, id, 'pass', await visit())
  // 韩松 is 复核人 and 经办人.
  const both = await portal.as('city-reviewer')
  const roles = await portal
    .db('user_roles')
    .join('users', 'users.id', 'user_roles.user_id')
    .where({ username: 'city-reviewer' })
    .select('user_roles.id', 'role')
  const as = async (role: string) => await both.post('/desk/role', { role_id: String(roles.find(row => row.role === role)?.id) })
  await as('city-clerk')
  assert.equal((await press(portal, both, id, 'pass')).status, 303)
  await as('city-reviewer')
  assert.match((await both.get(`/desk/cases/${id}`)).text, /同一人不得办理两个环节/)
  const denied = await press(portal, both, id, 'pass')
  assert.equal(denied.status, 403)
  assert.match(denied.text, /同一人不得办理两个环节/)
  assert.equal((await caseRow(id)).place, 'city-reviewer')
})

test('sent back one step, the desk before decides again', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await press(portal, district, id, 'accept')
  await press(portal, district, id, 'pass', await visit())
  assert.equal((await press(portal, clerk, id, 'sendBack')).status, 422)
  assert.equal((await press(portal, clerk, id, 'sendBack', { opinion: '请核对人员名单。' })).status, 303)
  assert.equal((await caseRow(id)).place, 'district')
  assert.equal((await press(portal, district, id, 'pass', await visit())).status, 303)
  assert.equal((await caseRow(id)).place, 'city-clerk')
})

test('an applicant withdraws before the decision and not after', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await press(portal, district, id, 'accept')
  assert.equal((await press(portal, company.agent, id, 'withdraw', { opinion: '材料有变。' })).status, 303)
  assert.equal((await caseRow(id)).state, 'withdrawn')
  assert.equal((await press(portal, district, id, 'pass', await visit())).status, 409)
})

test('an application later than the law asks for is accepted, and flagged with the days', async () => {
  const { addDays } = await import('../src/calendar.ts')
  const { today } = await import('../src/clock.ts')
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company, 'qualification-new', { established_on: addDays(today(), -37) })
  assert.equal((await caseRow(id)).late_days, 7)
  assert.match((await district.get(`/desk/cases/${id}`)).text, /逾期 7 日申报/)
})

test('an applicant urges once a working day', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  assert.equal((await company.agent.post(`/desk/cases/${id}/urge`)).status, 303)
  assert.equal((await company.agent.post(`/desk/cases/${id}/urge`)).status, 409)
  const told = await portal.db('messages').where({ case_id: id }).where('title', 'like', '催办%')
  assert.ok(told.length)
})

test('personal data are masked for officers, and seeing them in full is logged', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  const number = (await wholeForm()).legal_person_id ?? ''
  const masked = await district.get(`/desk/cases/${id}`)
  assert.doesNotMatch(masked.text, new RegExp(number))
  assert.equal((await district.post(`/desk/cases/${id}/reveal`, { reason: '' })).status, 422)
  const full = await district.post(`/desk/cases/${id}/reveal`, { reason: '电话核实任职情况' })
  assert.match(full.text, new RegExp(number))
  assert.doesNotMatch((await district.get(`/desk/cases/${id}`)).text, new RegExp(number))
  const logged = await portal.db('action_log').where({ action: 'personal.reveal', object_type: 'case', object_id: String(id) })
  assert.equal(logged.length, 1)
})

test('a line changed or cut from the history is found', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await press(portal, district, id, 'accept')
  const line = await portal.db('case_history').where({ case_id: id, sequence: 2 }).first()
  await portal.db.raw('drop trigger case_history_no_update')
  await portal.db.raw('drop trigger case_history_no_delete')
  await portal.db('case_history').where({ id: line.id }).update({ user_name: '别人' })
  assert.match((await checkHistory(portal.db)).faults.join(), /第 2 条办理记录（受理）与签名不符/)
  await portal.db('case_history').where({ id: line.id }).delete()
  assert.match((await checkHistory(portal.db)).faults.join(), /应有 2 条办理记录，现有 1 条/)
  const { id: _, ...whole } = line
  await portal.db('case_history').insert(whole)
  assert.deepEqual((await checkHistory(portal.db)).faults, [])

  // What the chain alone does not cover: the case itself, its contents and papers, and an end that was cut and set back.
  const kase = await caseRow(id)
  const faults = async () => (await checkHistory(portal.db)).faults.join()
  const put = async (changes: object) => await portal.db('cases').where({ id }).update(changes)
  await put({ state: 'done', number: '假证001' })
  assert.match(await faults(), /与办理记录的最后一步不一致/)
  await put({ state: kase.state, number: null })
  const [first] = await portal.db('case_history').where({ case_id: id, sequence: 1 })
  await portal.db('case_history').where({ case_id: id, sequence: 2 }).delete()
  await put({ state: 'submitted', place: null, history_count: 1, history_hash: first.hash, version: first.case_version + 1 })
  assert.match(await faults(), /与操作日志对不上/)
  await portal.db('case_history').insert(whole)
  await put({ state: kase.state, place: kase.place, history_count: 2, history_hash: kase.history_hash, version: kase.version })
  const content = await portal.db('case_payloads').where({ id: first.payload_id }).first()
  await portal
    .db('case_payloads')
    .insert({ ...content, id: content.id + 100_000, body: '{"capital":"9.00"}', digest: '0'.repeat(64) })
  assert.match(await faults(), /不属于任何一条办理记录/)
  assert.doesNotMatch((await district.get(`/desk/cases/${id}`)).text, /9\.00 万元/, 'a forged edition is not shown')
  await portal
    .db('case_payloads')
    .where({ id: content.id + 100_000 })
    .delete()
  await portal
    .db('case_payloads')
    .where({ id: content.id })
    .update({ body: content.body.replace('200.00', '900.00') })
  assert.equal((await district.get(`/desk/cases/${id}`)).status, 409, 'nothing is decided on altered content')
  assert.match(await faults(), /所附的内容已被改动/)
  await portal.db('case_payloads').where({ id: content.id }).update({ body: content.body })
  await portal
    .db('files')
    .where({ case_id: id, material: 'charter' })
    .update({ sha256: 'f'.repeat(64) })
  assert.match(await faults(), /材料与提交时不一致/)
  await portal.db('files').where({ case_id: id, material: 'charter' }).delete()
  await portal.db('case_payloads').where({ id: content.id }).update({ body: null })
  assert.match(await faults(), /所附的内容已被改动或删除/)
  await portal.db('case_payloads').where({ id: content.id }).update({ body: content.body })
  const { appendOnly } = await import('../src/database/schema.ts')
  await appendOnly(portal.db, 'case_history')
})

test('a draft with an impossible day stays open to its company', async () => {
  const company = await newCompany(portal)
  const id = await startCase(company.agent)
  for (const day of ['9999-99-99', '0000-00-00', '2026-02-30', '00', '9998-12-31']) {
    const saved = await company.agent.post(`/desk/cases/${id}/draft`, { ...(await versionsOf(portal, id)), established_on: day })
    assert.equal(saved.status, 303)
    assert.equal((await company.agent.get(`/desk/cases/${id}`)).status, 200, day)
    assert.equal((await company.agent.post(`/desk/cases/${id}/check`, { established_on: day })).status, 200, day)
    const sent = await company.agent.post(`/desk/cases/${id}/submit`, { ...(await versionsOf(portal, id)), established_on: day })
    assert.equal(sent.status, 422, day)
  }
})

test('a note or an urge does not make the page of the officer stale', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  const open = await versionsOf(portal, id)
  await company.agent.post(`/desk/cases/${id}/urge`)
  await clerk.post(`/desk/cases/${id}/notes`, { note: '电话问过。' })
  assert.equal((await district.post(`/desk/cases/${id}/steps`, { action: 'accept', version: open.version })).status, 303)
})

test('editors see neither cases nor their papers', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  const { id: file } = await portal.db('files').where({ case_id: id }).first('id')
  const editor = await portal.as('editor')
  assert.equal((await editor.get(`/desk/cases/${id}`)).status, 403)
  assert.equal((await editor.get(`/files/${file}`)).status, 403)
})

test('each step stands in the sealed log, with who and from where', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await press(portal, district, id, 'accept')
  const rows = await portal
    .db('action_log')
    .where({ action: 'case.step', object_type: 'case', object_id: String(id) })
    .orderBy('id')
  assert.deepEqual(
    rows.map(row => JSON.parse(row.detail).step),
    ['submit', 'accept'],
  )
  assert.equal(rows[1].address, '127.0.0.1')
  assert.match(rows[1].request_id, /^[0-9A-F-]{14}$/)
})

test('signs nobody sees are refused in what an applicant is asked to correct', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  const answer = await press(portal, district, id, 'correct', {
    item: 'field.capital',
    'words.field.capital': '请核对\u202e金额',
  })
  assert.equal(answer.status, 422)
  assert.match(answer.text, /看不见的控制字符/)
})
