import type { Knex } from 'knex'
import { roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import type { WorkCalendar } from '../calendar.ts'
import type { Case } from '../cases/case.ts'
import { addNote } from '../cases/history.ts'
import type { Kind, WaitPlace } from '../cases/kind.ts'
import { caseDeciders } from '../cases/roles.ts'
import { settingsById } from '../cases/settings.ts'
import { now, today } from '../clock.ts'
import { blindIndex, decrypt, encrypt, randomCode } from '../crypto.ts'
import { inTransaction } from '../db.ts'
import { Conflict, Forbidden, NotFound } from '../errors.ts'
import type { Answers } from '../forms/answers.ts'
import { maskPhone } from '../lists/masks.ts'
import { deskOf, linkTo } from '../messages/case-messages.ts'
import { tell } from '../messages/messages.ts'

/**
 * 公示与异议: what the public site shows of a case during its timed wait, and what anybody says against it. The case engine opens and
 * closes a publicity in the transaction of its step; while an objection waits for an answer the wait does not end.
 */

export interface Publicity {
  id: number
  case_id: number
  kind: string
  title: string
  subject_name: string
  district_code: string | null
  /** JSON of label and value pairs, nothing personal. */
  facts: string
  starts_on: string
  /** The last day. */
  ends_on: string
  closed_at: Date | null
  outcome: keyof typeof outcomes | null
  /** 1 while it is not closed. */
  open: 1 | null
  created_at: Date
}

/** How a publicity ended. */
export const outcomes = { ended: '公示期满', upheld: '异议成立', returned: '公示期满' } as const

export interface Objection {
  id: number
  code: string
  publicity_id: number
  case_id: number
  name: string
  phone_cipher: string
  phone_last4: string
  words: string
  state: 'open' | 'dismissed' | 'upheld'
  answer: string | null
  answered_by: number | null
  answered_at: Date | null
  print: string
  created_at: Date
}

/** How an objection stands; tone and icon as elsewhere. */
export const objectionStates = {
  open: { label: '正在核实', tone: 'desk', icon: 'eye' },
  dismissed: { label: '不成立', tone: 'rest', icon: 'message-report' },
  upheld: { label: '成立', tone: 'done', icon: 'check' },
} as const

export interface Opening {
  kase: Case
  kind: Kind
  answers: Answers
  place: WaitPlace
  calendar: WorkCalendar
  /** Beijing day; it does not count (民法典 第二百零一条). */
  today: string
}

/** Puts a case before the public. Call it in the step that leads into the wait. */
export async function openPublicity(
  trx: Knex.Transaction,
  { kase, kind, answers, place, calendar, today }: Opening,
): Promise<void> {
  await trx('publicities').insert({
    case_id: kase.id,
    kind: kase.kind,
    title: kase.title,
    subject_name: kase.subject_name,
    district_code: kase.district_code,
    facts: JSON.stringify(kind.publicFacts?.(kase, answers) ?? []),
    starts_on: today,
    ends_on: calendar.dueOn(today, place.limit),
    created_at: now(),
  })
}

/** Takes a case off the public site: the period is over, an objection held, or the approval could not take effect. */
export async function closePublicity(
  trx: Knex.Transaction,
  { id: case_id }: Pick<Case, 'id'>,
  outcome: Exclude<Publicity['outcome'], null>,
): Promise<void> {
  await trx('publicities').where({ case_id }).whereNull('closed_at').update({ closed_at: now(), outcome })
}

/** So many waits are ended in one turn of the job; the next turn takes the rest. */
const mostDue = 500

/**
 * The cases whose publicity is over: the last day has passed in full and no objection waits for an answer.
 * @param today Beijing day
 */
export async function dueWaits(db: Knex, today: string): Promise<number[]> {
  return await db('publicities')
    .where({ open: 1 })
    .where('ends_on', '<', today)
    .whereNotExists(
      db('objections')
        .whereRaw('objections.publicity_id = publicities.id')
        .where({ 'objections.state': 'open' })
        .select(db.raw('1')),
    )
    .orderBy(['ends_on', 'id'])
    .limit(mostDue)
    .pluck('case_id')
}

/** Whether a publicity still takes objections on a day. */
export function isRunning({ closed_at, ends_on }: Pick<Publicity, 'closed_at' | 'ends_on'>, day: string): boolean {
  return closed_at === null && ends_on >= day
}

export interface NewObjection {
  name: string
  phone: string
  words: string
}

/**
 * Takes an objection: the keeper of the wait gets the case into their to-do and is told. The same objection sent twice is one.
 * @returns its code, and whether it was here before; nothing when the period is over
 */
export async function object(
  publicity: Pick<Publicity, 'id' | 'case_id'>,
  { name, phone, words }: NewObjection,
  note: (trx: Knex.Transaction, id: number) => Promise<void>,
): Promise<{ code: string; known: boolean } | undefined> {
  const print = blindIndex('objections.print', [publicity.id, name, phone, words].join('\n'))
  return await inTransaction(async trx => {
    // The lock on the case keeps two of the same, the end of the period and the keeper's answer in order.
    const kase = await trx<Case>('cases').where({ id: publicity.case_id }).forUpdate().first()
    const known = await trx<Objection>('objections').where({ print }).first('code')
    if (known) return { code: known.code, known: true }
    const row = await trx<Publicity>('publicities').where({ id: publicity.id }).first()
    if (!kase || !row || !isRunning(row, today())) return undefined
    const code = newCode()
    const [id = 0] = await trx('objections').insert({
      code,
      publicity_id: publicity.id,
      case_id: kase.id,
      name,
      phone_cipher: encrypt('objections.phone', phone),
      phone_last4: phone.replace(/\D/g, '').slice(-4),
      words,
      print,
      created_at: now(),
    })
    const keeper = await keeperOf(trx, kase)
    await addNote(trx, kase, null, { step: 'object', open: false }, { holder_role: keeper.role })
    await tell(trx, {
      to: deskOf(kase, keeper.role),
      title: `收到异议：${kase.title}`,
      body: `公示到 ${row.ends_on} 为止。答复之前公示不会结束。`,
      link: linkTo(kase),
      case_id: kase.id,
    })
    await note(trx, id)
    return { code, known: false }
  })
}

/** Who looks after the objections of a case that is in a wait. */
async function keeperOf(trx: Knex.Transaction, kase: Case): Promise<WaitPlace> {
  const chain = kase.settings_id ? (await settingsById(trx, kase.settings_id)).chain : []
  const place = chain.find(place => place.code === kase.place)
  if (place?.sort !== 'wait') throw new Error(`case ${kase.id} is in publicity at a place that is no wait`)
  return place
}

/** An objection as the officer of the case reads it. */
export interface ShownObjection {
  id: number
  code: string
  name: string
  /** Masked. */
  phone: string
  words: string
  state: Objection['state']
  answer: string | null
  answered_by: string | null
  answered_at: Date | null
  created_at: Date
}

/** The objections against a case, oldest first, of all its publicities. */
export async function objectionsOf(db: Knex, case_id: number): Promise<ShownObjection[]> {
  const rows: (Objection & { answerer: string | null })[] = await db('objections')
    .leftJoin('users', 'users.id', 'objections.answered_by')
    .where({ 'objections.case_id': case_id })
    .orderBy('objections.id')
    .select('objections.*', 'users.name as answerer')
  return rows.map(row => ({
    id: row.id,
    code: codeInGroups(row.code),
    name: row.name,
    phone: maskPhone(decrypt('objections.phone', row.phone_cipher)),
    words: row.words,
    state: row.state,
    answer: row.answer,
    answered_by: row.answerer,
    answered_at: row.answered_at,
    created_at: row.created_at,
  }))
}

/**
 * Whether a user may call who objected: the keeper of the wait while the case is with them, who answers, and the deciding desks of
 * the city.
 */
export function mayCallObjector(
  { state, holder_role }: Pick<Case, 'state' | 'holder_role'>,
  { role }: Pick<User, 'role'>,
): boolean {
  if (!caseDeciders.includes(role)) return false
  return roles[role].scope === 'city' || (state === 'waiting' && holder_role === role)
}

/** Who made an objection, with the telephone in full. @throws NotFound for an objection to another case */
export async function objectorOf(
  db: Knex,
  { id: case_id }: Pick<Case, 'id'>,
  objectionId: number,
): Promise<{ code: string; name: string; phone: string }> {
  const row = await db<Objection>('objections').where({ id: objectionId, case_id }).first('code', 'name', 'phone_cipher')
  if (!row) throw new NotFound()
  return { code: codeInGroups(row.code), name: row.name, phone: decrypt('objections.phone', row.phone_cipher) }
}

/**
 * 异议不成立: the keeper answers one objection; after the last one the case waits for the clock alone again. The caller holds the
 * lock of the case.
 * @returns the case as it is now
 * @throws NotFound for an objection to another case, Conflict when it is answered already, Forbidden for other roles
 */
export async function dismissObjection(
  trx: Knex.Transaction,
  kase: Case,
  user: User,
  objectionId: number,
  answer: string,
): Promise<Case> {
  const row = await trx<Objection>('objections').where({ id: objectionId, case_id: kase.id }).first()
  if (!row) throw new NotFound()
  if (row.state !== 'open') throw new Conflict(await answeredAlready(trx, row))
  const keeper = await keeperOf(trx, kase)
  if (user.role !== keeper.role) throw new Forbidden('公示期间的异议由公示环节的经办人答复。')
  await trx<Objection>('objections')
    .where({ id: row.id })
    .update({ state: 'dismissed', answer, answered_by: user.id, answered_at: now() })
  const payload = { opinion: answer }
  const changes = (await hasOpen(trx, kase.id)) ? {} : { holder_role: null }
  return await addNote(trx, kase, user, { step: 'dismiss', payload, open: false }, changes)
}

/**
 * 异议成立: answers everything open when the keeper sends the case back; the step itself is the engine's.
 * @throws Conflict when nothing is open any more
 */
export async function upholdObjections(trx: Knex.Transaction, kase: Case, user: User, opinion: string): Promise<void> {
  const answered = await trx<Objection>('objections')
    .where({ case_id: kase.id, state: 'open' })
    .update({ state: 'upheld', answer: opinion, answered_by: user.id, answered_at: now() })
  if (!answered) throw new Conflict('这一件没有待答复的异议，不能按“异议成立”退回。')
}

async function answeredAlready(trx: Knex.Transaction, { state, answered_by }: Objection): Promise<string> {
  const user: { name: string } | undefined = answered_by ? await trx('users').where({ id: answered_by }).first('name') : undefined
  return `这一条异议${user ? `已由${user.name}答复，` : ''}现在是“${objectionStates[state].label}”。您这一次没有执行。`
}

async function hasOpen(trx: Knex.Transaction, case_id: number): Promise<boolean> {
  return (await trx('objections').where({ case_id, state: 'open' }).first('id')) !== undefined
}

// Crockford's letters: no I, L, O, U, so a code read aloud or copied from paper is not mistaken.
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Twelve letters, 60 bits: nobody guesses one. */
function newCode(): string {
  return [...Buffer.from(randomCode(12), 'base64url')].map(byte => letters[byte % letters.length]).join('')
}

/** A code as people copy it: 7K2M-QX4D-9TRB. */
export function codeInGroups(code: string): string {
  return code.replace(/^(.{4})(.{4})(.{4})$/, '$1-$2-$3')
}

/** What somebody typed as a code, in its stored form. */
export function normaliseCode(text: string): string {
  return text.normalize('NFKC').toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1')
}

export const codePattern = /^[0-9A-HJKMNP-TV-Z]{12}$/
