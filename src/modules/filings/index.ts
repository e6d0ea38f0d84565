import type { Router } from 'express'
import type { Kind } from '../../cases/kind.ts'
import type { List } from '../../lists/list.ts'
import { areaKinds } from './area-kinds.ts'
import { areaLists } from './area-lists.ts'
import { areaPages } from './area-pages.ts'
import { awardKinds } from './award-kinds.ts'
import { boardPages } from './board-pages.ts'
import { contractKinds } from './contract-kinds.ts'
import { contractLists } from './contract-lists.ts'
import { contractPages } from './contract-pages.ts'
import { dutyLists } from './duty-lists.ts'
import { expertLists } from './expert-lists.ts'
import { expertPages } from './expert-pages.ts'
import { linkKinds } from './link-kinds.ts'
import { linkLists } from './link-lists.ts'
import { linkPages } from './link-pages.ts'
import { planKinds } from './plan-kinds.ts'
import { signingLists } from './signing-lists.ts'
import { signingPages } from './signing-pages.ts'
import { takeoverKinds } from './takeover-kinds.ts'
import { tenderKinds } from './tender-kinds.ts'
import { tenderLists } from './tender-lists.ts'
import { tenderPages } from './tender-pages.ts'

/** 业务管理: what the module offers to the engines, in the order of a project's life. */
export const filingKinds: readonly Kind[] = [
  ...areaKinds,
  ...tenderKinds,
  ...awardKinds,
  ...planKinds,
  ...takeoverKinds,
  ...linkKinds,
  ...contractKinds,
]
export const filingLists: readonly List[] = [
  ...areaLists,
  ...tenderLists,
  ...expertLists,
  ...linkLists,
  ...contractLists,
  ...signingLists,
  ...dutyLists,
]
export { filingImports } from './imports.ts'
/** Pages by the address they are mounted at. */
export const filingPages: readonly (readonly [path: string, pages: Router])[] = [
  ['/desk/areas', areaPages],
  ['/desk/tenders', tenderPages],
  ['/desk/experts', expertPages],
  ['/desk/links', linkPages],
  ['/desk/contracts', contractPages],
  ['/desk/signings', signingPages],
  ['/desk/filings', boardPages],
]
