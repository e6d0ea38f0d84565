import type { Kind } from '../../cases/kind.ts'
import { qualificationCancel } from './cancel-kind.ts'
import { qualificationChange } from './change-kind.ts'
import { qualificationReissue } from './reissue-kind.ts'

/** 变更、注销、遗失补办: what happens to a certificate that is held. */
export const certificateKinds: readonly Kind[] = [qualificationChange, qualificationCancel, qualificationReissue]
