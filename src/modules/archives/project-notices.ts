import type { Knex } from 'knex'
import { settingsNow } from '../../admin/settings.ts'
import { tell } from '../../messages/messages.ts'
import { type RecordAnswers, readRecord } from './archive.ts'
import { projects } from './project.ts'
import { ceilingNotice, meetingCondition, roomShortfall } from './project-rules.ts'

/** Whom the figures of a project concern is told when they are saved (domain.md §12), in the same transaction. */

/** 用房不达标: to the district. */
export async function tellShortfall(trx: Knex.Transaction, id: number): Promise<void> {
  const [{ answers }, rules] = await Promise.all([readRecord(trx, projects, id), settingsNow(trx)])
  await tellDistrict(trx, id, answers, roomShortfall(answers, rules))
}

/** 收费高于指导价上限: to the district. */
export async function tellCeiling(trx: Knex.Transaction, id: number, fee: RecordAnswers): Promise<void> {
  const [{ answers }, rules] = await Promise.all([readRecord(trx, projects, id), settingsNow(trx)])
  await tellDistrict(trx, id, answers, ceilingNotice(fee, rules))
}

async function tellDistrict(trx: Knex.Transaction, id: number, project: RecordAnswers, sentence?: string): Promise<void> {
  if (!sentence) return
  const { name = '', district_code = '' } = project
  await tell(trx, {
    to: { role: 'district-clerk', region_code: district_code },
    title: `${name}：${sentence}`,
    link: `/desk/projects/${id}`,
  })
}

/** 达到成立业主大会条件: to the street that has to set up the preparing group, and to its district. Only when it has become so. */
export async function tellCondition(
  trx: Knex.Transaction,
  id: number,
  { before, after, day }: { before: RecordAnswers; after: RecordAnswers; day: string },
): Promise<void> {
  const rules = await settingsNow(trx)
  const { met, words } = meetingCondition(after, day, rules)
  if (!met || meetingCondition(before, day, rules).met) return
  const { name = '', district_code = '', street_code = '' } = after
  const title = `${name}达到成立业主大会条件：${words}。${rules['meeting.prepare-days']} 日内由街道办组建首次业主大会筹备组。`
  const link = `/desk/projects/${id}`
  await tell(trx, { to: { role: 'street-clerk', region_code: street_code }, title, link })
  await tell(trx, { to: { role: 'district-clerk', region_code: district_code }, title, link })
}
