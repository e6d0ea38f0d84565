import type { Kind } from '../../cases/kind.ts'

export const branchKinds: readonly Kind[] = []
