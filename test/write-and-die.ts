import { connect } from '../src/db.ts'
import { DiskStorage, useStorage } from '../src/files/storage.ts'
import { registerImports } from '../src/imports/import.ts'
import { stopRuns, workRuns } from '../src/imports/runs.ts'
import { during, scratch } from './scratch-import.ts'

/** A process that takes up an import and is killed in the middle of writing it, or told to stop. */

const db = connect(process.env.DATABASE_URL ?? '')
useStorage(new DiskStorage(process.env.IMPORT_FILES ?? ''))
registerImports(scratch)
during.writing = async rows => {
  if (rows < 1000) return
  if (process.env.IMPORT_END === 'stop') void stopRuns()
  else process.kill(process.pid, 'SIGKILL')
}
await workRuns()
await db.destroy()
