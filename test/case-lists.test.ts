import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { givenOrganisation, givenPerson, see, walk } from './list-rows.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

const { givenCase, givenStep, setDay } = await import('./given-cases.ts')
const { shiftClock } = await import('../src/clock.ts')
const { recomputeDue } = await import('../src/cases/due.ts')
const { forgetCalendar } = await import('../src/calendar.ts')

/** 办件台账, 待办 在途 已办, and the home page, on Monday 2026-11-23. */

let portal: TestPortal
let city: Agent
let reviewer: Agent
let clerk: Agent
let other: Agent
let street: Agent
let company: Agent
let supervisor: Agent
const people: Record<string, number> = {}
const units: Record<string, number> = {}
const ids: Record<string, number> = {}

before(async () => {
  await setDay('2026-11-23')
  portal = await startPortal()
  const { db } = portal
  const organisation = async (key: string, name: string, more: Parameters<typeof givenOrganisation>[2]) => {
    units[key] = await givenOrganisation(db, name, more)
    return units[key]
  }
  const bureau = await organisation('bureau', '济南市住房和城乡建设局', { kind: 'city', region: '370100' })
  const lixia = await organisation('lixia', '历下区住房和城乡建设局', { kind: 'district', region: '370102' })
  const shizhong = await organisation('shizhong', '市中区住房和城乡建设局', { kind: 'district', region: '370103' })
  const jiefang = await organisation('jiefang', '解放路街道办事处', { kind: 'street', region: '370102001' })
  const baimai = await organisation('baimai', '济南百脉物业有限公司', { region: '370102001' })
  const zhenzhu = await organisation('zhenzhu', '济南珍珠物业有限公司', { region: '370103' })
  const person = async (username: string, role: Parameters<typeof givenPerson>[3], unit: number, region?: string) => {
    people[username] = await givenPerson(db, username, '韩松', role, unit, region)
    return await portal.as(username)
  }
  city = await person('city-clerk', 'city-clerk', bureau)
  reviewer = await person('reviewer', 'city-clerk', bureau)
  await db('user_roles').where({ user_id: people.reviewer }).update({ role: 'city-reviewer' })
  reviewer = await portal.as('reviewer')
  supervisor = await person('supervisor', 'supervisor', bureau)
  clerk = await person('district-clerk', 'district-clerk', lixia, '370102')
  other = await person('other-clerk', 'district-clerk', shizhong, '370103')
  street = await person('street-clerk', 'street-clerk', jiefang, '370102001')
  company = await person('company', 'company-admin', baimai)
  await person('rival', 'company-admin', zhenzhu)
  await person('system-admin', 'system-admin', bureau)
  await person('editor', 'city-clerk', bureau)
  await db('user_roles').where({ user_id: people.editor }).update({ role: 'editor' })

  const own = { company: baimai }
  const handled = [people['district-clerk'] ?? 0]
  const given = async (key: string, told: Omit<Parameters<typeof givenCase>[1], 'company'> & { company?: number }) => {
    ids[key] = await givenCase(db, { ...own, ...told })
  }
  await given('draft', { state: 'draft' })
  await given('late', { state: 'submitted', due_on: '2026-11-20' })
  await given('today', { state: 'submitted', due_on: '2026-11-23' })
  await given('third', { state: 'reviewing', place: 'district', due_on: '2026-11-26', handled })
  await given('fourth', { state: 'reviewing', place: 'district', due_on: '2026-11-27' })
  await given('review', { state: 'reviewing', place: 'review', due_on: '2026-12-18', handled })
  await given('province', { state: 'reviewing', place: 'province', due_on: '2026-12-20', paused: 1, handled })
  await given('correction', { state: 'supplement', place: 'district', due_on: '2026-11-25', handled })
  await given('publicity', { state: 'waiting', due_on: '2026-11-27', paused: 1, handled })
  await given('rejected', { state: 'rejected' })
  await given('done', { state: 'done', number: '济物划〔2026〕370102-0003号', late_days: 4, handled, informed: [lixia] })
  await given('elsewhere', { company: zhenzhu, state: 'submitted', due_on: '2026-11-24', informed: [baimai] })
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

/** Which cases a list shows, by the names they have here. */
async function shown(agent: Agent, query = ''): Promise<string[]> {
  const pages = await walk(agent, `/desk/lists/cases${query}`)
  assert.equal(pages[0]?.status, 200, query)
  const nameOf = new Map(Object.entries(ids).map(([name, id]) => [id, name]))
  return pages.flatMap(page => page.ids).map(id => nameOf.get(id) ?? String(id))
}
const sorted = (names: readonly string[]) => [...names].sort()
const assertShown = async (agent: Agent, query: string, expected: readonly string[]) =>
  assert.deepEqual(sorted(await shown(agent, query)), sorted(expected), query)

const submitted = ['late', 'today', 'third', 'fourth', 'review', 'province', 'correction', 'publicity', 'rejected', 'done']

// Who sees what

test('the city and the supervisor see every submitted case, a district and a street their own', async () => {
  await assertShown(city, '', [...submitted, 'elsewhere'])
  await assertShown(supervisor, '', [...submitted, 'elsewhere'])
  await assertShown(clerk, '', submitted)
  await assertShown(street, '', submitted)
  await assertShown(other, '', ['elsewhere'])
})

test('a company sees its own cases, drafts too, and those it is to know of', async () => {
  await assertShown(company, '', ['draft', ...submitted, 'elsewhere'])
  await assertShown(await portal.as('rival'), '', ['elsewhere'])
})

test("another district's case is in no search, filter, count or export", async () => {
  const found = await see(clerk, '/desk/lists/cases?q=珍珠&count=exact')
  assert.deepEqual(found.rows, [])
  await assertShown(clerk, '?district=370103', [])
  const serial = (await portal.db('cases').where({ id: ids.elsewhere }).first('serial')).serial
  await assertShown(clerk, `?q=${serial}`, [])
  await assertShown(city, `?q=${serial}`, ['elsewhere'])
  const { text } = await clerk.get('/desk/lists/cases/export.csv')
  assert.ok(text.includes('百脉') && !text.includes('珍珠'))
})

test('administrators and editors have no business with cases', async () => {
  for (const username of ['system-admin', 'editor'])
    assert.equal((await (await portal.as(username)).get('/desk/lists/cases')).status, 403, username)
})

// Boxes

for (const [who, box, expected] of [
  ['district-clerk', 'todo', ['late', 'today', 'third', 'fourth']],
  ['district-clerk', 'mine', ['review', 'province', 'correction', 'publicity']],
  ['district-clerk', 'done', ['review', 'province', 'correction', 'publicity', 'done']],
  ['district-clerk', 'informed', ['done']],
  ['other-clerk', 'todo', ['elsewhere']],
  ['other-clerk', 'mine', []],
  ['reviewer', 'todo', ['review']],
  ['city-clerk', 'todo', ['province']],
  ['supervisor', 'todo', []],
  ['supervisor', 'done', []],
  ['street-clerk', 'todo', []],
  ['company', 'todo', ['draft', 'correction', 'rejected']],
  ['company', 'mine', ['late', 'today', 'third', 'fourth', 'review', 'province', 'publicity']],
  ['company', 'done', ['done']],
  ['company', 'informed', ['elsewhere']],
] as const)
  test(`${box} of ${who}: ${expected.join(', ') || 'nothing'}`, async () => {
    await assertShown(await portal.as(who), `?box=${box}`, expected)
  })

test('the most urgent come first', async () => {
  assert.deepEqual(await shown(clerk, '?box=todo&sort=due_on'), ['late', 'today', 'third', 'fourth'])
})

test('a case that came back to its desk is to do, and no longer on its way', async () => {
  await portal.db('cases').where({ id: ids.review }).update({ place: 'district', holder_role: 'district-clerk' })

  await assertShown(clerk, '?box=mine', ['province', 'correction', 'publicity'])
  assert.ok((await shown(clerk, '?box=todo')).includes('review'))

  await portal.db('cases').where({ id: ids.review }).update({ place: 'review', holder_role: 'city-reviewer' })
})

// What a row says

test('a row says time left, state and place in the words of its chain', async () => {
  const { heads, rows } = await see(city, '/desk/lists/cases?size=100')
  const column = (label: string) => heads.findIndex(head => head.startsWith(label))
  const seen = (await shown(city, '?size=100')).map((name, at) => {
    const row = rows[at] ?? []
    return [name, ...['时限', '状态', '环节', '到期日'].map(label => row[column(label)] ?? '')]
  })

  assert.deepEqual(Object.fromEntries(seen.map(([name = '', ...rest]) => [name, rest])), {
    late: ['已超期：超期 1 个工作日', '待受理', '区县初审', '2026-11-20'],
    today: ['临近时限：今天到期', '待受理', '区县初审', '2026-11-23'],
    third: ['临近时限：剩 3 个工作日', '初审中', '区县初审', '2026-11-26'],
    fourth: ['时限充裕：剩 4 个工作日', '初审中', '区县初审', '2026-11-27'],
    review: ['时限充裕：剩 19 个工作日', '复审中', '市局复核', '2026-12-18'],
    province: ['暂停计时：暂停，省住建厅办理中', '省厅审批中', '省厅审批', '2026-12-20'],
    correction: ['临近时限：剩 2 个工作日', '待补正', '申请人', '2026-11-25'],
    publicity: ['暂停计时：公示还有 4 个工作日', '公示中', '公示', '2026-11-27'],
    rejected: ['', '已驳回', '申请人', ''],
    done: ['', '已备案', '', ''],
    elsewhere: ['临近时限：剩 1 个工作日', '待受理', '区县初审', '2026-11-24'],
  })
})

test('what is exported says the same', async () => {
  const { rows }: { rows: Record<string, unknown>[] } = JSON.parse(
    (await clerk.get('/desk/lists/cases/export.json?light=late')).text,
  )

  assert.deepEqual(
    rows.map(({ light, state, place, due_on }) => [light, state, place, due_on]),
    [['超期 1 个工作日', '待受理', '区县初审', '2026-11-20']],
  )
})

// Filters

for (const [query, expected] of [
  ['?light=late', ['late']],
  ['?light=soon', ['today', 'third', 'correction']],
  ['?light=ample', ['fourth', 'review']],
  ['?light=paused', ['province', 'publicity']],
  ['?state=supplement', ['correction']],
  ['?kind=shelter-filing&state=done', ['done']],
  ['?kind=qualification-new', []],
  ['?module=filings&state=submitted', ['late', 'today']],
  ['?module=qualification', []],
  ['?street=370102001&state=done', ['done']],
  ['?due_from=2026-11-27', ['fourth', 'review', 'province', 'publicity']],
  ['?due_from=2026-11-24&due_to=2026-11-26', ['third', 'correction']],
  ['?due_to=2026-11-20', ['late']],
  ['?submitted_from=2026-11-23&submitted_to=2026-11-23&state=rejected', ['rejected']],
  ['?submitted_to=2026-11-22', []],
  ['?closed_from=2026-11-23', ['done']],
  ['?closed_to=2026-11-22', []],
  ['?late=yes', ['done']],
  ['?late=no&state=done', []],
  ['?q=BY2026112300001', ['late']],
  ['?q=济物划〔2026〕370102-0003', ['done']],
  ['?q=bmwy 避雨亭 已通过', ['done']],
  ['?q=bybeian', []],
  ['?q=避雨亭 历下 待补正', ['correction']],
] as const)
  test(`cases by ${query}`, async () => {
    await assertShown(clerk, query.replaceAll(' ', '%20'), expected)
  })

test('a draft is under no day of submission', async () => {
  assert.ok(!(await shown(company, '?submitted_from=2026-01-01')).includes('draft'))
})

test('a choice that does not exist is a mistake with a sentence', async () => {
  for (const query of ['box=all', 'light=blue', 'kind=nothing', 'state=ghost', 'module=statistics'])
    assert.equal((await see(city, `/desk/lists/cases?${query}`)).status, 422, query)
})

// Home

interface Block {
  count: string | undefined
  text: string
}
function blockOf(html: string, code: string): Block {
  const text = new RegExp(`<section class="card" aria-labelledby="h-${code}">([\\s\\S]*?)</section>`).exec(html)?.[1] ?? ''
  return { count: /<span class="count[^"]*">([^<]*)</.exec(text)?.[1], text }
}
const plain = (html: string) => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')
/** The cells of the week: count, words and where they lead. */
const weekOf = (html: string) =>
  [
    ...(/<ul class="week"[^>]*>([\s\S]*?)<\/ul>/.exec(html)?.[1] ?? '').matchAll(
      /<li[^>]*>(?:<a href="([^"]*)"[^>]*>|<span>)<b class="num">([^<]*)<\/b>([^<]*)/g,
    ),
  ].map(([, href, count, label]) => ({ href: href?.replaceAll('&amp;', '&'), count, label }))

test('the home of a desk counts what is to do by light and by day', async () => {
  const { text } = await clerk.get('/desk')

  const todo = blockOf(text, 'todo')
  assert.equal(todo.count, '4')
  assert.match(plain(todo.text), /超期 1 .*临期 2 .*充裕 1 /)
  assert.deepEqual(
    weekOf(text).map(({ label, count }) => `${label} ${count}`),
    ['已超期 1', '今天 周一 1', '周二 24 0', '周三 25 0', '周四 26 1', '周五 27 1', '下周及以后 0', '暂停计时 0'],
  )
  assert.ok(text.includes(`href="/desk/cases/${ids.late}"><svg`), '从最紧的办起 leads to the overdue one')
})

test('every cell of the week leads to a list of just as many cases', async () => {
  for (const agent of [clerk, city, reviewer, company, other]) {
    const { text } = await agent.get('/desk')
    for (const { href, count, label } of weekOf(text)) {
      if (count === '0') assert.equal(href, undefined)
      else assert.equal((await see(agent, String(href))).count, count, `${label} ${href}`)
    }
  }
})

test('what rests is counted apart and stands last', async () => {
  const waiting = await givenCase(portal.db, {
    company: units.baimai ?? 0,
    state: 'reviewing',
    place: 'province',
    due_on: '2026-12-25',
  })
  const { text } = await city.get('/desk')

  assert.match(plain(blockOf(text, 'todo').text), /充裕 1 .*暂停 1 /)
  const order = [...blockOf(text, 'todo').text.matchAll(/href="\/desk\/cases\/(\d+)"/g)].map(([, id]) => Number(id))
  assert.deepEqual(order, [waiting, ids.province])

  await portal.db('search_terms').where({ scope: 'cases', doc_id: waiting }).delete()
  await portal.db('case_parties').where({ case_id: waiting }).delete()
  await portal.db('cases').where({ id: waiting }).delete()
})

test('what has gone on is 在途, what was done this month 已办, and what one is to know 知会', async () => {
  const { text } = await clerk.get('/desk')

  assert.equal(blockOf(text, 'mine').count, '4')
  assert.match(plain(blockOf(text, 'mine').text), /待补正/)
  assert.equal(blockOf(text, 'done').count, '本月 6')
  assert.equal(blockOf(text, 'informed').count, '1')
  assert.match(plain(blockOf(text, 'informed').text), /济南百脉物业有限公司 · 避雨亭备案 已备案/)
})

test('drafts, corrections and refusals are the applicant’s to do', async () => {
  const { text } = await company.get('/desk')
  const todo = blockOf(text, 'todo')

  assert.equal(todo.count, '3')
  assert.match(plain(todo.text), /剩 2 个工作日 .*(未提交|已驳回) .*(未提交|已驳回) /)
  assert.equal(blockOf(text, 'mine').count, '7')
  assert.equal(blockOf(text, 'done').count, '本月 1')
})

test('a question to the desk of a street is to do there', async () => {
  const asked = {
    case_id: ids.third,
    code: 'street',
    label: '街道意见',
    role: 'street-clerk',
    question: '情况属实吗',
    asked_by: 1,
  }
  await portal.db('case_consultations').insert({ ...asked, asked_at: new Date(), due_on: '2026-11-24' })

  const { text } = await street.get('/desk')

  assert.equal(blockOf(text, 'todo').count, '1')
  assert.match(plain(blockOf(text, 'todo').text), /剩 1 个工作日 征求意见/)
  assert.equal(blockOf((await other.get('/desk')).text, 'todo').text.includes('征求意见'), false)
  await portal.db('case_consultations').delete()
})

test('a home of more than a thousand stops counting', async () => {
  const { db } = portal
  const row = await db('cases').where({ id: ids.elsewhere }).first()
  const { id: _id, entered_at: _entered, ...copy } = row
  const rows = Array.from({ length: 1100 }, (_, n) => ({ ...copy, serial: `BYX${n}` }))
  for (let at = 0; at < rows.length; at += 550) await db('cases').insert(rows.slice(at, at + 550))

  const { text } = await other.get('/desk')

  assert.equal(blockOf(text, 'todo').count, '1,000+')
  assert.match(plain(blockOf(text, 'todo').text), /临期 1,000\+/)
  await db('cases').where('serial', 'like', 'BYX%').delete()
})

// due_on

async function dueOfCase(name: string): Promise<[string, number, number]> {
  const row = await portal.db('cases').where({ id: ids[name] }).first('due_on', 'paused', 'version')
  return [row.due_on, row.paused, row.version]
}

test('due days are brought up to date without a trace in the version, and a second time nothing is left to do', async () => {
  const { db } = portal
  const ways = {
    late: [['submit', ['draft', null], ['submitted', null]]],
    third: [
      ['submit', ['draft', null], ['submitted', null]],
      ['accept', ['submitted', null], ['reviewing', 'district']],
    ],
    correction: [
      ['submit', ['draft', null], ['submitted', null]],
      ['accept', ['submitted', null], ['reviewing', 'district']],
      ['correct', ['reviewing', 'district'], ['supplement', 'district']],
    ],
    province: [
      ['submit', ['draft', null], ['submitted', null]],
      ['accept', ['submitted', null], ['reviewing', 'district']],
      ['pass', ['reviewing', 'district'], ['reviewing', 'province']],
    ],
  } as const
  for (const [name, steps] of Object.entries(ways))
    for (const [at, [step, from, to]] of steps.entries())
      await givenStep(db, ids[name] ?? 0, `2026-11-${16 + at}`, step, from, to)
  const version = 1

  await recomputeDue(db)

  assert.deepEqual(await dueOfCase('late'), ['2026-11-23', 0, version])
  assert.deepEqual(await dueOfCase('third'), ['2026-12-15', 0, version])
  assert.deepEqual(await dueOfCase('correction'), ['2026-12-02', 0, version])
  // Accepted on 17 November, with the province since 18: the twenty days are all still to come.
  assert.deepEqual(await dueOfCase('province'), ['2026-12-21', 1, version])
  assert.deepEqual((await recomputeDue(db)).changed, 0)
})

test('a limit that rests moves on with the days', async () => {
  await setDay('2026-11-25')

  assert.equal((await recomputeDue(portal.db)).changed, 1)

  assert.deepEqual((await dueOfCase('province')).slice(0, 2), ['2026-12-23', 1])
  assert.deepEqual((await dueOfCase('third')).slice(0, 2), ['2026-12-15', 0])
  await setDay('2026-11-23')
  await recomputeDue(portal.db)
})

test('a holiday announced meanwhile moves what falls due behind it, and nothing that fell due before', async () => {
  const { db } = portal
  const stamps = { source: 'regulator', created_at: new Date(), updated_at: new Date() }
  await db('workdays').insert({ day: '2026-12-10', works: false, note: '试验', ...stamps })
  forgetCalendar()

  assert.equal((await recomputeDue(db, { from: '2026-12-10' })).changed, 2)

  assert.equal((await dueOfCase('third'))[0], '2026-12-16')
  assert.equal((await dueOfCase('correction'))[0], '2026-12-02')
  await db('workdays').where({ day: '2026-12-10' }).delete()
  forgetCalendar()
})
