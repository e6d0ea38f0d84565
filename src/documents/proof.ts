import type { Knex } from 'knex'
import { settingsNow } from '../admin/settings.ts'
import type { Case } from '../cases/case.ts'
import { kindOf } from '../cases/kind.ts'
import { today } from '../clock.ts'
import { issueDocument } from './documents.ts'
import type { Letter, LetterPart } from './letter.ts'

/** 备案证明 and the like: one page with what was filed, issued in the transaction of the approval under a verification code. */

export interface ProofIssue {
  kase: Case
  /** What it proves, by which `registerFiled` finds its standing: `branch-filing`. */
  object: { type: string; id: number }
  /** 备案证明 */
  title: string
  number: string
  /** Who issues it; the bureau of the city unless told. */
  issuer?: string
  /** What is proved, in a sentence. */
  words: string
  facts: readonly { label: string; value: string; wide?: boolean }[]
  tables?: readonly Extract<LetterPart, { sort: 'table' }>[]
  /** What it does not mean, below. */
  remark?: string
}

/** Issues the proof of a filing. A newer one about the same object takes its place. */
export async function issueProof(trx: Knex.Transaction, issue: ProofIssue): Promise<{ id: number; code: string }> {
  const { kase, object, title, number, words, facts, tables = [], remark } = issue
  const set = await settingsNow(trx)
  const on = today()
  const letter: Letter = {
    issuer: issue.issuer ?? set['city.bureau'],
    title,
    number,
    matter: kindOf(kase).label,
    parts: [
      { sort: 'text', text: words },
      { sort: 'facts', facts: [...facts] },
      ...tables,
      ...(remark ? [{ sort: 'text' as const, text: remark }] : []),
    ],
    on,
  }
  return await issueDocument(trx, {
    paper: 'proof',
    case_id: kase.id,
    organisation_id: kase.applicant_id,
    object,
    number,
    title,
    facts: letter,
    issued_on: on,
  })
}
