import { launch } from './launch.mjs'

await launch('test/bench.ts', { checks: true })
