import { describe } from './errors.ts'

/** The program of the portal. Settings are read while its parts are loaded, so this file loads them where a mistake can be told plainly. */
try {
  await import('./start.ts')
} catch (error) {
  process.stderr.write(`${describe(error)}\n`)
  process.exit(1)
}
