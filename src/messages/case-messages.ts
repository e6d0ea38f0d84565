import type { Knex } from 'knex'
import { type Role, roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { settingsNow } from '../admin/settings.ts'
import type { Limit } from '../calendar.ts'
import type { Case } from '../cases/case.ts'
import { isExOfficio, type Kind, type KindSettings, type Place, stepWord } from '../cases/kind.ts'
import { type StepCode, states, stepLabel } from '../cases/lifecycle.ts'
import { settingsById } from '../cases/settings.ts'
import { config } from '../config.ts'
import { regionNames } from '../lists/regions.ts'
import { type Recipients, tell } from './messages.ts'

/** What people read of a case while it moves. Every sentence is made of what the case, its settings and the step say. */

/** Whom a case waits for. */
export type Holder = { role: string; region_code: string } | { organisation_id: number } | null

export interface ToldStep {
  /** As it is after the step. */
  kase: Case
  kind: Kind
  step: StepCode
  /** The place the step was taken at; none before the acceptance. */
  from: Place | undefined
  /** The place it led to. */
  place: Place | undefined
  /** Who took it, as the history names them. */
  placeLabel: string
  opinion?: string
  holder: Holder
  /** The last day of the limit that runs now. */
  dueOn?: string
}

/**
 * Tells of a step, in its transaction: the applicant what happened and what comes next, by text message and mail too where something
 * is asked of them or the case is decided; whoever must act now that it is their turn; and those who are to know (抄送).
 */
export async function tellOfStep(trx: Knex.Transaction, told: ToldStep): Promise<void> {
  const { kase, kind, holder } = told
  const facts = await factsOf(trx, told)
  const link = linkTo(kase)
  const matter = matterOf(kind)
  const { applicant: own, informed } = await partiesOf(trx, kase)
  const exOfficio = isExOfficio(kind)
  const organisations =
    exOfficio || own.organisations.includes(kase.applicant_id) ? own.organisations : [kase.applicant_id, ...own.organisations]
  const { title, more } = sentenceOf(told, facts, exOfficio ? `${kase.subject_name}的${kind.label}` : `您的${matter}`)
  const asked = isAsked(told)
  // Of what an office began, whoever began it hears, and not everybody who works there.
  const readers = exOfficio ? [{ user_ids: [kase.created_by] }] : recipients({ ...own, organisations })
  for (const to of readers)
    await tell(trx, {
      to,
      title,
      body: bodyOf(told, more),
      link,
      case_id: kase.id,
      channels: asked ? ['inbox', 'sms', 'mail'] : ['inbox'],
    })

  if (holder && !('organisation_id' in holder && organisations.includes(holder.organisation_id)))
    await tell(trx, {
      to: holder,
      title: `轮到您办理：${kase.title}`,
      body: [`${told.placeLabel}已办理“${stepLabel(told.step)}”。`, dueWords(told.dueOn), serialWords(kase)]
        .filter(Boolean)
        .join('\n'),
      link,
      case_id: kase.id,
      ...('organisation_id' in holder
        ? { channels: ['inbox', 'sms', 'mail'] as const, outside: `有一件${kind.label}等待您单位答复。` }
        : {}),
    })

  const rest = { ...informed, organisations: informed.organisations.filter(id => !organisations.includes(id)) }
  for (const to of recipients(rest))
    await tell(trx, {
      to,
      title: `抄送：${sentenceOf(told, facts, `${kase.subject_name}的${matter}`).title}`,
      body: serialWords(kase),
      link,
      case_id: kase.id,
    })
}

export interface ToldUrge {
  kase: Case
  kind: Kind
  /** Who urges. */
  by: User
  words?: string
  holder: Holder
  dueOn?: string
}

/** 催办: tells whoever holds the case that somebody waits for it. */
export async function tellOfUrge(trx: Knex.Transaction, { kase, kind, by, words, holder, dueOn }: ToldUrge): Promise<void> {
  if (!holder) return
  const who = roles[by.role].staff ? by.role_label : by.organisation_name
  await tell(trx, {
    to: holder,
    title: `催办：${kase.title}`,
    body: [`${who}催办。`, words ?? '', dueWords(dueOn), serialWords(kase)].filter(Boolean).join('\n'),
    link: linkTo(kase),
    case_id: kase.id,
    ...('organisation_id' in holder
      ? { channels: ['inbox', 'sms', 'mail'] as const, outside: `有一件${kind.label}等待您单位办理，请尽快处理。` }
      : {}),
  })
}

/**
 * Tells the applicant, once, that an application nobody corrects will count as taken back. The caller holds the lock of the case.
 * @param dueOn the last day to hand in the correction
 */
export async function tellOfSilence(
  trx: Knex.Transaction,
  { kase, kind, dueOn }: { kase: Case; kind: Kind; dueOn: string },
): Promise<void> {
  const title = `您的${matterOf(kind)}还没有补正，请在 ${inWords(dueOn)} 前提交；到期没有提交的，视为撤回申请。`
  // The day stands in the sentence, so another correction is told of anew.
  if (await trx('messages').where({ case_id: kase.id, title }).first('id')) return
  const { applicant: own } = await partiesOf(trx, kase)
  const isThere = own.organisations.includes(kase.applicant_id)
  const organisations = isThere || own.users.length ? own.organisations : [kase.applicant_id, ...own.organisations]
  for (const to of recipients({ ...own, organisations }))
    await tell(trx, {
      to,
      title,
      body: serialWords(kase),
      link: linkTo(kase),
      case_id: kase.id,
      channels: ['inbox', 'sms', 'mail'],
    })
}

/** The desk of a role for a case, as messages address it: in the case's street or district, or the city. */
export function deskOf(kase: Pick<Case, 'district_code' | 'street_code'>, role: Role): { role: Role; region_code: string } {
  const { scope } = roles[role]
  const region_code = scope === 'district' ? kase.district_code : scope === 'street' ? kase.street_code : config.city
  return { role, region_code: region_code ?? '' }
}

/** Where a case is read. */
export function linkTo({ id }: Pick<Case, 'id'>): string {
  return `/desk/cases/${id}`
}

interface People {
  organisations: number[]
  users: number[]
}

async function partiesOf(trx: Knex.Transaction, { id: case_id }: Case): Promise<{ applicant: People; informed: People }> {
  const rows: { role: string; organisation_id: number | null; user_id: number | null }[] = await trx('case_parties')
    .where({ case_id })
    .orderBy('id')
    .select('role', 'organisation_id', 'user_id')
  const people = (role: string): People => {
    const own = rows.filter(row => row.role === role)
    return {
      organisations: own.flatMap(row => (row.organisation_id && !row.user_id ? [row.organisation_id] : [])),
      users: own.flatMap(row => row.user_id ?? []),
    }
  }
  return { applicant: people('applicant'), informed: people('informed') }
}

function recipients({ organisations, users }: People): Recipients[] {
  return [...organisations.map(organisation_id => ({ organisation_id })), ...(users.length ? [{ user_ids: users }] : [])]
}

interface Facts {
  settings: KindSettings | undefined
  /** Who took the step, and who has the case now, as a citizen calls them: 历下区, 济南市住房和城乡建设局. */
  office: string
  nextOffice: string
  /** How many items must be corrected. */
  items: number
}

async function factsOf(trx: Knex.Transaction, { kase, step, from, place }: ToldStep): Promise<Facts> {
  const settings = kase.settings_id ? await settingsById(trx, kase.settings_id) : undefined
  const first = settings?.chain[0]
  const items =
    step === 'correct'
      ? await trx('case_corrections').where({ case_id: kase.id, round: kase.rounds }).count({ n: '*' }).first()
      : undefined
  return {
    settings,
    office: await officeOf(trx, kase, from ?? first),
    nextOffice: await officeOf(trx, kase, place ?? first),
    items: Number(items?.n ?? 0),
  }
}

/** Who sits at a place, as a citizen calls them. */
async function officeOf(trx: Knex.Transaction, kase: Case, place: Place | undefined): Promise<string> {
  if (place?.sort === 'external') return place.authority
  if (!place || place.sort === 'party') return place?.label ?? '主管部门'
  const { scope } = roles[place.role]
  const code = scope === 'district' ? kase.district_code : scope === 'street' ? kase.street_code : null
  const name = code ? (await regionNames(trx))[code] : undefined
  return name ?? (await settingsNow(trx))['city.bureau']
}

/** 三级核定申请; what is called an application already keeps its name. */
function matterOf({ label }: Kind): string {
  return /(申报|申请|备案|登记|投诉|异议)$/.test(label) ? label : `${label}申请`
}

/** Whether the step asks something of the applicant or decides their case, so that they should hear of it without signing in. */
function isAsked({ kase, step }: ToldStep): boolean {
  return kase.state === 'done' || step === 'correct' || step === 'refuse' || step === 'decline' || step === 'abandon'
}

interface Sentence {
  title: string
  /** What to do or know besides. */
  more?: string
}

/** What happened and what comes next. `whose` is 您的三级核定申请 or 某公司的三级核定申请. */
function sentenceOf({ kase, kind, step, from, place, placeLabel, dueOn }: ToldStep, facts: Facts, whose: string): Sentence {
  const { office, nextOffice, settings } = facts
  const called = (state: keyof typeof states) => kind.states?.[state] ?? states[state].label
  switch (step) {
    case 'submit': {
      const limit = settings?.clocks.find(
        clock => clock.from === 'submitted' && clock.until === 'accepted' && clock.keeper === 'desk',
      )
      return { title: `${whose}已提交，${nextOffice}${limit ? ` ${limitWords(limit)}内受理` : '将办理受理'}。` }
    }
    case 'resubmit':
      return { title: `${whose}的补正材料已提交，由${nextOffice}继续办理。` }
    case 'withdraw':
      return { title: `${whose}已撤回，不再办理。` }
    case 'abandon':
      return { title: `${whose}逾期未补正，视为撤回申请，不再办理。`, more: '仍需办理的，请备齐材料后重新申请。' }
    case 'accept': {
      const limit = settings?.clocks.find(clock => clock.from === 'accepted' && clock.keeper === 'desk')
      return { title: `${office}已受理${whose}${limit ? `，${limitWords(limit)}内办结` : ''}。` }
    }
    case 'decline':
      return { title: `${office}决定不予受理${whose}。`, more: '理由和救济途径见办件页。' }
    case 'correct':
      return {
        title: `${whose}需要补正 ${facts.items} 处${dueOn ? `，请在 ${inWords(dueOn)} 前提交` : ''}。`,
        more: '只有列出的内容可以修改，改好后一次提交。',
      }
    case 'sendBack':
      return { title: `${whose}由${placeLabel}退回${place?.label ?? '上一环节'}重新核对。` }
    case 'refuse':
      if (kase.state === 'refused')
        return { title: `${office}对${whose}决定不予通过。`, more: '理由和救济途径见不予通过决定书。' }
      return {
        title: `${office}没有通过${whose}，现在是“${called(kase.state)}”，修改后可以重新提交。`,
      }
    case 'dissent':
      return {
        title: `${placeLabel}对${whose}${stepWord(kind, 'dissent')}，${kase.state === 'reviewing' ? `转${place?.label ?? '下一环节'}` : `现在是“${called(kase.state)}”，修改后可以重新提交`}。`,
      }
    case 'uphold':
      return { title: `公示期间的异议成立，${whose}退回${place?.label ?? '上一环节'}重新审核。` }
    case 'bounce':
      return { title: `${whose}公示期满，但暂时不能生效，退回${place?.label ?? '上一环节'}重新审核。` }
    case 'pass':
    case 'answer':
    case 'lapse':
    case 'expire':
      return onward({ kase, kind, place, whose, before: beforeOf({ step, kind }, from, placeLabel, whose), called })
  }
}

/** The first half of a sentence about a case that moves on. */
function beforeOf(
  { step, kind }: { step: 'pass' | 'answer' | 'lapse' | 'expire'; kind: Kind },
  from: Place | undefined,
  placeLabel: string,
  whose: string,
): string {
  switch (step) {
    case 'pass':
      return `${placeLabel}已通过${whose}`
    case 'answer':
      return `${placeLabel}已${stepWord(kind, 'answer')}${whose}`
    case 'lapse':
      return `${from?.label ?? '对方'}逾期没有答复${whose}`
    case 'expire':
      return `${whose}${from?.label ?? '等待'}期满`
  }
}

function onward({
  kase,
  kind,
  place,
  whose,
  before,
  called,
}: {
  kase: Case
  kind: Kind
  place: Place | undefined
  whose: string
  before: string
  called: (state: keyof typeof states) => string
}): Sentence {
  if (kase.state === 'done')
    return {
      title: `${whose}${called('done')}${kase.number ? `，编号 ${kase.number}` : ''}。`,
      ...(kind.afterwards ? { more: kind.afterwards } : {}),
    }
  if (place?.sort === 'wait') return { title: `${before}，进入${place.label}，为期 ${limitWords(place.limit)}。` }
  if (place?.sort === 'party') return { title: `${before}，等待${place.label}，${limitWords(place.limit)}内答复。` }
  return { title: `${before}，转${place?.label ?? '下一环节'}。` }
}

/** Opinion, what to do, and the number to ask by. Whoever sends a case back between desks speaks to the desk, not to the applicant. */
function bodyOf({ kase, kind, step, from, opinion }: ToldStep, more: string | undefined): string {
  const unnamed = kind.discreet && from?.sort === 'party'
  const words = opinion && step !== 'sendBack' && !unnamed ? `意见：${opinion}` : ''
  return [words, more ?? '', serialWords(kase)].filter(Boolean).join('\n')
}

function serialWords({ serial }: Case): string {
  return serial ? `流水号 ${serial}` : ''
}

function dueWords(dueOn: string | undefined): string {
  return dueOn ? `应于 ${inWords(dueOn)} 前办结。` : ''
}

function limitWords({ limit, unit }: Limit): string {
  return `${limit} 个${unit === 'working-day' ? '工作日' : '自然日'}`
}

/** 2026-11-24 as 2026年11月24日. */
function inWords(day: string): string {
  const [year, month, date] = day.split('-').map(Number)
  return `${year}年${month}月${date}日`
}
