import { accountLists } from '../accounts/lists.ts'
import { adminLists } from '../admin/lists.ts'
import { registerLists } from '../lists/registry.ts'

/** The one place where the engines learn what the portal offers; it reads like the regulator's catalogue. */
registerLists(...accountLists, ...adminLists)
