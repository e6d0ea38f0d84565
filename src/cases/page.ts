import type { Request, Response } from 'express'
import { roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { workCalendar } from '../calendar.ts'
import { beijing, dayOf, today } from '../clock.ts'
import { db } from '../db.ts'
import { documentsOf } from '../documents/documents.ts'
import { NotFound } from '../errors.ts'
import { compareAnswers, showAnswers } from '../forms/answers.ts'
import { fieldsOf, type Mistakes, type Values } from '../forms/form.ts'
import { currentUser, queryText } from '../http.ts'
import { deliveriesOf } from '../messages/deliveries.ts'
import { mayCallObjector, objectionsOf } from '../publicity/publicity.ts'
import type { Case, StepPayload } from './case.ts'
import { standingOf } from './cases.ts'
import { chainOf } from './chain.ts'
import { mainReading, readClocks } from './clock.ts'
import { conclusionWords } from './conclusion.ts'
import { editionOf } from './drafts.ts'
import { findingsFor } from './findings.ts'
import { payloadsOf } from './history.ts'
import { type KindSettings, type PartyRole, partyRoles, stepWord } from './kind.ts'
import { closedStates, isStep, type Step, steps, writableStates } from './lifecycle.ts'
import { type MaterialState, materialsOf, mayVerify, sameNumbers } from './materials.ts'
import { consultationsOf, correctionsOf, isKeptBack, mayReadPapers, visibleCases, waitingFor } from './queries.ts'
import { stepForms } from './step-forms.ts'
import { isApplicant, placeOf, type Standing, stateOf, stepsFor } from './steps.ts'
import { nextInTodo } from './todo.ts'
import { mayUrge } from './urge.ts'
import { showForm } from './write-page.ts'

/** What a case page shows again after a mistake. */
export interface Back {
  action?: string
  values?: Values
  mistakes?: Mistakes
  /** Personal data in full, in this answer alone. */
  revealed?: boolean
}

/** GET /desk/cases/:id: the form while the applicant writes, else everything about the case with the steps open to this user. */
export async function showCase(req: Request, res: Response, kase: Case, back: Back = {}): Promise<void> {
  const user = currentUser(res)
  const standing = await standingOf(db, kase)
  const own = isApplicant(kase, standing.kind, user)
  if (own && writableStates.includes(kase.state) && queryText(req, 'view') !== 'read') return await showForm(res, kase)
  const { kind, settings, history } = standing
  const isOffice = roles[user.role].staff
  const compared = comparedEdition(req, kase)
  const masked = !own && !back.revealed
  const calendar = await workCalendar(db)
  const [answers, before, payloads, materials, consultations, objections, documents, deliveries, numbers, place, correction] =
    await Promise.all([
      editionOf(db, kase, kase.edition),
      compared ? editionOf(db, kase, compared) : undefined,
      payloadsOf(db, kase.id),
      papersFor(user, kase, settings, kase.edition),
      isOffice ? consultationsOf(db, kase.id) : [],
      isOffice ? objectionsOf(db, kase.id) : [],
      documentsOf(db, kase.id),
      isOffice ? deliveriesOf(db, kase.id) : [],
      isOffice ? sameNumbers(db, kase) : [],
      isOffice ? queueOf(user, kase) : undefined,
      kase.rounds ? correctionsOf(db, kase) : [],
    ])
  const readings = readClocks({ kase, settings, history, calendar, today: today() })
  const submittedOn = dayOf(history.findLast(line => line.step === 'submit' || line.step === 'resubmit')?.at ?? kase.created_at)
  const findings = await findingsFor(db, standing, answers, submittedOn)
  const adjust = await kind.adjust?.(db, kase)
  const suspended = closedStates.includes(kase.state) ? undefined : await kind.suspended?.(db)
  // Out of use nothing goes on; what ends a case without approval stays possible.
  const open = stepsFor(standing, user).filter(({ code }) => !suspended || (code !== 'accept' && code !== 'pass'))
  const mayNote = isOffice && user.role !== 'supervisor' && user.role !== 'business-admin'
  res.render('cases/show', {
    kase,
    kind,
    own,
    isOffice,
    state: stateOf(standing),
    readings,
    main: mainReading(readings),
    places: chainOf(kase, settings, history, {
      // Applicants deal with offices, which the place names already.
      who: line => (isOffice ? line.user_name : ''),
      holder: open.some(step => steps[step.code].by === 'desk') ? '您' : '',
      start: own ? '您提交' : '申请人提交',
      end: kind.proof ? '发证' : '办结',
    }),
    findings,
    sections: showAnswers(kind.form, answers, { masked, adjust }),
    masked,
    hasPersonal: !own && isOffice,
    parties: own ? [] : await partiesOf(kase, isOffice),
    compared,
    differences: before ? compareAnswers(kind.form, before, answers, { masked, adjust }) : [],
    editions: Array.from({ length: kase.edition }, (_, n) => n + 1),
    materials,
    numbers,
    fieldLabels: labelsOf(standing),
    canVerify: mayVerify(standing, user),
    picked: Number(queryText(req, 'file')) || undefined,
    steps: open.map(step => ({ ...step, fields: stepForms.fields(step.needs, step.concludes ? kind.conclusion : undefined) })),
    templates: settings.templates,
    corrections: correction,
    correctable: [
      {
        label: '内容',
        targets: fieldsOf(kind.form)
          .filter(field => !field.archive && field.type !== 'checkbox')
          .map(field => ({ target: `field.${field.name}`, label: field.label })),
      },
      {
        label: '材料',
        targets: settings.materials.map(material => ({ target: `material.${material.code}`, label: material.label })),
      },
    ],
    story: storyOf(standing, payloads, { isOffice, own }),
    waitsFor: waitsFor(standing),
    consultations,
    consults: kase.state === 'reviewing' && kase.holder_role === user.role ? settings.consults : [],
    objections,
    canDismiss: kase.state === 'waiting' && kase.holder_role === user.role,
    canCall: mayCallObjector(kase, user),
    documents: documents.filter(document => isOffice || own || document.organisation_id === user.organisation_id),
    deliveries,
    queue: place,
    mayNote,
    mayUrge: mayUrge(standing, user),
    suspended,
    mayCopy: own && kase.closed_at !== null && kase.state !== 'done',
    action: back.action ?? '',
    values: back.values ?? {},
    mistakes: back.mistakes ?? {},
  })
}

/** GET /desk/cases/:id/editions/:edition: one submitted edition, as it was. */
export async function showEdition(res: Response, kase: Case, edition: number): Promise<void> {
  const user = currentUser(res)
  const standing = await standingOf(db, kase)
  if (edition > kase.edition) throw new NotFound('没有这一版申报内容。')
  const own = isApplicant(kase, standing.kind, user)
  const [answers, before, materials] = await Promise.all([
    editionOf(db, kase, edition),
    edition > 1 ? editionOf(db, kase, edition - 1) : undefined,
    papersFor(user, kase, standing.settings, edition),
  ])
  const line = standing.history.findLast(line => line.edition === edition && (line.step === 'submit' || line.step === 'resubmit'))
  const adjust = await standing.kind.adjust?.(db, kase)
  res.render('cases/edition', {
    kase,
    edition,
    submittedAt: line?.at ?? null,
    sections: showAnswers(standing.kind.form, answers, { masked: !own, adjust }),
    differences: before ? compareAnswers(standing.kind.form, before, answers, { masked: !own, adjust }) : [],
    materials,
  })
}

/** The materials this user may read, as `/files/:id` gives them out. */
async function papersFor(user: User, kase: Case, settings: KindSettings, edition: number): Promise<MaterialState[]> {
  if (!(await mayReadPapers(db, user, kase))) return []
  const materials = await materialsOf(db, kase, settings, edition)
  return materials.filter(({ material }) => !isKeptBack(user, kase, material.code))
}

/** The edition to compare with: the one before, unless another is asked for; `0` compares with none. */
function comparedEdition(req: Request, kase: Case): number | undefined {
  const asked = queryText(req, 'compare')
  const edition = /^\d{1,3}$/.test(asked) ? Number(asked) : kase.edition - 1
  return edition >= 1 && edition < kase.edition ? edition : undefined
}

/** Who has to do with a case, as 申请人 济南枫渡物业服务有限公司: offices read all of them, another party who applied. */
async function partiesOf({ id: case_id }: Case, isOffice: boolean): Promise<{ label: string; name: string }[]> {
  const query = db('case_parties')
    .join('organisations', 'organisations.id', 'case_parties.organisation_id')
    .where({ case_id })
    .orderBy('case_parties.id')
  if (!isOffice) query.where({ role: 'applicant' })
  const rows: { role: PartyRole; name: string }[] = await query.select('case_parties.role', 'organisations.name')
  return rows.map(({ role, name }) => ({ label: partyRoles[role], name }))
}

/** Where a case stands in the to-do of this user, and what comes next. */
async function queueOf(
  user: User,
  kase: Case,
): Promise<{ next: number | undefined; total: number; waiting: boolean } | undefined> {
  const mine = () => waitingFor(visibleCases(db, user), user)
  const [next, here, rows] = await Promise.all([
    nextInTodo(db, user, kase),
    mine().where({ 'cases.id': kase.id }).first('cases.id'),
    // Counting further than anybody reads is not worth the time.
    mine().limit(1000).select('cases.id'),
  ])
  return rows.length ? { next, total: rows.length, waiting: here !== undefined } : undefined
}

/** What the names of fields and materials are called, for corrections and marks. */
export function labelsOf({ kind, settings }: Pick<Standing, 'kind' | 'settings'>): Record<string, string> {
  const fields = fieldsOf(kind.form).flatMap(field => [
    [`field.${field.name}`, field.label] as const,
    ...(field.of
      ? fieldsOf(field.of).map(cell => [`field.${field.name}.${cell.name}`, `${field.label}“${cell.label}”`] as const)
      : []),
  ])
  return Object.fromEntries([
    ...fields,
    ...settings.materials.map(material => [`material.${material.code}`, material.label] as const),
  ])
}

export interface StoryLine {
  title: string
  who: string
  at: string
  no: boolean
  opinion?: string
  note?: string
  list?: string[]
  files?: { id: number; name: string }[]
  /** An internal line: never sent to applicants. */
  inner: boolean
}

/** The history as its reader may know it, newest first. Applicants read desks and opinions, officials names and notes too. */
export function storyOf(
  standing: Standing,
  payloads: ReadonlyMap<number, StepPayload>,
  { isOffice, own }: { isOffice: boolean; own: boolean },
): StoryLine[] {
  const labels = labelsOf(standing)
  return standing.history
    .filter(line => isOffice || line.open)
    .map(line => {
      const payload = line.payload_id ? payloads.get(line.payload_id) : undefined
      const step: Step | undefined = isStep(line.step) ? steps[line.step] : undefined
      const mine = own && line.organisation_id === standing.kase.applicant_id
      const where = mine ? '您' : line.place_label
      // Who answers may name themselves in what they write.
      const unnamed = standing.kind.discreet && step?.by === 'party'
      const list = [
        ...(payload?.corrections ?? []).map(item => `${labels[item.target] ?? '事项'}：${item.words}`),
        ...(payload?.visit && isOffice
          ? [`实地核查 ${payload.visit.on}，${payload.visit.officers.join('、')}：${payload.visit.finding}`]
          : []),
        ...conclusionWords(standing.kind.conclusion, payload?.conclusion).map(({ label, text }) => `${label}：${text}`),
        ...(payload?.outcome ? [`文号 ${payload.outcome.number}，${payload.outcome.on}`] : []),
      ]
      return {
        title: `${where} ${stepWord(standing.kind, line.step)}`,
        who: isOffice ? line.user_name : mine ? line.user_name : unnamed ? '' : line.organisation_name,
        at: beijing(line.at).slice(0, 16),
        no: step?.negative ?? false,
        ...(payload?.opinion && !(unnamed && own) ? { opinion: payload.opinion } : {}),
        ...(payload?.note && isOffice ? { note: payload.note } : {}),
        ...(list.length ? { list } : {}),
        ...(payload?.files ? { files: payload.files } : {}),
        inner: !line.open,
      }
    })
    .reverse()
}

/** Who the case waits for and since when, in one line on top of the history. */
export function waitsFor(standing: Standing): { who: string; since: string } | undefined {
  const { kase, settings } = standing
  if (closedStates.includes(kase.state)) return undefined
  const place = placeOf(standing)
  const who =
    kase.state === 'waiting'
      ? `${place?.label ?? ''}中`
      : kase.holder_id
        ? kase.state === 'supplement'
          ? '等待申请人补正'
          : `等待${kase.state === 'reviewing' && place ? place.label : '申请人'}`
        : `等待${place?.label ?? settings.chain[0]?.label ?? ''}${kase.state === 'submitted' ? stepWord(standing.kind, 'accept') : '办理'}`
  return { who, since: beijing(kase.held_since).slice(5, 16) }
}
