import type { List } from '../../lists/list.ts'

export const signingLists: readonly List[] = []
