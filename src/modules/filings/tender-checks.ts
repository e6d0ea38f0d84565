import type { Knex } from 'knex'
import { daysBetween } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import type { Check, Finding, KindSettings } from '../../cases/kind.ts'
import { dayOf, today } from '../../clock.ts'
import { type Answers, rowsOf, textOf } from '../../forms/answers.ts'
import type { Mistakes } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { areaOf } from './areas.ts'
import {
  committeeFault,
  completeBy,
  dayFaults,
  earliestAnnouncement,
  earliestClosing,
  expertsNeeded,
  lastClarification,
  lastFixing,
  type SaleSort,
  saleSorts,
  type TenderDays,
  type TenderLimits,
} from './dates.ts'
import { provincialLaw, tenderLaw } from './standards.ts'
import { liveTender, runningSentence } from './tenders.ts'

/** The lines of 条件自检表 and the rules of 前期招标备案 (domain.md §5.2). */

const dayOrNot = (answers: Answers, name: string) => (isDay(textOf(answers, name)) ? textOf(answers, name) : '')

/** The planned days as far as they can be read. */
export function daysIn(answers: Answers): TenderDays {
  const day = (name: keyof TenderDays) => dayOrNot(answers, name)
  return {
    announce_on: day('announce_on'),
    documents_from: day('documents_from'),
    documents_until: day('documents_until'),
    clarify_until: day('clarify_until'),
    bids_until: day('bids_until'),
    opens_on: day('opens_on'),
    valid_until: day('valid_until'),
  }
}

/** The limits as the regulator has set them. */
export function limitsIn({ thresholds }: Pick<KindSettings, 'thresholds'>): TenderLimits {
  return {
    announce: thresholds.announce_days ?? 0,
    bidding: thresholds.bidding_days ?? 0,
    clarification: thresholds.clarification_days ?? 0,
    fixing: thresholds.fixing_days ?? 0,
  }
}

/**
 * The day a filing counts from: every submission counts anew, so the days for the announcement run again after a refusal. A correction
 * asked for by the office does not take them away.
 */
export async function submissionDay(db: Knex, { id, state }: Pick<Case, 'id' | 'state'>): Promise<string> {
  if (state === 'draft' || state === 'rejected') return today()
  const line: { at: Date } | undefined = await db('case_history')
    .where({ case_id: id, step: 'submit' })
    .orderBy('sequence', 'desc')
    .first('at')
  return line ? dayOf(line.at) : today()
}

const numberIn = (answers: Answers, name: string) => Number(textOf(answers, name) || Number.NaN)

/** 区域已登记: no tender before the area is divided. */
export const divided: Check = {
  code: 'area',
  about: '物业服务区域已经登记',
  async find({ db, kase }) {
    const area = await areaOf(db, kase.subject_id)
    return {
      code: 'area',
      requirement: '物业服务区域已经登记',
      actual: area ? `${area.number}，${area.registered_on} 登记` : '没有登记',
      verdict: area ? 'ok' : 'bad',
      law: `${provincialLaw}第九条`,
      ...(area ? {} : { detail: '先办理物业服务区域划分登记' }),
    }
  },
}

/** 没有未办结的招标. */
export const alone: Check = {
  code: 'alone',
  about: '项目没有正在进行的招标',
  async find({ db, kase }) {
    const held = await liveTender(db, kase.subject_id)
    if (!held || held.case_id === kase.id) return alright
    return { ...alright, actual: runningSentence(held), verdict: 'bad' }
  },
}
const alright: Finding = {
  code: 'alone',
  requirement: '项目没有正在进行的招标',
  actual: '没有',
  verdict: 'ok',
  law: tenderLaw,
}

const announced: Check = {
  code: 'announcement',
  about: '备案在公告发布 10 日以前',
  find({ answers, settings, on }) {
    const { announce_on } = daysIn(answers)
    const { announce } = limitsIn(settings)
    const earliest = earliestAnnouncement(on, announce)
    return {
      code: 'announcement',
      requirement: `公告发布或者投标邀请书发出 ${announce} 日以前备案，最早 ${earliest} 公告`,
      actual: announce_on ? `计划 ${announce_on} 公告` : '没有填写公告日期',
      verdict: announce_on && announce_on < earliest ? 'bad' : announce_on ? 'ok' : 'warn',
      law: `${tenderLaw}第十一条`,
      detail: `${on} 提交，加 ${announce} 日；按日历日计算，遇节假日不顺延，重新提交时重新计算`,
    }
  },
}

const bidding: Check = {
  code: 'bidding',
  about: '招标文件发出到投标截止不少于 20 日',
  find({ answers, settings }) {
    const { documents_from, bids_until } = daysIn(answers)
    if (!documents_from) return undefined
    const { bidding: least } = limitsIn(settings)
    const first = earliestClosing(documents_from, least)
    return {
      code: 'bidding',
      requirement: `招标文件发出到投标截止不少于 ${least} 日，最早 ${first} 截止`,
      actual: bids_until ? `${daysBetween(documents_from, bids_until)} 日` : '没有填写投标截止日期',
      verdict: !bids_until ? 'warn' : bids_until < first ? 'bad' : 'ok',
      law: `${tenderLaw}第十四条`,
    }
  },
}

const clarified: Check = {
  code: 'clarification',
  about: '澄清、修改在投标截止 15 日以前',
  find({ answers, settings }) {
    const { clarify_until, bids_until } = daysIn(answers)
    if (!bids_until) return undefined
    const { clarification } = limitsIn(settings)
    const last = lastClarification(bids_until, clarification)
    return {
      code: 'clarification',
      requirement: `澄清、修改在投标截止 ${clarification} 日以前，最晚 ${last}`,
      actual: clarify_until || '没有填写澄清截止日期',
      verdict: !clarify_until ? 'warn' : clarify_until > last ? 'bad' : 'ok',
      law: `${tenderLaw}第十五条`,
    }
  },
}

const valid: Check = {
  code: 'validity',
  about: '投标有效期够确定中标人',
  find({ answers, settings }) {
    const { opens_on, valid_until } = daysIn(answers)
    if (!valid_until || !opens_on) return undefined
    const { fixing } = limitsIn(settings)
    const last = lastFixing(valid_until, fixing)
    return {
      code: 'validity',
      requirement: `投标有效期结束 ${fixing} 日以前确定中标人，晚于开标`,
      actual: `最晚 ${last} 确定，${opens_on} 开标`,
      verdict: last > opens_on ? 'ok' : 'bad',
      law: `${tenderLaw}第三十六条`,
    }
  },
}

/** Too late is told: the tender has to be held all the same. */
const complete: Check = {
  code: 'complete',
  about: '招标在预售、现售、使用以前的期限内完成',
  find({ answers, settings: { thresholds } }) {
    const sort = textOf(answers, 'sale_sort')
    const day = dayOrNot(answers, 'sale_on')
    if (!day || !isSaleSort(sort)) return undefined
    const last = completeBy(sort, day, { sale: thresholds.sale_days ?? 0, own: thresholds.own_days ?? 0 })
    const { opens_on } = daysIn(answers)
    return {
      code: 'complete',
      requirement: `${saleSorts[sort]}最晚 ${last} 完成招标`,
      actual: opens_on ? `${opens_on} 开标` : '没有填写开标日期',
      verdict: opens_on && opens_on <= last ? 'ok' : 'warn',
      law: `${tenderLaw}第十九条`,
      ...(opens_on && opens_on > last ? { detail: '可以提交；请尽量提前开标，或者推迟预售、销售、使用' } : {}),
    }
  },
}
const isSaleSort = (text: string): text is SaleSort => Object.hasOwn(saleSorts, text)

const committee: Check = {
  code: 'committee',
  about: '评标委员会的人数和专家比例',
  find({ answers, settings }) {
    const [size, experts] = [numberIn(answers, 'committee_size'), numberIn(answers, 'experts')]
    if (Number.isNaN(size)) return undefined
    const least = settings.thresholds.committee ?? 5
    return {
      code: 'committee',
      requirement: `评标委员会 ${least} 人以上单数，专家不少于三分之二（${expertsNeeded(size)} 人）`,
      actual: `${size} 人${Number.isNaN(experts) ? '' : `，其中专家 ${experts} 人`}`,
      verdict: committeeFault(size, Number.isNaN(experts) ? 0 : experts, least) ? 'bad' : 'ok',
      law: `${tenderLaw}第二十八条`,
    }
  },
}

const invited: Check = {
  code: 'invitees',
  about: '邀请招标不少于三家',
  find({ answers, settings }) {
    if (textOf(answers, 'method') !== 'invited') return undefined
    const least = settings.thresholds.invitees ?? 3
    const { length } = rowsOf(answers, 'invitees')
    return {
      code: 'invitees',
      requirement: `邀请的投标人不少于 ${least} 家`,
      actual: `${length} 家`,
      verdict: length >= least ? 'ok' : 'bad',
      law: `${tenderLaw}第九条`,
    }
  },
}

export const tenderChecks: readonly Check[] = [divided, alone, announced, bidding, clarified, valid, complete, committee, invited]

/** What stands against one tender of a project: it is another's, it has no area, or a tender runs. Said above the form. */
export async function projectMistakes(db: Knex, kase: Pick<Case, 'subject_id' | 'applicant_id'>): Promise<Mistakes> {
  const [project, area, held] = await Promise.all([
    db('projects').where({ id: kase.subject_id }).first('developer_id'),
    areaOf(db, kase.subject_id),
    liveTender(db, kase.subject_id),
  ])
  if (project?.developer_id !== kase.applicant_id)
    return { project_name: '这个项目的建设单位不是贵单位，不能办理。项目档案有误的，请联系所在区县主管部门。' }
  if (!area)
    return { area_number: `这个项目还没有登记物业服务区域，不能招标（${provincialLaw}第九条）。先办理物业服务区域划分登记。` }
  return held ? { project_name: runningSentence(held) } : {}
}

/** Two rows about one company. */
export function twinMistakes(answers: Answers, field: string): Mistakes {
  const mistakes: Mistakes = {}
  const seen = new Set<string>()
  for (const [index, row] of rowsOf(answers, field).entries())
    for (const name of ['name', 'code']) {
      const mark = `${name} ${row[name]}`
      if (row[name] && seen.has(mark)) mistakes[`${field}.${index}.${name}`] ??= '前面已有一行是这家企业，请核对。'
      seen.add(mark)
    }
  return mistakes
}

/** What the form alone cannot know of a tender. */
export async function tenderMistakes(db: Knex, kase: Case, answers: Answers, settings: KindSettings): Promise<Mistakes> {
  const told = (name: string) => textOf(answers, name)
  const least = settings.thresholds
  const mistakes: Mistakes = {
    ...(await projectMistakes(db, kase)),
    ...dayFaults(daysIn(answers), await submissionDay(db, kase), limitsIn(settings)),
    ...twinMistakes(answers, 'invitees'),
  }
  const fault = committeeFault(numberIn(answers, 'committee_size'), numberIn(answers, 'experts'), least.committee ?? 5)
  if (fault) mistakes.committee_size = fault
  const method = told('method')
  const { length } = rowsOf(answers, 'invitees')
  if (method === 'invited' && length < (least.invitees ?? 3))
    mistakes.invitees = `邀请招标应当向 ${least.invitees ?? 3} 个以上的物业服务企业发出投标邀请书，现有 ${length} 家（${tenderLaw}第九条）。`
  if (method === 'open' && length) mistakes.invitees = '公开招标不指定投标人。请删除这些行，或者改选邀请招标。'
  if (method === 'open' && !told('media'))
    mistakes.media = `公开招标应当在公共媒介上发布招标公告，请填写公告媒体（${tenderLaw}第八条）。`
  if (told('prequalification') === 'yes' && numberIn(answers, 'prequalified_count') < (least.prequalified ?? 5))
    mistakes.prequalified_count = `资格预审后选择的投标人不少于 ${least.prequalified ?? 5} 家（${tenderLaw}第十三条）。`
  if (told('prequalification') === 'yes' && !told('prequalified_count'))
    mistakes.prequalified_count = '资格预审的，请填写选择的投标人数。'
  if (told('organising') === 'agency') {
    for (const [name, label] of Object.entries({
      agency: '招标代理机构',
      agency_contact: '代理机构联系人',
      agency_phone: '代理机构电话',
    }))
      if (!told(name)) mistakes[name] = `委托招标的，请填写${label}。`
    const there = await db('files').where({ case_id: kase.id, material: 'agency' }).whereNull('until_edition').first('id')
    if (!there) mistakes.organising = `委托招标代理机构的，请在“材料”里上传委托代理合同（${tenderLaw}第十一条）。`
  }
  return mistakes
}
