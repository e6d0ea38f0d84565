import { administrators, type Role, roleCodes, roles } from '../accounts/roles.ts'

/** Who meets cases at all: everybody but the three administrators, the editors and owners. */
export const caseReaders: readonly Role[] = roleCodes.filter(
  role => !administrators.includes(role) && !role.startsWith('editor') && role !== 'owner',
)

/** Who has cases waiting for them; supervisors and business administrators only look. */
export const caseHandlers: readonly Role[] = caseReaders.filter(role => role !== 'supervisor' && role !== 'business-admin')

/** Who may begin a case of some kind. */
export const caseStarters: readonly Role[] = caseReaders.filter(role => roles[role].scope === 'organisation')

/** Who writes cases: whoever applies, and the office that begins what is done 依职权. */
export const caseWriters: readonly Role[] = [...caseStarters, 'city-clerk']

/** Who decides, notes, verifies. */
export const caseDeciders: readonly Role[] = caseHandlers.filter(role => roles[role].staff)
