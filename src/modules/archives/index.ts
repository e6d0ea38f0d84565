import type { Router } from 'express'
import type { Kind } from '../../cases/kind.ts'
import type { List } from '../../lists/list.ts'

/** 档案管理: what the module offers the portal. */
export const archiveKinds: readonly Kind[] = []
export const archiveLists: readonly List[] = []
/** Pages by the address they are mounted at. */
export const archivePages: readonly (readonly [path: string, pages: Router])[] = []
