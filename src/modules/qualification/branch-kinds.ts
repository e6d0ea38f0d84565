import type { Kind } from '../../cases/kind.ts'
import { branchFiling } from './branch-kind.ts'
import { companyInformation } from './information-kind.ts'

/** Filings beside the licence: 异地分支机构备案 always, 企业信息登记 while 资质管理 is out of use. */
export const branchKinds: readonly Kind[] = [branchFiling, companyInformation]
