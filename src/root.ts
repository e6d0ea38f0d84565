import fs from 'node:fs'
import path from 'node:path'

/** The project's top folder, the same whether the sources run under tsx or compiled from `dist/`. */
export const root = above(import.meta.dirname)

function above(folder: string): string {
  return fs.existsSync(path.join(folder, 'package.json')) ? folder : above(path.dirname(folder))
}
