import type { List } from '../../lists/list.ts'

export const inspectionLists: readonly List[] = []
