import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ResourceLimits, Worker } from 'node:worker_threads'
import { type Limits, type SheetFacts, type SheetRow, Unreadable } from './sheets.ts'
import type { Order, Told } from './worker.ts'

export { Unreadable }

/** A sheet as it was read. */
export interface Sheet extends SheetFacts {
  rows: SheetRow[]
}

/** What an import takes: rows are data rows, so a few more may be headings and notes. */
export const mostRows = 20_000
export const mostColumns = 100
export const mostBytes = 10 * 1024 * 1024
/** How far down the headings may stand. */
export const mostAbove = 20

const limits: Limits = {
  rows: mostRows + mostAbove,
  columns: mostColumns,
  signs: 10_000_000,
  cell: 5000,
  unpacked: 50 * 1024 * 1024,
  entries: 200,
}

/** What reading one file may take, however it is made. */
const most = { seconds: 30, memory: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 } satisfies ResourceLimits } // biome-ignore format: one line says it

// Compiled code has another ending.
const ending = path.extname(fileURLToPath(import.meta.url))
const program = new URL(`./worker${ending}`, import.meta.url)

/**
 * Reads a workbook in a thread of its own, which is ended when it takes too much memory or time; others are served meanwhile. One
 * after another, so that two files do not take twice the memory.
 * @param bytes the file; what they lie in is handed over to the thread
 * @param skip names of sheets that are not read
 * @throws Unreadable with the sentence for the person
 */
export async function readWorkbook(bytes: Buffer, skip: readonly string[] = []): Promise<Sheet[]> {
  const mine = last.then(() => readInThread(bytes, skip))
  last = mine.catch(() => undefined)
  return await mine
}

let last: Promise<unknown> = Promise.resolve()

function readInThread(bytes: Buffer, skip: readonly string[]): Promise<Sheet[]> {
  const own = new Uint8Array(bytes).buffer
  const order: Order = { bytes: own, limits, skip }
  const worker = new Worker(ending === '.ts' ? throughTsx(program) : program, {
    workerData: order,
    transferList: [own],
    resourceLimits: most.memory,
  })
  const sheets: SheetRow[][] = []
  return new Promise<Sheet[]>((resolve, reject) => {
    const late = setTimeout(() => reject(new Unreadable(tooLong)), most.seconds * 1000)
    worker.on('message', (told: Told) => {
      if ('rows' in told) {
        sheets[told.sheet] ??= []
        sheets[told.sheet]?.push(...told.rows)
      } else if ('unreadable' in told) reject(new Unreadable(told.unreadable))
      else resolve(told.facts.map((facts, at) => ({ ...facts, rows: sheets[at] ?? [] })))
    })
    worker.once('error', error => reject(isOutOfMemory(error) ? new Unreadable(tooMuch) : error))
    worker.once('exit', () => {
      clearTimeout(late)
      // After any of the above this says nothing any more.
      reject(new Error('the thread that read a workbook ended'))
    })
  }).finally(() => worker.terminate())
}

/** tsx reads TypeScript in the main thread alone; another one has to be told. */
function throughTsx({ href }: URL): URL {
  const tsx = import.meta.resolve('tsx/esm/api')
  const code = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(href)})`
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`)
}

const tooLong = `文件读了 ${most.seconds} 秒还没有读完。请把要导入的内容复制到本页的模板里，另存后再传。`
const tooMuch = '文件展开后太大，没有读取。请把要导入的内容复制到本页的模板里，另存后再传。'

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
}
