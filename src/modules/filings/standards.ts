import { desk, type Place } from '../../cases/kind.ts'

/** What the kinds of 业务管理 have in common (domain.md §2.1, §5). */

export const tenderLaw = '前期物业管理招标投标管理暂行办法（建住房〔2003〕130号）'
export const provincialLaw = '山东省物业管理条例'
export const nationalLaw = '物业管理条例'

export const developerRoles = ['developer'] as const
export const companyRoles = ['company-admin', 'company-clerk'] as const

/** 区县 alone, with two people (不得自审). */
export const districtDesks: readonly Place[] = [
  desk('district', 'district-clerk', '区县经办', '初审中'),
  desk('district-review', 'district-reviewer', '区县审核', '复审中'),
]

/** 市局 alone, with two people. */
export const cityDesks: readonly Place[] = [
  desk('city', 'city-clerk', '市局经办', '经办审核中'),
  desk('city-review', 'city-reviewer', '市局审核', '复审中'),
]

/** 区县初审, then 市局. */
export const districtThenCity: readonly Place[] = [
  desk('district', 'district-clerk', '区县初审', '初审中'),
  desk('city-review', 'city-reviewer', '市局审核', '复审中'),
]
