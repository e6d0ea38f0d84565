import type { Knex } from 'knex'
import { isRole, roles } from '../accounts/roles.ts'
import { type Settings, settingsNow } from '../admin/settings.ts'
import type { Case, Correction, HistoryRow, StepPayload } from '../cases/case.ts'
import { conclusionWords } from '../cases/conclusion.ts'
import { payloadsOf } from '../cases/history.ts'
import { type Clock, isExOfficio, type Kind, type KindSettings, type Place, stepWord } from '../cases/kind.ts'
import { isStep, type Step, type StepCode, states, steps } from '../cases/lifecycle.ts'
import { dayOf } from '../clock.ts'
import type { Answers } from '../forms/answers.ts'
import { fieldsOf } from '../forms/form.ts'
import { issueDocument } from './documents.ts'
import type { Letter } from './letter.ts'
import {
  acceptanceNotice,
  type CaseFacts,
  correctionNotice,
  decisionSlip,
  declineDecision,
  type Remedy,
  refusalDecision,
  type SlipLine,
} from './letters.ts'

/** A step that was just taken: the case as it is after it, with what the step brought. */
export interface PaperContext {
  kase: Case
  kind: Kind
  settings: KindSettings
  step: StepCode
  payload: StepPayload
  answers: Answers
  /** The items of a request for correction. */
  corrections?: Correction[]
  at: Date
  /** The place the step was taken at. */
  place?: Place
  history: HistoryRow[]
}

/** The papers of a case: what they are filed as, and the word of their number (受字〔2026〕第…号). */
export const casePapers = {
  acceptance: { label: '受理通知书', word: '受' },
  correction: { label: '补正告知书', word: '补' },
  decline: { label: '不予受理决定书', word: '拒' },
  refusal: { label: '不予通过决定书', word: '否' },
  decision: { label: '审批单', word: '审' },
} as const
export type CasePaper = keyof typeof casePapers

/**
 * Issues the paper a step calls for, in the transaction of the step: 受理通知书, 补正告知书, 不予受理决定书, 不予通过决定书, and the
 * slip of the decision when the case is done. They name desks, never persons, and no internal notes.
 */
export async function issuePapers(trx: Knex.Transaction, context: PaperContext): Promise<void> {
  const paper = paperFor(context)
  if (!paper) return
  const { kase, at } = context
  const letter = await write(trx, paper, context, await factsOf(trx, paper, context))
  await issueDocument(trx, {
    paper,
    case_id: kase.id,
    organisation_id: kase.applicant_id,
    number: letter.number,
    title: letter.title,
    facts: letter,
    issued_on: dayOf(at),
  })
}

function paperFor({ kase, kind, step }: PaperContext): CasePaper | undefined {
  if (kase.state === 'done') return 'decision'
  // An office writes no notices to itself; what whoever it concerns is sent is the kind's.
  if (isExOfficio(kind)) return undefined
  switch (step) {
    case 'accept':
      return 'acceptance'
    case 'correct':
      return 'correction'
    case 'decline':
      return 'decline'
    case 'refuse':
      // A case that goes back to the applicant as 未提交 or 已驳回 can be handed in again: that is no decision.
      return kase.state === 'refused' ? 'refusal' : undefined
    default:
      return undefined
  }
}

async function write(trx: Knex.Transaction, paper: CasePaper, context: PaperContext, facts: CaseFacts): Promise<Letter> {
  const { kase, kind, settings, payload } = context
  const accepted = kase.accepted_at ? { accepted_on: dayOf(kase.accepted_at) } : {}
  switch (paper) {
    case 'acceptance': {
      const clock = settings.clocks.find(clock => clock.from === 'accepted' && clock.until === 'decided')
      const limit = clock && { days: daysOf(clock), law: clock.law, pauses: clock.pauses.map(pause => pauses[pause]).join('、') }
      return acceptanceNotice(facts, { ...(limit ? { limit } : {}), materials: await materialsReceived(trx, context) })
    }
    case 'correction': {
      const clock = settings.clocks.find(clock => clock.from === 'corrected')
      const items = (context.corrections ?? []).map(item => ({ label: targetLabel(item, kind, settings), words: item.words }))
      return correctionNotice(facts, {
        items,
        once: settings.corrections === 1,
        ...(clock ? { limit: { days: daysOf(clock) } } : {}),
      })
    }
    case 'decline':
      return declineDecision(facts, { reason: payload.opinion ?? '', remedy: await remedyOf(trx, context) })
    case 'refusal': {
      const { outcome } = payload
      const outside = context.place?.sort === 'external' &&
        outcome && { authority: context.place.authority, number: outcome.number }
      const reason = payload.opinion || (outside ? `见${outside.authority}${outside.number}。` : '')
      return refusalDecision(facts, {
        ...accepted,
        reason,
        remedy: await remedyOf(trx, context),
        ...(outside ? { outside } : {}),
      })
    }
    case 'decision':
      return decisionSlip(facts, {
        ...accepted,
        decided_on: dayOf(kase.decided_at ?? context.at),
        closed_on: facts.on,
        result: kind.states?.done ?? states.done.label,
        ...(kase.number ? { number: kase.number } : {}),
        lines: await slipLines(trx, context),
      })
  }
}

async function factsOf(trx: Knex.Transaction, paper: CasePaper, { kase, kind, at, history }: PaperContext): Promise<CaseFacts> {
  const set = await settingsNow(trx)
  const on = dayOf(at)
  const { issuer, phone } = await issuerOf(trx, history, set)
  const { name, person } = await addresseeOf(trx, kase)
  return {
    issuer,
    number: await numberOf(trx, paper, kase, on),
    matter: kind.label,
    law: kind.law,
    licence: kind.licence ?? kind.module === 'qualification',
    serial: kase.serial ?? '',
    to: name,
    you: person ? '你' : '你单位',
    submitted_on: dayOf(kase.submitted_at ?? at),
    on,
    ...(phone && paper !== 'decision' ? { contact: `联系电话：${phone}` } : {}),
  }
}

/** 受字〔2026〕第ZX2026112300017号; the second one of a case carries -2. */
async function numberOf(trx: Knex.Transaction, paper: CasePaper, { id, serial }: Case, on: string): Promise<string> {
  const row = await trx('documents').where({ case_id: id, paper }).count({ n: '*' }).first()
  const before = Number(row?.n ?? 0)
  return `${casePapers[paper].word}字〔${on.slice(0, 4)}〕第${serial}${before ? `-${before + 1}` : ''}号`
}

/** The authority in whose name the last person of an office acted: the bureau for the city, the office itself elsewhere. */
async function issuerOf(
  trx: Knex.Transaction,
  history: readonly HistoryRow[],
  set: Settings,
): Promise<{ issuer: string; phone: string }> {
  const line = lastOfficial(history)
  if (!line || scopeOfRole(line.role) === 'city') return { issuer: set['city.bureau'], phone: set['city.phone'] }
  const office: { phone: string | null } | undefined = await trx('organisations')
    .where({ id: line.organisation_id ?? 0 })
    .first('phone')
  return { issuer: authorityOf(line.organisation_name), phone: office?.phone ?? '' }
}

/** An inner department signs in the name of its authority: 历下区住房和城乡建设局物业科 is 历下区住房和城乡建设局. */
function authorityOf(name: string): string {
  return name.replace(/^(.+(?:局|委员会|办事处|人民政府))[^局]{1,8}[科处股办所室]$/, '$1')
}

/** The clock has no name to sign with, so what it ends is signed by who decided before. */
function lastOfficial(history: readonly HistoryRow[]): HistoryRow | undefined {
  return history.findLast(line => isStep(line.step) && line.role !== null && isRole(line.role) && roles[line.role].staff)
}

function scopeOfRole(role: string | null): string {
  return role !== null && isRole(role) ? roles[role].scope : 'city'
}

/** Owners share one organisation, so a case of theirs is addressed to the person. */
async function addresseeOf(trx: Knex.Transaction, kase: Case): Promise<{ name: string; person: boolean }> {
  const organisation: { name: string; kind: string } | undefined = await trx('organisations')
    .where({ id: kase.applicant_id })
    .first('name', 'kind')
  if (organisation?.kind !== 'owners') return { name: organisation?.name ?? kase.subject_name, person: false }
  const user: { name: string } | undefined = await trx('users').where({ id: kase.created_by }).first('name')
  return { name: user?.name ?? kase.subject_name, person: true }
}

/** 行政复议法 第二十四条: of a district's authority, the government of the district; a zone has none, so there it is the city's. */
async function remedyOf(trx: Knex.Transaction, { kase, history }: PaperContext): Promise<Remedy> {
  const set = await settingsNow(trx)
  const standard = { review: set['documents.remedy-review'], court: set['documents.remedy-court'] }
  if (scopeOfRole(lastOfficial(history)?.role ?? null) === 'city' || !kase.district_code) return standard
  const district: { name: string } | undefined = await trx('regions').where({ code: kase.district_code }).first('name')
  return district && /(?<!开发)[区县市]$/.test(district.name) ? { ...standard, review: `${district.name}人民政府` } : standard
}

async function materialsReceived(
  trx: Knex.Transaction,
  { kase, settings }: PaperContext,
): Promise<{ label: string; files: number }[]> {
  const rows: { material: string; n: number }[] = await trx('files')
    .where({ case_id: kase.id })
    .where('from_edition', '<=', kase.edition)
    .where(open => open.whereNull('until_edition').orWhere('until_edition', '>=', kase.edition))
    .groupBy('material')
    .select('material')
    .count({ n: '*' })
  const counts = new Map(rows.map(row => [row.material, Number(row.n)]))
  return settings.materials.flatMap(({ code, label }) => {
    const files = counts.get(code)
    return files ? [{ label, files }] : []
  })
}

/** What a correction is about, as the form or the list of materials calls it. */
export function targetLabel(
  { target_type, target }: Pick<Correction, 'target_type' | 'target'>,
  kind: Kind,
  { materials }: Pick<KindSettings, 'materials'>,
): string {
  if (target_type === 'material') return materials.find(({ code }) => code === target)?.label ?? target
  return fieldsOf(kind.form).find(({ name }) => name === target)?.label ?? target
}

async function slipLines(trx: Knex.Transaction, { kase, kind, settings, history }: PaperContext): Promise<SlipLine[]> {
  const payloads = await payloadsOf(trx, kase.id)
  const first = history.findLastIndex(({ step }) => step === 'submit')
  return history.slice(Math.max(first, 0)).flatMap((line): SlipLine[] => {
    if (!isStep(line.step) || !line.open) return []
    const place = settings.chain.find(({ code }) => code === line.place)
    const by: Step['by'] = steps[line.step].by
    const unnamed = kind.discreet && by === 'party'
    const payload = line.payload_id === null || unnamed ? undefined : payloads.get(line.payload_id)
    const opinion = [
      ...conclusionWords(kind.conclusion, payload?.conclusion).map(({ label, text }) => `${label}：${text}`),
      ...(payload?.opinion ? [payload.opinion] : []),
    ].join('\n')
    return [
      {
        place: by === 'applicant' ? '申请人' : by === 'clock' && place ? place.label : line.place_label,
        step: stepWord(kind, line.step),
        opinion: opinion || (line.step === 'correct' ? `见${casePapers.correction.label}` : ''),
        on: dayOf(line.at),
      },
    ]
  })
}

const pauses: Record<Clock['pauses'][number], string> = { supplement: '补正', waiting: '公示', external: '上级机关办理' }

function daysOf({ limit, unit }: Pick<Clock, 'limit' | 'unit'>): string {
  return `${limit}${unit === 'working-day' ? '个工作日' : '日'}`
}
