import type { Kind } from '../../cases/kind.ts'

export const awardKinds: readonly Kind[] = []
