import type { Kind } from '../../cases/kind.ts'

export const certificateKinds: readonly Kind[] = []
