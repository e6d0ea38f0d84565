import { actorOf, record } from '../../admin/action-log.ts'
import { randomCode } from '../../crypto.ts'
import { db, inTransaction } from '../../db.ts'
import { type Document, isIntact, shownCode, statusOf } from '../../documents/documents.ts'
import { type LetterPrint, printLetters } from '../../documents/letter.ts'
import { printingNow, sendPdf } from '../../documents/sending.ts'
import { NotNow } from '../../errors.ts'
import type { Bulk } from '../../lists/list.ts'
import { archiveOffices } from '../archives/visible.ts'

/**
 * 打印证明 of a register: the proofs of the picked rows in one file, the newest of each sort. Each print stands in the action log before
 * the file leaves (GB/T 22239-2019 8.1.4.3).
 * @param types the objects a row of the register has proofs of
 */
export function proofPrinting(...types: readonly string[]): Bulk {
  return {
    code: 'print-proofs',
    label: '打印证明',
    icon: 'printer',
    roles: archiveOffices,
    async run({ rows }, req, res) {
      const documents = await proofsOf(
        types,
        rows.map(({ key }) => Number(key)),
      )
      if (!documents.length)
        throw new NotNow('勾选的登记没有电子证明：在本系统办结的才有，导入的以前登记没有。请回到台账重新勾选。')
      const prints: LetterPrint[] = []
      for (const document of documents) {
        const standing = isIntact(document) ? await statusOf(db, document) : undefined
        if (!standing || standing.code === 'doubtful') {
          req.log.error({ document: document.id }, 'issued paper was altered')
          throw new NotNow(
            `证明 ${document.number} 登记的内容与发出时的签名对不上，可能被改动过，这一批没有打印。请去掉这一张再打，并联系系统管理员核查。`,
          )
        }
        prints.push({ document, standing })
      }
      const pdf = await printLetters(prints, await printingNow())
      const batch = randomCode(9)
      await inTransaction(async trx => {
        for (const { case_id, number, paper, code } of documents)
          await record(trx, actorOf(req, res), {
            action: 'document.print',
            object: { type: 'case', id: case_id ?? 0, label: number ?? '' },
            detail: { paper, code: shownCode(code), batch },
          })
      })
      sendPdf(res, `证明 ${documents.length} 份`, pdf)
    },
  }
}

/** The newest proof of each sort of the rows, in the order they were picked. */
async function proofsOf(types: readonly string[], ids: readonly number[]): Promise<Document[]> {
  const found: Document[] = await db('documents')
    .where({ paper: 'proof' })
    .whereIn('object_type', [...types])
    .whereIn('object_id', [...ids])
    .orderBy('id', 'desc')
    .select()
  const newest = new Map<string, Document>()
  for (const document of found) {
    const key = `${document.object_id} ${document.object_type}`
    if (!newest.has(key)) newest.set(key, document)
  }
  return ids.flatMap(id => types.flatMap(type => newest.get(`${id} ${type}`) ?? []))
}
