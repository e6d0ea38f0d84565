import type { Kind } from '../../cases/kind.ts'
import { qualificationConfirm, qualificationNew } from './kinds.ts'

/** 资质管理: what the module offers to the engines. */
export const qualificationKinds: readonly Kind[] = [qualificationNew, qualificationConfirm]
