import type { Knex } from 'knex'
import { settingsNow } from '../../admin/settings.ts'
import { type Clock, desk, external, type Place, publicity } from '../../cases/kind.ts'
import { standardClocks } from '../../cases/standards.ts'
import type { CertificateLevel } from '../archives/words.ts'

/** What the kinds of 资质管理 have in common (domain.md §3.2, §4.2). */

export const law = '物业服务企业资质管理办法（建设部令第164号）'
export const companyRoles = ['company-admin', 'company-clerk'] as const

/** Why nothing of 资质管理 is begun, submitted or approved while the switch is off (国发〔2017〕7号、46号；domain.md §1). */
export const abolishedSentence =
  '物业服务企业资质许可已经取消（国发〔2017〕7号、46号），本市停止办理资质业务，已有记录只供查询。企业资料请办理企业信息登记。'

/** For `suspended` of the kinds that live with the licence. */
export async function unlessEnabled(db: Knex): Promise<string | undefined> {
  return (await settingsNow(db))['qualification.enabled'] ? undefined : abolishedSentence
}

/** Whether 资质管理 is in use. */
export async function isEnabled(db: Knex): Promise<boolean> {
  return (await unlessEnabled(db)) === undefined
}

/** 20 working days, 5 to accept or return. */
export const licenceClocks = (): Clock[] =>
  standardClocks(
    { limit: 20, law: '行政许可法第四十二条' },
    { law: '行政许可法第三十二条', silence: '逾期没有告知补正的，自收到申请之日起即为受理。' },
  )

/** 区县初审 with a visit, then three desks of the city. */
const cityDesks: readonly Place[] = [
  desk('district', 'district-clerk', '区县初审', '初审中', { visit: true }),
  desk('city-clerk', 'city-clerk', '市局经办', '经办审核中'),
  desk('city-reviewer', 'city-reviewer', '市局复核', '复审中'),
  desk('city-approver', 'city-approver', '市局审批', '审批中'),
]

/** The chain for a level (domain.md §4.2): the province decides 二级; for 一级 it examines and the ministry decides. */
export function chainFor(level: Exclude<CertificateLevel, 'none'>): Place[] {
  const province = external(
    'province',
    '山东省住房和城乡建设厅',
    'city-clerk',
    level === 'first' ? '省厅审查' : '省厅审批',
    '省厅办理中',
  )
  const ministry = external('ministry', '中华人民共和国住房和城乡建设部', 'city-clerk', '住建部审批', '住建部办理中')
  const outside = level === 'second' ? [province] : level === 'first' ? [province, ministry] : []
  return [...cityDesks, ...outside, publicity('city-clerk', 5)]
}

/** 区县初审、市局审核: for what changes no level. */
export function shortChain({ visit = false } = {}): Place[] {
  return [
    desk('district', 'district-clerk', '区县初审', '初审中', { visit }),
    desk('city', 'city-reviewer', '市局审核', '复审中'),
  ]
}
