import type { Import } from '../../imports/import.ts'

/** 批量导入 of 业务管理. */
export const filingImports: readonly Import[] = []
