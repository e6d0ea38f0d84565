import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { now, today } from '../clock.ts'
import { db, inTransaction, isDuplicate } from '../db.ts'
import { digestOf } from '../documents/documents.ts'
import { Conflict, Forbidden, NotFound, NotNow } from '../errors.ts'
import { type Answers, lockedTo, openAnswers, sealAnswers } from '../forms/answers.ts'
import { type Form, fieldsOf } from '../forms/form.ts'
import { indexTerms } from '../lists/terms.ts'
import type { Case } from './case.ts'
import { type Kind, kindOf, type Subject } from './kind.ts'
import { writableStates } from './lifecycle.ts'
import { correctionsOf, findCase, lockCase } from './queries.ts'
import { isApplicant } from './steps.ts'

/** What the personal fields inside drafts and editions are encrypted for. */
const column = 'cases.answers'

export interface Draft {
  answers: Answers
  version: number
  saved_at: Date
}

/**
 * Begins a case, filled in with what the archives know. Where the subject has an open case of the kind already, that one is
 * returned: pressing the button twice has the effect of once.
 * @param wanted what it is about, where the kind leaves a choice, and what has been typed on the way
 * @throws Forbidden, Conflict with the sentence of the kind
 */
export async function startCase(
  user: User,
  kind: Kind,
  { copyOf, typed = {}, ...wanted }: { subject_id?: number; copyOf?: Case; typed?: Answers } = {},
): Promise<number> {
  if (!kind.startedBy.includes(user.role)) throw new Forbidden(`${kind.label}不由${user.role_label}申请。`)
  await assertInUse(db, kind)
  const copied = copyOf && (await editionOf(db, copyOf, copyOf.edition))
  const subject = await kind.subjectOf(db, user, { ...wanted, typed: { ...copied, ...typed } })
  const at = now()
  const filled = await kind.prefill(db, { subject_id: subject.id, applicant_id: user.organisation_id })
  const answers = { ...filled, ...copied, ...ofForm(kind.form, typed), ...archived(kind.form, filled) }
  const open_key = kind.openKey(subject, answers)
  try {
    return await inTransaction(async trx => {
      const [id = 0] = await trx('cases').insert({
        kind: kind.code,
        variant: '',
        title: `${kind.label} · ${subject.name}`.slice(0, 250),
        subject_type: subject.type,
        subject_id: subject.id,
        subject_name: subject.name,
        applicant_id: user.organisation_id,
        district_code: subject.district_code,
        street_code: subject.street_code,
        state: 'draft',
        holder_id: user.organisation_id,
        held_since: at,
        open_key,
        created_at: at,
        updated_at: at,
        created_by: user.id,
      })
      await trx('case_parties').insert({ case_id: id, organisation_id: user.organisation_id, role: 'applicant' })
      await trx('case_drafts').insert({
        case_id: id,
        answers: sealAnswers(kind.form, answers, column),
        saved_at: at,
        saved_by: user.id,
      })
      await indexTerms(trx, 'cases', id, [subject.name, kind.label])
      return id
    })
  } catch (error) {
    const open =
      open_key !== null &&
      isDuplicate(error) &&
      (await db<Case>('cases').where({ open_key }).first('id', 'kind', 'serial', 'applicant_id'))
    if (!open) throw error
    if (open.kind === kind.code && open.applicant_id === user.organisation_id) return open.id
    throw alreadyOpen(user, kind, subject, open)
  }
}

/** That something of another kind about the same is under way; its own applicant is led there. */
function alreadyOpen(
  user: User,
  kind: Kind,
  subject: Subject,
  open: Pick<Case, 'id' | 'kind' | 'serial' | 'applicant_id'>,
): NotNow {
  const { label } = kindOf(open)
  const isOwn = open.applicant_id === user.organisation_id
  const own = isOwn ? `（${open.serial ?? '未提交的草稿'}）` : ''
  return new NotNow(
    `“${subject.name}”已有一件在办的${label}${own}，办结${own && '、撤回或删除草稿'}后才能申请${kind.label}。`,
    isOwn ? { label: `打开这件${label}`, href: `/desk/cases/${open.id}` } : undefined,
  )
}

/**
 * Why somebody cannot begin a case of a kind now, before they press the button; nothing where they can, or where a person or project
 * is chosen first.
 */
export async function whyNotBegun(db: Knex, user: User, kind: Kind): Promise<Pick<NotNow, 'message' | 'way'> | undefined> {
  if (kind.startsAt) return undefined
  try {
    const subject = await kind.subjectOf(db, user, {})
    const open_key = kind.openKey(subject, await kind.prefill(db, { subject_id: subject.id, applicant_id: user.organisation_id }))
    const open: Case | undefined = open_key ? await db<Case>('cases').where({ open_key }).first() : undefined
    return open && open.kind !== kind.code ? alreadyOpen(user, kind, subject, open) : undefined
  } catch (error) {
    if (error instanceof NotNow) return error
    throw error
  }
}

/** @throws NotNow with the sentence of a kind that is out of use */
export async function assertInUse(db: Knex, kind: Kind): Promise<void> {
  const why = await kind.suspended?.(db)
  if (why) throw new NotNow(why)
}

/** What was typed elsewhere, as far as this form asks for it: only its fields are sealed. */
function ofForm(form: Form, typed: Answers): Answers {
  const names = new Set(fieldsOf(form).map(({ name }) => name))
  return Object.fromEntries(Object.entries(typed).filter(([name]) => names.has(name)))
}

/** The draft of a case. @throws NotFound where there is none */
export async function draftOf(db: Knex, kase: Case): Promise<Draft> {
  const row: { answers: string; version: number; saved_at: Date } | undefined = await db('case_drafts')
    .where({ case_id: kase.id })
    .first('answers', 'version', 'saved_at')
  if (!row) throw new NotFound()
  return { ...row, answers: openAnswers(kindOf(kase).form, row.answers, column) }
}

/** A submitted edition, counted from 1. @throws NotFound where there is none, or it was erased by law */
export async function editionOf(db: Knex, kase: Case, edition: number): Promise<Answers> {
  const row: { body: string | null; payload_digest: string } | undefined = await db('case_history')
    .join('case_payloads', 'case_payloads.id', 'case_history.payload_id')
    .where({ 'case_history.case_id': kase.id, 'case_history.edition': edition, 'case_payloads.case_id': kase.id })
    .whereIn('case_history.step', ['submit', 'resubmit'])
    .orderBy('case_history.sequence', 'desc')
    .first('case_payloads.body', 'case_history.payload_digest')
  if (!row?.body) throw new NotFound('没有这一版申报内容。')
  // What was altered in the database is not decided upon (GB/T 22239-2019 8.1.4.7).
  if (digestOf(row.body) !== row.payload_digest)
    throw new NotNow(`第 ${edition} 版申报内容与办理记录对不上，不能据此办理。请联系系统管理员核对办理记录。`)
  return openAnswers(kindOf(kase).form, row.body, column)
}

/**
 * A submitted edition as it is stored.
 * @param papers frozen with it by their digests, so that one exchanged later shows
 */
export function sealedEdition(kind: Kind, answers: Answers, papers?: readonly { material: string; sha256: string }[]): string {
  const text = sealAnswers(kind.form, answers, column)
  if (!papers) return text
  const sealed: object = JSON.parse(text)
  return JSON.stringify({ ...sealed, [papersKey]: papers.map(({ material, sha256 }) => `${material} ${sha256}`).sort() })
}

/** No field of a form has such a name. */
export const papersKey = '#papers'

/** The fields of a form that only the archive fills in, out of some answers. */
export function archived(form: Form, answers: Answers): Answers {
  return Object.fromEntries(
    fieldsOf(form)
      .filter(field => field.archive)
      .map(({ name }) => [name, answers[name] ?? '']),
  )
}

/** Which fields the applicant may write now: all, or those of the corrections asked for. */
export async function unlockedFields(db: Knex, kase: Case): Promise<Set<string> | 'all'> {
  if (kase.state !== 'supplement') return 'all'
  const items = await correctionsOf(db, kase)
  return new Set(items.filter(item => item.target_type === 'field').map(item => item.target))
}

/**
 * Puts what was posted over what is there: archive fields never come from the form, and in a correction only the unlocked ones do.
 * @throws Conflict when a locked field was posted with another value
 */
export function merge(kind: Kind, before: Answers, posted: Answers, unlocked: Set<string> | 'all'): Answers {
  const open = new Set(
    fieldsOf(kind.form)
      .filter(field => !field.archive && (unlocked === 'all' || unlocked.has(field.name)))
      .map(field => field.name),
  )
  const { answers, refused } = lockedTo(kind.form, before, posted, open)
  if (refused.length)
    throw new NotNow(
      `“${refused.map(field => field.label).join('”“')}”已锁定，不能修改，没有保存。只有要求补正的内容可以改，请刷新页面后再填。`,
    )
  return answers
}

/**
 * Saves what is being written, as often as it is typed.
 * @param version of the draft the page was opened with
 * @param posted what the page sent; fields it did not send stay as they are
 * @param replies what the applicant says to single corrections, by `field.name` or `material.code`
 * @throws Conflict when somebody else has saved meanwhile, or the case is no longer the applicant's
 */
export async function saveDraft(
  user: User,
  id: number,
  version: number,
  posted: Answers,
  replies: Readonly<Record<string, string>> = {},
): Promise<Draft> {
  await findWritable(db, user, id)
  return await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    assertWritable(kase, user)
    const saved = await writeDraft(trx, user, kase, version, posted)
    if (kase.state === 'supplement') await keepReplies(trx, kase, replies)
    return saved
  })
}

/** 给审核人员的说明: kept with the item it answers; an item that was not on the page keeps what it has. */
export async function keepReplies(trx: Knex.Transaction, kase: Case, replies: Readonly<Record<string, string>>): Promise<void> {
  for (const { id, target_type, target } of await correctionsOf(trx, kase)) {
    const reply = replies[`${target_type}.${target}`]
    if (reply !== undefined)
      await trx('case_corrections')
        .where({ id })
        .update({ answer: reply || null })
  }
}

/** The same inside a transaction that holds the lock of the case. */
export async function writeDraft(
  trx: Knex.Transaction,
  user: User,
  kase: Case,
  version: number,
  posted: Answers,
): Promise<Draft> {
  const kind = kindOf(kase)
  const draft = await draftOf(trx, kase)
  if (draft.version !== version)
    throw new Conflict('这份草稿刚在另一处改过，这一次没有保存。请另开一页看最新内容，把这里的修改抄过去。')
  const answers = merge(kind, draft.answers, posted, await unlockedFields(trx, kase))
  const saved = { answers, version: draft.version + 1, saved_at: now() }
  await trx('case_drafts')
    .where({ case_id: kase.id })
    .update({ ...saved, answers: sealAnswers(kind.form, answers, column), saved_by: user.id })
  await trx('cases').where({ id: kase.id }).update({ updated_at: saved.saved_at })
  return saved
}

/** A case this user may write in. @throws NotFound, Forbidden, Conflict */
export async function findWritable(db: Knex, user: User, id: number): Promise<Case> {
  const kase = await findCase(db, user, id)
  assertWritable(kase, user)
  return kase
}

export function assertWritable(kase: Case, user: User): void {
  const kind = kindOf(kase)
  if (!isApplicant(kase, kind, user)) throw new Forbidden('申报内容只能由申请单位填写。')
  if (!writableStates.includes(kase.state))
    throw new NotNow('这一件已经提交，内容已锁定，没有保存。需要修改时请先撤回，或等待退回补正。')
}

/**
 * Deletes a draft that was never submitted. Its files go with it.
 * @throws Conflict once it has been submitted: then it can be withdrawn
 */
export async function discardDraft(user: User, id: number): Promise<void> {
  await findWritable(db, user, id)
  await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    assertWritable(kase, user)
    if (kase.serial) throw new NotNow('这一件提交过，不能删除，办理记录要留存。不办了请撤回。')
    // Bytes without a row are removed by the sweep.
    for (const table of ['files', 'case_materials', 'case_drafts', 'case_parties', 'case_handlers', 'case_marks'])
      await trx(table).where({ case_id: id }).delete()
    await trx('search_terms').where({ scope: 'cases', doc_id: id }).delete()
    await trx('cases').where({ id }).delete()
  })
}

/** What the applicant sees and writes: the draft, with archive fields as the archive has them today. */
export async function workingAnswers(db: Knex, kase: Case): Promise<Draft> {
  const kind = kindOf(kase)
  const draft = await draftOf(db, kase)
  // What was submitted keeps the archive of its day; only a fresh submission reads it anew.
  if (kase.state === 'supplement') return draft
  return { ...draft, answers: { ...draft.answers, ...archived(kind.form, await kind.prefill(db, kase)) } }
}

/** The day the conditions of a case are asked for: today while it is being written, that of its submission afterwards. */
export function dayOfConditions(kase: Case, dayOfSubmission: string | undefined): string {
  return writableStates.includes(kase.state) ? today() : (dayOfSubmission ?? today())
}
