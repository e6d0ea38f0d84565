import type { Knex } from 'knex'
import { settingsNow } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import type { Check, Finding } from '../../cases/kind.ts'
import { dayOf, today } from '../../clock.ts'
import { rowsOf, textOf } from '../../forms/answers.ts'
import { ceilingNotice, hundredths, roomFindings } from '../archives/project-rules.ts'
import type { Contract } from './contracts.ts'
import { lastDayOf } from './contracts.ts'
import { projectAt } from './project.ts'
import { nationalLaw, provincialLaw } from './standards.ts'

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
