import type { List } from '../../lists/list.ts'

export const tenderLists: readonly List[] = []
