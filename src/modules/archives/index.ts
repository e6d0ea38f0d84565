import type { Router } from 'express'
import type { Kind } from '../../cases/kind.ts'
import { buildingPages, projectBuildings } from './building-pages.ts'
import { annualReport, companyChange } from './company-kinds.ts'
import { companyPages, developerPages } from './company-pages.ts'
import { housePages } from './house-pages.ts'
import { ownerPages, residentPages } from './owner-pages.ts'
import { staffKinds } from './person-kinds.ts'
import { personPages } from './person-pages.ts'
import { projectChange, projectNew } from './project-kinds.ts'
import { projectPages } from './project-pages.ts'

/** 档案管理: what the module offers the portal. */
export const archiveKinds: readonly Kind[] = [companyChange, annualReport, projectNew, projectChange, ...staffKinds]
export { archiveImports } from './imports/index.ts'
export { archiveLists } from './lists/index.ts'
export { archiveTerms } from './terms.ts'
/** Pages by the address they are mounted at. */
export const archivePages: readonly (readonly [path: string, pages: Router])[] = [
  ['/desk/companies', companyPages],
  ['/desk/developers', developerPages],
  ['/desk/projects', projectPages],
  ['/desk/projects', projectBuildings],
  ['/desk/buildings', buildingPages],
  ['/desk/houses', housePages],
  ['/desk/people', personPages],
  ['/desk/owners', ownerPages],
  ['/desk/residents', residentPages],
]
