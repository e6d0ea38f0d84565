import type { Knex } from 'knex'
import { takeAttempt, waitFor } from '../../accounts/limits.ts'
import { type Actor, record } from '../../admin/action-log.ts'
import { addDays } from '../../calendar.ts'
import { now } from '../../clock.ts'
import { config } from '../../config.ts'
import { blindIndex } from '../../crypto.ts'
import { inTransaction, isDuplicate } from '../../db.ts'
import type { Mistakes } from '../../forms/form.ts'
import { maskId } from '../../lists/masks.ts'
import { tell } from '../../messages/messages.ts'
import { isShort, shortInWords, staffOf } from '../qualification/staff.ts'
import { type ChangedBy, changeRecord, createRecord, type RecordAnswers } from './archive.ts'
import { employments, factsOfId, isRaised, isRegulated, people, personForm } from './person.ts'
import { projectLinks } from './project.ts'
import type { EmploymentState, LeaveReason, Source } from './words.ts'

/**
 * 增员、减员 and whose employee somebody is (domain.md §7). One person works for one company: the unique key of `employments` on
 * person and `live` holds that, whoever asks first; everything here locks the person before it looks.
 */

/** A row of `employments`, as far as this room reads it. */
export interface Employment {
  id: number
  person_id: number
  company_id: number
  post: string
  state: EmploymentState
  starts_on: string
  ends_on: string | null
  case_id: number | null
}

/** A person the city knows, as far as a refusal depends on it. */
export interface KnownPerson {
  id: number
  name: string
  title: string
  credential: string | null
}

/** The person with this ID number; with a transaction, `lock` keeps others from hiring them meanwhile. */
export async function findPerson(db: Knex, id_number: string, lock = false): Promise<KnownPerson | undefined> {
  const query = db('people').where({ id_number_index: blindIndex('people.id_number', id_number) })
  if (lock) query.forUpdate()
  return await query.first('id', 'name', 'title', 'credential')
}

/** The employment somebody is 在职 with. */
export async function liveEmployment(db: Knex, person_id: number): Promise<Employment | undefined> {
  return await db('employments').where({ person_id, live: 1 }).first()
}

/** Whether two spellings are the same name: blanks and the dots of transcribed names do not count. */
export function isSameName(one: string, other: string): boolean {
  const plain = (name: string) => name.normalize('NFKC').replace(/[\s·•・‧.]/g, '')
  return plain(one) === plain(other)
}

/** Why somebody cannot be hired; `probe` where the answer tells what the city knows of a person. */
export interface Refusal {
  reason: 'name' | 'elsewhere' | 'own' | 'pending' | 'registered'
  mistakes: Mistakes
  probe: boolean
}

const elsewhere =
  '该人员已在其他物业企业在职，不能增员。请本人与原企业联系，由原企业先办理减员；原企业不办的，可提交人员归属异议。'

/**
 * Whether a company may take somebody on (一人一企). Neither sentence names another company, and a wrong name is answered in the same
 * way whether the person works or not.
 * @param known the person with that ID number, where the city knows one
 */
export async function refusalOf(
  db: Knex,
  company_id: number,
  name: string,
  known: KnownPerson | undefined,
): Promise<Refusal | undefined> {
  if (!known) return undefined
  // A name that only unapproved applications have given binds nobody.
  if (!isSameName(known.name, name) && (await hasWorked(db, known.id)))
    return {
      reason: 'name',
      mistakes: {
        name: '姓名与这个身份证号已登记的姓名不一致。请对照居民身份证核对；确认无误的，请携身份证到区县主管部门核实。',
      },
      probe: true,
    }
  const live = await liveEmployment(db, known.id)
  if (live?.company_id === company_id)
    return { reason: 'own', mistakes: { id_number: '该人员已在本单位在职，不用再增员。' }, probe: false }
  if (live) return { reason: 'elsewhere', mistakes: { id_number: elsewhere }, probe: true }
  const pending = await db('employments').where({ person_id: known.id, company_id, state: 'pending' }).first('id')
  if (pending) return { reason: 'pending', mistakes: { id_number: '该人员的增员申请正在审核，不用重复提交。' }, probe: false }
  return undefined
}

/** Whether somebody was ever 在职: until then, the city has approved nothing that stands in their row. */
async function hasWorked(db: Knex, person_id: number): Promise<boolean> {
  const job = await db('employments').where({ person_id }).whereNotIn('state', ['pending', 'disputed']).first('id')
  return job !== undefined
}

// Enough for a day of honest mistakes, too few to find out who works where.
const probes = { name: 'people-probe', points: 20, seconds: 3600 }

/**
 * Asked before the question is looked at, so that a full count tells nothing.
 * @returns the sentence to refuse with, and the seconds to wait; nothing while questions are left
 */
export async function probesSpent(db: Knex, company_id: number): Promise<{ sentence: string; seconds: number } | undefined> {
  const seconds = await waitFor(db, probes, String(company_id))
  if (!seconds) return undefined
  const minutes = Math.ceil(seconds / 60)
  return { sentence: `一小时内被退回的增员登记太多，请 ${minutes} 分钟后再试。这一次没有执行。`, seconds }
}

/** Counts one refusal that told a company something. @returns seconds to wait when there were too many, else 0 */
export async function probeWait(company_id: number): Promise<number> {
  return await takeAttempt(probes, String(company_id))
}

const probeWords: Readonly<Record<Refusal['reason'], string>> = {
  name: '姓名不一致',
  elsewhere: '在其他企业在职',
  registered: '更正后的身份证号已登记',
  own: '在本单位在职',
  pending: '正在审核',
}

/** A refusal that told a company something is counted and stands in the action log. */
export async function recordRefusal(
  db: Knex,
  actor: Actor,
  { reason, probe }: Pick<Refusal, 'reason' | 'probe'>,
  id_number: string,
): Promise<void> {
  if (!probe) return
  if (actor.organisation_id) await probeWait(actor.organisation_id)
  await record(db, actor, {
    action: 'person.refuse',
    object: { type: 'archive', id: 'people', label: '从业人员' },
    result: 'refused',
    detail: { reason: probeWords[reason], id_number: maskId(id_number) },
  })
}

export interface Hiring {
  company_id: number
  /** Checked answers of `hireForm`. */
  answers: RecordAnswers
  by: ChangedBy
  source: Source
}

export type Hired =
  | { ok: true; person_id: number /** Whether this was done before: a double click. */; again: boolean }
  | { ok: false; refusal: Refusal }
  /** Somebody whom only the regulator admits. */
  | { ok: false; regulated: true }

/**
 * Takes somebody on at once, where no approval is needed. A person the city knows keeps their row, with what is newly said.
 * The caller holds the transaction and has checked the answers.
 */
export async function hire(trx: Knex.Transaction, { company_id, answers, by, source }: Hiring): Promise<Hired> {
  const { id_number = '', name = '' } = answers
  const known = await findPerson(trx, id_number, true)
  const refusal = await refusalOf(trx, company_id, name, known)
  if (known && refusal?.reason === 'own' && (await isRepeated(trx, known.id, company_id, answers)))
    return { ok: true, person_id: known.id, again: true }
  if (refusal) return { ok: false, refusal }
  if (isRegulated(answers) || (known && isRegulated(known))) return { ok: false, regulated: true }
  const person_id = known?.id ?? (await createPerson(trx, answers, { by, source }))
  if (known) await updatePerson(trx, known.id, answers, by)
  await employ(trx, { person_id, company_id, state: 'employed', answers, by })
  return { ok: true, person_id, again: false }
}

/**
 * The same in a transaction of its own; of two who hire somebody new at the same moment, the second is asked again and finds the
 * person at work.
 */
export async function hireAtOnce(hiring: Hiring, also: (trx: Knex.Transaction, hired: Hired) => Promise<void>): Promise<Hired> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(async trx => {
        const hired = await hire(trx, hiring)
        await also(trx, hired)
        return hired
      })
    } catch (error) {
      if (!isDuplicate(error) || attempt === 3) throw error
    }
  }
}

async function isRepeated(db: Knex, person_id: number, company_id: number, { starts_on, post }: RecordAnswers): Promise<boolean> {
  const live = await liveEmployment(db, person_id)
  return live?.company_id === company_id && live.starts_on === starts_on && live.post === post && live.state === 'employed'
}

const personFields = new Set(Object.keys(personForm.shape))
const ofPerson = (answers: RecordAnswers): RecordAnswers =>
  Object.fromEntries(Object.entries(answers).filter(([name]) => personFields.has(name)))

/** Writes the row of somebody the city does not know yet. @returns its id */
export async function createPerson(
  trx: Knex.Transaction,
  answers: RecordAnswers,
  { by, source, review = 'reviewed' }: { by: ChangedBy; source: Source; review?: 'pending' | 'reviewed' },
): Promise<number> {
  return await createRecord(trx, people, ofPerson(answers), {
    by,
    source,
    more: { people: { ...factsOfId(answers.id_number ?? ''), review } },
  })
}

/**
 * Brings what is newly said of a known person into their row; what was left empty stays, and so do the ID number and the name of
 * whoever was ever at work.
 */
export async function updatePerson(trx: Knex.Transaction, id: number, answers: RecordAnswers, by: ChangedBy): Promise<void> {
  const kept = ['id_number', ...((await hasWorked(trx, id)) ? ['name'] : [])]
  const told = Object.entries(ofPerson(answers)).filter(([name, text]) => text && !kept.includes(name))
  await changeRecord(trx, people, id, { answers: Object.fromEntries(told), by })
}

/** Writes an employment. @returns its id */
export async function employ(
  trx: Knex.Transaction,
  {
    person_id,
    company_id,
    state,
    answers,
    by,
  }: { person_id: number; company_id: number; state: EmploymentState; answers: RecordAnswers; by: ChangedBy },
): Promise<number> {
  const own = Object.fromEntries(Object.entries(answers).filter(([name]) => name in employments.form.shape))
  return await createRecord(trx, employments, own, {
    by,
    more: { employments: { person_id, company_id, state, case_id: by.case_id ?? null } },
  })
}

/**
 * Ends an employment. Whoever was in charge of projects of the company is no more, and the company hears of it; so do both sides
 * where too few are left for the level of its certificate. The caller holds the lock of the person.
 */
export async function endEmployment(
  trx: Knex.Transaction,
  { id, person_id, company_id }: Pick<Employment, 'id' | 'person_id' | 'company_id'>,
  {
    ends_on,
    end_reason,
    by,
    proof_file_id,
  }: { ends_on: string; end_reason: LeaveReason; by: ChangedBy; proof_file_id?: number | null },
): Promise<void> {
  const before = await staffOf(trx, company_id)
  await trx('employments')
    .where({ id })
    .update({
      state: 'left',
      ends_on,
      end_reason,
      ...(by.case_id ? { case_id: by.case_id } : {}),
      ...(proof_file_id ? { proof_file_id } : {}),
      updated_at: now(),
      updated_by: by.user_id,
      version: trx.raw('version + 1'),
    })
  await leaveProjects(trx, person_id, company_id, by)
  const after = await staffOf(trx, company_id)
  if (after && isShort(after) && before && !(isShort(before) && shortInWords(before) === shortInWords(after)))
    await tellOfShortage(trx, company_id, shortInWords(after))
}

async function leaveProjects(trx: Knex.Transaction, person_id: number, company_id: number, by: ChangedBy): Promise<void> {
  const led = await ledProjects(trx, person_id, company_id)
  if (!led.length) return
  for (const { link_id } of led) await changeRecord(trx, projectLinks, link_id, { answers: { manager_id: '' }, by })
  await tell(trx, {
    to: { organisation_id: company_id },
    title: `有 ${led.length} 个项目的项目负责人已离职，请在 30 日内变更`,
    body: led.map(({ name }) => name).join('、'),
    link: `/desk/projects/${led[0]?.project_id}`,
  })
}

/** The projects of a company that somebody is in charge of. */
export async function ledProjects(
  db: Knex,
  person_id: number,
  company_id: number,
): Promise<{ link_id: number; project_id: number; name: string }[]> {
  return await db('project_links')
    .join('projects', 'projects.id', 'project_links.project_id')
    .where({ 'project_links.manager_id': person_id, 'project_links.company_id': company_id, 'project_links.live': 1 })
    .orderBy('projects.name_key')
    .select('project_links.id as link_id', 'projects.id as project_id', 'projects.name')
}

/** 低于资质等级要求: the company and the city hear of it at once; the warning stands until it is mended. */
async function tellOfShortage(trx: Knex.Transaction, company_id: number, words: string): Promise<void> {
  const company: { name: string } | undefined = await trx('organisations').where({ id: company_id }).first('name')
  await tell(trx, {
    to: { organisation_id: company_id },
    title: '减员后人员数量低于资质等级要求，请及时补充',
    body: words,
    link: `/desk/companies/${company_id}`,
  })
  await tell(trx, {
    to: { role: 'city-clerk', region_code: config.city },
    title: `${company?.name ?? ''}减员后人员数量低于资质等级要求`,
    body: words,
    link: `/desk/companies/${company_id}`,
  })
}

/** What the removal of somebody would leave a company with, in words; nothing where its level allows it. */
export async function shortageWithout(
  db: Knex,
  company_id: number,
  { post, title }: { post: string; title: string },
): Promise<string | undefined> {
  const present = await staffOf(db, company_id)
  if (!present || post === 'operative') return undefined
  const left = { ...present, staff: present.staff - 1, titled: present.titled - (isRaised(title) ? 1 : 0) }
  return isShort(left) ? shortInWords(left) : undefined
}

/** The last day with the old company, where somebody begins with a new one. */
export function dayBefore(starts_on: string, old: Pick<Employment, 'starts_on'>): string {
  const last = addDays(starts_on, -1)
  return last < old.starts_on ? old.starts_on : last
}
