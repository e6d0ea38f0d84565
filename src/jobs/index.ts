import { clearHeldForms } from '../accounts/held.ts'
import { clearAttempts } from '../accounts/limits.ts'
import { sealLog } from '../admin/action-log.ts'
import { loadKnownDays } from '../calendar.ts'
import { moveDueCases } from '../cases/by-clock.ts'
import { recomputeDue } from '../cases/due.ts'
import { fromNow, now } from '../clock.ts'
import { sweepFiles } from '../files/sweep.ts'
import { eraseOldRuns, resumeRuns } from '../imports/runs.ts'
import { deliverOutbox } from '../messages/deliver.ts'
import { turnContracts } from '../modules/filings/contracts.ts'
import { settleDuties } from '../modules/filings/duties.ts'
import { turnLinks } from '../modules/filings/links.ts'
import { turnSeasons } from '../modules/qualification/inspections.ts'
import { lapseCertificates } from '../modules/qualification/lapse.ts'
import { computeWarnings } from '../warnings/warnings.ts'
import type { Job } from './jobs.ts'

/** Everything the portal does by the clock. */
export const jobs: Job[] = [
  { name: 'seal-log', at: '* * * * *', run: db => sealLog(db) },
  { name: 'deliver-outbox', at: '* * * * *', run: db => deliverOutbox(db) },
  { name: 'move-cases', at: '*/10 * * * *', run: db => moveDueCases(db) },
  { name: 'lapse-certificates', at: '2 0 * * *', run: db => lapseCertificates(db) },
  { name: 'recompute-due', at: '10 0 * * *', run: db => recomputeDue(db) },
  { name: 'compute-warnings', at: '5-59/10 * * * *', run: db => computeWarnings(db) },
  { name: 'resume-imports', at: '* * * * *', run: async () => resumeRuns() },
  { name: 'erase-imports', at: '50 3 * * *', run: () => eraseOldRuns() },
  { name: 'sweep-files', at: '40 3 * * *', run: db => sweepFiles(db) },
  { name: 'turn-contracts', at: '6 0 * * *', run: async db => void (await turnContracts(db)) },
  { name: 'turn-links', at: '4 0 * * *', run: async db => void (await turnLinks(db)) },
  { name: 'settle-duties', at: '30 0 * * *', run: db => settleDuties(db) },
  { name: 'turn-seasons', at: '20 0 * * *', run: db => turnSeasons(db) },
  { name: 'load-known-days', at: '5 3 1 * *', run: db => loadKnownDays(db) },
  {
    name: 'clear-expired',
    at: '17 * * * *',
    run: async db => {
      await db('sessions').where('expired', '<', now()).delete()
      await db('jobs')
        .where({ state: 'done' })
        .where('finished_at', '<', fromNow(-7 * 86_400_000))
        .delete()
      await clearHeldForms()
      await clearAttempts()
    },
  },
]
