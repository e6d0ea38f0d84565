import type { List } from '../../lists/list.ts'

export const certificateLists: readonly List[] = []
