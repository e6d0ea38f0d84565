import type { List } from '../../lists/list.ts'

export const contractLists: readonly List[] = []
