import type { Import } from '../../../imports/import.ts'
import { companyImport } from './companies.ts'
import { houseImport } from './houses.ts'
import { ownerImport } from './owners.ts'
import { peopleImport } from './people.ts'
import { projectImport } from './projects.ts'

/** 批量导入 of the archives, in the order in which an office fills them: what others refer to comes first. */
export const archiveImports: readonly Import[] = [companyImport, projectImport, houseImport, peopleImport, ownerImport]
