import type { Kind } from '../../cases/kind.ts'

export const tenderKinds: readonly Kind[] = []
