import type { List } from '../../lists/list.ts'

export const expertLists: readonly List[] = []
