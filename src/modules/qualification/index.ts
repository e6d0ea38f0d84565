import type { Router } from 'express'
import type { Kind } from '../../cases/kind.ts'
import type { List } from '../../lists/list.ts'
import { applyKinds } from './apply-kinds.ts'
import { branchKinds } from './branch-kinds.ts'
import { certificateKinds } from './certificate-kinds.ts'
import { certificateLists } from './certificate-lists.ts'
import { certificatePages } from './certificate-pages.ts'
import { inspectionKinds } from './inspection-kinds.ts'
import { inspectionLists } from './inspection-lists.ts'
import { inspectionPages } from './inspection-pages.ts'
import { qualificationConfirm, qualificationNew } from './kinds.ts'
import { printLists } from './print-lists.ts'
import { revokeKinds } from './revoke-kinds.ts'

/** 资质管理: what the module offers to the engines. */
export const qualificationKinds: readonly Kind[] = [
  qualificationNew,
  qualificationConfirm,
  ...applyKinds,
  ...certificateKinds,
  ...inspectionKinds,
  ...branchKinds,
  ...revokeKinds,
]
export const qualificationLists: readonly List[] = [...certificateLists, ...inspectionLists, ...printLists]
export { qualificationImports } from './imports.ts'
/** Pages by the address they are mounted at. */
export const qualificationPages: readonly (readonly [path: string, pages: Router])[] = [
  ['/desk/certificates', certificatePages],
  ['/desk/inspections', inspectionPages],
]
