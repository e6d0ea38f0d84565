import { createHash } from 'node:crypto'
import { Paper, red } from '../src/documents/pdf.ts'
import type { ReceivedFile } from '../src/files/receive.ts'
import { inspect } from '../src/files/sniff.ts'
import { storage } from '../src/files/storage.ts'

export interface Page {
  /** What the paper is: 营业执照. */
  title: string
  /** Whom it is about. */
  facts: readonly { label: string; value: string }[]
  at: Date
}

const notice = '演示材料'
const disclaimer = '本页由演示城市生成，只用来试用系统，不是真实的证照、证明或合同，不具有任何效力。'

/** A paper as somebody would scan it: one page, which says what it stands for and that it is none. The same page is the same file. */
export async function drawPage({ title, facts, at }: Page): Promise<Buffer> {
  const paper = new Paper({ title, foot: [notice], printedAt: at })
  paper.text(title, { size: 24, weight: 'bold', align: 'center', tag: 'H1', after: 24 })
  paper.facts(
    facts.map(fact => ({ ...fact, wide: true })),
    { height: 30 },
  )
  paper.space(40)
  paper.text(notice, { size: 32, weight: 'bold', align: 'center', colour: red, after: 10 })
  paper.text(disclaimer, { align: 'center' })
  return await paper.finish()
}

/** Puts a file where uploads lie. Whoever writes no row for it leaves bytes behind, which the sweep removes. */
export async function storeFile(name: string, bytes: Buffer): Promise<ReceivedFile> {
  const verdict = await inspect(bytes, name)
  if (!verdict.ok) throw new Error(verdict.sentence)
  const { type, extension, pages } = verdict
  const key = await storage.put(once(bytes))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { ok: true, name, extension, type, size: bytes.length, sha256, pages, key }
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes
}
