import type { Kind } from '../../cases/kind.ts'

export const applyKinds: readonly Kind[] = []
