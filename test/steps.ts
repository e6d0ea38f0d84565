import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Role } from '../src/accounts/roles.ts'
import type { Kind, KindSettings, Place } from '../src/cases/kind.ts'
import type { StepCode } from '../src/cases/lifecycle.ts'
import type { Agent, Answer, TestPortal } from './portal.ts'
import { type Applicant, endPublicity, newUser, objectTo, paper, plain, upload, versionsOf, visit } from './qualification.ts'

/**
 * Walks every kind of a module, every variant, from the draft to its end through every place of its chain; at each stop every role
 * opens the case and tries what the regulation gives to others (domain.md §3.1).
 */

const { roleCodes } = await import('../src/accounts/roles.ts')
const { allKinds, standardOf, variantsOf } = await import('../src/cases/kind.ts')
const { stepCodes, steps } = await import('../src/cases/lifecycle.ts')
const { today } = await import('../src/clock.ts')
await import('../src/modules/index.ts')

/** Somebody who opens the case, in a role. */
export interface Walker {
  role: Role
  agent: Agent
  /** Whose unit is asked by the case, where it does not apply itself. */
  asked?: true
}

/** What one kind needs to be walked through. */
export interface Beginning {
  /** The people of the units the case is about; everybody else is of the demo city. */
  walkers: readonly Walker[]
  /** How it is begun; else by the button of the catalogue. @returns the answer that leads to the draft */
  start?(applicant: Agent): Promise<Answer>
  /** What is filled in; what the archives fill in stays. */
  fields?(): Promise<Record<string, string>>
  /** What whoever decides writes down. */
  conclusion?: Record<string, string>
  /** Papers handed in although not every application needs them. */
  papers?: readonly string[]
}

/** Where the walks of a file take place. */
export interface Ground {
  portal: TestPortal
  /** One person for every role; of companies the ones a case is about come with each walk. */
  city: ReadonlyMap<Role, Agent>
  /** A clerk of another district and other companies: nothing here is theirs. */
  strangers: ReadonlyMap<string, Agent>
}

const companyRoles: readonly Role[] = ['company-admin', 'company-clerk']
/** The steps somebody presses on the page of a case; the two submissions have a form of their own. */
const pressed = stepCodes.filter(code => !['submit', 'resubmit'].includes(code) && steps[code].by !== 'clock')

/** Both people of a company. */
export async function peopleOf(portal: TestPortal, { id, agent }: Applicant, asked?: true): Promise<Walker[]> {
  const clerk = await newUser(portal, { organisation_id: id, role: 'company-clerk', region_code: '370102' })
  const side = asked ? { asked } : {}
  return [
    { role: 'company-admin', agent, ...side },
    { role: 'company-clerk', agent: await portal.as(clerk), ...side },
  ]
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
function lawful(
  kind: Kind,
  { chain, corrections }: KindSettings,
  { at, place, corrected = 0 }: Stop,
  { role, asked }: Walker,
): StepCode[] {
  const applies = !asked && kind.startedBy.includes(role)
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
      if (place?.sort === 'party') return [...withdraw, ...(asked ? answers(kind) : [])]
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

/** What whoever is asked may say: only a kind that expects it hears a no. */
const answers = (kind: Kind): StepCode[] => (kind.dissent ? ['answer', 'dissent'] : ['answer'])

let turn = 0

/** Everybody opens the case and presses some of the buttons they were not given: nothing of it moves it. */
async function everybodyTries(walk: Walk, id: number, stop: Stop): Promise<void> {
  const { kind, settings, seen, portal } = walk
  const where = `${stop.at}${stop.place ? ` ${stop.place.code}` : ''}`
  const row = await portal.db('cases').where({ id }).first()
  // The variants of a kind differ in some places alone.
  const spot = JSON.stringify([
    kind.code,
    { ...stop, state: row.state, place: stop.place && [stop.place, settings.chain.indexOf(stop.place)] },
  ])
  if (seen.has(spot)) return
  seen.add(spot)
  for (const walker of walk.walkers) {
    const { agent } = walker
    const role = `${walker.role}${walker.asked ? ' (asked)' : ''}`
    const may = lawful(kind, settings, stop, walker)
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
  for (const [name, agent] of walk.strangers) {
    assert.equal((await agent.get(`/desk/cases/${id}`)).status, 404, `${where}: ${name}`)
    const code = pressed[turn++ % pressed.length] ?? 'pass'
    // The outcome of an authority outside comes with a scan, which is taken from nobody who decides nothing.
    assert.ok([403, 404].includes((await walk.press(agent, id, code)).status), `${where}: ${name} ${code}`)
  }
  const after = await portal.db('cases').where({ id }).first()
  assert.deepEqual([after.state, after.version, after.history_count], [row.state, row.version, row.history_count], where)
}

// ── The walk ───────────────────────────────────────────────────────────────────────────────────

interface Walk extends Ground {
  kind: Kind
  /** Where everybody has tried already, on an earlier walk. */
  seen: Set<string>
  settings: KindSettings
  walkers: readonly Walker[]
  /** Whoever applies. */
  applicant: Agent
  beginning: Beginning
  press(agent: Agent, id: number, code: string, more?: Record<string, string>): Promise<Answer>
}

function setOut(ground: Ground, kind: Kind, variant: string, beginning: Beginning, seen: Set<string>): Walk {
  const { portal, city } = ground
  const own = beginning.walkers.map(({ role }) => role)
  const others = [...city].filter(([role]) => !own.includes(role))
  const walkers = [...others.map(([role, agent]): Walker => ({ role, agent })), ...beginning.walkers]
  const applicant = walkers.find(({ role, asked }) => !asked && role === kind.startedBy[0])?.agent
  assert.ok(applicant, `nobody begins ${kind.code}`)
  const settings = standardOf(kind, variant)
  const written = { opinion: '试一试。', item: `material.${settings.materials[0]?.code}`, [`words.material.${settings.materials[0]?.code}`]: '请核对。' } // biome-ignore format: what every button might want
  return {
    ...ground,
    kind,
    seen,
    settings,
    walkers,
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
async function take(walk: Walk, id: number, role: Role | 'applicant' | 'asked', code: StepCode): Promise<void> {
  const { walkers, applicant } = walk
  const isTheirs = (walker: Walker) => (role === 'asked' ? walker.asked : walker.role === role)
  const agent = role === 'applicant' ? applicant : walkers.find(isTheirs)?.agent
  assert.ok(agent)
  const answer = await walk.press(agent, id, code)
  assert.equal(answer.status, 303, `${code} by ${role}: ${plain(answer.text)}`)
}

async function begin({ kind, applicant, beginning }: Walk): Promise<number> {
  const started = await (beginning.start?.(applicant) ?? applicant.post(`/desk/cases/new/${kind.code}`))
  assert.equal(started.status, 303, plain(started.text))
  return Number(/\/desk\/cases\/(\d+)/.exec(started.location ?? '')?.[1])
}

async function submit(walk: Walk, id: number): Promise<void> {
  const { portal, settings, applicant, beginning } = walk
  // The materials follow the variant, which the fields say.
  const saved = await applicant.post(`/desk/cases/${id}/draft`, {
    ...(await beginning.fields?.()),
    ...(await versionsOf(portal, id)),
  })
  assert.equal(saved.status, 303, plain(saved.text))
  for (const { code, required } of settings.materials)
    if (required || beginning.papers?.includes(code)) assert.equal((await upload(applicant, id, code)).status, 303, code)
  await send(walk, id)
}

async function send({ portal, applicant, beginning }: Walk, id: number): Promise<void> {
  const fields = { ...(await beginning.fields?.()), ...(await versionsOf(portal, id)) }
  const answer = await applicant.post(`/desk/cases/${id}/submit`, fields)
  assert.equal(answer.status, 303, plain(answer.text))
}

const stateOf = async ({ portal }: Ground, id: number): Promise<string> =>
  (await portal.db('cases').where({ id }).first('state')).state

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
  assert.equal(await stateOf(walk, refused), walk.kind.refusedTo)
  await everybodyTries(walk, refused, { at: isOver ? 'closed' : 'draft' })
  // What came back can be handed in as it is, and given up.
  const withdrawn = isOver ? await begin(walk) : refused
  await (isOver ? submit : send)(walk, withdrawn)
  await take(walk, withdrawn, 'applicant', 'withdraw')
  await everybodyTries(walk, withdrawn, { at: 'closed' })
}

/** Who is asked says no: the case goes where the kind says, and can be handed in again or goes on. */
async function disagree(walk: Walk): Promise<void> {
  const { portal, kind, settings } = walk
  const { chain } = settings
  const [first] = chain
  const asked = chain.findIndex(({ sort }) => sort === 'party')
  if (!kind.dissent || asked < 0) return
  assert.ok(first?.sort === 'desk')
  const id = await begin(walk)
  await submit(walk, id)
  await take(walk, id, first.role, 'accept')
  for (const place of chain.slice(0, asked)) if (place.sort === 'desk') await take(walk, id, place.role, 'pass')
  await take(walk, id, 'asked', 'dissent')
  const { state, place } = await portal.db('cases').where({ id }).first('state', 'place')
  if (kind.dissent === 'refused') {
    assert.equal(state, kind.refusedTo)
    await everybodyTries(walk, id, { at: state === 'draft' ? 'draft' : 'closed' })
    if (state === 'draft') await send(walk, id)
  } else assert.equal(place, chain[asked + 1]?.code)
  if (kind.dissent === 'next' || state === 'draft') await take(walk, id, 'applicant', 'withdraw')
}

/** From the draft to the approval, with a correction at the last desk and an objection that is upheld. */
async function goThrough(walk: Walk): Promise<number> {
  const { portal } = walk
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
    } else if (place.sort === 'party') await take(walk, id, 'asked', 'answer')
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
  assert.equal(await stateOf(walk, id), 'done')
  await everybodyTries(walk, id, { at: 'closed' })
  return id
}

/**
 * One test for every variant of every kind of a module.
 * @param ground where they take place, once it is there
 * @param beginnings what each kind needs, by its code; a kind without is a fault
 */
export function walkEveryKind(
  module: Kind['module'],
  ground: () => Ground,
  beginnings: Readonly<Record<string, (variant: string) => Promise<Beginning>>>,
): void {
  for (const kind of allKinds().filter(each => each.module === module)) {
    const seen = new Set<string>()
    for (const [variant, label] of Object.entries(variantsOf(kind)))
      test(`${kind.label}${label && `（${label}）`}: only the steps of the regulation are open, to those it names`, async () => {
        const isFirst = seen.size === 0
        const begins = beginnings[kind.code]
        assert.ok(begins, `${kind.code} is not walked through: say in \`beginnings\` what it needs`)
        const walk = setOut(ground(), kind, variant, await begins(variant), seen)
        if (isFirst) await endEarly(walk)
        await disagree(walk)
        const id = await goThrough(walk)
        assert.equal((await walk.portal.db('cases').where({ id }).first('variant')).variant, variant)
      })
  }
}

/** The demo city with one person for every role outside of companies, and strangers. */
export async function openGround(portal: TestPortal): Promise<Ground> {
  const city = new Map<Role, Agent>()
  for (const role of roleCodes) if (!companyRoles.includes(role)) city.set(role, await portal.as(role))
  const strangers = new Map<string, Agent>()
  for (const username of ['district2-clerk', 'company2']) strangers.set(username, await portal.as(username))
  return { portal, city, strangers }
}
