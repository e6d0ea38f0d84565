import type { Response } from 'express'
import { workCalendar } from '../calendar.ts'
import { beijing, today } from '../clock.ts'
import { db } from '../db.ts'
import { documentsOf } from '../documents/documents.ts'
import { type Answers, answersFrom } from '../forms/answers.ts'
import type { Mistakes } from '../forms/form.ts'
import { correctionPage, formSections, silentFields } from '../forms/sections.ts'
import { currentUser } from '../http.ts'
import type { Case, StepPayload } from './case.ts'
import { standingOf } from './cases.ts'
import { readClocks } from './clock.ts'
import { type Draft, editionOf, findWritable, saveDraft, unlockedFields, workingAnswers } from './drafts.ts'
import { findingsFor } from './findings.ts'
import { payloadsOf } from './history.ts'
import { abandonmentCode, type Kind, type KindSettings, kindOf, stepWord } from './kind.ts'
import { materialsOf } from './materials.ts'
import { storyOf } from './page.ts'
import { correctionsOf } from './queries.ts'
import { type Standing, stateOf } from './steps.ts'

export interface Written {
  draft?: Draft
  mistakes?: Mistakes
  /** Codes of the materials that are missing. */
  missing?: readonly string[]
  replies?: Readonly<Record<string, string>>
  /** Answers to show instead of the saved ones: rows just added, not yet saved. */
  answers?: Answers
  /** A submission was refused because the kind is out of use; what was typed stays on the page, to be saved. */
  outOfUse?: true
}

/** The page on which the applicant writes: the whole form, or only what a correction unlocks. */
export async function showForm(res: Response, kase: Case, written: Written = {}): Promise<void> {
  const user = currentUser(res)
  const standing = await standingOf(db, kase)
  const { kind, settings, history } = standing
  const working = await workingAnswers(db, kase)
  const draft = written.draft ?? working
  const answers = { ...working.answers, ...draft.answers, ...written.answers, ...(await heldAnswers(res, kase)) }
  const calendar = await workCalendar(db)
  const [materials, findings, payloads] = await Promise.all([
    materialsOf(db, kase, settings),
    findingsFor(db, standing, answers, today()),
    payloadsOf(db, kase.id),
  ])
  const mistakes = written.mistakes ?? {}
  const missing = written.missing ?? []
  const readings = readClocks({ kase, settings, history, calendar, today: today() })
  const adjust = await kind.adjust?.(db, kase)
  const clock = readings.find(reading => reading.keeper === 'applicant' && reading.state === 'running')
  const common = {
    kase,
    kind,
    state: stateOf(standing),
    materials,
    findings,
    clock,
    missing,
    savedAt: draft.saved_at,
    savedTime: beijing(draft.saved_at).slice(11),
    draftVersion: draft.version,
    version: kase.version,
    story: storyOf(standing, payloads, { isOffice: false, own: true }),
    returned: returnedFor(standing, payloads),
    user,
    editable: true,
    suspended: await suspendedFor(kind, written),
  }
  if (kase.state === 'supplement') {
    const asked = await correctionsOf(db, kase)
    const page = correctionPage(kind.form, asked, {
      before: await editionOf(db, kase, kase.edition),
      answers,
      mistakes,
      adjust,
      materials: Object.fromEntries(settings.materials.map(material => [material.code, material.label])),
      typed: Object.fromEntries(Object.entries(written.replies ?? {}).map(([name, value]) => [`answer.${name}`, value])),
    })
    const letter = (await documentsOf(db, kase.id)).findLast(document => document.paper === 'correction')
    const printHref = letter && `/desk/cases/${kase.id}/papers/${letter.id}.pdf`
    const abandonedAfter = readings.find(({ code, state }) => code === abandonmentCode && state === 'running')?.due_on
    res.render('cases/correction', { ...common, ...page, answers, printHref, abandonedAfter })
    return
  }
  const sections = formSections(kind.form, answers, mistakes, adjust)
  res.render('cases/form', {
    ...common,
    sections,
    silent: silentFields(sections.flatMap(section => section.fields)),
    answers,
    mistakes,
    submitLabel: kase.edition ? '修改后重新提交' : '提交',
    after: afterSubmit(kind, settings),
  })
}

/** Why the kind is out of use, and what became of a submission. */
async function suspendedFor(kind: Kind, { outOfUse }: Written): Promise<string | undefined> {
  const why = await kind.suspended?.(db)
  return why && (outOfUse ? `没有提交。${why}填写的内容都在下面，可以保存草稿。` : why)
}

/** What was typed when the session had ended, as far as it may be written now. */
async function heldAnswers(res: Response, kase: Case): Promise<Answers> {
  const held: unknown = res.locals.held
  if (!held) return {}
  const { form } = kindOf(kase)
  const unlocked = await unlockedFields(db, kase)
  return Object.fromEntries(Object.entries(answersFrom(form, held)).filter(([name]) => unlocked === 'all' || unlocked.has(name)))
}

/** Why the case is with the applicant again, where it was refused to be edited. */
function returnedFor({ kase, kind, history }: Standing, payloads: ReadonlyMap<number, StepPayload>) {
  const last = history.findLast(line => line.from_state !== line.to_state)
  if ((last?.step !== 'refuse' && last?.step !== 'dissent') || kase.state === 'supplement') return undefined
  const opinion = last.payload_id ? payloads.get(last.payload_id)?.opinion : undefined
  const title = last.step === 'dissent' ? `${last.place_label}${stepWord(kind, 'dissent')}` : `${last.place_label}审核不通过`
  return { title: `${title}，退回修改`, at: beijing(last.at).slice(0, 16), ...(opinion ? { opinion } : {}) }
}

function afterSubmit(kind: Kind, { chain, clocks }: KindSettings): string {
  const acceptance = clocks.find(clock => clock.from === 'submitted')
  const unit = acceptance?.unit === 'working-day' ? '个工作日' : '天'
  const first = chain[0]?.label ?? ''
  return acceptance ? `提交后由${first}，${acceptance.limit} ${unit}内${stepWord(kind, 'accept')}` : `提交后由${first}`
}

/**
 * 增加 and 删除 of repeating rows without script: what was typed is saved, and the page comes back with one row more or less. A new row
 * is empty, so the draft does not hold it.
 */
export async function applyRowButton(
  res: Response,
  { id, posted, draft_version, replies }: { id: number; posted: Answers; draft_version: number; replies: Record<string, string> },
): Promise<void> {
  const user = currentUser(res)
  const draft = await saveDraft(user, id, draft_version, posted)
  const kase = await findWritable(db, user, id)
  await showForm(res, kase, { draft, answers: { ...(await workingAnswers(db, kase)).answers, ...posted }, replies })
}
