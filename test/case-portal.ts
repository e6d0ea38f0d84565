import { registerKinds } from '../src/cases/kind.ts'
import { trial } from './case-kind.ts'

/** The portal as a process of its own, with the business for tests in its catalogue. */

registerKinds(trial)
await import('../src/server.ts')
