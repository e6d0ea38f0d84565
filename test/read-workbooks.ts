import fs from 'node:fs'
import { readWorkbook, Unreadable } from '../src/imports/workbook.ts'

/**
 * A process that reads the files named on its command line one after another, the first of them as what it costs to be there, and
 * tells of each what was said, the memory above idle and how long others waited.
 */

const [first = '', ...files] = process.argv.slice(2)
await readWorkbook(fs.readFileSync(first))
const idle = process.memoryUsage().rss

for (const file of files) {
  let [peak, late, last] = [0, 0, performance.now()]
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
    late = Math.max(late, performance.now() - last - 10)
    last = performance.now()
  }, 10)
  const said = await readWorkbook(fs.readFileSync(file)).then(
    () => '',
    error => (error instanceof Unreadable ? error.message : `unexpected: ${error}`),
  )
  clearInterval(watch)
  process.stdout.write(`${JSON.stringify({ said, megabytes: (peak - idle) / 1024 / 1024, late })}\n`)
}
