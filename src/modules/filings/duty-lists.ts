import type { List } from '../../lists/list.ts'

export const dutyLists: readonly List[] = []
