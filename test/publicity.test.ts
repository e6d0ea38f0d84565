import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { z } from 'zod'
import type { Case } from '../src/cases/case.ts'
import type { Kind } from '../src/cases/kind.ts'
import { Agent, type Answer, startPortal, type TestPortal } from './portal.ts'

/** 公示: five working days before everybody, and what happens to whoever objects. Monday 2026-11-23 to Monday 2026-11-30. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
  registerKinds(licence, other)
  // Those of the demo city would fill the first page.
  await portal.db('objections').delete()
  await portal.db('publicities').delete()
})
after(() => portal.stop())
beforeEach(async () => {
  onDay('2026-11-23')
  await portal.db('rate_limits').delete()
})

const { workCalendar } = await import('../src/calendar.ts')
const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { defineKind, desk, publicity, registerKinds } = await import('../src/cases/kind.ts')
const { storePayload, writeLine } = await import('../src/cases/history.ts')
const { settingsInForce } = await import('../src/cases/settings.ts')
const { now, shiftClock, today } = await import('../src/clock.ts')
const { decrypt } = await import('../src/crypto.ts')
const { closePublicity, dueWaits, openPublicity } = await import('../src/publicity/publicity.ts')

function probe(code: string, label: string, prefix: string): Kind {
  return defineKind({
    code,
    label,
    module: 'qualification',
    law: '样品办法 第一条',
    when: '需要时申请。',
    startedBy: ['company-admin'],
    prefix,
    form: z.object({}),
    settings: {
      chain: [desk('review', 'city-reviewer', '市局复核', '复审中'), publicity('city-clerk', 5)],
      clocks: [],
      consults: [],
      materials: [],
      number: '',
      corrections: 1,
      thresholds: {},
      templates: [],
    },
    refusedTo: 'refused',
    checks: [],
    subjectOf: () => Promise.reject(new Error('not started here')),
    openKey: ({ id }) => `${code}:${id}`,
    prefill: async () => ({}),
    publicFacts: kase => [
      { label: '企业名称', value: kase.subject_name },
      { label: '拟核定等级', value: '三级 <b>' },
    ],
  })
}
const licence = probe('probe-publicity', '样品公示', 'YP')
const other = probe('probe-other', '另一事项', 'YQ')

/** Ten in the morning of a day in Beijing. */
function onDay(day: string): void {
  shiftClock(0)
  shiftClock(Date.parse(`${day}T10:00:00+08:00`) - now().getTime())
}

interface Shown {
  kase: Case
  id: number
  path: string
}
let made = 0

/** A case that entered its publicity today. */
async function shown({ kind = licence, district = '370102' } = {}): Promise<Shown> {
  const { id: settings_id } = await settingsInForce(portal.db, kind)
  const { id: created_by, organisation_id } = await portal
    .db('users')
    .where({ username: 'company' })
    .first('id', 'organisation_id')
  const name = `济南样品第${++made}物业有限公司`
  const [id = 0] = await portal.db('cases').insert({
    serial: `YP20261123${String(made).padStart(5, '0')}`,
    kind: kind.code,
    title: `${kind.label} · ${name}`,
    subject_type: 'company',
    subject_id: organisation_id,
    subject_name: name,
    applicant_id: organisation_id,
    district_code: district,
    state: 'waiting',
    place: 'publicity',
    held_since: now(),
    settings_id,
    edition: 1,
    submitted_at: now(),
    accepted_at: now(),
    decided_at: now(),
    created_at: now(),
    updated_at: now(),
    created_by,
  })
  await portal.db('case_parties').insert({ case_id: id, organisation_id, role: 'applicant' })
  const place = publicity('city-clerk', 5)
  const calendar = await workCalendar(portal.db)
  const kase = await portal.db.transaction(async trx => {
    const begun: Case = await trx('cases').where({ id }).first()
    const stored = await storePayload(trx, begun, 'form', '{}')
    const submit = {
      step: 'submit',
      from: 'draft',
      to: 'waiting',
      place: null,
      placeLabel: '申请人',
      toPlace: place.code,
    } as const
    const { kase } = await writeLine(trx, begun, null, { ...submit, open: true, stored })
    await openPublicity(trx, { kase, kind, answers: {}, place, calendar, today: today() })
    return kase
  })
  const row = await portal.db('publicities').where({ case_id: id }).first('id')
  return { kase, id: row.id, path: `/publicity/${row.id}` }
}

const filled = { name: '钱程远', phone: '199 0000 0077', words: '这家企业的办公地址是空的。\n我去看过两次。', consent: 'on' }
const objectTo = ({ path }: Shown, change: Record<string, string | string[]> = {}): Promise<Answer> =>
  portal.anyone().post(`${path}/objections`, { ...filled, ...change })
const codeIn = ({ text }: Answer) => /<b>([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})<\/b>/.exec(text)?.[1] ?? ''
const caseNow = async ({ kase }: Shown): Promise<Case> => await portal.db('cases').where({ id: kase.id }).first()
const objections = ({ kase }: Shown) => portal.db('objections').where({ case_id: kase.id }).orderBy('id')

test('a publicity shows its facts and the days left to anybody, without a cookie, for any cache', async () => {
  const item = await shown()

  const page = await portal.anyone().get(item.path)

  assert.equal(page.status, 200)
  assert.match(page.headers.get('cache-control') ?? '', /^public, max-age=60$/)
  assert.equal(page.headers.get('set-cookie'), null)
  assert.match(page.text, /拟核定等级<\/dt><dd>三级 &lt;b&gt;</)
  assert.match(page.text, /还剩 5 个工作日/)
  assert.match(page.text, /aria-label="公示期 5 个工作日，已过 0 个，2026年11月30日结束"/)
  assert.match(page.text, /2026-11-23 至 2026-11-30/)
  assert.match(page.text, /《个人信息处理告知》/)
  // A Friday, then the last day.
  onDay('2026-11-27')
  assert.match((await portal.anyone().get(item.path)).text, /还剩 1 个工作日[\s\S]*已过 3 个/)
  onDay('2026-11-30')
  assert.match((await portal.anyone().get(item.path)).text, /今天是最后一天/)
  for (const path of ['/publicity/999999', '/publicity/abc', '/publicity/1%27'])
    assert.equal((await portal.anyone().get(path)).status, 404)
})

test('the list shows what runs, by kind and district, and what ended lately with its outcome', async () => {
  const [one, two, three] = [await shown(), await shown({ kind: other }), await shown({ district: '370103' })]
  const names = async (query = '') => {
    const page = await portal.anyone().get(`/publicity${query}`)
    assert.equal(page.headers.get('set-cookie'), null)
    assert.match(page.headers.get('cache-control') ?? '', /max-age=60/)
    return [one, two, three].map(({ kase }) => page.text.includes(`>${kase.subject_name}</a>`))
  }

  assert.deepEqual(await names(), [true, true, true])
  assert.deepEqual(await names('?kind=probe-other'), [false, true, false])
  assert.deepEqual(await names('?district=370103'), [false, false, true])
  assert.deepEqual(await names('?kind=probe-other&district=370103'), [false, false, false])
  assert.match((await portal.anyone().get('/publicity?kind=probe-other&district=370103')).text, /没有符合条件的公示/)
  assert.match((await portal.anyone().get('/publicity?kind=nothing')).text, /没有这个事项或区县，下面是全部公示/)
  assert.equal((await portal.anyone().get('/publicity?after=nothing')).status, 404)
  assert.equal((await portal.anyone().get('/publicity?kind=a&kind=b')).status, 400)

  await portal.db.transaction(trx => closePublicity(trx, one.kase, 'ended'))
  await portal.db.transaction(trx => closePublicity(trx, two.kase, 'upheld'))
  assert.deepEqual(await names(), [false, false, true])
  const { text } = await portal.anyone().get('/publicity')
  assert.match(text, new RegExp(`${one.kase.subject_name}</span>.*公示期满，无异议`))
  assert.match(text, new RegExp(`${two.kase.subject_name}</span>.*异议成立，退回重新审核`))
})

test('many publicities have pages, the first to end on top, each once', async () => {
  for (let n = 0; n < 25; n++) await shown({ kind: other, district: '370104' })
  const seen: string[] = []
  for (let path: string | undefined = '/publicity?kind=probe-other&district=370104'; path; ) {
    const { text } = await portal.anyone().get(path)
    seen.push(...[...text.matchAll(/href="\/publicity\/(\d+)"/g)].map(([, id = '']) => id))
    path = /href="([^"]+)" rel="next"/.exec(text)?.[1]?.replaceAll('&amp;', '&')
  }
  assert.equal(seen.length, 25)
  assert.equal(new Set(seen).size, 25)
})

test('an objection gets a code, lands in the to-do of the keeper and keeps the wait open', async () => {
  const item = await shown()
  const keeper = await portal.db('users').where({ username: 'city-clerk' }).first('id')
  await portal.db('messages').delete()

  const answer = await objectTo(item)

  assert.equal(answer.status, 201)
  assert.equal(answer.headers.get('set-cookie'), null)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.match(codeIn(answer), /^[0-9A-HJKMNP-TV-Z-]{14}$/)
  const [row] = await objections(item)
  assert.deepEqual([row.name, row.words, row.state, row.phone_last4], [filled.name, filled.words, 'open', '0077'])
  assert.doesNotMatch(JSON.stringify(row), /19900000077/)
  assert.equal(decrypt('objections.phone', row.phone_cipher), '19900000077')
  const kase = await caseNow(item)
  assert.deepEqual([kase.state, kase.holder_role, kase.version], ['waiting', 'city-clerk', item.kase.version + 1])
  const line = await portal.db('case_history').where({ case_id: kase.id }).orderBy('sequence', 'desc').first()
  assert.deepEqual([line.step, line.user_name, line.open], ['object', '系统', 0])
  const [message] = await portal.db('messages').where({ user_id: keeper.id })
  assert.equal(message.title, `收到异议：${kase.title}`)
  assert.equal(message.link, `/desk/cases/${kase.id}`)
  const logged = await portal.db('action_log').where({ action: 'objection.submit' }).orderBy('id', 'desc').first()
  assert.deepEqual([logged.object_type, logged.object_id, logged.user_id], ['publicity', String(item.id), null])
  assert.doesNotMatch(logged.detail, /1990000|钱程远/)

  onDay('2026-12-01')
  assert.ok(!(await dueWaits(portal.db, today())).includes(kase.id))
})

test('sent twice it is one, and other words are another', async () => {
  const item = await shown()

  const answers = await Promise.all(Array.from({ length: 4 }, () => objectTo(item)))
  const later = await objectTo(item, { phone: '19900000077' })
  const different = await objectTo(item, { words: '还有一件事。' })

  assert.deepEqual(
    [...answers, later, different].map(answer => answer.status),
    Array(6).fill(201),
  )
  assert.equal(new Set([...answers, later].map(codeIn)).size, 1)
  assert.notEqual(codeIn(different), codeIn(later))
  assert.equal((await objections(item)).length, 2)
  // The same words against another publicity are another objection.
  const neighbour = await shown()
  assert.equal((await objectTo(neighbour)).status, 201)
  assert.equal((await objections(neighbour)).length, 1)
})

const bad: [string, Record<string, string | string[]>, RegExp][] = [
  ['without a name', { name: ' ' }, /请填写您的姓名。/],
  ['with a telephone in words', { phone: '一二三' }, /请填写 11 位手机号/],
  ['without words', { words: '' }, /请填写异议内容。/],
  ['with 2,001 characters', { words: '字'.repeat(2001) }, /异议内容最多 2000 个字，现有 2001 个。/],
  ['with a control character', { words: '地址\u0007不对' }, /控制字符/],
  ['with two names', { name: ['甲', '乙'] }, /您的姓名只能填写一项/],
  ['without consent', { consent: '' }, /请先阅读《个人信息处理告知》并勾选同意。/],
  ['with the field people do not see', { website: 'https://example.cn' }, /“请勿填写”一栏被填了内容/],
]
for (const [name, change, message] of bad)
  test(`an objection ${name} comes back with everything kept, and nothing happens`, async () => {
    const item = await shown()

    const answer = await objectTo(item, { ...change, state: 'upheld' })

    assert.equal(answer.status, 422)
    assert.match(answer.text, message)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    if (!('words' in change)) assert.match(answer.text, /我去看过两次。<\/textarea>/)
    assert.doesNotMatch(answer.text, /example\.cn/)
    assert.equal((await objections(item)).length, 0)
    assert.equal((await caseNow(item)).version, item.kase.version)
  })

test('a form sent without its fields names each of them, and one from elsewhere is refused', async () => {
  const item = await shown()

  const empty = await portal.anyone().post(`${item.path}/objections`)
  assert.equal(empty.status, 422)
  for (const label of ['请填写您的姓名', '请填写联系电话', '请填写异议内容', '勾选同意'])
    assert.match(empty.text, new RegExp(label))
  assert.equal(
    (await portal.anyone().post(`${item.path}/objections`, filled, { origin: 'https://elsewhere.example' })).status,
    403,
  )
  assert.equal((await portal.anyone().post('/publicity/999999/objections', filled)).status, 404)
  assert.equal((await objections(item)).length, 0)
})

test('one address cannot flood the keeper', async () => {
  const item = await shown()

  const answers: Answer[] = []
  for (let n = 1; n <= 12; n++) answers.push(await objectTo(item, { words: `第 ${n} 条` }))

  assert.deepEqual(answers.map(answer => answer.status).sort(), [...Array(10).fill(201), 429, 429])
  assert.match(answers.at(-1)?.text ?? '', /同一地址提交异议太频繁，请 60 分钟后再试/)
  assert.equal((await objections(item)).length, 10)
})

test('after the period the page says how it ended and takes nothing, but keeps what was typed', async () => {
  const item = await shown()
  onDay('2026-12-01')

  // The job has not come by yet.
  const over = await portal.anyone().get(item.path)
  assert.equal(over.status, 410)
  assert.match(over.text, /公示已结束/)
  assert.match(over.text, /正在核实办理/)
  assert.doesNotMatch(over.text, /拟核定等级/)
  const late = await objectTo(item)
  assert.equal(late.status, 410)
  assert.match(late.text, /公示期已过，您的异议没有提交。/)
  assert.match(late.text, /我去看过两次。<\/textarea>/)
  assert.equal((await objections(item)).length, 0)

  await moveDueCases(portal.db)
  assert.match((await portal.anyone().get(item.path)).text, /公示期满，无异议/)
  assert.equal((await caseNow(item)).state, 'done')
  assert.equal((await objectTo(item)).status, 410)
})

test('the last day counts in full', async () => {
  const item = await shown()
  const due = async (day: string) => {
    onDay(day)
    return (await dueWaits(portal.db, today())).includes(item.kase.id)
  }

  assert.equal(await due('2026-11-30'), false)
  assert.equal((await objectTo(item)).status, 201)
  assert.equal(await due('2026-12-01'), false)
  await portal.db('objections').where({ case_id: item.kase.id }).update({ state: 'dismissed' })
  assert.equal(await due('2026-11-30'), false)
  assert.equal(await due('2026-12-01'), true)
})

test('a code leads to the answer and to nothing about the person', async () => {
  const item = await shown()
  const code = codeIn(await objectTo(item))

  assert.equal((await portal.anyone().get('/publicity/objections')).status, 200)
  const page = await portal.anyone().get(`/publicity/objections/${code}`)
  assert.equal(page.status, 200)
  assert.equal(page.headers.get('cache-control'), 'no-store')
  assert.match(page.text, /正在核实/)
  assert.doesNotMatch(page.text, /钱程远|1990000|0077|我去看过/)
  assert.equal((await portal.anyone().get(`/publicity/objections/${code.toLowerCase().replaceAll('-', '')}`)).status, 200)
  for (const wrong of ['0000-0000-0000', 'x', '%00'])
    assert.equal((await portal.anyone().get(`/publicity/objections/${wrong}`)).status, 404)

  const asked = await portal.anyone().post('/publicity/objections', { code: ` ${code.toLowerCase()} ` })
  assert.deepEqual([asked.status, asked.location], [303, `/publicity/objections/${code}`])
  const unknown = await portal.anyone().post('/publicity/objections', { code: '0000-0000-0000' })
  assert.equal(unknown.status, 422)
  assert.match(unknown.text, /没有找到这个编号的异议/)
  assert.match((await portal.anyone().post('/publicity/objections', { code: 'U' })).text, /12 位数字和字母/)
})

test('codes cannot be tried through', async () => {
  const answers = await Promise.all(
    Array.from({ length: 62 }, (_, n) => portal.anyone().get(`/publicity/objections/0000-0000-${String(n).padStart(4, '0')}`)),
  )
  assert.equal(answers.filter(answer => answer.status === 429).length, 2)
})

test('the keeper answers each objection, and after the last the clock alone has the case', async () => {
  const item = await shown()
  const code = codeIn(await objectTo(item))
  await objectTo(item, { words: '另一条。' })
  const [first, second] = await objections(item)
  const clerk = await portal.as('city-clerk')
  const path = `/desk/cases/${item.kase.id}`

  const page = await clerk.get(path)
  assert.match(page.text, /199\*\*\*\*0077/)
  assert.doesNotMatch(page.text, /19900000077/)
  const empty = await clerk.post(`${path}/objections/${first.id}`, { answer: ' ' })
  assert.equal(empty.status, 422)
  assert.match(empty.text, /请填写答复。/)
  const reviewer = await portal.as('city-reviewer')
  assert.equal((await reviewer.post(`${path}/objections/${first.id}`, { answer: '越权' })).status, 409)
  assert.equal((await (await portal.as('company')).post(`${path}/objections/${first.id}`, { answer: '越权' })).status, 403)
  const elsewhere = await shown()
  await objectTo(elsewhere)
  assert.equal((await clerk.post(`/desk/cases/${elsewhere.kase.id}/objections/${first.id}`, { answer: '错' })).status, 404)

  assert.equal((await clerk.post(`${path}/objections/${first.id}`, { answer: '已到现场核查，办公地址属实。' })).status, 303)
  assert.equal((await caseNow(item)).holder_role, 'city-clerk')
  const again = await clerk.post(`${path}/objections/${first.id}`, { answer: '再答一次' })
  assert.equal(again.status, 409)
  assert.match(again.text, /这一条异议已由.+答复，现在是“不成立”。/)
  assert.match(again.text, /再答一次/)
  assert.equal((await clerk.post(`${path}/objections/${second.id}`, { answer: '与本次核定无关。' })).status, 303)
  assert.equal((await caseNow(item)).holder_role, null)
  assert.match((await portal.anyone().get(`/publicity/objections/${code}`)).text, /不成立[\s\S]*已到现场核查，办公地址属实。/)

  onDay('2026-12-01')
  await moveDueCases(portal.db)
  assert.match((await portal.anyone().get(item.path)).text, /公示期满，异议不成立/)
})

test('who may answer an objection sees the telephone once, says why, and the log keeps that', async () => {
  const item = await shown()
  await objectTo(item)
  const [row] = await objections(item)
  const clerk = await portal.as('city-clerk')
  const home = `/desk/cases/${item.kase.id}`
  const to = `${home}/objections/${row.id}/reveal`
  const reason = '电话核实异议内容'
  const reveals = () => portal.db('action_log').where({ action: 'personal.reveal', object_id: String(item.kase.id) })

  const page = await clerk.get(home)
  assert.match(page.text, new RegExp(`action="${to}[#"]`))
  const empty = await clerk.post(to, { reason: ' ' })
  assert.equal(empty.status, 422)
  assert.match(empty.text, /请填写查看原因。/)
  assert.match(empty.text, /<details[^>]* open><summary[^>]*>查看完整电话/)
  assert.doesNotMatch(empty.text, /19900000077/)
  for (const [username, status] of [
    ['company', 403],
    ['supervisor', 403],
    ['district-clerk', 403],
    ['district2-clerk', 404],
  ] as const) {
    const reader = await portal.as(username)
    assert.equal((await reader.post(to, { reason })).status, status, username)
    assert.doesNotMatch((await reader.get(home)).text, /查看完整电话/, username)
  }
  const elsewhere = await shown()
  assert.equal((await clerk.post(`/desk/cases/${elsewhere.kase.id}/objections/${row.id}/reveal`, { reason })).status, 404)
  assert.equal((await reveals()).length, 0)

  const answer = await clerk.post(to, { reason })
  assert.equal(answer.status, 200)
  assert.match(answer.text, /钱程远/)
  assert.match(answer.text, /19900000077/)
  assert.match(answer.text, new RegExp(`href="${home}#objections"`))
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const [logged] = await reveals()
  assert.deepEqual([logged.object_type, logged.role], ['case', 'city-clerk'])
  assert.deepEqual(JSON.parse(logged.detail), { serial: item.kase.serial, field: '异议人电话', objection: row.id, reason })
  assert.doesNotMatch((await clerk.get(home)).text, /19900000077/)
  const reopened = await clerk.get(to)
  assert.deepEqual([reopened.status, reopened.location], [302, `${home}#objections`])

  assert.equal((await (await portal.as('city-approver')).post(to, { reason })).status, 200)
  for (let turn = 0; turn < 29; turn++) await clerk.post(to, { reason })
  assert.equal((await clerk.post(to, { reason })).status, 429)
})

test('the desk that keeps the wait sees the telephone only while the case is with it', async () => {
  const item = await shown()
  await objectTo(item)
  const [row] = await objections(item)
  const to = `/desk/cases/${item.kase.id}/objections/${row.id}/reveal`
  const district = await portal.as('district-clerk')
  // As where the district keeps the wait.
  await portal.db('cases').where({ id: item.kase.id }).update({ holder_role: 'district-clerk' })

  assert.equal((await district.post(to, { reason: '核实' })).status, 200)
  await portal.db('cases').where({ id: item.kase.id }).update({ holder_role: null })
  const after = await district.post(to, { reason: '核实' })
  assert.equal(after.status, 403)
  assert.doesNotMatch(after.text, /19900000077/)
})

test('an objection that holds sends the case back and ends the publicity', async () => {
  const item = await shown()
  const code = codeIn(await objectTo(item))
  const clerk = await portal.as('city-clerk')
  const { version } = await caseNow(item)

  const answer = await clerk.post(`/desk/cases/${item.kase.id}/steps`, {
    action: 'uphold',
    version: String(version),
    opinion: '办公地址不实，请重新核查。',
  })

  assert.equal(answer.status, 303, answer.text)
  const kase = await caseNow(item)
  assert.deepEqual([kase.state, kase.place, kase.holder_role], ['reviewing', 'review', 'city-reviewer'])
  const [row] = await objections(item)
  assert.deepEqual([row.state, row.answer], ['upheld', '办公地址不实，请重新核查。'])
  assert.match((await portal.anyone().get(item.path)).text, /异议成立，退回重新审核/)
  const status = await portal.anyone().get(`/publicity/objections/${code}`)
  assert.match(status.text, /经核实异议成立，这一件已退回重新审核。/)
  assert.equal((await clerk.post(`/desk/cases/${kase.id}/objections/${row.id}`, { answer: '太晚' })).status, 409)
})

test('an objection that the database refuses leaves a code in the log file, and nothing of who objects', async () => {
  const { createApp, openLog } = await import('../src/app.ts')
  const { config } = await import('../src/config.ts')
  const item = await shown()
  await portal.db('objections').delete()
  await objectTo(item)
  const log = openLog()
  const server = createServer(createApp(log).app)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const agent = new Agent(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  // A second objection in the same name breaks this, and the database says so with the name.
  await portal.db.schema.alterTable('objections', table => table.unique(['name'], { indexName: 'one_a_name' }))
  try {
    const answer = await agent.post(`${item.path}/objections`, { ...filled, words: '另一条。' })

    assert.equal(answer.status, 500)
    await new Promise<unknown>(resolve => log.flush(resolve))
    const lines = fs
      .readFileSync(path.join(config.dataDir, 'portal.log'), 'utf8')
      .split('\n')
      .filter(line => line.includes(answer.headers.get('x-request-id') ?? 'none'))
    assert.ok(lines.length > 0)
    assert.match(lines.join(), /ER_DUP_ENTRY/)
    assert.doesNotMatch(lines.join(), /Duplicate entry|insert into|钱程远|另一条|one_a_name/)
  } finally {
    await portal.db.schema.alterTable('objections', table => table.dropUnique(['name'], 'one_a_name'))
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})
