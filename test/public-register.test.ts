import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { desktop, launch, phone, sidewaysScroll, violations, visit } from './browser.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, endPublicity, holdCertificate, newCompany, passAll, plain, press, submitWhole } from './qualification.ts'

let portal: TestPortal
let browser: Browser
let anyone: Agent

before(async () => {
  portal = await startPortal({ demo: true })
  browser = await launch()
  anyone = portal.anyone()
})
after(async () => {
  await browser?.close()
  await portal?.stop()
})

const search = (q: string, more: Record<string, string> = {}) =>
  anyone.get(`/certificates?${new URLSearchParams({ q, ...more })}`)
const rowsIn = (html: string) =>
  [...html.matchAll(/<th scope="row"><a href="\/certificates\/(\d+)">/g)].map(([, id]) => Number(id))
const day = async (days: number) => {
  const [{ addDays }, { today }] = await Promise.all([import('../src/calendar.ts'), import('../src/clock.ts')])
  return addDays(today(), days)
}

/** A company that is found by its name, as a registration leaves it. */
async function findable(name?: string): Promise<Applicant> {
  const company = await newCompany(portal)
  if (name) await portal.db('organisations').where({ id: company.id }).update({ name })
  await index(company.id)
  return { ...company, name: name ?? company.name }
}

/** Makes a company findable by what is known of it now. */
async function index(id: number): Promise<void> {
  const [{ indexRecord, readRecord }, { companies }] = await Promise.all([
    import('../src/modules/archives/archive.ts'),
    import('../src/modules/archives/company.ts'),
  ])
  await portal.db.transaction(async trx => indexRecord(trx, companies, id, (await readRecord(trx, companies, id)).answers))
}

test('a company is found by name, pinyin, initials, credit code and the number of its certificate', async () => {
  const company = await findable('济南漱琼泉物业服务有限公司')
  const id = await holdCertificate(portal, company.id, { number: '鲁济物3-2021-9001' })
  const old = await holdCertificate(portal, company.id, { number: '鲁济物暂-2020-9001', level: 'provisional', state: 'replaced' })
  await index(company.id)
  const { code } = await portal.db('organisations').where({ id: company.id }).first('code')
  for (const words of ['漱琼泉', '济南漱琼泉物业服务有限公司', 'shuqiongquan', 'sqqwy', code, code.slice(0, 17)])
    assert.deepEqual(rowsIn((await search(words)).text).sort(), [id, old].sort(), words)
  // Of several certificates, the one that has the number.
  for (const words of ['鲁济物3-2021-9001', '３-2021-9001']) assert.deepEqual(rowsIn((await search(words)).text), [id], words)
  assert.deepEqual(rowsIn((await search('鲁济物暂-2020-9001')).text), [old])
  assert.deepEqual(rowsIn((await search('漱琼泉 暂定')).text), [old])
  assert.deepEqual(rowsIn((await search('漱琼泉 一级')).text), [])

  const { text } = await search('漱琼泉')
  for (const shown of [company.name, '鲁济物3-2021-9001', code, '三级', '历下区', await day(-400), await day(400), '有效'])
    assert.ok(text.includes(shown), shown)
})

test('who looks around sees what is in force; level, district and status narrow it, and a page leads to the next', async () => {
  const { text, headers } = await anyone.get('/certificates')
  assert.equal(headers.get('cache-control'), 'public, max-age=60')
  const ids = rowsIn(text)
  assert.equal(ids.length, 20)
  const next = /<a class="btn btn-sm" href="([^"]*)" rel="next">/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const second = await anyone.get(next)
  assert.equal(
    rowsIn(second.text).some(id => ids.includes(id)),
    false,
  )
  assert.match(second.text, /<a class="btn btn-sm" href="\/certificates">第一页<\/a>/)

  const states = await portal
    .db('certificates')
    .whereIn('id', [...ids, ...rowsIn(second.text)])
    .pluck('state')
  assert.deepEqual([...new Set(states)], ['valid'])
  const narrowed = rowsIn((await anyone.get('/certificates?level=second&district=370102')).text)
  assert.ok(narrowed.length)
  const found: { level: string; district_code: string }[] = await portal
    .db('certificates')
    .join('organisations', 'organisations.id', 'certificates.company_id')
    .whereIn('certificates.id', narrowed)
    .select('level', 'district_code')
  assert.deepEqual([...new Set(found.map(row => `${row.level} ${row.district_code}`))], ['second 370102'])

  // Every page once, in the order of issue, and all of them.
  const seen: number[] = []
  for (let to: string | undefined = '/certificates?status=all'; to; ) {
    const page: string = (await anyone.get(to)).text
    seen.push(...rowsIn(page))
    to = /href="([^"]*)" rel="next"/.exec(page)?.[1]?.replaceAll('&amp;', '&')
  }
  const all = await portal.db('certificates').orderBy([{ column: 'issued_on', order: 'desc' }, { column: 'id', order: 'desc' }]).pluck('id') // biome-ignore format: one call
  assert.deepEqual(seen, all)
})

test('the state follows from the day: in force, about to end, ended, and past its day while a renewal is decided', async () => {
  const { shiftClock } = await import('../src/clock.ts')
  const company = await findable()
  const id = await holdCertificate(portal, company.id, { valid_until: await day(120) })
  const found = async (status: string) => rowsIn((await search(company.name, { status })).text).length
  const told = async () => plain((await anyone.get(`/certificates/${id}`)).text)
  try {
    assert.deepEqual([await found('valid'), await found('expiring'), await found('expired')], [1, 0, 0])
    assert.match(await told(), /登记为有效，有效期到/)
    shiftClock(31 * 86_400_000)
    assert.deepEqual([await found('valid'), await found('expiring'), await found('expired')], [1, 1, 0])
    assert.match(await told(), /即将到期.*到期后失效/)
    shiftClock(121 * 86_400_000)
    assert.deepEqual([await found('valid'), await found('expiring'), await found('expired')], [0, 0, 1])
    assert.match(await told(), /已过期.*已经失效/)
    await portal.db('certificates').where({ id }).update({ renewing: 1 })
    assert.deepEqual([await found('valid'), await found('expiring'), await found('expired')], [1, 1, 0])
    assert.match(await told(), /作出决定之前仍然有效（行政许可法第五十条）/)
  } finally {
    shiftClock(0)
  }
})

test('nothing of a person is on any page, not even a change of legal person says who', async () => {
  const company = await findable()
  await portal.db('companies').where({ id: company.id }).update({ legal_person: '尉迟无双' })
  const { changeCertificate } = await import('../src/modules/qualification/certificates.ts')
  const case_id = await submitWhole(portal, company)
  await passAll(portal, case_id)
  await endPublicity(portal, case_id)
  await portal.db('companies').where({ id: company.id }).update({ legal_person: '司空见惯', registered_address: '历下区新址8号' })
  await portal.db.transaction(async trx => changeCertificate(trx, { id: case_id, company_id: company.id }, await day(0)))
  const { id } = await portal.db('certificates').where({ company_id: company.id, live: 1 }).first('id')
  const pages = await Promise.all(
    [`/certificates/${id}`, `/certificates?q=${encodeURIComponent(company.name)}`, '/decisions', '/'].map(path =>
      anyone.get(path),
    ),
  )
  for (const { text } of pages) {
    assert.ok(text.includes(company.name))
    assert.doesNotMatch(text, /尉迟无双|司空见惯|王小满|1540000000\d|3701001990/)
  }
  const words = plain(pages[0]?.text ?? '')
  assert.match(words, /法定代表人 \d{4}-\d\d-\d\d 已变更/)
  assert.match(words, /住所 \d{4}-\d\d-\d\d 历下区试验路1号 历下区新址8号/)
  assert.deepEqual(rowsIn((await search('司空见惯')).text), [])
})

test('no legal person, contact or telephone of the demo city is on a page of the register', async () => {
  const rows: { id: number; legal_person: string | null; contact: string | null; phone: string | null }[] = await portal
    .db('certificates')
    .join('companies', 'companies.id', 'certificates.company_id')
    .join('organisations', 'organisations.id', 'companies.id')
    .limit(30)
    .select('certificates.id', 'legal_person', 'contact', 'phone')
  assert.ok(rows.some(row => row.legal_person))
  for (const { id, ...private_words } of rows) {
    const { text } = await anyone.get(`/certificates/${id}`)
    for (const word of Object.values(private_words)) if (word) assert.equal(text.includes(word), false, `${id}: ${word}`)
  }
})

test('an approved application stands among the decisions with its certificate; a refused one does not', async () => {
  const [granted, refused] = [await findable(), await findable()]
  const id = await submitWhole(portal, granted)
  await passAll(portal, id)
  assert.equal((await anyone.get('/decisions')).text.includes(granted.name), false, 'not before the publicity is over')
  const { id: publicity } = await portal.db('publicities').where({ case_id: id }).first('id')
  await endPublicity(portal, id)
  const other = await submitWhole(portal, refused)
  await passAll(portal, other, { until: 'district' })
  const answer = await press(portal, await portal.as('district-clerk'), other, 'refuse', { opinion: '人员不足。' })
  assert.equal(answer.status, 303, plain(answer.text))

  const certificate = await portal.db('certificates').where({ case_id: id }).first('id', 'number')
  const { text, headers } = await anyone.get('/decisions')
  assert.equal(headers.get('cache-control'), 'public, max-age=60')
  const words = plain(text)
  assert.match(
    words,
    new RegExp(
      `${granted.name} 资质新设立申报（三级暂定） 准予许可 ${certificate.number} ${await day(0)} 济南市住房和城乡建设局`,
    ),
  )
  assert.equal(text.includes(refused.name), false)
  assert.match(text, new RegExp(`href="/certificates/${certificate.id}"`))
  const year = (await day(0)).slice(0, 4)
  assert.ok((await anyone.get(`/decisions?matter=qualification-new&year=${year}`)).text.includes(granted.name))
  assert.equal((await anyone.get(`/decisions?matter=qualification-confirm&year=${year}`)).text.includes(granted.name), false)
  assert.ok((await anyone.get('/')).text.includes(granted.name))
  const ended = await anyone.get(`/publicity/${publicity}`)
  assert.equal(ended.status, 410)
  assert.match(ended.text, new RegExp(`href="/certificates/${certificate.id}">看发出的证书`))
})

test('decisions are read page by page without a gap', async () => {
  const { now } = await import('../src/clock.ts')
  const present = await portal.db('cases').where({ kind: 'qualification-new', state: 'done' }).first()
  const { id: _, open_key: __, entered_at: ___, ...row } = present // the last one is worked out by the database
  // Two decisions a moment, over both kinds, so that pages break between equals.
  const rows = Array.from({ length: 50 }, (_, n) => ({
    ...row,
    kind: n % 3 ? 'qualification-new' : 'qualification-confirm',
    serial: `TT${String(n).padStart(6, '0')}`,
    number: `试-${n}`,
    decided_at: new Date(now().getTime() - 400 * 86_400_000 - Math.floor(n / 2) * 1000),
  }))
  await portal.db('cases').insert(rows)
  const seen: string[] = []
  for (let to: string | undefined = '/decisions'; to; ) {
    const page: string = (await anyone.get(to)).text
    seen.push(...[...page.matchAll(/试-\d+/g)].map(([number]) => number))
    to = /href="([^"]*)" rel="next"/.exec(page)?.[1]?.replaceAll('&amp;', '&')
  }
  assert.equal(seen.length, 50)
  assert.equal(new Set(seen).size, 50)
  await portal.db('cases').where('serial', 'like', 'TT0%').delete()
})

test('a revoked certificate is announced with reason and basis, and its page says not to rely on it', async () => {
  const { endCertificate } = await import('../src/modules/qualification/certificates.ts')
  const company = await findable()
  const id = await holdCertificate(portal, company.id)
  const { number } = await portal.db('certificates').where({ id }).first('number')
  const [on, reason, basis] = [await day(0), '以欺骗手段取得资质证书。', '行政许可法第六十九条第二款']
  await portal.db.transaction(async trx => endCertificate(trx, id, { state: 'revoked', on, reason, basis }))

  const notices = plain((await anyone.get('/decisions?matter=revoked')).text)
  assert.ok(notices.includes(`${company.name} 已撤销 三级 ${number} ${on} ${reason} 依据：${basis}`), notices)
  const told = await anyone.get(`/certificates/${id}`)
  assert.match(plain(told.text), /已撤销，.*起失效。请不要据此签约、投标或验收。/)
  assert.ok(told.text.includes(reason) && told.text.includes(basis))
  assert.deepEqual(rowsIn((await search(company.name)).text), [id])
  const valid = await search(company.name, { status: 'valid' })
  assert.match(plain(valid.text), /没有查到含“.*”的证书 这些条件下没有；不限状态有 1 张。/)
  const past = await anyone.get(`/decisions?matter=revoked&year=${Number(on.slice(0, 4)) - 20}`)
  assert.match(past.text, /网址里有没有听说过的事项或年份/)
})

test('what takes the place of a certificate is told on both pages', async () => {
  const company = await findable()
  const old = await holdCertificate(portal, company.id, { state: 'replaced', level: 'provisional', number: '鲁济物暂-2019-9100' })
  await portal
    .db('certificates')
    .where({ id: old })
    .update({ ended_on: await day(-30) })
  const next = await holdCertificate(portal, company.id, { number: '鲁济物3-2019-9100' })
  await portal.db('certificates').where({ id: next }).update({ previous_id: old })
  const { now } = await import('../src/clock.ts')
  const stamps = { created_at: now(), updated_at: now() }
  await portal.db('inspections').insert([
    {
      company_id: company.id,
      year: 2024,
      result: 'passed',
      decided_on: '2024-05-06',
      decided_by: '济南市住房和城乡建设局',
      ...stamps,
    },
    { company_id: company.id, year: 2025, result: 'filed', filed_on: '2025-03-06', ...stamps },
  ])
  const [before_, after_] = [await anyone.get(`/certificates/${old}`), await anyone.get(`/certificates/${next}`)]
  assert.match(plain(before_.text), /由新证书代替，新证书编号 鲁济物3-2019-9100/)
  assert.match(before_.text, new RegExp(`href="/certificates/${next}"`))
  assert.match(after_.text, new RegExp(`href="/certificates/${old}"`))
  assert.match(plain(after_.text), /2024 年 合格 2024-05-06/)
  assert.doesNotMatch(plain(after_.text), /2025 年/)
})

test('with 资质管理 off the pages stay, as an archive that says what a certificate is worth', async () => {
  const { id } = await portal.db('certificates').first('id')
  const paths = ['/certificates', `/certificates/${id}`, '/decisions', '/decisions?matter=revoked']
  for (const path of paths) assert.match((await anyone.get(path)).text, /证书只证明当时的登记，不是现在承接物业服务的条件/, path)
  await switchTo(false)
  try {
    for (const path of paths) {
      const { status, text } = await anyone.get(path)
      assert.equal(status, 200)
      assert.match(text, /已停止办理资质业务。[^<]*历史档案，只供查询[^<]*；有没有证书都不影响承接物业服务。/, path)
      assert.doesNotMatch(plain(text), /登录办理|申请资质/)
    }
    assert.match((await anyone.get('/guides/qualification-new')).text, /资质许可已经取消/)
  } finally {
    await switchTo(true)
  }
})

async function switchTo(on: boolean): Promise<void> {
  const [{ forgetSettings }, { now }] = await Promise.all([import('../src/admin/settings.ts'), import('../src/clock.ts')])
  const row = { code: 'qualification.enabled', value: JSON.stringify(on), created_at: now(), updated_at: now() }
  await portal.db('settings').insert(row).onConflict('code').merge()
  forgetSettings()
}

test('what is not there is 404 in Chinese, and hostile addresses get a page that says what to do', async () => {
  for (const path of [
    '/certificates/999999',
    '/certificates/0',
    '/certificates/x',
    '/certificates?after=1',
    '/certificates?after=2026-13-45_1',
    '/decisions?after=x_1',
    '/decisions?matter=revoked&after=1764000000000_1',
  ]) {
    const { status, text } = await anyone.get(path)
    assert.equal(status, 404, path)
    assert.match(text, /没有找到/)
  }
  for (const q of [
    "'; drop table certificates; --",
    '<script>alert(1)</script>',
    '%_%\\',
    '\u0000\ud800',
    '济'.repeat(90),
    'a b c d e f g h i j',
  ]) {
    const { status, text } = await search(q)
    assert.ok(status === 200 || status === 422, `${q}: ${status}`)
    assert.doesNotMatch(text, /<script>alert/)
  }
  assert.match((await search('a')).text, /太短，找到的会太多/)
  assert.match((await search('字'.repeat(101))).text, /搜索内容最多 100 个字/)
  assert.equal((await anyone.get('/certificates?q=a&q=b')).status, 400)
  const odd = await anyone.get('/certificates?level=__proto__&district=1&status=constructor')
  assert.equal(odd.status, 200)
  assert.match(odd.text, /没有听说过的等级、区县或状态/)
  assert.equal((await anyone.get('/decisions?matter=toString&year=abcd')).status, 200)
})

test('too many searches from one network are refused for a while', async () => {
  await portal.db('rate_limits').delete()
  const answers = []
  for (let n = 0; n < 121; n++) answers.push((await search(`${n}x${n}`)).status)
  assert.deepEqual([answers.at(119), answers.at(120)], [200, 429])
  assert.equal((await anyone.get('/certificates')).status, 200, 'looking around is not limited')
  await portal.db('rate_limits').delete()
})

test('a browser reads all of it in both widths, also without script', async () => {
  const { id } = await portal.db('certificates').where({ state: 'replaced' }).first('id')
  const paths = ['/', '/publicity', '/certificates', '/certificates?q=wy', '/certificates?q=%E6%B2%A1%E6%9C%89%E8%BF%99%E5%AE%B6', '/certificates?q=a', `/certificates/${id}`, '/decisions', '/decisions?matter=revoked', '/sitemap'] // biome-ignore format: one row
  const opened = await visit(browser, { base: portal.base })
  for (const path of paths) {
    await opened.page.goto(path)
    for (const viewport of [desktop, phone]) {
      await opened.page.setViewportSize(viewport)
      assert.deepEqual(await violations(opened.page), [], `${path} at ${viewport.width}`)
      assert.equal(await sidewaysScroll(opened.page), 0, `${path} at ${viewport.width}`)
    }
    assert.equal(await opened.page.getByRole('heading', { level: 1 }).count(), 1, path)
  }
  assert.deepEqual(opened.problems, [])
  await opened.context.close()

  const plainVisit = await visit(browser, { base: portal.base, script: false, viewport: phone })
  await plainVisit.page.goto('/')
  const held = await portal
    .db('certificates')
    .join('organisations', 'organisations.id', 'certificates.company_id')
    .first('organisations.name')
  await plainVisit.page.getByRole('searchbox').fill(held.name)
  await plainVisit.page.keyboard.press('Enter')
  await plainVisit.page.getByRole('heading', { name: '查到的证书' }).waitFor()
  const first = plainVisit.page.getByRole('main').locator('tbody th a').first()
  const name = await first.textContent()
  await first.focus()
  await plainVisit.page.keyboard.press('Enter')
  await plainVisit.page.getByRole('heading', { level: 1, name: name ?? '' }).waitFor()
  await plainVisit.context.close()
})

/** 6,000 companies with three certificates each, the newest one in force: what a province would hold. */
async function fillRegister(): Promise<void> {
  const [{ now }, { terms }] = await Promise.all([import('../src/clock.ts'), import('../src/lists/terms.ts')])
  const most = Number((await portal.db('organisations').max({ most: 'id' }).first())?.most)
  const stamps = { created_at: now(), updated_at: now() }
  const districts = await portal.db('regions').where({ level: 'district' }).pluck('code')
  const companies = Array.from({ length: 6000 }, (_, n) => ({
    id: most + 1 + n,
    name: `济南满${String(n).padStart(4, '0')}物业服务有限公司`,
    n,
  }))
  const insert = async (table: string, rows: readonly object[]) => {
    for (let at = 0; at < rows.length; at += 2000) await portal.db(table).insert(rows.slice(at, at + 2000))
  }
  await insert(
    'organisations',
    companies.map(({ id, name, n }) => {
      const code = `91370100M${String(n).padStart(9, '0')}`
      const district_code = districts[n % districts.length]
      return { id, kind: 'company', name, name_key: code, code, region_code: district_code, district_code, ...stamps }
    }),
  )
  await insert('companies', companies.map(({ id }) => ({ id, origin: 'city', ownership: 'limited', legal_person: '李大山', registered_address: '历下区', ...stamps }))) // biome-ignore format: one call
  await insert(
    'search_terms',
    companies.flatMap(({ id, name }) => terms(name).map(term => ({ scope: 'companies', term, doc_id: id }))),
  )
  const held = [
    { state: 'replaced', level: 'provisional', age: 2000, left: -1600 },
    { state: 'replaced', level: 'third', age: 1600, left: -500 },
    { state: 'valid', level: 'third', age: 500, left: 600 },
  ]
  const days = new Map(
    await Promise.all(held.flatMap(({ age, left }) => [-age, left]).map(async n => [n, await day(n)] as const)),
  )
  await insert(
    'certificates',
    companies.flatMap(({ id, n }) =>
      held.map(({ state, level, age, left }, at) => {
        const on = days.get(-age)
        const until = days.get(left)
        return {
          company_id: id,
          number: `满-${at}-${n}`,
          level,
          state,
          issuer: '市局',
          approved_on: on,
          issued_on: on,
          valid_until: until,
          ...stamps,
        }
      }),
    ),
  )
  await portal.db.raw('analyze table certificates, organisations, companies, search_terms')
}

test('a register of 18,000 certificates is read from its indexes', async () => {
  await fillRegister()
  const paths = [
    '/certificates',
    '/certificates?status=expired',
    '/certificates?status=all',
    '/certificates?level=third&district=370102',
    '/certificates?q=%E6%BB%A11234',
    '/certificates?q=wuye',
    '/decisions',
    '/decisions?matter=revoked',
  ]
  for (const path of paths) {
    const asked: { sql: string; bindings: readonly unknown[] }[] = []
    const listen = ({ sql, bindings }: { sql: string; bindings: readonly unknown[] }) => void asked.push({ sql, bindings })
    portal.db.on('query', listen)
    const { status } = await anyone.get(path)
    portal.db.removeListener('query', listen)
    assert.equal(status, 200)
    const about = asked.filter(({ sql }) => /from `(certificates|cases|search_terms)`/.test(sql))
    assert.ok(about.length, path)
    for (const { sql, bindings } of about) {
      const [rows]: { table: string | null; type: string | null }[][] = await portal.db.raw(`explain ${sql}`, [
        ...bindings,
      ] as string[]) // as they were bound
      for (const row of rows ?? [])
        if (/^(certificates|cases|search_terms|organisations)$/.test(row.table ?? ''))
          assert.notEqual(row.type, 'ALL', `${path}: ${sql}`)
    }
  }
})
