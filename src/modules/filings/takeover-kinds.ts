import type { Kind } from '../../cases/kind.ts'

export const takeoverKinds: readonly Kind[] = []
