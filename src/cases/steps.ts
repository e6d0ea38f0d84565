import { roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import type { Tone } from '../lists/list.ts'
import type { Case, HistoryRow } from './case.ts'
import { abandonment, isExOfficio, type Kind, type KindSettings, type Place, stepWord } from './kind.ts'
import { type Need, type State, type Step, type StepCode, states, stepCodes, steps } from './lifecycle.ts'

/** What decides which steps are open. */
export interface Standing {
  kase: Case
  kind: Kind
  /** Those of the case once it is submitted, those in force before. */
  settings: KindSettings
  history: readonly HistoryRow[]
}

/** A step this user may see as a button; `barred` says why pressing it would be refused. */
export interface OpenStep {
  code: StepCode
  label: string
  needs: Need | undefined
  /** Whether the step asks for the conclusion of the kind as well. */
  concludes: boolean
  negative: boolean
  /** Where it leads, in words: 市局审批. */
  leads: string
  barred?: string
}

/** Where a case is, as far as a list knows it too. */
interface Spot {
  kase: Pick<Case, 'state' | 'place'>
  settings: Pick<KindSettings, 'chain'>
}

/** The place a case is at. */
export function placeOf({ kase, settings }: Spot): Place | undefined {
  return settings.chain.find(place => place.code === kase.place)
}

/** What the case is called where it is: the place's word in the chain, the kind's or the common one elsewhere. */
export function stateOf({ kase, kind, settings }: Spot & { kind: Pick<Kind, 'states'> }): {
  label: string
  tone: Tone
  icon: string
} {
  const common = states[kase.state]
  const place = placeOf({ kase, settings })
  if (place && kase.state === 'reviewing' && place.sort === 'party') return { ...common, tone: 'you', label: place.state }
  if (place && (kase.state === 'reviewing' || kase.state === 'waiting')) return { ...common, label: place.state }
  return { ...common, label: kind.states?.[kase.state] ?? common.label }
}

/** The place after the present one, or nothing after the last. */
export function nextPlace({ kase, settings }: Pick<Standing, 'kase' | 'settings'>): Place | undefined {
  return settings.chain[settings.chain.findIndex(place => place.code === kase.place) + 1]
}

/** The desk or external place before the present one, or nothing. */
export function previousDesk({ kase, settings }: Pick<Standing, 'kase' | 'settings'>): Place | undefined {
  const before = settings.chain.slice(
    0,
    settings.chain.findIndex(place => place.code === kase.place),
  )
  return before.reverse().find(place => place.sort === 'desk' || place.sort === 'external')
}

/**
 * The steps this user may take now. Pages draw one button for each; `barred` ones are shown with their reason and refused when posted.
 */
export function stepsFor(standing: Standing, user: User): OpenStep[] {
  return stepCodes.flatMap(code => {
    const step: Step = steps[code]
    const { kind } = standing
    if (!isOpen(code, standing) || !isTheirs(step, standing, user)) return []
    const barred = step.fourEyes ? whyBarred(standing, user) : undefined
    const needs = needOf(code, standing)
    const leads = leadsTo(code, standing)
    const concludes = asksConclusion(code, standing)
    return [
      {
        code,
        label: stepWord(kind, code),
        needs,
        concludes,
        negative: step.negative ?? false,
        leads,
        ...(barred ? { barred } : {}),
      },
    ]
  })
}

/** Whether the step is possible for somebody at this moment. */
export function isOpen(code: StepCode, standing: Standing): boolean {
  const step: Step = steps[code]
  const { kase, settings, history } = standing
  if (!step.from.includes(kase.state)) return false
  const place = placeOf(standing)
  const sort = kase.state === 'reviewing' || kase.state === 'waiting' ? place?.sort : undefined
  switch (code) {
    case 'correct':
      return (sort === undefined || sort === 'desk') && correctionsUsed(history) < settings.corrections
    case 'pass':
    case 'refuse':
      return sort === 'desk' || sort === 'external'
    case 'sendBack':
      return sort === 'desk' && previousDesk(standing) !== undefined
    case 'answer':
    case 'lapse':
      return sort === 'party'
    case 'dissent':
      return sort === 'party' && standing.kind.dissent !== undefined
    case 'bounce':
      return sort === 'wait' && previousDesk(standing) !== undefined
    case 'uphold':
      return sort === 'wait' && kase.holder_role !== null
    case 'withdraw':
      return kase.decided_at === null
    case 'abandon':
      // What an office begins of its own motion is no application that could count as taken back.
      return !isExOfficio(standing.kind) && abandonment(settings) !== undefined
    default:
      return true
  }
}

/** Whether the step is this person's: the applicant's, the desk's the case is with, the party's it waits for. Four eyes come after. */
export function isTheirs(step: Step, { kase, kind }: Pick<Standing, 'kase' | 'kind'>, user: User): boolean {
  switch (step.by) {
    case 'applicant':
      return isApplicant(kase, kind, user)
    case 'party':
      return kase.holder_id === user.organisation_id && user.scope.level === 'organisation'
    case 'desk':
      return kase.holder_role === user.role && roles[user.role].staff
    case 'clock':
      return false
  }
}

/** Whether somebody writes for the applicant. What an office begins itself is written by the person who began it, and by nobody else who may decide it. */
export function isApplicant(kase: Case, kind: Kind, user: User): boolean {
  if (isExOfficio(kind) && kase.created_by !== user.id) return false
  return kase.applicant_id === user.organisation_id && kind.startedBy.includes(user.role)
}

/** 不得自审: who filed the case may not decide it, and nobody decides it at two places (ASVS 2.3.1, domain.md §2 a). */
function whyBarred(standing: Standing, user: User): string | undefined {
  const { kase, kind, history } = standing
  // What an office begins of its own motion its other people decide; whoever wrote or submitted it does not.
  const own = isExOfficio(kind)
    ? history.some(line => line.user_id === user.id && (line.step === 'submit' || line.step === 'resubmit'))
    : kase.applicant_id === user.organisation_id
  if (kase.created_by === user.id || own) return '这一件是您或您所在单位提交的，不得自审，请由其他人员办理。'
  // The authority outside decides; whoever sent it there keys in what it said.
  if (placeOf(standing)?.sort === 'external') return undefined
  const since = lastSubmission(history)
  const earlier = history.find(
    line =>
      line.sequence > since &&
      line.user_id === user.id &&
      // 受理 is taken before the case is at any place; it belongs to the first.
      ((line.step === 'pass' && line.place !== kase.place) || (line.step === 'accept' && line.to_place !== kase.place)),
  )
  return earlier && `您已在“${earlier.place_label}”办理过这一件，同一人不得办理两个环节，请由其他人员办理。`
}

/** The sequence of the line that brought the present edition round: everything after it belongs to this going through the chain. */
function lastSubmission(history: readonly HistoryRow[]): number {
  return history.findLast(line => line.step === 'submit')?.sequence ?? 0
}

/** Rounds of correction since the case was last submitted anew. */
function correctionsUsed(history: readonly HistoryRow[]): number {
  const since = lastSubmission(history)
  return history.filter(line => line.step === 'correct' && line.sequence > since).length
}

function needOf(code: StepCode, standing: Standing): Need | undefined {
  const place = placeOf(standing)
  if ((code === 'pass' || code === 'refuse') && place?.sort === 'external') return 'outcome'
  if (code === 'pass' && place?.sort === 'desk' && place.visit) return 'visit'
  // Who is asked to agree says so by the button; who disagrees gives reasons.
  if (code === 'answer' && standing.kind.dissent) return undefined
  const step: Step = steps[code]
  return step.needs
}

/** Whether a step lets the case through at the last place that decides, so that the kind's conclusion belongs to it. */
export function asksConclusion(code: StepCode, { kase, kind, settings }: Pick<Standing, 'kase' | 'kind' | 'settings'>): boolean {
  const last = settings.chain.findLast(place => place.sort === 'desk' || place.sort === 'external')
  return code === 'pass' && kind.conclusion !== undefined && last !== undefined && last.code === kase.place
}

function leadsTo(code: StepCode, standing: Standing): string {
  const { kind } = standing
  const name = (state: State) => kind.states?.[state] ?? states[state].label
  switch (code) {
    case 'pass':
    case 'answer':
      return nextPlace(standing)?.label ?? name('done')
    case 'sendBack':
    case 'uphold':
      return previousDesk(standing)?.label ?? ''
    case 'refuse':
      return name(kind.refusedTo)
    case 'dissent':
      return kind.dissent === 'next' ? (nextPlace(standing)?.label ?? '') : name(kind.refusedTo)
    case 'accept':
      return standing.settings.chain[0]?.label ?? ''
    case 'correct':
      return '申请人'
    default:
      return ''
  }
}
