import { accountLists } from '../accounts/lists.ts'
import { adminLists } from '../admin/lists.ts'
import { registerKinds } from '../cases/kind.ts'
import { caseLists } from '../cases/lists.ts'
import { registerLists } from '../lists/registry.ts'
import { messages } from '../messages/lists.ts'
import { warningLists } from '../warnings/lists.ts'
import { qualificationKinds } from './qualification/index.ts'

/** The one place where the engines learn what the portal offers; it reads like the regulator's catalogue. */
registerKinds(...qualificationKinds)
registerLists(...caseLists, ...warningLists, messages, ...accountLists, ...adminLists)
