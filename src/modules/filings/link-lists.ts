import type { List } from '../../lists/list.ts'

export const linkLists: readonly List[] = []
