import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { desktop, launch, phone, sidewaysScroll, signIn, violations, visit } from './browser.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { holdCertificate, newCompany, startCase } from './qualification.ts'

/** 事项目录 and 办事指南: what a kind is, told from its definition, with how many cases stand where. */

const { givenCase, shelter } = await import('./given-cases.ts')
const { defineKind, desk, external, party, publicity, registerKinds, standardOf } = await import('../src/cases/kind.ts')
const { drawDiagram, graphOf } = await import('../src/cases/diagram.ts')
const { qualificationConfirm } = await import('../src/modules/qualification/kinds.ts')

const standard = standardOf(shelter)
const levels = defineKind({
  ...shelter,
  code: 'shelter-level',
  label: '避雨亭定级',
  prefix: 'BL',
  variants: { two: '二级', one: '一级' },
  settings: variant => ({
    ...standard,
    chain: [
      desk('district', 'district-clerk', '区县初审', '初审中'),
      external('province', variant === 'one' ? '住建部' : '省住建厅', 'city-clerk', '上级审批', '上级审批中'),
    ],
    number: '避级〔{yyyy}〕{seq:3}号',
  }),
})
const official = defineKind({ ...shelter, code: 'shelter-count', label: '避雨亭清点', prefix: 'BQ', startedBy: ['city-clerk'] })

let portal: TestPortal
let district: Agent
let other: Agent
let city: Agent
let company: Agent
let second: Agent
before(async () => {
  registerKinds(levels, official)
  portal = await startPortal({ demo: true })
  ;[district, other, city, company, second] = (await Promise.all(
    ['district-clerk', 'district2-clerk', 'city-reviewer', 'company', 'company2'].map(name => portal.as(name)),
  )) as [Agent, Agent, Agent, Agent, Agent] // one for each name
  const organisation = async (username: string) => (await portal.db('users').where({ username }).first()).organisation_id
  const [one, two] = [await organisation('company'), await organisation('company2')]
  await givenCase(portal.db, { company: one, state: 'draft' })
  await givenCase(portal.db, { company: one, state: 'submitted' })
  await givenCase(portal.db, { company: one, state: 'supplement', place: 'district' })
  for (let n = 0; n < 3; n++) await givenCase(portal.db, { company: one, state: 'reviewing', place: 'district' })
  await givenCase(portal.db, { company: two, state: 'reviewing', place: 'review' })
  await givenCase(portal.db, { company: two, state: 'waiting' })
  await givenCase(portal.db, { company: two, state: 'reviewing', place: 'gone' })
  await givenCase(portal.db, { company: two, state: 'done' })
  const longAgo = new Date('2020-05-05T00:00:00Z')
  await givenCase(portal.db, { company: two, state: 'done', closed_at: longAgo })
})
after(() => portal.stop())

/** What stands in the boxes of the picture: 区县初审 to 3 件. */
function boxes(html: string): Record<string, string> {
  const wide = html.slice(html.indexOf('<svg class="diagram"'), html.indexOf('</svg>', html.indexOf('<svg class="diagram"')))
  return Object.fromEntries(
    [...wide.matchAll(/<g class="\w+"><title>([^<]*)<\/title>/g)].map(([, title = '']) => {
      const [label = '', under = ''] = title.split('，')
      return [label, under]
    }),
  )
}

// ── The picture ────────────────────────────────────────────────────────────────────────────────

test('the graph of a kind is the lifecycle laid over its chain', () => {
  const { nodes, edges } = graphOf(shelter, { chain: standard.chain, corrections: 1 })
  const lines = edges.map(({ from, to, label, back }) => `${from} ${back ? '‥' : '→'} ${to} ${label}`)

  assert.deepEqual(
    nodes.map(({ id }) => id),
    [
      'draft',
      'submitted',
      'at:district',
      'at:review',
      'at:province',
      'at:publicity',
      'done',
      'supplement',
      'withdrawn',
      'declined',
      'rejected',
    ],
  )
  assert.deepEqual(lines, [
    'draft → submitted 提交',
    'submitted → at:district 受理',
    'at:district → at:review 通过',
    'at:review → at:province 通过',
    'at:province → at:publicity 通过',
    'at:publicity → done 期满',
    'submitted ‥ declined 不予受理',
    'submitted ‥ withdrawn 撤回',
    'submitted ‥ supplement 退回补正',
    'supplement ‥ submitted 补正提交',
    'supplement ‥ withdrawn 撤回',
    'rejected → submitted 修改后提交',
    'at:district ‥ rejected 不通过',
    'at:district ‥ supplement 退回补正',
    'supplement ‥ at:district 补正提交',
    'at:review ‥ at:district 退回上一步',
    'at:review ‥ rejected 不通过',
    'at:review ‥ supplement 退回补正',
    'supplement ‥ at:review 补正提交',
    'at:province ‥ rejected 不通过',
    'at:publicity ‥ at:province 异议成立',
  ])
})

test('where a refusal leads, and whether anything is corrected, follows the kind', () => {
  const ends = (refusedTo: 'draft' | 'refused', corrections: number) =>
    graphOf({ ...shelter, refusedTo }, { chain: standard.chain, corrections }).nodes.map(({ id }) => id)

  assert.ok(!ends('draft', 1).some(id => id === 'rejected' || id === 'refused'))
  assert.ok(ends('refused', 1).includes('refused'))
  assert.ok(!ends('refused', 0).includes('supplement'))
})

const placeOfSort = [
  (code: string) => desk(code, 'city-clerk', `岗位${code}`, '审核中'),
  (code: string) => party(code, 'respondent', `原物业服务企业确认${code}`, '待确认', 5),
  (code: string) => external(code, '省住建厅', 'city-clerk', `省住房和城乡建设厅审批${code}`, '省厅审批中'),
  (code: string) => ({ ...publicity('city-clerk', 5), code, label: `公示${code}` }),
]
const chains = fc
  .array(fc.integer({ min: 0, max: 3 }), { maxLength: 7 })
  .map(sorts => [0, ...sorts].map((sort, at) => (placeOfSort[sort] ?? desk)(`p${at}`, 'city-clerk', '', '')))

for (const shape of ['wide', 'tall'] as const)
  test(`no box and no word of a ${shape} picture lies on another or beside the paper, whatever the chain`, () => {
    fc.assert(
      fc.property(
        chains,
        fc.constantFrom('draft' as const, 'rejected' as const, 'refused' as const),
        fc.integer({ min: 0, max: 1 }),
        fc.boolean(),
        (chain, refusedTo, corrections, hasProof) => {
          const { proof: _proof, ...bare } = qualificationConfirm
          const kind = { ...(hasProof ? qualificationConfirm : bare), refusedTo }
          const settings = { ...standard, chain, corrections, number: hasProof ? '号{seq:4}' : '' }
          const drawn = drawDiagram(kind, settings, shape, () => '1,234 件')
          const areas = [
            ...drawn.boxes.map(({ label, x, y, width, height }) => ({
              label,
              left: x,
              right: x + width,
              top: y,
              bottom: y + height,
            })),
            ...drawn.words.map(({ text, x, y, width }) => ({
              label: text,
              left: x - width / 2,
              right: x + width / 2,
              top: y - 11,
              bottom: y + 2,
            })),
          ]
          for (const [at, one] of areas.entries()) {
            assert.ok(
              one.left >= 0 && one.right <= drawn.width && one.top >= 0 && one.bottom <= drawn.height,
              `${one.label} is off the paper`,
            )
            for (const two of areas.slice(at + 1))
              assert.ok(
                one.right <= two.left || two.right <= one.left || one.bottom <= two.top || two.bottom <= one.top,
                `${one.label} lies on ${two.label}`,
              )
          }
        },
      ),
      { numRuns: 400 },
    )
  })

test('the picture says in words what it shows', () => {
  const { title, description } = drawDiagram(shelter, standard, 'wide', () => '')

  assert.equal(title, '避雨亭备案状态图')
  assert.match(description, /受理后依次为区县初审、市局复核、省厅审批、公示，最后已备案/)
  assert.match(description, /公示期间异议成立的，回到前一个审核岗位/)
})

// ── The catalogue ──────────────────────────────────────────────────────────────────────────────

test('staff find every kind with who, by when and how many are under way in their scope', async () => {
  const rowOf = (html: string) =>
    (/<a href="\/desk\/kinds\/shelter-filing">[\s\S]*?<\/tr>/.exec(html)?.[0] ?? '').replace(/\s+/g, ' ')

  const mine = rowOf((await district.get('/desk/kinds')).text)
  assert.match(mine, /物业企业/)
  assert.match(mine, /20 个工作日/)
  assert.match(mine, /kind=shelter-filing">5</)
  assert.match(rowOf((await other.get('/desk/kinds')).text), /kind=shelter-filing">3</)
  assert.match(rowOf((await city.get('/desk/kinds')).text), /kind=shelter-filing">8</)
})

test('applicants find what they may start first', async () => {
  const { text } = await company.get('/desk/kinds')

  const filings = text.slice(text.indexOf('业务管理'))
  assert.ok(filings.indexOf('避雨亭备案') < filings.indexOf('避雨亭清点'))
  assert.match(/避雨亭备案[\s\S]*?<\/tr>/.exec(filings)?.[0] ?? '', /您可以申请/)
  assert.doesNotMatch(/避雨亭清点[\s\S]*?<\/tr>/.exec(filings)?.[0] ?? '', /您可以申请/)
})

test('the boxes of a kind count what stands there within the scope of whoever looks', async () => {
  const page = async (agent: Agent) => boxes((await agent.get('/desk/kinds/shelter-filing')).text)

  const mine = await page(district)
  assert.deepEqual(
    [mine.未提交, mine.待受理, mine.待补正, mine.区县初审, mine.市局复核, mine.已备案],
    ['', '1 件', '1 件', '3 件', '0 件', '今年 0 件'],
  )
  const theirs = await page(other)
  assert.deepEqual([theirs.区县初审, theirs.市局复核, theirs.公示, theirs.已备案], ['0 件', '1 件', '1 件', '今年 1 件'])
  const all = await page(city)
  assert.deepEqual([all.区县初审, all.市局复核, all.省厅审批, all.公示], ['3 件', '1 件', '0 件', '1 件'])
  assert.equal((await page(company)).未提交, '草稿 1 件')
  assert.equal((await page(second)).区县初审, '0 件')
})

test('cases at places the chain no longer has are told beside the picture', async () => {
  assert.match((await city.get('/desk/kinds/shelter-filing')).text, /其中 1 件按提交时的设置办理/)
  assert.doesNotMatch((await district.get('/desk/kinds/shelter-filing')).text, /按提交时的设置办理/)
})

test('materials, clocks, checks and number are told from the definition', async () => {
  const { text } = await company.get('/desk/kinds/qualification-new')

  assert.match(text, /10 项，其中必需 9 项/)
  assert.match(text, /自受理起 20 个工作日内作出决定，补正、公示、市外机关办理的时间不计入/)
  assert.match(text, /鲁济物暂-\d{4}-0012<\/span>（例，每年从 1 起连续编号）/)
  assert.match(text, /专职管理和技术人员人数达到等级要求/)
  assert.match(text, /行政复议/)
})

test('the button to begin is there for those who may, and nobody else', async () => {
  const button = /action="\/desk\/cases\/new\/qualification-new"/

  assert.match((await (await portal.as('company3')).get('/desk/kinds/qualification-new')).text, button)
  assert.doesNotMatch((await district.get('/desk/kinds/qualification-new')).text, button)
  assert.doesNotMatch((await (await portal.as('developer')).get('/desk/kinds/qualification-new')).text, button)
})

test('who cannot apply now reads why before pressing anything, and is led to what is in the way', async () => {
  const without = await portal.as('company3')
  const upgrade = await without.get('/desk/kinds/qualification-upgrade')
  assert.equal(upgrade.status, 200)
  assert.match(upgrade.text, /现在不能申请：[^<]*没有有效的资质证书/)
  assert.doesNotMatch(upgrade.text, /办这件事/)

  const holder = await newCompany(portal)
  await holdCertificate(portal, holder.id)
  const id = await startCase(holder.agent, 'qualification-cancel')
  const change = await holder.agent.get('/desk/kinds/qualification-change')
  assert.match(change.text, /现在不能申请：[^<]*已有一件在办的/)
  assert.match(change.text, new RegExp(`href="/desk/cases/${id}">打开这件`))
  const refused = await holder.agent.post('/desk/cases/new/qualification-change')
  assert.equal(refused.status, 409)
  assert.match(refused.text, new RegExp(`href="/desk/cases/${id}">打开这件`))
  assert.match((await holder.agent.get('/desk/kinds/qualification-cancel')).text, /办这件事/, 'its own draft it goes on with')
})

test('each variant has its own way, and an unknown one is not found', async () => {
  const { text } = await city.get('/desk/kinds/shelter-level')
  assert.match(text, /省住建厅/)
  assert.match(text, /aria-current="page">二级</)
  const one = await city.get('/desk/kinds/shelter-level?variant=one')
  assert.match(one.text, /住建部/)
  assert.doesNotMatch(one.text, /省住建厅/)
  assert.equal((await city.get('/desk/kinds/shelter-level?variant=three')).status, 404)
  assert.equal((await city.get('/desk/kinds/no-such-kind')).status, 404)
  assert.equal((await city.get('/desk/kinds/constructor')).status, 404)
})

test('the three administrators have no business here', async () => {
  for (const name of ['system-admin', 'security-admin', 'audit-admin']) {
    const agent = await portal.as(name)
    assert.equal((await agent.get('/desk/kinds')).status, 403)
    assert.equal((await agent.get('/desk/kinds/shelter-filing')).status, 403)
  }
})

// ── The guides ─────────────────────────────────────────────────────────────────────────────────

test('anybody reads the guide to a business, from any cache, without counts', async () => {
  const anyone = portal.anyone()
  const guide = await anyone.get('/guides/shelter-filing')

  assert.equal(guide.status, 200)
  assert.equal(guide.headers.get('cache-control'), 'public, max-age=60')
  assert.equal(anyone.cookies.size, 0)
  assert.deepEqual([boxes(guide.text).区县初审, boxes(guide.text).市局复核], ['初审中', '复审中'])
  assert.doesNotMatch(guide.text, /\d 件<|在办/)
  assert.match(guide.text, /href="\/login\?next=%2Fdesk%2Fkinds%2Fshelter-filing"/)
  assert.match((await anyone.get('/guides')).text, /href="\/guides\/shelter-filing"/)
})

test('what only officials begin has no guide', async () => {
  assert.equal((await portal.anyone().get('/guides/shelter-count')).status, 404)
  assert.doesNotMatch((await portal.anyone().get('/guides')).text, /避雨亭清点/)
  assert.equal((await portal.anyone().get('/guides/no-such-kind')).status, 404)
})

test('catalogue and guides are accessible and never wider than a phone', async () => {
  const browser = await launch()
  try {
    for (const viewport of [desktop, phone]) {
      const { context, page, problems } = await visit(browser, { base: portal.base, viewport })
      await signIn(page, 'company')
      for (const path of [
        '/desk/kinds',
        '/desk/kinds/qualification-new',
        '/desk/kinds/shelter-level',
        '/guides',
        '/guides/qualification-new',
      ]) {
        await page.goto(path)
        assert.deepEqual(await violations(page), [], path)
        assert.equal(await sidewaysScroll(page), 0, path)
      }
      assert.deepEqual(problems, [])
      await context.close()
    }
  } finally {
    await browser.close()
  }
})
