import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Role } from '../src/accounts/roles.ts'
import type { Kind, KindSettings, PartyPlace, Place } from '../src/cases/kind.ts'
import type { StepCode } from '../src/cases/lifecycle.ts'
import { type Agent, type Answer, startPortal, type TestPortal } from './portal.ts'
import {
  type Applicant,
  endPublicity,
  holdCertificate,
  newCompany,
  newUser,
  objectTo,
  paper,
  plain,
  residentId,
  upload,
  versionsOf,
  visit,
  wholeForm,
} from './qualification.ts'

/**
 * Every kind of 资质管理, every variant, walked from the draft to its end through every place of its chain; at each stop every role
 * opens the case and tries what the regulation gives to others (domain.md §3.1, §4.2).
 */

let portal: TestPortal
/** One person for every role; of companies the applicant's own come with each walk. */
const agents = new Map<Role, Agent>()
/** A clerk of another district and another company: nothing here is theirs. */
const strangers = new Map<string, Agent>()
before(async () => {
  portal = await startPortal({ demo: true })
  for (const role of roleCodes) if (!companyRoles.includes(role)) agents.set(role, await portal.as(role))
  for (const username of ['district2-clerk', 'company2']) strangers.set(username, await portal.as(username))
})
after(() => portal.stop())

const { roleCodes } = await import('../src/accounts/roles.ts')
const { forgetSettings } = await import('../src/admin/settings.ts')
const { addDays } = await import('../src/calendar.ts')
const { allKinds, standardOf, variantsOf } = await import('../src/cases/kind.ts')
const { stepCodes, steps } = await import('../src/cases/lifecycle.ts')
const { now, today } = await import('../src/clock.ts')
await import('../src/modules/index.ts')

const companyRoles: readonly Role[] = ['company-admin', 'company-clerk']
/** The steps somebody presses on the page of a case; the two submissions have a form of their own. */
const pressed = stepCodes.filter(code => !['submit', 'resubmit'].includes(code) && steps[code].by !== 'clock')

// ── What a kind needs ──────────────────────────────────────────────────────────────────────────

interface Beginning {
  /** What must be there before anybody may begin. */
  given?(company: Applicant): Promise<void>
  /** What is filled in; what the archives fill in stays. */
  fields?(): Promise<Record<string, string>>
  /** What whoever decides writes down. */
  conclusion?: Record<string, string>
  /** Papers handed in although not every application needs them. */
  papers?: readonly string[]
  /** How it is begun; else by the button of the catalogue. @returns the answer that leads to the draft */
  start?(company: Applicant, agents: ReadonlyMap<Role, Agent>): Promise<Answer>
}

/** A company that has been in the archives for longer than today, and the certificate it holds. */
const holding = (level: string) => async (company: Applicant) => {
  const created_at = new Date(now().getTime() - 500 * 86_400_000)
  await portal.db('companies').where({ id: company.id }).update({ created_at })
  await holdCertificate(portal, company.id, { level })
}
const levelOf = (variant: string) => (variant === 'first' || variant === 'second' ? variant : 'third')
const pledge = { pledge: 'on' }

/** By kind and variant; a kind that is missing here fails its test. */
const beginnings: Record<string, (variant: string) => Beginning> = {
  'qualification-new': () => ({ fields: wholeForm }),
  'qualification-confirm': () => ({
    given: holding('provisional'),
    fields: () => wholeForm({ revenue: '100', profit: '10' }),
  }),
  'qualification-change': variant => ({
    given: holding(levelOf(variant)),
    papers: ['legal-person-id'],
    fields: async () => ({ legal_person: '钱听雨', legal_person_id: await residentId(321), changed_on: today(), ...pledge }),
  }),
  'qualification-cancel': variant => ({
    given: holding(levelOf(variant)),
    fields: async () => ({ reason: 'voluntary', ...pledge }),
  }),
  'qualification-reissue': () => ({
    given: holding('third'),
    fields: async () => ({
      papers: 'both',
      newspaper: '济南日报',
      notice_on: addDays(today(), -20),
      notice_page: 'A07 版',
      ...pledge,
    }),
  }),
  'annual-inspection': () => ({
    async given(company) {
      await holding('third')(company)
      const stamps = { created_at: now(), updated_at: now() }
      const season = { year: Number(today().slice(0, 4)), opens_on: addDays(today(), -10), closes_on: addDays(today(), 30) }
      await portal
        .db('inspection_seasons')
        .insert({ ...season, ...stamps })
        .onConflict('year')
        .merge()
    },
    fields: async () => ({ revenue: '120', profit: '8', assessment: '对照等级条件逐项自查，符合要求。', ...pledge }),
    conclusion: { result: 'basic', rectification: '补齐电梯维护记录。' },
  }),
  'qualification-upgrade': variant => ({
    given: holding(variant === 'first' ? 'second' : 'third'),
    fields: () => wholeForm({ level: variant, revenue: '100', profit: '10' }),
    conclusion: { certificate_number: `建物-走-${variant}`, valid_until: '' },
  }),
  'qualification-merge': variant => ({
    // No level above the one held comes of a merge.
    ...(variant === 'second' || variant === 'first' ? { given: holding(variant) } : {}),
    fields: () =>
      wholeForm({
        way: 'split-off',
        registered_on: today(),
        'others.0.name': '福建听泉物业服务有限公司',
        'others.0.code': '91350100M000100Y43',
        'others.0.dissolved': 'no',
        level: variant,
      }),
    conclusion: { certificate_number: variant === 'second' || variant === 'first' ? `建物-并-${variant}` : '', valid_until: '' },
  }),
  'certificate-revoke': () => ({
    given: holding('third'),
    start: async (company, agents) =>
      await (agents.get('city-clerk') ?? assert.fail()).post('/desk/cases/new/certificate-revoke', {
        subject_id: String(company.id),
      }),
    fields: async () => ({
      measure: 'revoke',
      level: '',
      basis: '行政许可法第六十九条第二款',
      reason: '以欺骗手段取得资质证书。',
      occurred_on: addDays(today(), -5),
      facts: '所报职称证书经核查系伪造。',
    }),
  }),
  'company-information': () => ({ fields: wholeForm }),
  'branch-filing': () => ({
    async given(company) {
      await portal.db('companies').where({ id: company.id }).update({ origin: 'outside' })
    },
    fields: async () => ({
      head_office: '江苏听泉物业服务有限公司',
      head_office_code: '91350100M000100Y43',
      head_office_place: '江苏省南京市',
      head_office_level: 'none',
      branch_address: '历下区试验路1号3层',
      branch_head: '孙听松',
      branch_head_phone: '15400000003',
      mandate_scope: '在济南市承接物业服务项目、签订物业服务合同',
      mandate_from: addDays(today(), -30),
      ...pledge,
    }),
  }),
}

/** 企业信息登记 is in use while 资质管理 is not. */
const whileOff: readonly string[] = ['company-information']

/** 资质管理启用, as the parameter stands. */
async function enable(on: boolean): Promise<void> {
  const row = { code: 'qualification.enabled', value: JSON.stringify(on), created_at: now(), updated_at: now() }
  await portal.db('settings').insert(row).onConflict('code').merge()
  forgetSettings()
}

// ── Who may do what ────────────────────────────────────────────────────────────────────────────

/** Where a case is, as somebody at the counter would say it. */
interface Stop {
  at: 'draft' | 'submitted' | 'supplement' | 'place' | 'objected' | 'closed'
  place?: Place
  /** How many requests for correction have been made. */
  corrected?: number
}

/** What an official would read off the regulation; whoever is not named may do nothing. */
function lawful(kind: Kind, { chain, corrections }: KindSettings, { at, place, corrected = 0 }: Stop, role: Role): StepCode[] {
  const applies = kind.startedBy.includes(role)
  const first = chain[0]
  const correct: StepCode[] = corrected < corrections ? ['correct'] : []
  switch (at) {
    case 'draft':
      return applies ? ['submit'] : []
    case 'supplement':
      return applies ? ['resubmit', 'withdraw'] : []
    case 'submitted':
      return [
        ...(applies ? (['withdraw'] as const) : []),
        ...(first?.sort === 'desk' && first.role === role ? (['accept', 'decline', ...correct] as const) : []),
      ]
    case 'place': {
      const withdraw: StepCode[] = applies && place?.sort !== 'wait' ? ['withdraw'] : []
      if (place?.sort === 'party') return [...withdraw, ...(isParty(place, role) ? (['answer'] as const) : [])]
      if (place?.sort === 'external') return [...withdraw, ...(place.role === role ? (['pass', 'refuse'] as const) : [])]
      if (place?.sort !== 'desk' || place.role !== role) return withdraw
      const before = chain.slice(0, chain.indexOf(place)).some(({ sort }) => sort === 'desk' || sort === 'external')
      return [...withdraw, 'pass', 'refuse', ...correct, ...(before ? (['sendBack'] as const) : [])]
    }
    case 'objected':
      return place?.sort === 'wait' && place.role === role ? ['uphold'] : []
    case 'closed':
      return []
  }
}

/** The company the case is about, where it must answer. */
const isParty = ({ party }: PartyPlace, role: Role) => party === 'respondent' && companyRoles.includes(role)

let turn = 0

/** Everybody opens the case and presses some of the buttons they were not given: nothing of it moves it. */
async function everybodyTries(walk: Walk, id: number, stop: Stop): Promise<void> {
  const { kind, settings, seen } = walk
  const where = `${stop.at}${stop.place ? ` ${stop.place.code}` : ''}`
  const row = await portal.db('cases').where({ id }).first()
  // The variants of a kind differ in some places alone.
  const spot = JSON.stringify([
    kind.code,
    { ...stop, state: row.state, place: stop.place && [stop.place, settings.chain.indexOf(stop.place)] },
  ])
  if (seen.has(spot)) return
  seen.add(spot)
  for (const [role, agent] of walk.agents) {
    const may = lawful(kind, settings, stop, role)
    const page = await agent.get(`/desk/cases/${id}`)
    assert.ok([200, 403, 404].includes(page.status), `${where}: ${role} sees ${page.status}`)
    const buttons = pressed.filter(code => page.text.includes(`name="action" value="${code}"`))
    const submits = page.text.includes(`formaction="/desk/cases/${id}/submit"`)
    const wanted = may.filter(code => code !== 'submit' && code !== 'resubmit')
    assert.deepEqual(buttons.sort(), wanted.sort(), `${where}: buttons of ${role}`)
    assert.equal(
      submits,
      may.some(code => code === 'submit' || code === 'resubmit'),
      `${where}: submission by ${role}`,
    )

    // Over the stops of a walk everybody comes to try everything; who does not even see the case learns nothing by it.
    const others = pressed.filter(code => !may.includes(code))
    const tries = page.status === 200 ? 2 : 1
    for (let n = 0; n < tries; n++) {
      const code = others[turn++ % others.length]
      if (!code) continue
      const answer = await walk.press(agent, id, code)
      const refusals = page.status === 200 ? [403, 409] : [403, 404]
      assert.ok(refusals.includes(answer.status), `${where}: ${role} ${code}: ${answer.status}`)
    }
    if (!submits && turn % 3 === 0) {
      const answer = await agent.post(`/desk/cases/${id}/submit`, await versionsOf(portal, id))
      assert.ok([403, 404, 409].includes(answer.status), `${where}: ${role} submits: ${answer.status}`)
    }
  }
  for (const [name, agent] of strangers) {
    assert.equal((await agent.get(`/desk/cases/${id}`)).status, 404, `${where}: ${name}`)
    const code = pressed[turn++ % pressed.length] ?? 'pass'
    // The outcome of an authority outside comes with a scan, which is taken from nobody who decides nothing.
    assert.ok([403, 404].includes((await walk.press(agent, id, code)).status), `${where}: ${name} ${code}`)
  }
  const after = await portal.db('cases').where({ id }).first()
  assert.deepEqual([after.state, after.version, after.history_count], [row.state, row.version, row.history_count], where)
}

// ── The walk ───────────────────────────────────────────────────────────────────────────────────

interface Walk {
  kind: Kind
  /** Where everybody has tried already, on an earlier walk. */
  seen: Set<string>
  settings: KindSettings
  company: Applicant
  agents: ReadonlyMap<Role, Agent>
  /** Whoever applies. */
  applicant: Agent
  beginning: Beginning
  press(agent: Agent, id: number, code: string, more?: Record<string, string>): Promise<Answer>
}

async function setOut(kind: Kind, variant: string, seen: Set<string>): Promise<Walk> {
  const beginning = beginnings[kind.code]?.(variant)
  assert.ok(beginning, `${kind.code} is not walked through: say in \`beginnings\` what it needs`)
  const company = await newCompany(portal)
  await beginning.given?.(company)
  const clerk = await newUser(portal, { organisation_id: company.id, role: 'company-clerk', region_code: '370102' })
  const all = new Map<Role, Agent>([...agents, ['company-admin', company.agent], ['company-clerk', await portal.as(clerk)]])
  const [starter] = kind.startedBy
  const applicant = starter && all.get(starter)
  assert.ok(applicant, `nobody begins ${kind.code}`)
  const settings = standardOf(kind, variant)
  const written = { opinion: '试一试。', item: `material.${settings.materials[0]?.code}`, [`words.material.${settings.materials[0]?.code}`]: '请核对。' } // biome-ignore format: what every button might want
  return {
    kind,
    seen,
    settings,
    company,
    agents: all,
    applicant,
    beginning,
    async press(agent, id, code, more = {}) {
      const { version } = await versionsOf(portal, id)
      const fields = { action: code, version, ...written, ...(await visit()), ...beginning.conclusion, ...more }
      const row = await portal.db('cases').where({ id }).first('place', 'state')
      const place = settings.chain.find(place => place.code === row.place)
      if (place?.sort !== 'external' || row.state !== 'reviewing' || !['pass', 'refuse'].includes(code))
        return await agent.post(`/desk/cases/${id}/steps`, fields)
      const body = new FormData()
      const outcome = { outcome_number: `鲁建物〔2026〕${id}号`, outcome_on: today() }
      for (const [name, value] of Object.entries({ ...fields, ...outcome })) body.append(name, value)
      body.append('files', paper(`批复 ${id} ${version}`), '批复.pdf')
      const answer = await agent.raw(`/desk/cases/${id}/outcome`, { method: 'POST', body, headers: { origin: agent.base } })
      return { status: answer.status, location: null, text: await answer.text(), headers: answer.headers }
    },
  }
}

/** A step by the person whose it is. */
async function take(walk: Walk, id: number, role: Role | 'applicant', code: StepCode): Promise<void> {
  const agent = role === 'applicant' ? walk.applicant : walk.agents.get(role)
  assert.ok(agent)
  const answer = await walk.press(agent, id, code)
  assert.equal(answer.status, 303, `${code} by ${role}: ${plain(answer.text)}`)
}

async function begin({ kind, company, agents, applicant, beginning }: Walk): Promise<number> {
  const started = await (beginning.start?.(company, agents) ?? applicant.post(`/desk/cases/new/${kind.code}`))
  assert.equal(started.status, 303, plain(started.text))
  return Number(/\/desk\/cases\/(\d+)/.exec(started.location ?? '')?.[1])
}

async function submit({ settings, applicant, beginning }: Walk, id: number): Promise<void> {
  for (const { code, required } of settings.materials)
    if (required || beginning.papers?.includes(code)) assert.equal((await upload(applicant, id, code)).status, 303, code)
  await send({ applicant, beginning }, id)
}

async function send({ applicant, beginning }: Pick<Walk, 'applicant' | 'beginning'>, id: number): Promise<void> {
  const fields = { ...(await beginning.fields?.()), ...(await versionsOf(portal, id)) }
  const answer = await applicant.post(`/desk/cases/${id}/submit`, fields)
  assert.equal(answer.status, 303, plain(answer.text))
}

const stateOf = async (id: number): Promise<string> => (await portal.db('cases').where({ id }).first('state')).state

/** 不予受理, 撤回 and 不通过, each on an application of its own. */
async function endEarly(walk: Walk): Promise<void> {
  const [first] = walk.settings.chain
  assert.ok(first?.sort === 'desk', 'the first place of a chain is a desk')
  const declined = await begin(walk)
  await submit(walk, declined)
  await take(walk, declined, first.role, 'decline')
  await everybodyTries(walk, declined, { at: 'closed' })

  const isOver = walk.kind.refusedTo === 'refused'
  const refused = await begin(walk)
  await submit(walk, refused)
  await take(walk, refused, first.role, 'accept')
  await take(walk, refused, first.role, 'refuse')
  assert.equal(await stateOf(refused), walk.kind.refusedTo)
  await everybodyTries(walk, refused, { at: isOver ? 'closed' : 'draft' })
  // What came back can be handed in as it is, and given up.
  const withdrawn = isOver ? await begin(walk) : refused
  await (isOver ? submit : send)(walk, withdrawn)
  await take(walk, withdrawn, 'applicant', 'withdraw')
  await everybodyTries(walk, withdrawn, { at: 'closed' })
}

/** From the draft to the approval, with a correction at the last desk and an objection that is upheld. */
async function goThrough(walk: Walk): Promise<number> {
  const { chain, corrections } = walk.settings
  const [first] = chain
  assert.ok(first?.sort === 'desk')
  const id = await begin(walk)
  await everybodyTries(walk, id, { at: 'draft' })
  await submit(walk, id)
  await everybodyTries(walk, id, { at: 'submitted' })
  await take(walk, id, first.role, 'accept')
  const lastDesk = chain.findLast(({ sort }) => sort === 'desk')
  let corrected = 0
  for (let turns = 3 * chain.length; turns; turns--) {
    const { state, place: code } = await portal.db('cases').where({ id }).first('state', 'place')
    const place = chain.find(place => place.code === code)
    if (!place) break
    await everybodyTries(walk, id, { at: 'place', place, corrected })
    if (place.sort === 'wait') {
      assert.equal(state, 'waiting')
      if (place.public && !(await portal.db('objections').where({ case_id: id }).first('id'))) {
        await objectTo(portal, id)
        await everybodyTries(walk, id, { at: 'objected', place })
        await take(walk, id, place.role, 'uphold')
      } else await endPublicity(portal, id)
    } else if (place.sort === 'party') await take(walk, id, 'company-admin', 'answer')
    else {
      if (place === lastDesk && corrections && !corrected) {
        corrected = 1
        await take(walk, id, place.role, 'correct')
        await everybodyTries(walk, id, { at: 'supplement' })
        const [asked] = walk.settings.materials
        if (asked) assert.equal((await upload(walk.applicant, id, asked.code, '补正')).status, 303)
        const again = await walk.applicant.post(`/desk/cases/${id}/submit`, await versionsOf(portal, id))
        assert.equal(again.status, 303, plain(again.text))
        await everybodyTries(walk, id, { at: 'place', place, corrected })
      }
      await take(walk, id, place.role, 'pass')
    }
  }
  assert.equal(await stateOf(id), 'done')
  await everybodyTries(walk, id, { at: 'closed' })
  return id
}

for (const kind of allKinds().filter(({ module }) => module === 'qualification')) {
  const seen = new Set<string>()
  for (const [variant, label] of Object.entries(variantsOf(kind)))
    test(`${kind.label}${label && `（${label}）`}: only the steps of the regulation are open, to those it names`, async () => {
      const isFirst = seen.size === 0
      await enable(!whileOff.includes(kind.code))
      const walk = await setOut(kind, variant, seen)
      if (isFirst) await endEarly(walk)
      const id = await goThrough(walk)
      assert.equal((await portal.db('cases').where({ id }).first('variant')).variant, variant)
    })
}
