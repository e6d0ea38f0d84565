import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { startPortal, type TestPortal } from './portal.ts'
import { plain } from './qualification.ts'

/** 证书核验: what anybody reads behind the code of a paper, in every state it can be in. */

let portal: TestPortal
let company_id: number
before(async () => {
  portal = await startPortal({ demo: true })
  const company = await portal
    .db('companies')
    .join('organisations', 'organisations.id', 'companies.id')
    .where({ origin: 'city' })
    .first('companies.id')
  company_id = company.id
  await portal.db('certificates').where({ company_id, live: 1 }).update({ state: 'replaced', ended_on: '2026-01-01' })
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})
beforeEach(async () => {
  shiftClock(0)
  await portal.db('rate_limits').delete()
  await portal.db('certificates').where({ company_id, live: 1 }).update({ state: 'cancelled' })
})

const { shiftClock, today } = await import('../src/clock.ts')
const { addDays } = await import('../src/calendar.ts')
const { issueCertificate } = await import('../src/documents/certificate.ts')
const { issueDocument, normaliseVerificationCode, shownCode } = await import('../src/documents/documents.ts')
const { onPaper } = await import('../src/documents/printing.ts')

let serial = 0

interface Given {
  valid_until?: string | null
  previous_id?: number
}

/** A valid certificate with its two papers, as an approval would leave it. */
async function givenCertificate({ valid_until = addDays(today(), 365), previous_id }: Given = {}) {
  const number = `鲁济物3-2026-8${String(++serial).padStart(3, '0')}`
  const row = { number, issuer: '济南市住房和城乡建设局', approved_on: '2026-03-11', issued_on: '2026-03-12', valid_until }
  return await portal.db.transaction(async trx => {
    const at = new Date()
    const [id = 0] = await trx('certificates').insert({
      company_id,
      previous_id: previous_id ?? null,
      level: 'third',
      state: 'valid',
      ...row,
      created_at: at,
      updated_at: at,
    })
    const facts = {
      ...row,
      company_name: '济南翠屏物业有限公司',
      credit_code: '91370100MA00000818',
      legal_person: '柳无名',
      capital: '300.00',
      ownership: '有限责任',
      address: '济南市历下区泉城路 188 号',
      level: '三级',
      scope: '20万平方米以下住宅项目',
    }
    const { 'certificate-main': main, 'certificate-copy': copy } = await issueCertificate(trx, {
      certificate_id: id,
      organisation_id: company_id,
      number,
      facts,
    })
    assert.ok(main && copy)
    return { id, number, main, copy }
  })
}

const end = async (id: number, state: string, more: object = {}) =>
  await portal
    .db('certificates')
    .where({ id })
    .update({ state, ended_on: '2026-09-30', ...more })

/** Page of a code: headline, and the words below it. */
async function verify(code: string) {
  const answer = await portal.anyone().get(`/verify/${code}`)
  const main = /<main[\s\S]*<\/main>/.exec(answer.text)?.[0] ?? ''
  return { ...answer, headline: /<h1>(.*?)<\/h1>/.exec(main)?.[1], words: plain(main) }
}

test('a valid certificate shows what stands in the register, and nothing personal', async () => {
  const { number, main, copy } = await givenCertificate()
  for (const [code, label] of [
    [main.code, '正本'],
    [copy.code, '副本'],
  ] as const) {
    const page = await verify(shownCode(code))
    assert.equal(page.status, 200)
    assert.equal(page.headline, '有效')
    for (const words of [
      `物业服务企业资质证书（三级）${label}`,
      number,
      '济南翠屏物业有限公司',
      '91370100MA00000818',
      '2026年3月11日',
      onPaper(addDays(today(), 365)),
      '本证书由济南市住房和城乡建设局发出',
      '核验时间',
      '不一致的是假证',
      '资质许可已于2018年取消',
    ])
      assert.ok(page.words.includes(words), `${words} not in ${page.words}`)
    assert.doesNotMatch(page.text, /柳无名|泉城路/)
    assert.match(page.text, /<meta name="robots" content="noindex">/)
    assert.equal(page.headers.get('x-robots-tag'), 'noindex')
    assert.equal(page.headers.get('cache-control'), 'no-store')
    assert.equal(page.headers.get('set-cookie'), null)
  }
})

test('a certificate is about to expire in its last 90 days, valid on the last one and expired on the next', async () => {
  const { main } = await givenCertificate({ valid_until: addDays(today(), 91) })
  const after = async (days: number) => {
    shiftClock(days * 86_400_000)
    return (await verify(main.code)).headline
  }
  assert.equal(await after(0), '有效')
  assert.equal(await after(1), '有效，即将到期')
  assert.equal(await after(91), '有效，即将到期')
  assert.equal(await after(92), '已过期')
  const expired = await verify(main.code)
  shiftClock(0)
  assert.equal(expired.status, 200)
  assert.match(expired.words, /已经失效。请不要据此签约、投标或验收/)

  const lasting = await givenLasting()
  shiftClock(40_000 * 86_400_000)
  assert.equal((await verify(lasting)).headline, '有效', 'without a last day it does not run out')
})

async function givenLasting(): Promise<string> {
  await portal.db('certificates').where({ company_id, live: 1 }).update({ state: 'cancelled' })
  return (await givenCertificate({ valid_until: null })).main.code
}

test('a replaced certificate names the number of the new one and not its code', async () => {
  const old = await givenCertificate()
  await end(old.id, 'replaced')
  const next = await givenCertificate({ previous_id: old.id })

  const page = await verify(old.main.code)

  assert.equal(page.headline, '已换发，不能再使用')
  assert.ok(page.words.includes(`2026年9月30日起由新证书代替，新证书编号 ${next.number}`), page.words)
  for (const { code } of [next.main, next.copy]) assert.ok(!page.text.includes(code) && !page.text.includes(shownCode(code)))
  assert.equal((await verify(next.main.code)).headline, '有效')
})

for (const [state, headline] of [
  ['revoked', '已撤销，不能再使用'],
  ['cancelled', '已注销，不能再使用'],
  ['lost', '遗失作废，不能再使用'],
] as const)
  test(`a certificate that is ${state} says since when and why`, async () => {
    const { id, main } = await givenCertificate()
    await end(id, state, { end_reason: '资质申报提供虚假材料。' })

    const page = await verify(main.code)

    assert.equal(page.status, 200)
    assert.equal(page.headline, headline)
    assert.match(page.words, /2026年9月30日起失效。请不要据此签约、投标或验收/)
    assert.match(page.words, /原因：\s*资质申报提供虚假材料。/)
    assert.match(page.text, /<s>\d{4}年\d+月\d+日<\/s>，2026年9月30日/)
  })

test('of two prints of one certificate the newer counts', async () => {
  const { id, number, main } = await givenCertificate()
  await portal.db.transaction(async trx => {
    const row = await trx('certificates').where({ id }).first('number', 'issuer', 'approved_on', 'issued_on', 'valid_until')
    const facts = {
      ...row,
      company_name: '济南翠屏物业服务有限公司',
      credit_code: '',
      legal_person: '',
      capital: '',
      ownership: '',
      address: '',
      level: '三级',
      scope: '',
    }
    const { 'certificate-main': fresh } = await issueCertificate(trx, {
      certificate_id: id,
      organisation_id: company_id,
      number,
      facts,
    })
    assert.ok(fresh)
    assert.notEqual(fresh.code, main.code)
  })
  assert.equal((await verify(main.code)).headline, '已换发，不能再使用')
})

test('a letter is confirmed with its number and holder until a newer one takes its place', async () => {
  const letter = {
    issuer: '历下区住房和城乡建设局',
    title: '受理通知书',
    number: '受字〔2026〕第ZX2026112300017号',
    matter: '三级核定',
    to: '某某',
    parts: [],
    on: '2026-11-23',
  }
  const object = { type: 'test', id: ++serial }
  const issue = {
    paper: 'acceptance',
    organisation_id: company_id,
    object,
    number: letter.number,
    title: letter.title,
    facts: letter,
    issued_on: letter.on,
  }
  const { code } = await portal.db.transaction(async trx => await issueDocument(trx, issue))
  const page = await verify(code)
  assert.equal(page.headline, '有效')
  for (const words of ['受理通知书', letter.number, '三级核定', '历下区住房和城乡建设局', '2026年11月23日'])
    assert.ok(page.words.includes(words), words)
  assert.doesNotMatch(page.words, /资质许可已于2018年取消/)

  await portal.db.transaction(async trx => await issueDocument(trx, issue))
  assert.equal((await verify(code)).headline, '已由新文书代替')
})

test('an altered paper is not confirmed, and nothing of it is repeated', async () => {
  const { id, main } = await givenCertificate()
  const row = await portal.db('documents').where({ id: main.id }).first('facts')
  for (const facts of [row.facts.replace('济南翠屏', '济南假冒'), 'not even JSON']) {
    await portal.db('documents').where({ id: main.id }).update({ facts })
    const page = await verify(main.code)
    assert.equal(page.status, 409)
    assert.equal(page.headline, '不能确认')
    assert.doesNotMatch(page.words, /假冒/)
    assert.match(page.words, /签名对不上/)
  }
  await portal.db('documents').where({ id: main.id }).update({ facts: row.facts })
  assert.equal((await verify(main.code)).headline, '有效')
  await portal.db('certificates').where({ id }).update({ valid_until: '2099-01-01' })
  assert.equal((await verify(main.code)).headline, '不能确认', 'a certificate prolonged by hand')
})

test('codes are understood as people type them', async () => {
  const { main } = await givenCertificate()
  const [one = '', two = '', three = ''] = shownCode(main.code).split('-')
  const wide = [...main.code].map(sign => String.fromCodePoint((sign.codePointAt(0) ?? 0) + 0xfee0)).join('')
  for (const typed of [
    main.code,
    main.code.toLowerCase(),
    `${one}－${two}—${three}`,
    ` ${one} ${two} ${three} `,
    wide,
    `${one}–${two}_${three}`,
  ])
    assert.equal(normaliseVerificationCode(typed), main.code, typed)
  assert.equal((await verify(encodeURIComponent(wide))).headline, '有效')
  const sent = await portal.anyone().post('/verify', { code: ` ${one.toLowerCase()} ${two}－${three}` })
  assert.equal(sent.status, 303)
  assert.equal(sent.location, `/verify/${shownCode(main.code)}`)
})

test('the form says where the code is, and what is wrong with one that cannot be', async () => {
  const page = await portal.anyone().get('/verify')
  assert.equal(page.status, 200)
  assert.match(page.text, /核验码在哪里/)
  assert.match(page.text, /noindex/)
  for (const [code, sentence] of [
    ['', /请填写证书或文书上的核验码/],
    ['Q7MD', /核验码是 12 位字母和数字，现为 4 位/],
    ['Q7MD-4KTX-92H0', /没有数字 0、1 和字母 O、I/],
    ['核验码核验码核验码核验码', /只有字母和数字/],
  ] as const) {
    const answer = await portal.anyone().post('/verify', { code })
    assert.equal(answer.status, 422)
    assert.match(answer.text, sentence)
  }
})

test('a code that was never issued, a number, another row and nonsense are not found', async () => {
  const { id, number, main } = await givenCertificate()
  for (const code of [
    'Q7MD-4KTX-92HP',
    encodeURIComponent(number),
    String(id),
    String(main.id),
    main.code.slice(0, 11),
    `${main.code}2`,
    '%25',
    encodeURIComponent("' or 1=1 -- "),
    encodeURIComponent('<script>alert(1)</script>'),
    '__proto__',
    'x'.repeat(3000),
  ]) {
    const page = await verify(code)
    assert.equal(page.status, 404, code)
    assert.equal(page.headline, '没有查到', code)
    assert.doesNotMatch(page.text, /<script>alert|翠屏/)
  }
  assert.equal((await portal.anyone().get('/verify/%E0%A4%A')).status, 400)
})

test('one address may try sixty codes in ten minutes', async () => {
  const { main } = await givenCertificate()
  for (let n = 0; n < 60; n++)
    assert.notEqual((await portal.anyone().get(`/verify/${main.code.slice(0, 10)}${n + 22}`)).status, 429)

  const refused = await verify(main.code)

  assert.equal(refused.status, 429)
  assert.match(refused.words, /同一网络核验太频繁，请 \d+ 分钟后再试/)
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.equal((await portal.anyone().get('/verify')).status, 200, 'the form stays')
})
