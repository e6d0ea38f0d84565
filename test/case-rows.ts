import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { insertRows, type Row } from '../seeds/rows.ts'
import { hashPassword } from '../src/accounts/passwords.ts'
import { type Role, roles } from '../src/accounts/roles.ts'
import { type WorkCalendar, workCalendar } from '../src/calendar.ts'
import { type Case, type HistoryRow, noDue, type StepPayload } from '../src/cases/case.ts'
import { dueOf, readClocks } from '../src/cases/clock.ts'
import { sealedEdition } from '../src/cases/drafts.ts'
import { hashOf } from '../src/cases/history.ts'
import type { Kind, KindSettings, Place } from '../src/cases/kind.ts'
import { closedStates, type Step, type StepCode, steps, writableStates } from '../src/cases/lifecycle.ts'
import { prefixOf, renderNumber } from '../src/cases/numbers.ts'
import { settingsInForce } from '../src/cases/settings.ts'
import { dayOf, now, today } from '../src/clock.ts'
import { blindIndex, randomCode } from '../src/crypto.ts'
import { nameKey } from '../src/database/names.ts'
import { digestOf } from '../src/documents/documents.ts'
import { type Answers, marksOf } from '../src/forms/answers.ts'
import { checkSignOfCreditCode, checkSignOfOrganisationCode, checkSignOfResidentId } from '../src/identifiers.ts'
import { terms } from '../src/lists/terms.ts'

/**
 * Many cases at once, written straight to the tables and yet as the engine leaves them: sealed editions, chained history, holders,
 * limits, numbers with their counters. For measuring, and for tests that need more cases than people can file. Load it after
 * `portal.ts`, because it needs the keys of the portal.
 */

interface Person {
  id: number
  name: string
  role: Role
  organisation_id: number
  organisation_name: string
}

/** A company that files cases, with the account that does it. */
export interface Company {
  id: number
  name: string
  code: string
  district: string
  street: string
  user: Person
  username: string
}

let password: Promise<string> | undefined

/** The hash of the password of all demo accounts. */
function demoHash(): Promise<string> {
  password ??= hashPassword('Wuye@2026')
  return password
}

interface Companies {
  count: number
  /** Whether their accounts can sign in, with the demo password. */
  signIn?: boolean
  /** All in this district; else the first thirty in 历下区 and the rest all over the city. */
  district?: string
}

/** New companies with an account each. */
export async function writeCompanies(db: Knex, { count, signIn = false, district }: Companies): Promise<Company[]> {
  const streets: { code: string; parent: string }[] = await db('regions')
    .where({ level: 'street' })
    .orderBy('code')
    .select('code', db.raw('coalesce(managed_by, parent_code) as parent'))
  const home = streets.filter(({ parent }) => parent === (district ?? '370102'))
  const first = { organisation: await nextId(db, 'organisations'), user: await nextId(db, 'users') }
  const hash = signIn ? await demoHash() : null
  const companies = Array.from({ length: count }, (_, at): Company => {
    const places = district || at < 30 ? home : streets
    const { code: street = '', parent = '' } = places[(at * 7) % places.length] ?? {}
    const id = first.organisation + at
    const name = `济南${rareName(id)}物业服务有限公司`
    const user = { id: first.user + at, name: `试${rareName(id)}`, role: 'company-admin', organisation_id: id } as const
    const person = { ...user, organisation_name: name }
    return { id, name, code: creditCode(parent, id), district: parent, street, user: person, username: `case-${user.id}` }
  })
  await inBulk(db, async trx => {
    for (const part of inParts(companies, 500)) await writeCompanyRows(trx, part, hash)
  })
  return companies
}

/** Two Han characters out of 20,000, different for every id below four hundred million. */
function rareName(id: number): string {
  return String.fromCodePoint(0x4e00 + (Math.floor(id / 20_000) % 20_000), 0x4e00 + ((id * 7919) % 20_000))
}

function creditCode(district: string, id: number): string {
  const body = `MC${String(id).padStart(6, '0').slice(-6)}`
  const first = `91${district}${body}${checkSignOfOrganisationCode(body)}`
  return first + checkSignOfCreditCode(first)
}

async function writeCompanyRows(trx: Knex.Transaction, companies: readonly Company[], hash: string | null): Promise<void> {
  const at = now()
  const stamps = { created_at: at, updated_at: at }
  const rows = (make: (company: Company) => Row) => companies.map(make)
  await insertRows(
    trx,
    'organisations',
    rows(({ id, name, code, district, street }) => ({
      id,
      kind: 'company',
      name,
      name_key: nameKey(name),
      code,
      region_code: district,
      district_code: district,
      street_code: street,
      contact: '王小满',
      phone: '15400000001',
      address: '试验路1号3层',
      ...stamps,
    })),
  )
  const company = { origin: 'city', ownership: 'limited', legal_person: '李大山', registered_address: '试验路1号' }
  await insertRows(
    trx,
    'companies',
    rows(({ id }) => ({ id, ...company, ...stamps })),
  )
  await insertRows(
    trx,
    'company_areas',
    rows(({ id, district }) => ({ region_code: district, company_id: id, basis: 'registered' })),
  )
  await insertRows(
    trx,
    'users',
    rows(({ user, username }) => accountRow(user, username, hash, at)),
  )
  await insertRows(
    trx,
    'user_roles',
    rows(({ user, district }) => ({ user_id: user.id, role: user.role, region_code: district, granted_at: at })),
  )
}

function accountRow({ id, name, organisation_id }: Person, username: string, hash: string | null, at: Date): Row {
  return {
    id,
    username,
    name,
    name_key: nameKey(name, true),
    organisation_id,
    password_hash: hash,
    password_changed_at: at,
    must_change_password: false,
    demo: true,
    created_at: at,
    updated_at: at,
  }
}

/** Officials in one role, of the city or of a region, who sign in with the demo password. @returns their usernames */
export async function writeOfficers(
  db: Knex,
  { role, count, region = '370100' }: { role: Role; count: number; region?: string },
): Promise<string[]> {
  const bureau = await bureauOf(db)
  const hash = await demoHash()
  const [first, at] = [await nextId(db, 'users'), now()]
  const officers = Array.from({ length: count }, (_, n) => {
    const id = first + n
    const person = { id, name: `办${rareName(id)}`, role, organisation_id: bureau.id, organisation_name: bureau.name }
    return { person, username: `officer-${id}` }
  })
  await db.transaction(async trx => {
    await insertRows(
      trx,
      'users',
      officers.map(({ person, username }) => accountRow(person, username, hash, at)),
    )
    await insertRows(
      trx,
      'user_roles',
      officers.map(({ person }) => ({ user_id: person.id, role, region_code: region, granted_at: at })),
    )
  })
  return officers.map(({ username }) => username)
}

/** The bureau of the demo city, or one of that name. */
async function bureauOf(db: Knex): Promise<{ id: number; name: string }> {
  const found = await db('organisations').where({ kind: 'city' }).orderBy('id').first('id', 'name')
  if (found) return found
  const name = '济南市住房和城乡建设局'
  const at = now()
  const [id = 0] = await db('organisations').insert({
    kind: 'city',
    name,
    name_key: nameKey(name),
    region_code: '370100',
    created_at: at,
    updated_at: at,
  })
  return { id, name }
}

/** The steps that bring a case to each place of a chain (by its code), and to each end (by the state). */
export function waysThrough({ chain }: Pick<KindSettings, 'chain'>): Record<string, StepCode[]> {
  const ways: Record<string, StepCode[]> = {
    draft: [],
    submitted: ['submit'],
    supplement: ['submit', 'correct'],
    declined: ['submit', 'decline'],
    withdrawn: ['submit', 'withdraw'],
  }
  let way: StepCode[] = ['submit', 'accept']
  for (const place of chain) {
    ways[place.code] = way
    if (place.sort === 'desk') ways.refused = [...way, 'refuse']
    way = [...way, place.sort === 'wait' ? 'expire' : 'pass']
  }
  const first = ways[chain[0]?.code ?? ''] ?? []
  return { ...ways, corrected: [...first, 'correct', 'resubmit'], done: way }
}

export interface Plan {
  kind: Kind
  companies: readonly Company[]
  /** How many cases each company has filed, one after the other; only its last one may be open. */
  rounds?: number
  /** The steps the case of a company has taken. */
  way(company: number, isLast: boolean): readonly StepCode[]
  answers(company: Company, at: number): Answers
  onProgress?(written: number): void
}

/** How many days back the first cases lie. */
const span = 1100
const day = 86_400_000
const perBatch = 2000

/**
 * Writes the cases of a plan. Companies take turns, so the cases of one lie years apart; only the last of each has files. Rows are
 * written in parts and forgotten, so memory does not grow with their number. Messages, papers and the action log are left out.
 * @returns the ids of the last case of each company, in their order
 */
export async function writeCases(db: Knex, plan: Plan): Promise<number[]> {
  const { kind, companies, rounds = 1 } = plan
  const force = await settingsInForce(db, kind)
  const [calendar, officers, cases, payloads] = await Promise.all([
    workCalendar(db),
    officersOf(db, force.settings),
    nextId(db, 'cases'),
    nextId(db, 'case_payloads'),
  ])
  const writer = new Writer(plan, force, { calendar, officers, counters: await countersOf(db), payloads })
  const total = companies.length * rounds
  const last: number[] = []
  for (const part of inParts([...companies.keys()], Math.max(1, Math.floor(perBatch / rounds)))) {
    for (const at of part) {
      const answers = plan.answers(companies[at] as Company, at) // its own index
      const sealed = sealedEdition(kind, answers)
      for (let round = 0; round < rounds; round++) {
        const n = round * companies.length + at
        writer.add({ at, id: cases + n, place: (n + 1) / total, isLast: round === rounds - 1, answers, sealed })
      }
      last.push(cases + total - companies.length + at)
    }
    await inBulk(db, trx => writer.flush(trx))
    plan.onProgress?.(last.length * rounds)
  }
  await writer.keepCounters(db)
  return last
}

interface Around {
  calendar: WorkCalendar
  officers: Map<string, Person[]>
  counters: Map<string, number>
  /** The next free id of a payload. */
  payloads: number
}
interface Filing {
  /** Which company. */
  at: number
  id: number
  /** Where in the time of all cases it lies, above 0 to 1. */
  place: number
  isLast: boolean
  answers: Answers
  sealed: string
}

const tables = [
  'cases',
  'case_parties',
  'case_drafts',
  'case_payloads',
  'case_history',
  'case_handlers',
  'case_corrections',
  'case_marks',
  'files',
  'publicities',
] as const

/** Makes the rows of cases and keeps them until they are written. */
class Writer {
  #plan: Plan
  #settings: { id: number; settings: KindSettings }
  #around: Around
  #rows = new Map<string, Row[]>(tables.map(table => [table, []]))
  #terms: string[] = []
  #known = new Map<string, readonly string[]>()

  constructor(plan: Plan, settings: { id: number; settings: KindSettings }, around: Around) {
    this.#plan = plan
    this.#settings = settings
    this.#around = around
  }

  /** One case with all that hangs on it. */
  add(filing: Filing): void {
    const { companies, way } = this.#plan
    const { settings } = this.#settings
    const company = companies[filing.at] as Company // the plan's own index
    const taken = way(filing.at, filing.isLast)
    const kase = this.#draft(filing, company, taken.length)
    const history: HistoryRow[] = []
    const handlers = new Map<number, Date>()
    const papers = filing.isLast ? this.#papersOf(kase, company) : []
    const { kind } = this.#plan
    const sealed = papers.length ? sealedEdition(kind, filing.answers, papers) : filing.sealed
    for (const code of taken) this.#take(kase, history, code, { ...filing, sealed }, company, handlers)
    const isOpen = !closedStates.includes(kase.state)
    if (isOpen && kase.edition) {
      const input = { kase, settings, history, calendar: this.#around.calendar, today: today() }
      const due = dueOf(readClocks(input))
      Object.assign(kase, { due_on: due.due_on, paused: due.paused ? 1 : 0 })
    }
    this.#put('cases', { ...kase })
    this.#put('case_parties', { case_id: kase.id, organisation_id: company.id, role: 'applicant' })
    for (const line of history) {
      const { id: _id, ...row } = line
      this.#put('case_history', row)
    }
    for (const [user_id, at] of handlers) this.#put('case_handlers', { user_id, case_id: kase.id, at, open: isOpen ? 1 : null })
    if (writableStates.includes(kase.state))
      this.#put('case_drafts', {
        case_id: kase.id,
        answers: filing.sealed,
        version: kase.edition + 1,
        saved_at: kase.updated_at,
        saved_by: company.user.id,
      })
    for (const paper of papers) this.#put('files', paper)
    if (filing.isLast && kase.edition) this.#mark(kase, company, filing.answers)
    for (const text of [company.name, kind.label, kase.serial ?? '']) this.#find(kase.id, text)
  }

  /** Writes what was added since the last time. */
  async flush(trx: Knex.Transaction): Promise<void> {
    for (const [table, rows] of this.#rows) {
      await insertRows(trx, table, rows)
      this.#rows.set(table, [])
    }
    // In the order of the key; letters, digits and Han need no escaping, and eight million rows are too many to bind.
    const found = this.#terms.sort()
    this.#terms = []
    for (const part of inParts(found, 20_000))
      await trx.raw(`insert into search_terms (scope, term, doc_id) values ${part.join(',')}`)
  }

  /** Leaves the counters where the numbers given have brought them. */
  async keepCounters(db: Knex): Promise<void> {
    const rows = [...this.#around.counters].map(([prefix, value]) => ({ prefix, value }))
    if (rows.length) await db('counters').insert(rows).onConflict('prefix').merge(['value'])
  }

  #draft({ id, at, place, isLast }: Filing, company: Company, length: number): Case {
    const { kind } = this.#plan
    // What is open has come in during the last five weeks, a step a day; a wait has just begun.
    const age = isLast ? length + (at % 25) : span * (1 - place) + 40 + length * 2
    const begun = new Date(now().getTime() - age * day - (at % 240) * 60_000)
    return {
      id,
      serial: null,
      kind: kind.code,
      variant: '',
      title: `${kind.label} · ${company.name}`,
      subject_type: 'company',
      subject_id: company.id,
      subject_name: company.name,
      applicant_id: company.id,
      district_code: company.district,
      street_code: company.street,
      state: 'draft',
      place: null,
      holder_role: null,
      holder_id: company.id,
      held_since: begun,
      settings_id: null,
      version: 1,
      edition: 0,
      rounds: 0,
      submitted_at: null,
      accepted_at: null,
      decided_at: null,
      closed_at: null,
      due_on: noDue,
      paused: 0,
      number: null,
      late_days: 0,
      open_key: kind.openKey(
        {
          type: 'company',
          id: company.id,
          name: company.name,
          district_code: company.district,
          street_code: company.street,
        },
        {},
      ),
      history_count: 0,
      history_hash: '',
      created_at: begun,
      updated_at: begun,
      created_by: company.user.id,
    }
  }

  /** Takes one step as the engine does. */
  #take(kase: Case, history: HistoryRow[], code: StepCode, filing: Filing, company: Company, handlers: Map<number, Date>): void {
    const { settings, id: settings_id } = this.#settings
    const { chain } = settings
    const here = chain.find(place => place.code === kase.place)
    const step: Step = steps[code]
    const user = this.#actor(step, here ?? chain[0], kase, company)
    const isWait = here?.sort === 'wait' || nextOf(chain, here)?.sort === 'wait'
    const at = new Date(filing.isLast && isWait ? now().getTime() - 60_000 : kase.updated_at.getTime() + day)
    const before = { state: kase.state, place: kase.place }
    const payload = payloadOf(code, here, at)
    let stored: { id: number; digest: string } | undefined
    if (code === 'submit' || code === 'resubmit') {
      kase.edition++
      stored = this.#store(kase, 'form', filing.sealed, at)
      kase.settings_id = settings_id
      kase.submitted_at ??= at
      kase.serial ??= this.#count(this.#plan.kind.prefix + dayOf(at).replaceAll('-', ''), 5)
    } else if (payload) stored = this.#store(kase, 'step', JSON.stringify(payload), at)
    if (code === 'correct') this.#correct(kase)
    arrive(kase, code, chain, at)
    if (kase.state === 'done' && settings.number) {
      const facts = { year: dayOf(at).slice(0, 4), region: company.district }
      kase.number = renderNumber(settings.number, { ...facts, seq: this.#next(prefixOf(settings.number, facts)) })
    }
    const officer = user && roles[user.role].staff
    const fields = {
      case_id: kase.id,
      sequence: kase.history_count + 1,
      at,
      user_id: user?.id ?? null,
      user_name: user?.name ?? '系统',
      role: user?.role ?? null,
      organisation_id: user?.organisation_id ?? null,
      organisation_name: user?.organisation_name ?? '系统',
      step: code,
      from_state: before.state,
      to_state: kase.state,
      place: before.place,
      place_label: !user ? '系统' : officer ? ((here ?? chain[0])?.label ?? '') : user.organisation_name.slice(0, 60),
      to_place: kase.place,
      edition: kase.edition,
      case_version: kase.version,
      open: 1,
      payload_id: stored?.id ?? null,
      payload_digest: stored?.digest ?? null,
    }
    const hash = hashOf(fields, kase.history_hash)
    history.push({ id: 0, ...fields, hash })
    Object.assign(kase, { version: kase.version + 1, history_count: fields.sequence, history_hash: hash, updated_at: at })
    if (user) handlers.set(user.id, at)
    this.#publish(kase, before.state, at)
  }

  #actor(step: Step, place: Place | undefined, kase: Case, company: Company): Person | undefined {
    if (step.by === 'clock') return undefined
    if (step.by === 'applicant') return company.user
    const role = place && 'role' in place ? place.role : ''
    const found = this.#around.officers.get(`${role} ${company.district}`) ?? this.#around.officers.get(role) ?? []
    const officer = found[kase.id % found.length]
    if (!officer) throw new Error(`nobody in this schema is ${role} of ${company.district}`)
    return officer
  }

  #store(kase: Case, sort: 'form' | 'step', body: string, at: Date): { id: number; digest: string } {
    const id = this.#around.payloads++
    const digest = digestOf(body)
    this.#put('case_payloads', { id, case_id: kase.id, sort, edition: kase.edition, body, digest, created_at: at })
    return { id, digest }
  }

  #correct(kase: Case): void {
    kase.rounds++
    const item = { case_id: kase.id, round: kase.rounds, target_type: 'field', words: correction }
    this.#put('case_corrections', { ...item, target: Object.keys(this.#plan.kind.form.shape)[0] ?? '' })
  }

  /** The files of the materials that are required. */
  #papersOf(kase: Case, company: Company) {
    const required = this.#settings.settings.materials.filter(material => material.required)
    return required.map(({ code, label }) => ({
      case_id: kase.id,
      material: code,
      name: `${label}.pdf`.slice(0, 100),
      extension: 'pdf',
      type: 'application/pdf',
      size: 284_113,
      sha256: randomBytes(32).toString('hex'),
      pages: 3,
      storage_key: randomCode(24),
      from_edition: 1,
      until_edition: null,
      uploaded_by: company.user.id,
      created_at: kase.created_at,
    }))
  }

  /** The certificate numbers, as the page of a case compares them with those of others. */
  #mark(kase: Case, company: Company, answers: Answers): void {
    for (const { field, value } of marksOf(this.#plan.kind.form, answers))
      this.#put('case_marks', {
        case_id: kase.id,
        applicant_id: company.id,
        field,
        mark: blindIndex('case_marks.mark', value),
      })
  }

  #publish(kase: Case, before: Case['state'], at: Date): void {
    if (kase.state === 'waiting') {
      const place = this.#settings.settings.chain.find(place => place.code === kase.place)
      const limit = place?.sort === 'wait' ? place.limit : undefined
      this.#put('publicities', {
        case_id: kase.id,
        kind: kase.kind,
        title: kase.title,
        subject_name: kase.subject_name,
        district_code: kase.district_code,
        facts: '[]',
        starts_on: dayOf(at),
        ends_on: limit ? this.#around.calendar.dueOn(dayOf(at), limit) : dayOf(at),
        closed_at: null,
        outcome: null,
        created_at: at,
      })
    } else if (before === 'waiting') {
      const row = this.#rows.get('publicities')?.at(-1)
      if (row) Object.assign(row, { closed_at: at, outcome: 'ended' })
    }
  }

  #next(prefix: string): number {
    const value = (this.#around.counters.get(prefix) ?? 0) + 1
    this.#around.counters.set(prefix, value)
    return value
  }

  #count(prefix: string, digits: number): string {
    return `${prefix}${String(this.#next(prefix)).padStart(digits, '0')}`
  }

  #find(id: number, text: string): void {
    // Names and labels come again and again, serials never.
    const known = this.#known.get(text) ?? terms(text)
    if (this.#known.size > 2000) this.#known.clear()
    this.#known.set(text, known)
    for (const term of known) this.#terms.push(`('cases','${term}',${id})`)
  }

  #put(table: (typeof tables)[number], row: Row): void {
    this.#rows.get(table)?.push(row)
  }
}

const correction = '扫描件看不清，请重新扫描后上传。'

function payloadOf(code: StepCode, here: Place | undefined, at: Date): StepPayload | undefined {
  if (code === 'pass' && here?.sort === 'desk' && here.visit)
    return {
      opinion: '初审符合。',
      visit: { on: dayOf(at), officers: ['周砚秋', '郑伯川'], finding: '办公场所、人员在岗属实。' },
    }
  if (code === 'pass') return { opinion: '经审核，申报条件符合要求，同意报批。' }
  if (code === 'refuse') return { opinion: '申报内容与核查情况不符。' }
  if (code === 'decline') return { opinion: '该事项依法不属于本机关职权范围。' }
  return code === 'correct' ? { note: correction } : undefined
}

function nextOf(chain: readonly Place[], place: Place | undefined): Place | undefined {
  return place && chain[chain.indexOf(place) + 1]
}

/** Where a step leads, for chains of desks and waits. */
function arrive(kase: Case, code: StepCode, chain: readonly Place[], at: Date): void {
  const place = chain.find(place => place.code === kase.place)
  const rest = { holder_role: null, holder_id: null, held_since: at }
  const close = (state: Case['state'], more: Partial<Case> = {}) =>
    Object.assign(kase, rest, { state, place: null, closed_at: at, open_key: null, ...more })
  const go = (to: Place | undefined) => {
    if (!to) return close('done', { decided_at: kase.decided_at ?? at })
    const waits = to.sort === 'wait'
    const holder = { holder_role: to.sort === 'desk' ? to.role : null }
    return Object.assign(kase, rest, holder, {
      state: waits ? 'waiting' : 'reviewing',
      place: to.code,
      ...(waits ? { decided_at: at } : {}),
    })
  }
  const toDesk = chain[0]?.sort === 'desk' ? chain[0].role : null
  if (code === 'submit') Object.assign(kase, rest, { state: 'submitted', holder_role: toDesk })
  else if (code === 'accept') {
    kase.accepted_at = at
    go(chain[0])
  } else if (code === 'pass' || code === 'expire') go(nextOf(chain, place))
  else if (code === 'correct') Object.assign(kase, rest, { state: 'supplement', holder_id: kase.applicant_id })
  else if (code === 'resubmit')
    if (kase.accepted_at) go(place)
    else Object.assign(kase, rest, { state: 'submitted', holder_role: toDesk })
  else if (code === 'refuse') close('refused', { decided_at: at })
  else if (code === 'decline') close('declined', { decided_at: at })
  else if (code === 'withdraw') close('withdrawn')
  else throw new Error(`no case is written with ${code}`)
}

/** Who may decide at the desks of a chain, by role and, for roles of a district, region; people with one role alone, because of four eyes. */
async function officersOf(db: Knex, { chain }: KindSettings): Promise<Map<string, Person[]>> {
  const wanted = [...new Set(chain.flatMap(place => (place.sort === 'desk' ? [place.role] : [])))]
  const rows: (Person & { region_code: string })[] = await db('user_roles')
    .join('users', 'users.id', 'user_roles.user_id')
    .join('organisations', 'organisations.id', 'users.organisation_id')
    .whereIn('user_roles.role', wanted)
    .whereNotExists(
      db('user_roles as other').whereRaw('other.user_id = user_roles.user_id and other.id <> user_roles.id').select(db.raw('1')),
    )
    .orderBy('users.id')
    .select('users.id', 'users.name', 'user_roles.role', 'user_roles.region_code', 'users.organisation_id', {
      organisation_name: 'organisations.name',
    })
  const found = new Map<string, Person[]>()
  for (const { region_code, ...person } of rows) {
    const key = roles[person.role].scope === 'city' ? person.role : `${person.role} ${region_code}`
    found.set(key, [...(found.get(key) ?? []), person])
  }
  return found
}

async function countersOf(db: Knex): Promise<Map<string, number>> {
  const rows: { prefix: string; value: number }[] = await db('counters').select('prefix', 'value')
  return new Map(rows.map(({ prefix, value }) => [prefix, value]))
}

async function nextId(db: Knex, table: string): Promise<number> {
  const [row]: { id: number | null }[] = await db(table).max('id as id')
  return (row?.id ?? 0) + 1
}

/** A transaction without the checks of keys, which the rows keep by the way they are made; without them writing takes half the time. */
async function inBulk(db: Knex, work: (trx: Knex.Transaction) => Promise<void>): Promise<void> {
  await db.transaction(async trx => {
    await trx.raw('set unique_checks = 0, foreign_key_checks = 0')
    try {
      await work(trx)
    } finally {
      await trx.raw('set unique_checks = 1, foreign_key_checks = 1')
    }
  })
}

function inParts<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size))
}

const posts = ['engineering-head', 'finance-head', 'steward', 'technician'] as const

/** A complete application for a certificate: ten people, five of them with a title, both heads. */
export function qualificationAnswers({ id, name, code, district }: Company): Answers {
  const resident = (n: number) => {
    const first17 = `${district}${1962 + (id % 40)}${String(1 + (Math.floor(id / 40) % 12)).padStart(2, '0')}${String(1 + (Math.floor(id / 480) % 28)).padStart(2, '0')}${String(100 + n)}`
    return first17 + checkSignOfResidentId(first17)
  }
  const people = Array.from({ length: 10 }, (_, n) => {
    const post = posts[n < 2 ? n : n < 8 ? 2 : 3] ?? 'technician'
    const steward = post === 'steward'
    return {
      name: `试${'赵钱孙李周吴郑王冯陈'[n]}${String.fromCodePoint(0x4e00 + ((id + n) % 500))}`,
      id_number: resident(n),
      post,
      title: n < 5 ? 'intermediate' : 'none',
      title_number: n < 5 ? `ZC${id}-${n}` : '',
      credential: steward ? 'property-manager' : '',
      credential_number: steward ? `ZG${id}-${n}` : '',
      contract_until: '',
    }
  })
  return {
    company_name: name,
    credit_code: code,
    legal_person: '李大山',
    legal_person_id: resident(99),
    legal_person_phone: '15400000002',
    capital: '200',
    ownership: 'limited',
    established_on: today(),
    registered_address: '试验路1号',
    office_address: '试验路1号3层',
    contact: '王小满',
    contact_phone: '15400000001',
    pledge: 'on',
    people,
  }
}

/**
 * Cases as a city has them: 25 at the first desk of 历下区 and 25 at the second desk, so that both have a full page to do, the last of
 * every other company somewhere on its way or just ended, and everything before closed.
 */
export function everywhere(settings: KindSettings): Plan['way'] {
  const ways = waysThrough(settings)
  const [first = '', second = ''] = settings.chain.map(place => place.code)
  const ends = ['done', 'done', 'done', 'refused', 'done', 'withdrawn', 'done', 'done', 'declined', 'done']
  const all = Object.keys(ways)
  return (company, isLast) => {
    const name = !isLast
      ? ends[company % ends.length]
      : company < 25
        ? first
        : company >= 30 && company < 55
          ? second
          : all[company % all.length]
    return ways[name ?? ''] ?? []
  }
}
