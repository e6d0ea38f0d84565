import type { Knex } from 'knex'
import { settingsNow } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import type { Check, Finding } from '../../cases/kind.ts'
import { dayOf, today } from '../../clock.ts'
import { type Answers, canonicalAnswers, rowsOf, textOf } from '../../forms/answers.ts'
import { type Mistakes, optionalChoice, optionalText } from '../../forms/form.ts'
import { ceilingNotice, hundredths, roomFindings } from '../archives/project-rules.ts'
import { optionsOf } from '../archives/words.ts'
import { termFields } from './contract-form.ts'
import type { Contract } from './contracts.ts'
import { lastDayOf } from './contracts.ts'
import { projectAt } from './project.ts'
import type { SigningFiling, SigningPhase } from './signing-form.ts'
import { type SignedText, signedText, signingNumber } from './signings.ts'
import { nationalLaw, provincialLaw } from './standards.ts'
import { impossibleVotes, voteFinding } from './votes.ts'

/** What the portal compares before a contract is filed: on the page of the applicant while it is written, and before the reviewer. */

/** The day a filing counts from: that of its first submission, today while it is being written. */
export const filedDay = ({ submitted_at }: Pick<Case, 'submitted_at'>) => (submitted_at ? dayOf(submitted_at) : today())

/** Within so many days of signing; late is accepted and flagged. */
export function inTime(threshold: string, law: string): Check {
  return {
    code: 'in-time',
    about: '签订合同后在期限内备案',
    find({ kase, answers, settings }) {
      const signed = textOf(answers, 'signed_on')
      const days = settings.thresholds[threshold]
      if (!/^\d{4}-\d\d-\d\d$/.test(signed) || !days) return undefined
      const last = addDays(signed, days)
      const left = daysFrom(filedDay(kase), last)
      return {
        code: 'in-time',
        requirement: `签订之日起 ${days} 日内备案（最后一天 ${last}）`,
        actual: left < 0 ? `逾期 ${-left} 天` : left ? `还有 ${left} 天` : '今天是最后一天',
        verdict: left < 0 ? 'bad' : 'ok',
        law,
        ...(left < 0 ? { detail: '可以提交，标记为逾期备案；请写明逾期原因' } : {}),
      }
    },
  }
}

/** Days from a day to another; negative when that lies before. */
export function daysFrom(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000)
}

/** 政府指导价: above the ceiling is told, never forbidden. */
export const ceiling: Check = {
  code: 'ceiling',
  about: '政府指导价不高于上限',
  async find({ db, answers }) {
    const lines = rowsOf(answers, 'fees').filter(({ pricing }) => pricing === 'guided')
    if (!lines.length) return undefined
    const rules = await settingsNow(db)
    const notices = lines.flatMap(line => ceilingNotice(line, rules) ?? [])
    return {
      code: 'ceiling',
      requirement: '实行政府指导价的，不高于公布的上限',
      actual: notices.length ? `${notices.length} 类高于上限` : '没有高于上限',
      verdict: notices.length ? 'warn' : 'ok',
      law: `${nationalLaw}第四十条`,
      ...(notices.length ? { detail: notices.join('') } : {}),
    }
  },
}

/** 用房 as agreed, against the area registered and the permille of the law. */
export const rooms: Check = {
  code: 'service-room',
  about: '物业服务用房面积符合规定',
  async find({ db, kase, answers }) {
    const room = textOf(answers, 'room_area')
    if (!room) return undefined
    const project = await projectAt(db, kase.subject_id)
    const record = { floor_area: project.floor_area, service_room_area: room, committee_room_area: '20.00' }
    const found = roomFindings(record, await settingsNow(db)).find(({ code }) => code === 'service-room')
    const differs = hundredths(room) !== hundredths(project.service_room_area)
    const noted: Finding | undefined = found && {
      ...found,
      verdict: found.verdict === 'ok' && differs ? 'warn' : found.verdict,
      ...(differs ? { detail: `项目档案登记的是 ${project.service_room_area} ㎡，与合同约定不一致，请核对` } : {}),
    }
    return noted
  },
}

/**
 * 民法典 第九百四十七条、第九百四十六条: who does not go on with a contract says so in time.
 * @param dissolved what is being dissolved, for whom and when
 */
export function noticeFinding(
  { reason, notice_on, ends_on }: { reason: string; notice_on: string; ends_on: string },
  contract: Contract,
  days: { company: number; owners: number },
): Finding | undefined {
  const rule =
    reason === 'dismissed'
      ? { days: days.owners, who: '业主依法共同决定解聘的，提前书面通知物业服务人', law: '民法典第九百四十六条' }
      : reason === 'withdrawn' || reason === 'term-over'
        ? { days: days.company, who: '物业服务人不同意续聘的，期限届满前书面通知业主或者业主委员会', law: '民法典第九百四十七条' }
        : undefined
  if (!rule || !notice_on || !ends_on) return undefined
  // Whoever leaves before the term is over counts from the day of leaving.
  const end = ends_on < lastDayOf(contract) ? ends_on : lastDayOf(contract)
  const ahead = daysFrom(notice_on, end)
  return {
    code: 'notice',
    requirement: `${rule.who}，不少于 ${rule.days} 日`,
    actual: `提前 ${Math.max(ahead, 0)} 日（${notice_on} 通知，${end} 终止）`,
    verdict: ahead >= rule.days ? 'ok' : 'bad',
    law: rule.law,
    ...(ahead >= rule.days ? {} : { detail: '双方对通知时间另有约定的从其约定；造成损失的，依法承担责任' }),
  }
}

// ── 业主共同决定 ────────────────────────────────────────────────────────────────────────────────

/** Counts that cannot be, and a decision that comes after what it decides. */
export function voteMistakes(answers: Answers, floor_area: string): Mistakes {
  const mistakes = impossibleVotes(answers)
  if (hundredths(textOf(answers, 'area_total')) > hundredths(floor_area))
    mistakes.area_total ??= `专有部分总面积大于项目档案的总建筑面积 ${floor_area} ㎡，请核对。`
  const [decided, signed] = [textOf(answers, 'decided_on'), textOf(answers, 'signed_on')]
  if (decided && signed && decided > signed)
    mistakes.decided_on = `业主大会决定日期 ${decided} 晚于签订日期 ${signed}。选聘、解聘物业企业先由业主共同决定（民法典第二百七十八条）。`
  return mistakes
}

/** 选聘、解聘物业企业 is an ordinary matter. */
export const ownersDecision: Check = {
  code: 'votes',
  about: '选聘、解聘由业主共同决定，表决人数和面积达到规定',
  find: ({ answers }) => voteFinding(answers, { matter: 'ordinary', on: textOf(answers, 'decided_on') }),
}

// ── 合同文本: signed here, or on paper ─────────────────────────────────────────────────────────

const sources = { online: '在线签订的合同', paper: '上传纸质合同' } as const

/** Where the text of the contract is. */
export const sourceFields = {
  text_source: optionalChoice({ label: '合同文本', type: 'radio', options: optionsOf(sources) }),
  signing_number: optionalText({ label: '在线签订的合同', archive: { label: '在线签订' } }),
}

/** A text both sides have confirmed here and nobody has filed yet. */
export interface OnlineText extends SignedText {
  phase: SigningPhase
  filing: SigningFiling
}

/** The newest such text of a project and a company, of the sorts a filing can be about. */
export async function onlineText(
  db: Knex,
  { project_id, company_id }: { project_id: number; company_id: number },
  phases: readonly SigningPhase[],
  filings: readonly SigningFiling[],
): Promise<OnlineText | undefined> {
  const sorts = phases.flatMap(phase => filings.map(filing => ({ phase, filing })))
  const found = await Promise.all(
    sorts.map(async sort => {
      const text = await signedText(db, { project_id, company_id, ...sort })
      return text && { ...text, ...sort }
    }),
  )
  return found.filter(text => text !== undefined).sort((one, other) => other.id - one.id)[0]
}

/** What a text fills in: its terms, and that it is the one. */
export function onlineAnswers(text: OnlineText | undefined): Answers {
  if (!text) return { text_source: 'paper', signing_number: '' }
  return { ...text.answers, text_source: 'online', signing_number: signingNumber(text.id) }
}

/** The text a filing rests on; nothing where it is on paper. */
export function chosenText(answers: Answers, text: OnlineText | undefined): OnlineText | undefined {
  return textOf(answers, 'text_source') === 'online' ? text : undefined
}

/**
 * What is filed is what was signed, and a contract on paper is uploaded.
 * @param there the materials that are there, by code
 */
export function sourceMistakes(answers: Answers, text: OnlineText | undefined, there: readonly string[]): Mistakes {
  if (textOf(answers, 'text_source') !== 'online')
    return there.includes('contract') ? {} : { text_source: '请在“材料”里上传合同扫描件；没有签过的，可以先在线签订。' }
  if (!text) return { text_source: '没有双方都已确认、还没有备案的在线合同。请选“上传纸质合同”，或者先在线签订。' }
  // What the text says nothing of, such as the rooms in the archive, the filing may still tell.
  const said = Object.keys(termFields).filter(name => text.answers[name]?.length)
  const differs = said.filter(name => {
    const [filed, signed] = [answers, text.answers].map(all => canonicalAnswers({ it: all[name] ?? '' }))
    return filed !== signed
  })
  return Object.fromEntries(
    differs.map(name => [
      name,
      `与双方确认的在线合同 ${signingNumber(text.id)} 不一致。合同已经成立，备案要照它填写；内容要改的，双方重新签订（民法典第五百四十三条）。`,
    ]),
  )
}

/** Tells the reviewer where the text is and by what it is known. */
export function sourceFinding(text: OnlineText): Finding {
  return {
    code: 'source',
    requirement: '备案内容与合同文本一致',
    actual: `在线签订 ${signingNumber(text.id)}，${text.signed_on} 双方确认`,
    verdict: 'ok',
    law: '民法典第四百九十一条',
    detail: `内容已逐项核对一致；合同文本在“在线签订”里，摘要 ${text.digest.slice(0, 16)}`,
  }
}

/** The materials of a case that are there now, by code. */
export async function papersThere(db: Knex, case_id: number): Promise<string[]> {
  return await db('files').where({ case_id }).whereNull('until_edition').distinct().pluck('material')
}

/** The offices and organisations that are told of a contract besides its parties: the street, and the owners' committee. */
export async function toldOf(db: Knex, project_id: number, except: readonly number[]): Promise<number[]> {
  const { street_code, developer_id } = await projectAt(db, project_id)
  const [streets, committees]: number[][] = await Promise.all([
    db('organisations').where({ kind: 'street', street_code }).pluck('id'),
    db('committees').where({ project_id, live: 1 }).pluck('id'),
  ])
  const ids = [...(streets ?? []), ...(committees ?? []), ...(developer_id ? [developer_id] : [])]
  return [...new Set(ids)].filter(id => !except.includes(id))
}

export const earlyLaw = `${provincialLaw}第十六条`
export const contractLaw = `${provincialLaw}第五十七条`
