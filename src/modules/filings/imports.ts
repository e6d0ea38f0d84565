import type { Import } from '../../imports/import.ts'
import { areaImport } from './area-import.ts'
import { contractImport } from './contract-import.ts'
import { linkImport } from './link-import.ts'
import { tenderImport } from './tender-import.ts'

/** 批量导入 of 业务管理, in the order of a project's life. */
export const filingImports: readonly Import[] = [areaImport, tenderImport, linkImport, contractImport]
