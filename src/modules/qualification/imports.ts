import type { Import } from '../../imports/import.ts'

export const qualificationImports: readonly Import[] = []
