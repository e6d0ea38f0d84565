import { launch } from './launch.mjs'

await launch('src/admin/command.ts')
