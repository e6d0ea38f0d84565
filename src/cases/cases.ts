import type { Knex } from 'knex'
import { isRole } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { daysBetween, type WorkCalendar, workCalendar } from '../calendar.ts'
import { beijing, dayOf, now, today } from '../clock.ts'
import { blindIndex } from '../crypto.ts'
import { inTransaction } from '../db.ts'
import { issuePapers } from '../documents/papers.ts'
import { Conflict, Forbidden } from '../errors.ts'
import type { ReceivedFile } from '../files/receive.ts'
import { type Answers, checkAnswers, compareAnswers, marksOf } from '../forms/answers.ts'
import type { Mistakes } from '../forms/form.ts'
import { answerName } from '../forms/sections.ts'
import { indexTerms } from '../lists/terms.ts'
import { deskOf, type Holder, tellOfStep } from '../messages/case-messages.ts'
import { closePublicity, openPublicity, upholdObjections } from '../publicity/publicity.ts'
import type { Case, HistoryRow, StepPayload } from './case.ts'
import { noDue } from './case.ts'
import { dueOf, readClocks } from './clock.ts'
import {
  archived,
  assertInUse,
  assertWritable,
  type Draft,
  draftOf,
  editionOf,
  keepReplies,
  sealedEdition,
  writeDraft,
} from './drafts.ts'
import { deskName, type Line, storePayload, writeLine } from './history.ts'
import { findKind, type Kind, type KindSettings, kindOf, type Place, stepWord } from './kind.ts'
import { closedStates, type State, type Step, type StepCode, steps, undoneStates } from './lifecycle.ts'
import { addFile, filesIn, missingMaterials } from './materials.ts'
import { takeNumber, takeSerial } from './numbers.ts'
import { correctionsOf, historyOf, lockCase } from './queries.ts'
import { settingsById, settingsInForce } from './settings.ts'
import { isApplicant, isOpen, isTheirs, nextPlace, placeOf, previousDesk, type Standing, stateOf, stepsFor } from './steps.ts'

/** What a case stands on now: its kind, settings and history. */
export async function standingOf(db: Knex, kase: Case): Promise<Standing> {
  const kind = kindOf(kase)
  const [settings, history] = await Promise.all([settingsFor(db, kase, kind), historyOf(db, kase.id)])
  return { kase, kind, settings, history }
}

/** The settings a case keeps since it was submitted; before that, those in force. */
export async function settingsFor(db: Knex, kase: Case, kind = kindOf(kase)): Promise<KindSettings> {
  const isWritten = kase.state === 'draft' || kase.state === 'rejected'
  // What is being written may turn the case into another variant, with other materials.
  if (kind.variantOf && isWritten)
    return (await settingsInForce(db, kind, kind.variantOf((await draftOf(db, kase)).answers))).settings
  if (kase.settings_id) return await settingsById(db, kase.settings_id)
  return (await settingsInForce(db, kind, kase.variant)).settings
}

export type Submission =
  | { ok: true; kase: Case }
  /** What was typed is saved as the draft; nothing was submitted. */
  | { ok: false; kase: Case; draft: Draft; mistakes: Mistakes; missing: string[] }

export interface SubmitForm {
  version: number
  draft_version: number
  posted: Answers
  /** 给审核人员的说明, by `field.name` or `material.code`, in a correction. */
  replies?: Record<string, string>
}

/**
 * 提交 and 补正提交: freezes what was written as the next edition. Missing required materials and mistakes keep it a draft.
 * Pressing twice has the effect of once.
 * @throws Conflict when the case has moved on, Forbidden, NotFound
 */
export async function submitCase(user: User, id: number, form: SubmitForm): Promise<Submission> {
  return await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    const kind = kindOf(kase)
    if (await isRepeated(trx, kase, user, ['submit', 'resubmit'], form.version)) return { ok: true, kase }
    if (kase.version !== form.version && isApplicant(kase, kind, user))
      throw new Conflict(movedOn(await standingOf(trx, kase), user))
    assertWritable(kase, user)
    await assertInUse(trx, kind)
    const again = kase.state === 'supplement'
    const draft = await writeDraft(trx, user, kase, form.draft_version, form.posted)
    const fresh = again ? {} : archived(kind.form, await kind.prefill(trx, kase))
    const checked = checkAnswers(kind.form, { ...draft.answers, ...fresh })
    const variant = kind.variantOf?.(checked.ok ? checked.answers : draft.answers) ?? ''
    const kept = again && kase.settings_id
    const { id: settings_id, settings } = kept
      ? { id: kept, settings: await settingsById(trx, kept) }
      : await settingsInForce(trx, kind, variant)
    const missing = await missingMaterials(trx, kase, settings)
    const untouched = again && checked.ok ? await untouchedItems(trx, kase, checked.answers, form.replies ?? {}) : {}
    const broken = checked.ok ? await kind.mistakes?.(trx, kase, checked.answers, settings) : undefined
    const mistakes = checked.ok ? { ...untouched, ...broken } : checked.mistakes
    if (!checked.ok || missing.length || Object.keys(mistakes).length)
      return {
        ok: false,
        kase,
        draft: { ...draft, answers: { ...draft.answers, ...fresh } },
        mistakes,
        missing: missing.map(material => material.code),
      }
    return { ok: true, kase: await putIn(trx, user, kase, { answers: checked.answers, variant, settings_id, settings, form }) }
  })
}

/** Items of a correction about which nothing was done and nothing said: the office may ask only once, so they would be lost. */
async function untouchedItems(
  trx: Knex.Transaction,
  kase: Case,
  answers: Answers,
  replies: Readonly<Record<string, string>>,
): Promise<Mistakes> {
  const [items, before, files] = await Promise.all([
    correctionsOf(trx, kase),
    editionOf(trx, kase, kase.edition),
    filesIn(trx, kase.id, kase.edition + 1),
  ])
  const changed = new Set(compareAnswers(kindOf(kase).form, before, answers).map(difference => difference.name))
  const untouched = items.filter(({ target_type, target, answer }) => {
    const isDone =
      target_type === 'field'
        ? changed.has(target)
        : files.some(file => file.material === target && file.from_edition > kase.edition)
    return !isDone && !(replies[`${target_type}.${target}`] ?? answer)
  })
  return Object.fromEntries(
    untouched.map(item => [answerName(item), '这一项还没有修改，也没有写说明。改好再交，或写明不改的理由。']),
  )
}

interface Entering {
  answers: Answers
  variant: string
  settings_id: number
  settings: KindSettings
  form: SubmitForm
}

/** The next edition of a case whose content is whole. */
async function putIn(
  trx: Knex.Transaction,
  user: User,
  kase: Case,
  { answers, variant, settings_id, settings, form }: Entering,
): Promise<Case> {
  const kind = kindOf(kase)
  const at = now()
  const day = dayOf(at)
  const again = kase.state === 'supplement'
  const step: StepCode = again ? 'resubmit' : 'submit'
  const edition = kase.edition + 1
  const stored = await storePayload(
    trx,
    { id: kase.id, edition },
    'form',
    sealedEdition(kind, answers, await filesIn(trx, kase.id, edition)),
  )
  await keepMarks(trx, kase, kind, answers)
  if (again) await answerCorrections(trx, kase, form.replies ?? {}, at)
  // The time a correction takes does not make a filing late.
  const filedOn = kase.submitted_at ? dayOf(kase.submitted_at) : day
  const fileBy = kind.fileBy?.(answers, settings, await workCalendar(trx))
  const serial = kase.serial ?? (await takeSerial(trx, kind.prefix, day))
  await indexTerms(trx, 'cases', kase.id, [kase.subject_name, kind.label, serial])
  const entered: Partial<Case> = {
    edition,
    variant,
    settings_id,
    serial,
    ...(await kind.regionOf?.(trx, answers)),
    submitted_at: kase.submitted_at ?? at,
    late_days: fileBy && fileBy < filedOn ? daysBetween(fileBy, filedOn) : 0,
    ...(again ? {} : { accepted_at: null, decided_at: null, place: null }),
  }
  const standing = { kase: { ...kase, ...entered }, kind, settings, history: await historyOf(trx, kase.id) }
  await join(trx, kind, standing.kase, answers)
  await inform(trx, kind, standing.kase)
  const moved = await move(trx, standing, user, step, { answers, stored, payload: {}, at, changes: entered })
  await kind.whenSubmitted?.(trx, moved, answers)
  return moved
}

/** The parties besides the applicant are those the present answers name. */
async function join(trx: Knex.Transaction, kind: Kind, kase: Case, answers: Answers): Promise<void> {
  if (!kind.partiesOf) return
  const parties = await kind.partiesOf(trx, kase, answers)
  await trx('case_parties').where({ case_id: kase.id }).whereNotIn('role', ['applicant', 'informed']).delete()
  if (parties.length) await trx('case_parties').insert(parties.map(party => ({ case_id: kase.id, ...party })))
}

/** 知会: who is told besides the applicant, from the first submission on. */
async function inform(trx: Knex.Transaction, kind: Kind, kase: Case): Promise<void> {
  const known: number[] = await trx('case_parties').where({ case_id: kase.id, role: 'informed' }).pluck('organisation_id')
  const wanted = (await kind.informed?.(trx, kase)) ?? []
  const fresh = [...new Set(wanted)].filter(id => !known.includes(id))
  if (fresh.length)
    await trx('case_parties').insert(fresh.map(organisation_id => ({ case_id: kase.id, organisation_id, role: 'informed' })))
}

async function keepMarks(trx: Knex.Transaction, kase: Case, kind: Kind, answers: Answers): Promise<void> {
  await trx('case_marks').where({ case_id: kase.id }).delete()
  const marks = marksOf(kind.form, answers).map(({ field, value }) => ({
    case_id: kase.id,
    applicant_id: kase.applicant_id,
    field,
    mark: blindIndex('case_marks.mark', value),
  }))
  const different = [...new Map(marks.map(mark => [`${mark.field} ${mark.mark}`, mark])).values()]
  if (different.length) await trx('case_marks').insert(different)
}

async function answerCorrections(trx: Knex.Transaction, kase: Case, replies: Record<string, string>, at: Date): Promise<void> {
  await keepReplies(trx, kase, replies)
  await trx('case_corrections').where({ case_id: kase.id, round: kase.rounds }).update({ answered_at: at })
}

export interface StepForm {
  action: StepCode
  version: number
  payload: StepPayload
  /** 退回补正: the items, each bound to a field or a material. */
  corrections?: { target_type: 'field' | 'material'; target: string; words: string }[]
  /** The scan of an external outcome, or the papers of an answer, received already. */
  papers?: readonly ReceivedFile[]
}

/**
 * Moves a case along one step and writes it to the history, with everything the step brings: numbers, papers, effect, messages. All
 * or nothing. Pressing twice has the effect of once.
 * @throws Conflict with who did what, when somebody was first; Forbidden when the step is another's; NotFound
 */
export async function takeStep(
  user: User,
  id: number,
  { action, version, payload, corrections = [], papers = [] }: StepForm,
): Promise<Case> {
  return await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    const standing = await standingOf(trx, kase)
    if (wasTaken(standing.history, user, [action], version)) return kase
    if (version !== kase.version || !isOpen(action, standing)) throw new Conflict(movedOn(standing, user))
    const step: Step = steps[action]
    if (!isTheirs(step, standing, user)) throw new Forbidden(whoMay(standing, user))
    const open = stepsFor(standing, user).find(({ code }) => code === action)
    if (open?.barred) throw new Forbidden(open.barred)
    // What ends a case without approval stays possible.
    if (action === 'accept' || action === 'pass') await assertInUse(trx, standing.kind)
    if (action === 'correct') {
      const round = kase.rounds + 1
      await trx('case_corrections').insert(corrections.map(item => ({ case_id: kase.id, round, ...item })))
      standing.kase = { ...kase, rounds: round }
    }
    if (action === 'uphold') await upholdObjections(trx, kase, user, payload.opinion ?? '')
    const files = await keepPapers(trx, kase, user, steps[action].by === 'party' ? 'answer' : 'outcome', papers)
    const [scan] = files
    const outcome = payload.outcome && { ...payload.outcome, ...(scan ? { file_id: scan.id } : {}) }
    const answers = await editionOf(trx, kase, kase.edition)
    const told = corrections.map(({ target_type, target, words }) => ({ target: `${target_type}.${target}`, words }))
    return await move(trx, standing, user, action, {
      answers,
      payload: {
        ...payload,
        ...(outcome ? { outcome } : files.length ? { files } : {}),
        ...(told.length ? { corrections: told } : {}),
      },
      at: now(),
      changes: action === 'correct' ? { rounds: standing.kase.rounds } : {},
    })
  })
}

/** Papers that come with a step belong to the edition it is about. @throws Conflict where there are too many */
async function keepPapers(
  trx: Knex.Transaction,
  kase: Case,
  user: User,
  material: 'outcome' | 'answer',
  papers: readonly ReceivedFile[],
): Promise<{ id: number; name: string }[]> {
  const kept: { id: number; name: string }[] = []
  for (const paper of papers) {
    const added = await addFile(trx, kase, user, material, paper, kase.edition)
    if (!added.ok) throw new Conflict(added.sentence)
    kept.push({ id: added.file.id, name: added.file.name })
  }
  return kept
}

interface Moving {
  answers: Answers
  payload: StepPayload
  stored?: { id: number; digest: string }
  at: Date
  changes: Partial<Case>
}

/** The one place where the state of a case changes. The caller holds the lock and has checked that the step is open. */
async function move(
  trx: Knex.Transaction,
  standing: Standing,
  user: User | null,
  code: StepCode,
  { answers, payload, stored, at, changes }: Moving,
): Promise<Case> {
  const { kase, kind, settings, history } = standing
  const from = placeOf(standing)
  const target = targetOf(standing, code)
  const calendar = await workCalendar(trx)
  const reached = arrive(standing, code, target, at)
  const outcome = target.state === 'done' ? await finish(trx, standing, { answers, payload, at }) : {}
  const next: Partial<Case> = { ...changes, ...reached, ...outcome }
  const after: Case = { ...kase, ...next }
  const line: Line = {
    step: code,
    from: kase.state,
    to: target.state,
    place: kase.place,
    placeLabel: user ? (signedAs(kind, code, from ?? settings.chain[0]) ?? deskName(user)) : '系统',
    toPlace: after.place,
    open: true,
    ...(stored ? { stored } : {}),
    ...(Object.keys(payload).length ? { payload } : {}),
    at,
  }
  // The row of this step belongs to what the clocks read, so the day it falls due is known before it is written.
  const past = [
    ...history,
    { at, step: code, from_state: kase.state, to_state: target.state, place: kase.place, to_place: after.place },
  ]
  const due = closedStates.includes(target.state)
    ? { due_on: noDue, paused: false }
    : dueOf(readClocks({ kase: after, settings, history: past, calendar, today: today() }))
  const before = { ...kase, state: kase.state }
  const written = await writeLine(trx, before, user, line, { ...next, due_on: due.due_on, paused: due.paused ? 1 : 0 })
  if (from?.sort === 'wait' && from.public)
    await closePublicity(trx, written.kase, code === 'expire' ? 'ended' : code === 'bounce' ? 'returned' : 'upheld')
  if (target.place?.sort === 'wait' && target.place.public)
    await openPublicity(trx, { kase: written.kase, kind, answers, place: target.place, calendar, today: dayOf(at) })
  if (undoneStates.includes(target.state)) await kind.whenEnded?.(trx, written.kase, answers)
  await settle(trx, { ...standing, kase: written.kase, history: [...history, written.row] }, user, code, {
    answers,
    payload,
    at,
    from,
    place: target.place,
  })
  return written.kase
}

/** The place that stands for who took a step: always for desks, for a party where it is not named. */
function signedAs({ discreet }: Kind, code: StepCode, place: Place | undefined): string | undefined {
  // 受理, 不予受理 and the first 退回补正 are taken at the first desk before the case has a place.
  const { by } = steps[code]
  return by === 'desk' || (by === 'party' && discreet) ? place?.label : undefined
}

interface Target {
  state: State
  place: Place | undefined
}

/** Where a step leads from here, read off the lifecycle and the chain. */
function targetOf(standing: Standing, code: StepCode): Target {
  const { kase, kind, settings } = standing
  const step: Step = steps[code]
  const at = (place: Place | undefined): Target => ({ state: place?.sort === 'wait' ? 'waiting' : 'reviewing', place })
  switch (step.to) {
    case 'first':
      return at(settings.chain[0])
    case 'next': {
      const place = nextPlace(standing)
      return place ? at(place) : { state: 'done', place: undefined }
    }
    case 'previous':
      return at(previousDesk(standing))
    case 'refused':
      return { state: kind.refusedTo, place: undefined }
    case 'dissent': {
      const place = kind.dissent === 'next' ? nextPlace(standing) : undefined
      return place ? at(place) : { state: kind.refusedTo, place: undefined }
    }
    case 'back':
      return kase.accepted_at ? at(placeOf(standing)) : { state: 'submitted', place: undefined }
    default:
      return { state: step.to, place: step.to === 'supplement' ? placeOf(standing) : undefined }
  }
}

/** What becomes different in a case that arrives somewhere: who holds it, which moments have come, whether it is open. */
function arrive({ kase, settings }: Standing, code: StepCode, { state, place }: Target, at: Date): Partial<Case> {
  const first = settings.chain[0]
  const isClosed = closedStates.includes(state)
  const held = { holder_role: null, holder_id: null, held_since: at }
  const holder: Partial<Case> =
    state === 'submitted'
      ? { ...held, holder_role: first && first.sort === 'desk' ? first.role : null }
      : state === 'reviewing' && place
        ? { ...held, ...(place.sort === 'desk' || place.sort === 'external' ? { holder_role: place.role } : {}) }
        : isClosed || state === 'waiting'
          ? held
          : { ...held, holder_id: kase.applicant_id }
  const leavesDesks = code === 'pass' && (state === 'waiting' || state === 'done')
  return {
    state,
    // While the applicant corrects, the case remembers which desk asked.
    place: place?.code ?? null,
    ...holder,
    ...(code === 'accept' ? { accepted_at: at } : {}),
    ...(leavesDesks || code === 'refuse' || code === 'decline' ? { decided_at: at } : {}),
    ...(code === 'uphold' || code === 'bounce' ? { decided_at: null } : {}),
    ...(isClosed ? { closed_at: at, open_key: null } : {}),
  }
}

/** The approval itself: number, proof, effect. The counter is locked last, just before the effect that needs the number. */
async function finish(
  trx: Knex.Transaction,
  { kase, kind, settings, history }: Standing,
  { answers, payload, at }: { answers: Answers; payload: StepPayload; at: Date },
): Promise<Partial<Case>> {
  const decided_at = kase.decided_at ?? at
  const external = await lastOutcome(trx, settings, history, payload, kase.place)
  const year = dayOf(at).slice(0, 4)
  const conclusion = await lastConclusion(trx, history, payload)
  const given = kind.numberIn === undefined ? undefined : conclusion[kind.numberIn]
  const number = settings.number
    ? await takeNumber(trx, settings.number, { year, region: kase.district_code ?? '' })
    : typeof given === 'string' && given
      ? given
      : undefined
  const decidedOn = dayOf(decided_at)
  await kind.whenDone?.(trx, kase, {
    answers,
    settings,
    decidedOn,
    number,
    conclusion,
    ...(external ? { outcome: external } : {}),
  })
  return { decided_at, ...(number ? { number } : {}) }
}

/** 文号 of the external authority that decided last, where the chain has one. */
async function lastOutcome(
  trx: Knex.Transaction,
  { chain }: KindSettings,
  history: readonly HistoryRow[],
  payload: StepPayload,
  here: string | null,
): Promise<{ number: string; on: string; authority: string } | undefined> {
  const authorityAt = (code: string | null) => {
    const place = chain.find(place => place.code === code)
    return place?.sort === 'external' ? place.authority : ''
  }
  if (payload.outcome) return { number: payload.outcome.number, on: payload.outcome.on, authority: authorityAt(here) }
  const line = history.findLast(line => line.step === 'pass' && authorityAt(line.place))
  if (!line?.payload_id) return undefined
  const row: { body: string | null } | undefined = await trx('case_payloads').where({ id: line.payload_id }).first('body')
  const { outcome } = JSON.parse(row?.body ?? '{}') as StepPayload // written by writeLine alone
  return outcome && { number: outcome.number, on: outcome.on, authority: authorityAt(line.place) }
}

/** What the deciding desk wrote down last. */
async function lastConclusion(trx: Knex.Transaction, history: readonly HistoryRow[], payload: StepPayload): Promise<Answers> {
  if (payload.conclusion) return payload.conclusion
  const ids = history.flatMap(line => (line.step === 'pass' && line.payload_id !== null ? [line.payload_id] : []))
  const rows: { body: string | null }[] = await trx('case_payloads').whereIn('id', ids).orderBy('id', 'desc').select('body')
  const payloads = rows.map(({ body }) => JSON.parse(body ?? '{}') as StepPayload) // written by writeLine alone
  return payloads.find(({ conclusion }) => conclusion)?.conclusion ?? {}
}

/** What follows a step in the same transaction: the party that must answer, papers, messages. */
async function settle(
  trx: Knex.Transaction,
  standing: Standing,
  user: User | null,
  step: StepCode,
  {
    answers,
    payload,
    at,
    from,
    place,
  }: { answers: Answers; payload: StepPayload; at: Date; from: Place | undefined; place: Place | undefined },
): Promise<void> {
  const { kase, kind, settings, history } = standing
  if (place?.sort === 'party') {
    const party: { organisation_id: number } | undefined = await trx('case_parties')
      .where({ case_id: kase.id, role: place.party })
      .whereNotNull('organisation_id')
      .first('organisation_id')
    if (!party) throw new Error(`case ${kase.id} has no ${place.party} for ${place.code}`)
    kase.holder_id = party.organisation_id
    await trx('cases').where({ id: kase.id }).update({ holder_id: party.organisation_id })
  }
  const corrections = step === 'correct' ? await correctionsOf(trx, kase) : undefined
  await issuePapers(trx, {
    kase,
    kind,
    settings,
    step,
    payload,
    answers,
    at,
    history: [...history],
    ...(corrections ? { corrections } : {}),
    ...(from ? { place: from } : {}),
  })
  await tellOfStep(trx, {
    kase,
    kind,
    step,
    from,
    place,
    placeLabel: user ? (from?.label ?? user.role_label) : '系统',
    ...(payload.opinion ? { opinion: payload.opinion } : {}),
    holder: holderOf(kase),
    ...(kase.due_on === noDue ? {} : { dueOn: kase.due_on }),
  })
}

/** Whom a case waits for, as messages address them. */
export function holderOf(kase: Case): Holder {
  if (kase.holder_id) return { organisation_id: kase.holder_id }
  return kase.holder_role && isRole(kase.holder_role) ? deskOf(kase, kase.holder_role) : null
}

/**
 * Moves one case by the clock: a timed wait that has ended, a party that did not answer in time, a correction nobody made.
 * @param opinion why, where it goes back or ends
 * @returns false when there is nothing to move any more, because somebody was first
 */
export async function moveByClock(
  id: number,
  code: 'expire' | 'lapse' | 'bounce' | 'abandon',
  isDue: (standing: Standing) => Promise<boolean>,
  opinion?: string,
): Promise<boolean> {
  return await inTransaction(async trx => {
    const kase = await trx<Case>('cases').where({ id }).forUpdate().first()
    if (!kase || !findKind(kase.kind)) return false
    const standing = await standingOf(trx, kase)
    if (!isOpen(code, standing) || !(await isDue(standing)) || (await standing.kind.suspended?.(trx))) return false
    await move(trx, standing, null, code, {
      answers: await editionOf(trx, kase, kase.edition),
      payload: opinion ? { opinion } : {},
      at: now(),
      changes: {},
    })
    return true
  })
}

/** Who was first and where the case is now: the sentence of a 409. Applicants read the desk, officers the name too. */
export function movedOn(standing: Standing, user: User): string {
  const { history } = standing
  const last = history.findLast(line => line.from_state !== line.to_state || line.place !== line.to_place) ?? history.at(-1)
  const now = `现在是“${stateOf(standing).label}”`
  if (!last) return `这一件刚有变动，${now}。请刷新后再办。`
  const who =
    user.scope.level === 'organisation' && last.organisation_id !== user.organisation_id
      ? last.place_label
      : `${last.user_name}（${last.place_label}）`
  return `${who}已于 ${beijing(last.at).slice(5, 16)} 办理“${stepWord(standing.kind, last.step)}”，${now}。您这一次没有执行，写好的内容在下面。`
}

function whoMay(standing: Standing, user: User): string {
  const place = placeOf(standing)
  const { kase } = standing
  const holder = kase.holder_role && (place?.label ?? standing.settings.chain[0]?.label)
  if (holder) return `此步骤由“${holder}”的人员办理，您现在的身份是${user.role_label}。`
  return `此步骤不由${user.role_label}办理，现在是“${stateOf(standing).label}”。`
}

/** Whether this person has taken the step on this very version before: a double click or a retry. */
async function isRepeated(db: Knex, kase: Case, user: User, codes: readonly StepCode[], version: number): Promise<boolean> {
  return kase.version !== version && wasTaken(await historyOf(db, kase.id), user, codes, version)
}

function wasTaken(history: readonly HistoryRow[], user: User, codes: readonly StepCode[], version: number): boolean {
  return history.some(
    line => line.user_id === user.id && line.case_version === version && (codes as readonly string[]).includes(line.step),
  )
}

/** A calendar for whoever shows the clocks of a case. */
export async function clocksOf(db: Knex, standing: Standing, calendar?: WorkCalendar) {
  const { kase, settings, history } = standing
  return readClocks({ kase, settings, history, calendar: calendar ?? (await workCalendar(db)), today: today() })
}
