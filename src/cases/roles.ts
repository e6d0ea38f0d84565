import { administrators, type Role, roleCodes } from '../accounts/roles.ts'

/** Who meets cases at all: everybody but the three administrators, the editors and owners. */
export const caseReaders: readonly Role[] = roleCodes.filter(
  role => !administrators.includes(role) && !role.startsWith('editor') && role !== 'owner',
)

/** Who has cases waiting for them; supervisors and business administrators only look. */
export const caseHandlers: readonly Role[] = caseReaders.filter(role => role !== 'supervisor' && role !== 'business-admin')
