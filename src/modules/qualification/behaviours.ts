import type { Knex } from 'knex'
import { addDays } from '../../calendar.ts'

/**
 * 限制核定的行为 (资质管理办法 第十一条；domain.md §4.5): whoever has done one of these within a year before applying is not given a
 * certificate. The portal learns of them from whatever records them: decisions of this city, later the credit records.
 */
export const behaviours = {
  'unqualified-staff': '聘用未取得职业资格证书的人员从事物业管理活动',
  'whole-delegation': '将一个物业管理区域内的全部物业管理一并委托他人',
  'fund-misuse': '挪用专项维修资金',
  'service-room-altered': '擅自改变物业管理用房的用途',
  'common-use-altered': '擅自改变公共建筑和共用设施用途',
  'road-occupied': '擅自占用、挖掘道路、场地，损害业主共同利益',
  'common-parts-business': '擅自利用共用部位、共用设施设备经营',
  'no-handover': '物业服务合同终止时不移交物业管理用房和有关资料',
  'bid-rigging': '以串通投标等不正当手段取得物业管理项目',
  'contract-breach': '不履行物业服务合同，业主投诉较多且经查证属实',
  'beyond-level': '超越资质等级承接物业管理业务',
  'certificate-lent': '出租、出借、转让资质证书',
  accident: '发生重大责任事故',
} as const
export type Behaviour = keyof typeof behaviours

/** One such behaviour that was established. */
export interface BehaviourRecord {
  code: Behaviour
  /** The day it was established by a decision. */
  on: string
  /** Where it is written down, in words an applicant may read: 撤销决定 济资撤〔2026〕0001号. */
  where: string
}

/** The same with the words of the law. */
export interface EstablishedBehaviour extends BehaviourRecord {
  label: string
}

export interface BehaviourSource {
  /** `credit` is the one the law means; until it is there, the check says so. */
  code: 'credit' | 'revocations'
  /** What is looked through: 本市撤销资质的决定. */
  label: string
  /** What was established about a company from a day to a day, both included. */
  find(db: Knex, company_id: number, from: string, to: string): Promise<BehaviourRecord[]>
}

const sources = new Map<BehaviourSource['code'], BehaviourSource>()

/** Adds a place where behaviours are recorded. @throws Error when it is there already */
export function registerBehaviours(source: BehaviourSource): void {
  if (sources.has(source.code)) throw new Error(`behaviours of ${source.code} are registered twice`)
  sources.set(source.code, source)
}

/** What is looked through. */
export function behaviourSources(): BehaviourSource[] {
  return [...sources.values()]
}

/** What is known of a company from a day to a day, both included, the latest first. */
export async function behavioursOf(db: Knex, company_id: number, from: string, to: string): Promise<EstablishedBehaviour[]> {
  const found = await Promise.all(behaviourSources().map(source => source.find(db, company_id, from, to)))
  return found
    .flat()
    .map(record => ({ ...record, label: behaviours[record.code] }))
    .sort((one, other) => (one.on < other.on ? 1 : -1))
}

/** Once established, from which day on a company may apply again: a year lasts until its namesake day (民法典 第二百零二条). */
export function freeAgainOn({ on }: Pick<BehaviourRecord, 'on'>, years: number): string {
  return addDays(sameDay(on, years), 1)
}

/** What stands in the way of an application of some day: established within so many years before it. */
export async function barring(db: Knex, company_id: number, day: string, years: number): Promise<EstablishedBehaviour[]> {
  const found = years ? await behavioursOf(db, company_id, sameDay(day, -years), day) : []
  // The namesake of 29 February comes a day early, so what lies on the edge is looked at once more.
  return found.filter(record => freeAgainOn(record, years) > day)
}

/** The namesake of a day some years later, or earlier when negative; where the month is shorter, its last day. */
function sameDay(day: string, years: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
  const lastOfMonth = new Date(Date.UTC(year + years, month, 0)).getUTCDate()
  return new Date(Date.UTC(year + years, month - 1, Math.min(date, lastOfMonth))).toISOString().slice(0, 10)
}
