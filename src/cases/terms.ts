import type { TermSource } from '../lists/terms.ts'
import { findKind } from './kind.ts'

/** What cases are found by: as their drafts and submissions write it. */
export const caseTerms: TermSource = {
  label: '办件',
  async rows(db, afterId, limit) {
    const rows: { id: number; subject_name: string; kind: string; serial: string | null }[] = await db('cases')
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(limit)
      .select('id', 'subject_name', 'kind', 'serial')
    return rows.map(({ id, subject_name, kind, serial }) => ({
      id,
      texts: [subject_name, findKind(kind)?.label ?? '', serial ?? ''],
    }))
  },
}
