import type { Kind } from '../../cases/kind.ts'

export const inspectionKinds: readonly Kind[] = []
