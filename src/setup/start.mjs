import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepare, root } from './install.mjs'
import { launch, needsDatabase, readSettings } from './launch.mjs'

if (process.argv.includes('--watch')) await watch('src/server.ts')
else await launch('src/server.ts')

/** Starts the program again whenever a file it has loaded changes. Node 20's own --watch loses a file that an editor replaces. */
async function watch(program) {
  await prepare({ database: needsDatabase(readSettings()), checks: false })
  const settings = fs.existsSync(path.join(root, '.env')) ? ['--env-file=.env'] : []
  const tsx = fileURLToPath(import.meta.resolve('tsx/cli'))
  const child = spawn(process.execPath, [tsx, 'watch', '--clear-screen=false', ...settings, program], {
    cwd: root,
    stdio: 'inherit',
  })
  // Ctrl-C reaches the program by itself; wait until it has stopped its database.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.once('exit', code => process.exit(code ?? 0))
}
