import { accountLists } from '../accounts/lists.ts'
import { organisationTerms, registrationTerms, userTerms } from '../accounts/terms.ts'
import { adminLists } from '../admin/lists.ts'
import { registerKinds } from '../cases/kind.ts'
import { caseLists } from '../cases/lists.ts'
import { caseTerms } from '../cases/terms.ts'
import { registerImports } from '../imports/import.ts'
import { registerLists } from '../lists/registry.ts'
import { registerTerms } from '../lists/terms.ts'
import { messages } from '../messages/lists.ts'
import { warningLists } from '../warnings/lists.ts'
import { archiveImports, archiveKinds, archiveLists, archiveTerms } from './archives/index.ts'
import { filingImports, filingKinds, filingLists } from './filings/index.ts'
import { qualificationImports, qualificationKinds, qualificationLists } from './qualification/index.ts'

/** The one place where the engines learn what the portal offers; it reads like the regulator's catalogue. */
registerKinds(...archiveKinds, ...qualificationKinds, ...filingKinds)
registerLists(
  ...archiveLists,
  ...qualificationLists,
  ...filingLists,
  ...caseLists,
  ...warningLists,
  messages,
  ...accountLists,
  ...adminLists,
)
registerImports(...archiveImports, ...qualificationImports, ...filingImports)
for (const [scope, source] of archiveTerms) registerTerms(scope, source)
registerTerms('cases', caseTerms)
registerTerms('users', userTerms)
registerTerms('organisations', organisationTerms)
registerTerms('registrations', registrationTerms)
