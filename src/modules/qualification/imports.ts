import type { Import } from '../../imports/import.ts'
import { certificateImport } from './certificate-import.ts'
import { inspectionImport } from './inspection-import.ts'

/** 批量导入 of 资质管理: certificates first, since an inspection refers to the one that was held. */
export const qualificationImports: readonly Import[] = [certificateImport, inspectionImport]
