import type { Kind } from '../../cases/kind.ts'

export const revokeKinds: readonly Kind[] = []
