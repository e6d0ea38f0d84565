import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, type TestContext, test } from 'node:test'
import type { Knex } from 'knex'
import { z } from 'zod'
import type { Case } from '../src/cases/case.ts'
import type { Kind } from '../src/cases/kind.ts'
import type { ToldStep } from '../src/messages/case-messages.ts'
import type { Message } from '../src/messages/messages.ts'
import type { Letter, Transport } from '../src/messages/transports.ts'
import { startPortal, type TestPortal } from './portal.ts'

/** From the step of a case to the sentence somebody reads: inbox, outbox, and what leaves the house. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
  registerKinds(licence)
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})
// The demo city has told its own people things.
beforeEach(async () => {
  shiftClock(0)
  await portal.db('messages').delete()
  await portal.db('outbox').delete()
})

const { tell } = await import('../src/messages/messages.ts')
const { tellOfStep, tellOfUrge } = await import('../src/messages/case-messages.ts')
const { deliverOutbox, longestSending, mostTries } = await import('../src/messages/deliver.ts')
const { deliveriesOf } = await import('../src/messages/deliveries.ts')
const { logTransport, maskRecipient, smtpTransport } = await import('../src/messages/transports.ts')
const { defineKind, desk, party, publicity, registerKinds } = await import('../src/cases/kind.ts')
const { settingsInForce } = await import('../src/cases/settings.ts')
const { findUser } = await import('../src/accounts/users.ts')
const { encrypt, decrypt } = await import('../src/crypto.ts')
const { now, shiftClock } = await import('../src/clock.ts')
const { readConfig } = await import('../src/config.ts')

const licence: Kind = defineKind({
  code: 'probe-licence',
  label: '样品核定',
  module: 'qualification',
  law: '样品办法 第一条',
  when: '需要时申请。',
  startedBy: ['company-admin'],
  prefix: 'YP',
  form: z.object({}),
  settings: {
    chain: [
      desk('district', 'district-clerk', '区县初审', '初审中'),
      party('old', 'respondent', '原企业确认', '待确认', 5),
      desk('review', 'city-reviewer', '市局复核', '复审中'),
      publicity('city-clerk', 5),
    ],
    clocks: [
      {
        code: 'accept',
        label: '受理',
        from: 'submitted',
        until: 'accepted',
        limit: 5,
        unit: 'working-day',
        pauses: [],
        law: '行政许可法 第三十二条',
        keeper: 'desk',
      },
      {
        code: 'decide',
        label: '办结',
        from: 'accepted',
        until: 'decided',
        limit: 20,
        unit: 'working-day',
        pauses: ['supplement'],
        law: '行政许可法 第四十二条',
        keeper: 'desk',
      },
    ],
    consults: [],
    materials: [],
    number: '样〔{yyyy}〕{seq:4}号',
    corrections: 1,
    thresholds: {},
    templates: [],
  },
  refusedTo: 'refused',
  checks: [],
  subjectOf: () => Promise.reject(new Error('not started here')),
  openKey: ({ id }) => `probe-licence:${id}`,
  prefill: async () => ({}),
  afterwards: '证书可在“我的证书”下载。',
})

const tellAll = (message: Message) => portal.db.transaction(trx => tell(trx, message))
const idOf = async (username: string): Promise<number> => (await portal.db('users').where({ username }).first('id')).id
const organisationOf = async (username: string): Promise<number> =>
  (await portal.db('users').where({ username }).first('organisation_id')).organisation_id
const titlesFor = async (username: string): Promise<string[]> =>
  await portal
    .db('messages')
    .where({ user_id: await idOf(username) })
    .orderBy('id')
    .pluck('title')
const outbox = () => portal.db('outbox').orderBy('id')

/** Gives a person a telephone and a mailbox. */
async function reach(username: string, phone: string | null, mail: string | null): Promise<number> {
  const id = await idOf(username)
  await portal
    .db('users')
    .where({ id })
    .update({
      phone_cipher: phone && encrypt('users.phone', phone),
      email_cipher: mail && encrypt('users.email', mail),
    })
  return id
}

/** A case of the company `company` in the first district, as far as messages look at it. */
async function caseOf(more: Partial<Case> = {}): Promise<Case> {
  const { id: settings_id } = await settingsInForce(portal.db, licence)
  const applicant_id = await organisationOf('company')
  const at = now()
  const [id = 0] = await portal.db('cases').insert({
    serial: `YP${Date.now()}${Math.floor(Math.random() * 1000)}`.slice(0, 20),
    kind: licence.code,
    title: '样品核定 · 济南样品物业有限公司',
    subject_type: 'company',
    subject_id: applicant_id,
    subject_name: '济南样品物业有限公司',
    applicant_id,
    district_code: '370102',
    state: 'reviewing',
    held_since: at,
    settings_id,
    created_at: at,
    updated_at: at,
    created_by: await idOf('company'),
    ...more,
  })
  await portal.db('case_parties').insert({ case_id: id, organisation_id: applicant_id, role: 'applicant' })
  return await portal.db('cases').where({ id }).first()
}

// ── Writing ──

test('everybody who works for an organisation is told once, and nobody who has left', async () => {
  const organisation_id = await organisationOf('company')
  const ids: number[] = await portal.db('users').where({ organisation_id, status: 'active' }).orderBy('id').pluck('id')
  const [gone = 0] = await portal.db('users').insert({
    username: 'has-left',
    name: '离职',
    name_key: 'li',
    organisation_id,
    status: 'disabled',
    created_at: now(),
    updated_at: now(),
  })

  const told = await tellAll({ to: { organisation_id }, title: '样品消息', body: '全文', link: '/desk' })

  assert.deepEqual(told, ids)
  assert.ok(!told.includes(gone))
  const rows = await portal.db('messages').orderBy('user_id')
  assert.deepEqual(
    rows.map(({ user_id, title, body, link, read_at }) => ({ user_id, title, body, link, read_at })),
    ids.map(user_id => ({ user_id, title: '样品消息', body: '全文', link: '/desk', read_at: null })),
  )
  await portal.db('users').where({ id: gone }).delete()
})

test('officials are told by role and region, and no colleague of another district', async () => {
  await tellAll({ to: { role: 'district-clerk', region_code: '370102' }, title: '给一个区' })

  assert.deepEqual(await titlesFor('district-clerk'), ['给一个区'])
  for (const other of ['district2-clerk', 'district-reviewer', 'city-clerk']) assert.deepEqual(await titlesFor(other), [])
})

test('owners share one organisation and are never told all at once', async () => {
  assert.deepEqual(await tellAll({ to: { organisation_id: await organisationOf('owner') }, title: '给一位业主' }), [])
  assert.deepEqual(await tellAll({ to: { user_ids: [await idOf('owner')] }, title: '给一位业主' }), [await idOf('owner')])
})

test('text messages and mails wait in the outbox, encrypted, for whoever can be reached that way', async () => {
  const kase = await caseOf()
  const [mobile, landline, neither] = [
    await reach('company', '19900000001', 'lv@example.cn'),
    await reach('company2', '0531-88880000', null),
    await reach('developer', null, null),
  ]

  await tellAll({
    to: { user_ids: [mobile, landline, neither] },
    title: '您的样品核定申请需要补正 1 处。',
    body: '意见：请赵明补交身份证复印件。',
    link: `/desk/cases/${kase.id}`,
    case_id: kase.id,
    channels: ['inbox', 'sms', 'mail'],
  })

  const rows = await outbox()
  assert.deepEqual(
    rows.map(({ channel, user_id, case_id, state, attempts }) => ({ channel, user_id, case_id, state, attempts })),
    ['sms', 'mail'].map(channel => ({ channel, user_id: mobile, case_id: kase.id, state: 'ready', attempts: 0 })),
  )
  assert.doesNotMatch(JSON.stringify(rows), /19900000001|lv@example|赵明/)
  const [sms, mail] = rows
  assert.equal(decrypt('outbox.recipient', sms.recipient_cipher), '19900000001')
  const text = decrypt('outbox.body', sms.body_cipher)
  assert.match(text, /^【济南市住房和城乡建设局】您的样品核定申请需要补正 1 处。请登录.+查看。$/)
  const letter = decrypt('outbox.body', mail.body_cipher)
  assert.match(letter, new RegExp(`/desk/cases/${kase.id}\n`))
  // What may name people is read after signing in.
  assert.doesNotMatch(text + letter, /赵明/)
  assert.equal(Number((await portal.db('messages').count({ n: '*' }).first())?.n), 3)
})

test('a step that does not happen tells nobody', async () => {
  const user_ids = [await reach('company', '19900000001', 'lv@example.cn')]

  await assert.rejects(
    portal.db.transaction(async trx => {
      await tell(trx, { to: { user_ids }, title: '不会发生', channels: ['inbox', 'sms', 'mail'] })
      throw new Error('rolled back')
    }),
    /rolled back/,
  )

  assert.equal((await outbox()).length, 0)
  assert.equal((await portal.db('messages')).length, 0)
})

test('a heading stays one line that fits its column', async () => {
  await tellAll({
    to: { user_ids: [await reach('company', null, 'lv@example.cn')] },
    title: `换行\r\nBcc: all@example.cn ${'长'.repeat(300)}`,
    channels: ['inbox', 'mail'],
  })

  const [row] = await outbox()
  assert.doesNotMatch(row.subject, /[\r\n]/)
  assert.equal([...row.subject].length, 200)
})

// ── Steps ──

interface Told {
  name: string
  kase: Partial<Case>
  step: Partial<ToldStep> & Pick<ToldStep, 'step'>
  /** What the applicant reads. */
  says: RegExp
  /** Whether it also leaves the house. */
  asked?: true
}
const [district, oldCompany, review, wait] = typeof licence.settings === 'function' ? [] : licence.settings.chain
const cityHolder = { role: 'city-reviewer', region_code: '370100' }

const told: Told[] = [
  {
    name: 'submit',
    kase: { state: 'submitted' },
    step: { step: 'submit', holder: { role: 'district-clerk', region_code: '370102' } },
    says: /^您的样品核定申请已提交，历下区 5 个工作日内受理。$/,
  },
  {
    name: 'accept',
    kase: { place: 'district' },
    step: { step: 'accept', place: district },
    says: /^历下区已受理您的样品核定申请，20 个工作日内办结。$/,
  },
  {
    name: 'decline',
    kase: { state: 'declined' },
    step: { step: 'decline', opinion: '不属于本市职责' },
    says: /^历下区决定不予受理您的样品核定申请。$/,
    asked: true,
  },
  {
    name: 'correct',
    kase: { state: 'supplement', place: 'district', rounds: 1 },
    step: { step: 'correct', from: district, place: district, dueOn: '2026-12-01' },
    says: /^您的样品核定申请需要补正 2 处，请在 2026年12月1日 前提交。$/,
    asked: true,
  },
  {
    name: 'resubmit',
    kase: { place: 'district' },
    step: { step: 'resubmit', from: district, place: district },
    says: /补正材料已提交，由历下区继续办理。$/,
  },
  {
    name: 'pass to a party',
    kase: { place: 'old' },
    step: { step: 'pass', from: district, place: oldCompany, placeLabel: '区县初审' },
    says: /^区县初审已通过您的样品核定申请，等待原企业确认，5 个工作日内答复。$/,
  },
  {
    name: 'lapse',
    kase: { place: 'review' },
    step: { step: 'lapse', from: oldCompany, place: review, placeLabel: '系统', holder: cityHolder },
    says: /^原企业确认逾期没有答复您的样品核定申请，转市局复核。$/,
  },
  {
    name: 'pass to publicity',
    kase: { state: 'waiting', place: 'publicity' },
    step: { step: 'pass', from: review, place: wait, placeLabel: '市局复核' },
    says: /^市局复核已通过您的样品核定申请，进入公示，为期 5 个工作日。$/,
  },
  {
    name: 'sendBack',
    kase: { place: 'district' },
    step: { step: 'sendBack', from: review, place: district, placeLabel: '市局复核', opinion: '请再核对面积' },
    says: /^您的样品核定申请由市局复核退回区县初审重新核对。$/,
  },
  {
    name: 'uphold',
    kase: { place: 'review' },
    step: { step: 'uphold', from: wait, place: review },
    says: /^公示期间的异议成立，您的样品核定申请退回市局复核重新审核。$/,
  },
  {
    name: 'expire and done',
    kase: { state: 'done', place: null, number: '样〔2026〕0001号' },
    step: { step: 'expire', from: wait, placeLabel: '系统' },
    says: /^您的样品核定申请已通过，编号 样〔2026〕0001号。$/,
    asked: true,
  },
  {
    name: 'refuse',
    kase: { state: 'refused', place: null },
    step: { step: 'refuse', from: review, opinion: '人员不足' },
    says: /^济南市住房和城乡建设局对您的样品核定申请决定不予通过。$/,
    asked: true,
  },
  {
    name: 'refuse, to be written again',
    kase: { state: 'rejected', place: null },
    step: { step: 'refuse', from: district },
    says: /^历下区没有通过您的样品核定申请，现在是“已驳回”，修改后可以重新提交。$/,
    asked: true,
  },
  {
    name: 'withdraw',
    kase: { state: 'withdrawn', place: null },
    step: { step: 'withdraw' },
    says: /^您的样品核定申请已撤回，不再办理。$/,
  },
]

for (const { name, kase: changes, step, says, asked } of told)
  test(`after ${name} the applicant reads what happened and what comes next`, async () => {
    const user = await reach('company', '19900000001', 'lv@example.cn')
    const kase = await caseOf(changes)
    for (const target of name === 'correct' ? ['licence', 'area'] : [])
      await portal.db('case_corrections').insert({ case_id: kase.id, round: 1, target_type: 'field', target, words: '不清楚' })

    await portal.db.transaction(trx =>
      tellOfStep(trx, { kase, kind: licence, from: undefined, place: undefined, placeLabel: '区县初审', holder: null, ...step }),
    )

    const [message] = await portal.db('messages').where({ user_id: user })
    assert.match(message.title, says)
    assert.equal(message.link, `/desk/cases/${kase.id}`)
    assert.match(message.body, new RegExp(`流水号 ${kase.serial}`))
    // Words between desks stay between desks.
    if (step.opinion) assert.equal(message.body.includes(step.opinion), step.step !== 'sendBack')
    const letters = await outbox()
    assert.deepEqual(
      letters.filter(letter => letter.user_id === user).map(letter => letter.channel),
      asked ? ['sms', 'mail'] : [],
    )
    for (const letter of letters)
      assert.doesNotMatch(decrypt('outbox.body', letter.body_cipher), /济南样品物业|人员不足|19900000001/)
  })

test('the next desk reads that it is its turn, the informed get a copy, and others nothing', async () => {
  const kase = await caseOf({ place: 'review' })
  const [informed, company] = [await organisationOf('developer'), await organisationOf('company')]
  await portal.db('case_parties').insert([
    { case_id: kase.id, organisation_id: informed, role: 'informed' },
    { case_id: kase.id, user_id: await idOf('owner'), role: 'informed' },
    // The applicant is not told a second time.
    { case_id: kase.id, organisation_id: company, role: 'informed' },
  ])

  await portal.db.transaction(trx =>
    tellOfStep(trx, {
      kase,
      kind: licence,
      step: 'pass',
      from: district,
      place: review,
      placeLabel: '区县初审',
      holder: cityHolder,
      dueOn: '2026-11-24',
    }),
  )

  assert.deepEqual(await titlesFor('city-reviewer'), ['轮到您办理：样品核定 · 济南样品物业有限公司'])
  const [turn] = await portal.db('messages').where({ user_id: await idOf('city-reviewer') })
  assert.match(turn.body, /区县初审已办理“通过”。\n应于 2026年11月24日 前办结。/)
  for (const reader of ['developer', 'owner'])
    assert.deepEqual(await titlesFor(reader), ['抄送：区县初审已通过济南样品物业有限公司的样品核定申请，转市局复核。'])
  assert.equal((await titlesFor('company')).length, 1)
  assert.deepEqual(await titlesFor('city-clerk'), [])
  assert.equal((await outbox()).length, 0)
})

test('a party that must answer is told by text message too, without the name of the case', async () => {
  await reach('company2', '19900000002', null)
  const kase = await caseOf({ place: 'old', holder_id: await organisationOf('company2') })

  await portal.db.transaction(trx =>
    tellOfStep(trx, {
      kase,
      kind: licence,
      step: 'pass',
      from: district,
      place: oldCompany,
      placeLabel: '区县初审',
      holder: { organisation_id: kase.holder_id ?? 0 },
    }),
  )

  assert.deepEqual(await titlesFor('company2'), ['轮到您办理：样品核定 · 济南样品物业有限公司'])
  const [sms] = await outbox()
  assert.match(decrypt('outbox.body', sms.body_cipher), /有一件样品核定等待您单位答复。/)
})

test('urging reaches whoever holds the case and names who urges', async () => {
  const kase = await caseOf({ place: 'review' })
  const by = await findUser(portal.db, await idOf('company'))
  assert.ok(by)

  await portal.db.transaction(trx => tellOfUrge(trx, { kase, kind: licence, by, holder: cityHolder, words: '已过半个月' }))

  assert.deepEqual(await titlesFor('city-reviewer'), ['催办：样品核定 · 济南样品物业有限公司'])
  const [message] = await portal.db('messages').where({ user_id: await idOf('city-reviewer') })
  assert.match(message.body, new RegExp(`${by.organisation_name}催办。\n已过半个月`))
})

// ── Delivery ──

/** A transport that remembers what it was given. */
function recorder(send: (letter: Letter) => Promise<void> | void = () => undefined): Transport & { letters: Letter[] } {
  const letters: Letter[] = []
  return {
    carrier: 'smtp',
    letters,
    async send(letter) {
      letters.push(letter)
      await send(letter)
    },
    close: () => undefined,
  }
}

/** So many letters of one channel to `company`. */
async function write(count: number, channel: 'sms' | 'mail' = 'mail', case_id?: number): Promise<void> {
  const user_ids = [await reach('company', '19900000001', 'lv@example.cn')]
  for (let n = 1; n <= count; n++)
    await tellAll({ to: { user_ids }, title: `第 ${n} 封`, channels: [channel], ...(case_id ? { case_id } : {}) })
}

test('without a real channel letters go to a file, masked, and nobody is made to believe they arrived', async () => {
  const kase = await caseOf()
  await write(1, 'sms', kase.id)
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'outbox-')), 'outbox.log')

  const done = await deliverOutbox(portal.db, { sms: logTransport(file), mail: logTransport(file) })

  assert.deepEqual(done, { sent: 1, later: 0, failed: 0 })
  const line = JSON.parse(fs.readFileSync(file, 'utf8'))
  assert.equal(line.to, '199****0001')
  assert.match(line.text, /第 1 封/)
  assert.doesNotMatch(JSON.stringify(line), /19900000001/)
  assert.equal(fs.statSync(file).mode & 0o077, 0)
  const [delivery] = await deliveriesOf(portal.db, kase.id)
  assert.deepEqual([delivery?.channel, delivery?.recipient, delivery?.state.label], ['短信', '199****0001', '仅记入日志'])
})

test('recipients are masked so that one still knows which it is', () => {
  assert.deepEqual(['13812345678', '0531-88880000', 'zhao@example.cn'].map(maskRecipient), [
    '138****5678',
    '****0000',
    'z***@example.cn',
  ])
})

test('a letter that is not taken is tried again, later each time, and given up after the fifth try', async () => {
  const kase = await caseOf()
  await write(1, 'mail', kase.id)
  const refusing = recorder(() => {
    throw new Error('550 5.1.1 <lv@example.cn>: mailbox\r\nunavailable')
  })
  const turn = () => deliverOutbox(portal.db, { sms: refusing, mail: refusing })

  assert.deepEqual(await turn(), { sent: 0, later: 1, failed: 0 })
  const [row] = await outbox()
  assert.equal(row.error, '550 5.1.1 <l***@example.cn>: mailbox unavailable')
  assert.deepEqual(
    (await deliveriesOf(portal.db, kase.id)).map(({ state, why }) => [state.label, why]),
    [['等待重发', '第 1 次没有发出：550 5.1.1 <l***@example.cn>: mailbox unavailable，还会再试 4 次。']],
  )
  // Not before its time.
  assert.deepEqual(await turn(), { sent: 0, later: 0, failed: 0 })
  let minutes = 0
  for (const wait of [1, 5, 30, 120]) {
    shiftClock((minutes + wait) * 60_000 - 5000)
    assert.equal(refusing.letters.length, (await outbox())[0].attempts)
    assert.deepEqual(await turn(), { sent: 0, later: 0, failed: 0 })
    minutes += wait + 1
    shiftClock(minutes * 60_000)
    const { later, failed } = await turn()
    assert.equal(later + failed, 1)
  }

  const [given] = await outbox()
  assert.deepEqual([given.state, given.attempts, refusing.letters.length], ['failed', mostTries, mostTries])
  assert.equal(new Set(refusing.letters.map(letter => letter.key)).size, 1)
  assert.equal((await deliveriesOf(portal.db, kase.id))[0]?.state.label, '发送失败')
  shiftClock(30 * 86_400_000)
  assert.deepEqual(await turn(), { sent: 0, later: 0, failed: 0 })
})

test('of two workers each takes its own letters, and none is sent twice', async () => {
  await write(30)
  const slow = () => new Promise<void>(resolve => setImmediate(resolve))
  const [one, two] = [recorder(slow), recorder(slow)]

  await Promise.all([one, two].map(mail => deliverOutbox(portal.db, { sms: mail, mail })))

  const keys = [...one.letters, ...two.letters].map(letter => letter.key)
  assert.equal(keys.length, 30)
  assert.equal(new Set(keys).size, 30)
  assert.deepEqual(await portal.db('outbox').distinct('state').pluck('state'), ['sent'])
})

test('a channel that is down rests until the next turn, and the other goes on', async () => {
  await write(6, 'mail')
  await write(2, 'sms')
  const down = recorder(() => {
    throw new Error('connect ECONNREFUSED')
  })
  const sms = recorder()

  const done = await deliverOutbox(portal.db, { sms, mail: down })

  assert.deepEqual(done, { sent: 2, later: 3, failed: 0 })
  assert.equal(Number((await portal.db('outbox').where({ channel: 'mail', attempts: 0 }).count({ n: '*' }).first())?.n), 3)
})

// ── SMTP ──

interface Mailbox {
  url: string
  mails: string[]
}

/** A mail server that takes everything, except for addresses that begin with `no`. */
async function mailServer(t: TestContext): Promise<Mailbox> {
  const mails: string[] = []
  const server: Server = createServer(socket => {
    let rest = ''
    let inData = false
    socket.write('220 test\r\n')
    socket.on('error', () => undefined)
    socket.on('data', bytes => {
      rest += bytes
      for (;;) {
        const end = inData ? rest.indexOf('\r\n.\r\n') : rest.indexOf('\r\n')
        if (end < 0) return
        const line = rest.slice(0, end)
        rest = rest.slice(end + (inData ? 5 : 2))
        if (inData) {
          mails.push(line)
          inData = false
          socket.write('250 taken\r\n')
        } else if (/^DATA/i.test(line)) {
          inData = true
          socket.write('354 go on\r\n')
        } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n')
        else socket.write(/^RCPT TO:<no/i.test(line) ? '550 no such mailbox\r\n' : '250 ok\r\n')
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, mails }
}

const from = '物业监管 <noreply@example.gov.cn>'

function carrier(t: TestContext, { url }: Mailbox): Transport {
  const mail = smtpTransport({ url, from })
  t.after(() => mail.close())
  return mail
}

for (const [name, env, says] of [
  ['one without the other', { SMTP_URL: 'smtp://mail.example.cn' }, /SMTP_URL 和 MAIL_FROM 要么都设置/],
  ['a web address', { SMTP_URL: 'https://mail.example.cn', MAIL_FROM: from }, /SMTP_URL 形如 smtps/],
  [
    'a sender with a header behind',
    { SMTP_URL: 'smtp://mail.example.cn', MAIL_FROM: 'a@b.cn\r\nBcc: c@d.cn' },
    /MAIL_FROM 为发信人/,
  ],
  ['a channel that is not there', { SMS_TRANSPORT: 'pigeon' }, /SMS_TRANSPORT 现在只能是 log/],
] as const)
  test(`the portal does not start with mail settings that cannot work: ${name}`, () => {
    assert.throws(() => readConfig({ DATA_DIR: process.env.DATA_DIR, ...env }), says)
  })

test('with both settings mails leave by SMTP', () => {
  const url = 'smtps://portal:p%40ss@mail.example.cn:465'
  assert.deepEqual(readConfig({ DATA_DIR: process.env.DATA_DIR, SMTP_URL: url, MAIL_FROM: from }).smtp, { url, from })
  assert.equal(readConfig({ DATA_DIR: process.env.DATA_DIR }).smtp, undefined)
})

test('mails leave by SMTP with a Message-ID of their own and no header that was smuggled in', async t => {
  const server = await mailServer(t)
  const mail = carrier(t, server)
  await write(2)
  await portal.db('outbox').orderBy('id').limit(1).update({ subject: '补正通知\r\nBcc: all@example.cn' })

  assert.deepEqual(await deliverOutbox(portal.db, { sms: recorder(), mail }), { sent: 2, later: 0, failed: 0 })

  const [first = '', second = ''] = server.mails
  const [row] = await outbox()
  assert.ok(first.includes(`Message-ID: <outbox.${row.id}.${row.created_at.getTime()}@example.gov.cn>`), first)
  assert.match(first, /^From: .*<noreply@example\.gov\.cn>/m)
  assert.match(first, /^To: lv@example\.cn/m)
  assert.doesNotMatch(first, /^Bcc:/im)
  const idOfMail = (text: string) => /^Message-ID: (.*)$/m.exec(text)?.[1]
  assert.notEqual(idOfMail(first), idOfMail(second))
  assert.deepEqual([row.state, row.carrier], ['sent', 'smtp'])
})

test('a mailbox the server refuses, and an address that is none, wait for another try', async t => {
  const server = await mailServer(t)
  const mail = carrier(t, server)
  for (const address of ['nobody@example.cn', 'two@example.cn,three@example.cn']) {
    const user_ids = [await reach('company', null, address)]
    await tellAll({ to: { user_ids }, title: '寄不到', channels: ['mail'] })
  }

  assert.deepEqual(await deliverOutbox(portal.db, { sms: recorder(), mail }), { sent: 0, later: 2, failed: 0 })

  assert.equal(server.mails.length, 0)
  const errors: string[] = await portal.db('outbox').orderBy('id').pluck('error')
  assert.match(errors[0] ?? '', /550 no such mailbox/)
  assert.match(errors[1] ?? '', /收件地址的格式不对/)
})

test('a process killed between sending and marking sends again under the same Message-ID', { timeout: 60_000 }, async t => {
  const server = await mailServer(t)
  await write(1)
  const program = `
    const { connect } = await import('./src/db.ts')
    const { deliverOutbox } = await import('./src/messages/deliver.ts')
    const { smtpTransport } = await import('./src/messages/transports.ts')
    const db = connect(process.env.DATABASE_URL)
    const mail = smtpTransport({ url: process.env.MAIL_SERVER, from: ${JSON.stringify(from)} })
    const send = async letter => { await mail.send(letter); process.kill(process.pid, 'SIGKILL') }
    await deliverOutbox(db, { sms: mail, mail: { ...mail, send } })`
  const url = new URL(process.env.DATABASE_URL ?? '')
  url.pathname = `/${portal.db.client.config.connection.database}`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    env: { ...process.env, DATABASE_URL: url.href, MAIL_SERVER: server.url },
    stdio: 'inherit',
  })
  const signal = await new Promise(resolve => child.once('exit', (_code, signal) => resolve(signal)))
  assert.equal(signal, 'SIGKILL')
  assert.equal((await outbox())[0].state, 'sending')

  const mail = carrier(t, server)
  const turn = () => deliverOutbox(portal.db, { sms: recorder(), mail })
  // It may still be at work.
  assert.deepEqual(await turn(), { sent: 0, later: 0, failed: 0 })
  shiftClock(longestSending + 1000)
  assert.deepEqual(await turn(), { sent: 1, later: 0, failed: 0 })

  const ids = server.mails.map(text => /^Message-ID: (.*)$/m.exec(text)?.[1])
  assert.equal(ids.length, 2)
  assert.equal(new Set(ids).size, 1)
})

test('a letter whose sender died five times is given up', async () => {
  await write(1)
  await portal.db('outbox').update({ state: 'sending', attempts: mostTries, send_at: now() })
  shiftClock(1000)
  const mail = recorder()

  assert.deepEqual(await deliverOutbox(portal.db, { sms: mail, mail }), { sent: 0, later: 0, failed: 1 })
  assert.equal(mail.letters.length, 0)
})

// ── Inbox ──

test('the bell counts what is unread, and opening a message by its button marks it and leads on', async () => {
  const company = await portal.as('company')
  assert.doesNotMatch((await company.get('/desk')).text, /条未读<\/span><\/a>/)
  await tellAll({ to: { user_ids: [await idOf('company')] }, title: '您的申请已受理。', link: '/desk/help' })
  assert.match((await company.get('/desk/help')).text, /<span class="count hot">1<\/span><span class="visually-hidden">条未读/)
  const { id } = await portal.db('messages').first('id')

  // Looking changes nothing (ASVS 3.5.3).
  assert.match((await company.get('/desk/messages')).text, /您的申请已受理。/)
  assert.equal((await company.get(`/desk/messages/${id}`)).status, 200)
  assert.equal((await portal.db('messages').first('read_at')).read_at, null)

  const opened = await company.post(`/desk/messages/${id}/read`)
  assert.deepEqual([opened.status, opened.location], [303, '/desk/help'])
  assert.notEqual((await portal.db('messages').first('read_at')).read_at, null)
  assert.match((await company.get('/desk/messages')).text, /都已读过/)
})

test('a message of somebody else is not found, and stays unread', async () => {
  await tellAll({ to: { user_ids: [await idOf('company')] }, title: '只给一家企业' })
  const { id } = await portal.db('messages').first('id')
  const other = await portal.as('company2')

  assert.equal((await other.get(`/desk/messages/${id}`)).status, 404)
  assert.equal((await other.post(`/desk/messages/${id}/read`)).status, 404)
  assert.equal((await other.get(`/desk/messages?before=${id}`)).status, 404)
  assert.doesNotMatch((await other.get('/desk/messages')).text, /只给一家企业/)
  assert.doesNotMatch((await other.get('/desk/lists/messages')).text, /只给一家企业/)
  assert.equal((await other.post('/desk/messages/read-all')).status, 303)
  assert.equal((await portal.db('messages').first('read_at')).read_at, null)
  assert.equal((await portal.anyone().get('/desk/messages')).status, 302)
})

test('a long inbox has pages, only the unread on demand, and one button for all', async () => {
  const user_ids = [await idOf('company')]
  for (let n = 1; n <= 45; n++) await tellAll({ to: { user_ids }, title: `消息 ${String(n).padStart(2, '0')} 号` })
  await portal.db('messages').where('title', 'like', '%44 号').update({ read_at: now() })
  const company = await portal.as('company')
  const seen: string[] = []
  for (let path: string | undefined = '/desk/messages'; path; ) {
    const { text } = await company.get(path)
    seen.push(...[...text.matchAll(/href="\/desk\/messages\/\d+" title="(消息 \d\d 号)"/g)].map(([, title = '']) => title))
    path = /href="([^"]+)" rel="next"/.exec(text)?.[1]?.replaceAll('&amp;', '&')
  }

  assert.equal(seen.length, 45)
  assert.deepEqual(seen, [...seen].sort().reverse())
  assert.doesNotMatch((await company.get('/desk/messages?only=unread')).text, /消息 44 号/)
  assert.match((await company.get('/desk/lists/messages?unread=no')).text, /消息 44 号/)
  assert.doesNotMatch((await company.get('/desk/lists/messages?unread=yes&q=44')).text, /href="[^"]*">消息 44 号/)
  assert.equal((await company.post('/desk/messages/read-all')).status, 303)
  assert.match((await company.get('/desk/messages')).text, /44 条消息已设为已读。[\s\S]*都已读过/)
})

test('the bell stops counting at a hundred', async () => {
  const user_id = await idOf('company')
  await portal.db.batchInsert(
    'messages',
    Array.from({ length: 130 }, () => ({ user_id, title: '很多', created_at: now() })),
  )
  const company = await portal.as('company')

  const { text } = await company.get('/desk/messages')

  assert.match(text, /<span class="count hot">99\+<\/span>/)
  assert.match(text, /<span class="num">99\+<\/span> 条未读/)
})

test('a page inside a tab has no bell to count for', async () => {
  const company = await portal.as('company')
  const asked = await queriesOf(portal.db, async () => void (await company.get('/desk/help', { 'sec-fetch-dest': 'iframe' })))
  const whole = await queriesOf(portal.db, async () => void (await company.get('/desk/help', { 'sec-fetch-dest': 'document' })))

  assert.equal(whole.filter(sql => /messages/.test(sql)).length, 1)
  assert.equal(asked.filter(sql => /messages/.test(sql)).length, 0)
})

async function queriesOf(db: Knex, work: () => Promise<void>): Promise<string[]> {
  const seen: string[] = []
  const note = ({ sql }: { sql: string }) => void seen.push(sql)
  db.on('query', note)
  await work()
  db.removeListener('query', note)
  return seen
}
