import './calendar-pages.ts'
import './dictionary-pages.ts'
import './kind-pages.ts'
import './log-pages.ts'
import './organisation-pages.ts'
import './session-pages.ts'
import './setting-pages.ts'
import './user-pages.ts'

/** The administration pages; each route says itself which of the administrators it is for. */
export { admin } from './router.ts'
