import type { Knex } from 'knex'
import { type Role, roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import type { Limit, WorkCalendar } from '../calendar.ts'
import type { Answers } from '../forms/answers.ts'
import type { Adjust, Form, Mistakes } from '../forms/form.ts'
import type { Case } from './case.ts'
import { type State, type StepCode, stepLabel } from './lifecycle.ts'

/** The seven modules, as the menu and the catalogue name them. */
export const modules = {
  archives: '档案管理',
  qualification: '资质管理',
  filings: '业务管理',
  credit: '信用管理',
  committees: '业委会管理',
  publishing: '信息发布',
  statistics: '查询统计',
} as const
export type Module = keyof typeof modules

/**
 * A place in a chain. `state` is what the case is called while it is there (初审中). Everything here is data once installed:
 * the regulator may rename, move, add and remove places.
 */
export type Place = DeskPlace | PartyPlace | ExternalPlace | WaitPlace
interface AnyPlace {
  code: string
  label: string
  state: string
}
/** A desk of an authority. */
export interface DeskPlace extends AnyPlace {
  sort: 'desk'
  role: Role
  /** A limit of its own within the clocks of the kind. */
  limit?: Limit
  /** 实地核查 is recorded with 通过, by at least two officers (行政许可法 第三十四条). */
  visit?: boolean
}
/** A party of the case that must answer; without an answer the case moves on when the limit ends. */
export interface PartyPlace extends AnyPlace {
  sort: 'party'
  party: PartyRole
  limit: Limit
}
/** An authority outside the city, whose outcome the role keys in with document number and scan. Not on the city's clock. */
export interface ExternalPlace extends AnyPlace {
  sort: 'external'
  authority: string
  role: Role
}
/** A timed wait that the clock ends: publicity, or a period for statements. `role` looks after objections. */
export interface WaitPlace extends AnyPlace {
  sort: 'wait'
  role: Role
  limit: Limit
  /** Shown on the public site with a form for objections. */
  public: boolean
}

export type PartyRole = 'applicant' | 'respondent' | 'complainant' | 'informed'
export const partyRoles: Record<PartyRole, string> = {
  applicant: '申请人',
  respondent: '被申请人',
  complainant: '投诉人',
  informed: '知会',
}

/** A limit of the law or of a promise, measured over the history of a case. */
export interface Clock {
  code: string
  label: string
  /** The moment it begins: the submission, the acceptance, a request for correction, or the decision of the last desk. */
  from: 'submitted' | 'accepted' | 'corrected' | 'decided'
  /** The moment it ends. `accepted` is also met by 退回补正 and 不予受理 (the notice in time is what the law asks for). */
  until: 'accepted' | 'resubmitted' | 'decided' | 'done'
  limit: number
  unit: Limit['unit']
  /** What does not count: the applicant's correction, timed waits, places outside the city. */
  pauses: readonly ('supplement' | 'waiting' | 'external')[]
  law: string
  /** Who has to keep it. */
  keeper: 'desk' | 'applicant'
  /** What silence means in law, shown and never applied by itself. */
  silence?: string
}

/** The code of the clock whose end ends a case: 逾期未补正，视为撤回. */
export const abandonmentCode = 'abandonment'

/** How long a request for correction may stay without an answer before the application counts as taken back; nothing where the settings set no such limit. */
export function abandonment({ clocks }: Pick<KindSettings, 'clocks'>): Clock | undefined {
  return clocks.find(({ code }) => code === abandonmentCode)
}

/** A paper the applicant hands in. */
export interface Material {
  code: string
  label: string
  required: boolean
  /** The officer compares it with the original. */
  original: boolean
  copies: number
  /** What to mind, in one sentence. */
  hint?: string
  /** The paper runs out, so its last day is asked for. */
  expires?: boolean
}

/** A consulted desk: a row beside the chain with its own clock; it never blocks. */
export interface Consult {
  code: string
  label: string
  role: Role
  limit: Limit
}

/** What the regulator may change of a kind, by variant and effective day. A submitted case keeps the settings it was submitted under. */
export interface KindSettings {
  chain: Place[]
  clocks: Clock[]
  consults: Consult[]
  materials: Material[]
  /** 编号规则; empty where the number comes from elsewhere. */
  number: string
  /** How often 退回补正 may be used in one case: everything missing is told at once (行政许可法 第三十二条). */
  corrections: number
  /** Thresholds the checks compare with. */
  thresholds: Record<string, number>
  /** 常用意见 by step. */
  templates: { step: string; label: string; text: string }[]
}

/** One line of the 条件自检表. */
export interface Finding {
  code: string
  /** What is asked for: 专职管理和技术人员不少于 10 人. */
  requirement: string
  /** What there is: 14 人. */
  actual: string
  verdict: 'ok' | 'bad' | 'warn'
  /** The clause. */
  law: string
  /** The arithmetic, or where to look. */
  detail?: string
}

/** What a check may look at. `answers` may be half filled while the applicant is typing. */
export interface CheckContext {
  db: Knex
  kase: Case
  answers: Answers
  settings: KindSettings
  /** The day the conditions are asked for: today while it is a draft, the day of submission afterwards. */
  on: string
}
export interface Check {
  code: string
  /** What the portal checks, for the catalogue. */
  about: string
  /** Whether the check is asked for now, where that depends on a setting. */
  inUse?(db: Knex): Promise<boolean>
  find(context: CheckContext): Promise<Finding | undefined> | Finding | undefined
}

/** What a case is about, filled in when it is started. */
export interface Subject {
  type: 'company' | 'developer' | 'project' | 'committee' | 'person'
  id: number
  name: string
  district_code: string | null
  street_code: string | null
}

/** The proof that comes out, as printed and as the public register shows it. */
export interface Proof {
  label: string
  papers: readonly { code: string; label: string }[]
}

export interface Kind<F extends Form = Form> {
  code: string
  label: string
  module: Module
  /** 设定依据. */
  law: string
  /** Whether it is a licence, whose papers cite 行政许可法; unless told, what belongs to 资质管理 is. A filing (备案、登记) there says no. */
  licence?: boolean
  /** 何时申请, one sentence. */
  when: string
  startedBy: readonly Role[]
  /** Where an application begins, when first a person or a project must be chosen; the catalogue leads there. */
  startsAt?: { label: string; href: string }
  /** The parties its cases have besides the applicant and those informed; none unless told. Only these can be waited for. */
  parties?: readonly PartyRole[]
  /** The levels of offices its subjects always belong to; city and district unless told. Only their desks can be in the chain. */
  reaches?: readonly ('city' | 'district' | 'street')[]
  /** Two letters before day and sequence: ZX2026112300017. */
  prefix: string
  form: F
  /** What only the database knows of single fields, such as the regions to choose from. */
  adjust?(db: Knex, kase: Case): Promise<Adjust>
  /** Variants have a chain of their own; without a choice there is one, named ''. */
  variants?: Readonly<Record<string, string>>
  variantOf?(answers: Answers): string
  /** What holds until the regulator decides otherwise. */
  settings: KindSettings | ((variant: string) => KindSettings)
  /** What the thresholds are called where the regulator sets them: 专职人员不少于 … 人. */
  thresholds?: Readonly<Record<string, { label: string; unit?: string }>>
  /**
   * 结论: what whoever decides writes down with 通过 where passing alone does not say it (合格 or 不合格, the number of a certificate
   * granted elsewhere). Asked at the last desk or external place of the chain, wherever the regulator puts that.
   */
  conclusion?: Form
  /** The field of the conclusion with the number of the proof, where another authority gives it and the kind has no number rule. */
  numberIn?: string
  /** What only the database knows of a conclusion; asked before the step is taken. */
  conclusionMistakes?(db: Knex, kase: Case, conclusion: Answers): Promise<Mistakes>
  /** Why the kind is out of use now, as a sentence; then nothing is begun, submitted or approved, and the catalogue says so. */
  suspended?(db: Knex): Promise<string | undefined>
  /** Where 不通过 leads (domain.md §3.1). */
  refusedTo: 'draft' | 'rejected' | 'refused'
  /** Where a party leads the case that does not agree: on, with its reasons, or where 不通过 leads. Without it a party only answers. */
  dissent?: 'next' | 'refused'
  /** What a state is called here, where that differs. */
  states?: Partial<Record<State, string>>
  /** What a step is called here, where that differs: 立案 for 受理. */
  steps?: Partial<Record<StepCode, string>>
  checks: readonly Check[]
  proof?: Proof
  /** What the case is about. @throws Forbidden or Conflict with a sentence when this user cannot start it now */
  subjectOf(db: Knex, user: User, wanted: { subject_id?: number; typed?: Answers }): Promise<Subject>
  /** One open case for this: `qualification-new:17`. Null where several may be open at once. */
  openKey(subject: Subject, filled: Answers): string | null
  /** What is known already: fields filled in from the archives. Fields of the form marked `archive` are always taken from here. */
  prefill(db: Knex, kase: Pick<Case, 'subject_id' | 'applicant_id'> & Partial<Pick<Case, 'open_key'>>): Promise<Answers>
  /** Rules beyond the form, asked at the submission: a sentence by field keeps it a draft. */
  mistakes?(db: Knex, kase: Case, answers: Answers, settings: KindSettings): Promise<Mistakes>
  /** Where the case belongs when only the answers tell; holds from the submission on. */
  regionOf?(db: Knex, answers: Answers): Promise<Pick<Subject, 'district_code' | 'street_code'>>
  /** The parties besides the applicant, as the answers say; holds from the submission on. */
  partiesOf?(trx: Knex.Transaction, kase: Case, answers: Answers): Promise<{ role: PartyRole; organisation_id: number }[]>
  /** The applicant does not learn from the portal who the other parties are: the history names the place instead. */
  discreet?: true
  /** Codes of materials that only the applicant and the offices read, whoever else is a party. */
  keptBack?: readonly string[]
  /** The organisations that are told besides the applicant (知会、抄送). */
  informed?(db: Knex, kase: Case): Promise<number[]>
  /** The last day for filing, where the law sets one (逾期备案 is flagged, never blocked). */
  fileBy?(answers: Answers, settings: KindSettings, calendar: WorkCalendar): string | undefined
  /** Writes the typed row of the module and whatever else the submission means. */
  whenSubmitted?(trx: Knex.Transaction, kase: Case, answers: Answers): Promise<void>
  /** The case was closed, or went back to the applicant to write, without approval: undoes what the submission meant. */
  whenEnded?(trx: Knex.Transaction, kase: Case, answers: Answers): Promise<void>
  /** The effect of the approval; takes number and verification codes in the same transaction. @returns what the proof shows */
  whenDone?(trx: Knex.Transaction, kase: Case, context: DoneContext): Promise<void>
  /** The lines of the publicity page: nothing personal. */
  publicFacts?(kase: Case, answers: Answers): { label: string; value: string }[]
  /** What to do after it is done, for the applicant: 证书可在“我的证书”下载. */
  afterwards?: string
}

export interface DoneContext {
  answers: Answers
  settings: KindSettings
  /** Beijing day of the decision that let the case through, before any publicity. */
  decidedOn: string
  /** The number taken by the kind's rule, or keyed in with the conclusion (`numberIn`); undefined where there is neither. */
  number: string | undefined
  /** 文号 of the external authority, where one decided. */
  outcome?: { number: string; on: string; authority: string }
  /** What the deciding desk wrote down; nothing where the kind asks for none. */
  conclusion: Answers
}

const kinds = new Map<string, Kind>()

/**
 * Declares a kind: start button, form, self-check, review page, clocks, numbers, papers, catalogue and tests come from it.
 * @throws Error when the declaration contradicts itself, at start and not before a user
 */
export function defineKind<const F extends Form>(kind: Kind<F>): Kind<F> {
  if (!/^[a-z][a-z-]{2,39}$/.test(kind.code)) throw new Error(`kind ${kind.code}: code`)
  if (!/^[A-Z]{2}$/.test(kind.prefix)) throw new Error(`kind ${kind.code}: prefix`)
  for (const variant of Object.keys(kind.variants ?? { '': '' })) {
    const codes = standardOf(kind, variant).chain.map(place => place.code)
    if (new Set(codes).size < codes.length) throw new Error(`kind ${kind.code}: two places of one code`)
  }
  return kind
}

/** Puts kinds into the catalogue. The one place that calls it reads like the regulator's. */
export function registerKinds(...declared: readonly Kind[]): void {
  for (const kind of declared) {
    if (kinds.has(kind.code)) throw new Error(`kind ${kind.code} is registered twice`)
    const other = allKinds().find(({ prefix }) => prefix === kind.prefix)
    if (other) throw new Error(`kinds ${other.code} and ${kind.code} share the prefix ${kind.prefix}`)
    kinds.set(kind.code, kind)
  }
}

/** All kinds in the order of the catalogue. */
export function allKinds(): Kind[] {
  return [...kinds.values()]
}

/** The kind of this code, or nothing. */
export function findKind(code: string): Kind | undefined {
  return kinds.get(code)
}

/** The kind of a case. @throws Error for a case of a kind that is gone, which is a fault of ours */
export function kindOf({ kind }: { kind: string }): Kind {
  const found = kinds.get(kind)
  if (!found) throw new Error(`kind ${kind} is not registered`)
  return found
}

/** What a line of the history of such a case is called. */
export function stepWord({ steps }: Pick<Kind, 'steps'>, code: string): string {
  return steps?.[code as StepCode] ?? stepLabel(code) // looked up; what is no step has no word of the kind's
}

/** 依职权: begun by an office of its own motion, about somebody who is asked as 被申请人. The office is no applicant whom papers are sent to. */
export function isExOfficio({ startedBy }: Pick<Kind, 'startedBy'>): boolean {
  return startedBy.every(role => roles[role].staff)
}

/** What a kind is declared with for a variant. */
export function standardOf(kind: Pick<Kind, 'settings'>, variant = ''): KindSettings {
  return typeof kind.settings === 'function' ? kind.settings(variant) : kind.settings
}

/** The variants of a kind: code to label; one without a name where it has none. */
export function variantsOf(kind: Kind): Readonly<Record<string, string>> {
  return kind.variants ?? { '': '' }
}

const working = (limit: number): Limit => ({ limit, unit: 'working-day' })

/** A desk of a chain. */
export function desk(
  code: string,
  role: Role,
  label: string,
  state: string,
  more: { limit?: number; visit?: boolean } = {},
): DeskPlace {
  const { limit, visit } = more
  return { sort: 'desk', code, role, label, state, ...(limit ? { limit: working(limit) } : {}), ...(visit ? { visit } : {}) }
}

/** A party that must answer within some working days. */
export function party(code: string, role: PartyRole, label: string, state: string, days: number): PartyPlace {
  return { sort: 'party', code, party: role, label, state, limit: working(days) }
}

/** An authority outside the city; `role` keys in its outcome. */
export function external(code: string, authority: string, role: Role, label: string, state: string): ExternalPlace {
  return { sort: 'external', code, authority, role, label, state }
}

/** Publicity of some working days on the public site; `role` answers objections. */
export function publicity(role: Role, days: number): WaitPlace {
  return { sort: 'wait', code: 'publicity', role, label: '公示', state: '公示中', limit: working(days), public: true }
}
