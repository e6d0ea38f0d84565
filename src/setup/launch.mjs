import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
// As a whole: an import of a name that an old Node lacks would fail before that Node is told its age.
import util from 'node:util'
import { prepare, root } from './install.mjs'

/**
 * Prepares this machine, reads `.env` and runs a TypeScript program of the portal in this very process, so that signals and exit
 * codes are its own.
 * @param {string} program path from the project's top folder
 * @param {{ checks?: boolean }} wants whether the program needs what only the checks need
 */
export async function launch(program, { checks = false } = {}) {
  Object.assign(process.env, readSettings())
  await prepare({ database: needsDatabase(process.env), checks })
  const { register } = await import('tsx/esm/api')
  register()
  try {
    await import(pathToFileURL(path.join(root, program)).href)
  } catch (error) {
    // Such an error is a sentence for the person; of any other the place matters.
    console.error(error?.name === 'StartError' ? error.message : error)
    process.exit(1)
  }
}

/** The environment, completed from `.env`. */
export function readSettings() {
  const file = path.join(root, '.env')
  return { ...(fs.existsSync(file) ? util.parseEnv(fs.readFileSync(file, 'utf8')) : {}), ...process.env }
}

/** Production never starts a database of its own: the portal says so when it reads its settings. */
export const needsDatabase = env => !env.DATABASE_URL?.trim() && env.NODE_ENV !== 'production'
