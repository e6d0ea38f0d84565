import type { Kind } from '../../cases/kind.ts'

export const linkKinds: readonly Kind[] = []
