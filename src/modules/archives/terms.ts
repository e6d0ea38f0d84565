import type { TermSource } from '../../lists/terms.ts'
import { type Archive, ownTable, readRecords } from './archive.ts'
import { companies, developers } from './company.ts'
import { people } from './person.ts'
import { projects } from './project.ts'

/** What an archive is found by, made anew from its rows by the function that also writes it. */
function termsOfArchive(archive: Archive): TermSource {
  return {
    label: archive.label,
    async rows(db, afterId, limit) {
      const ids: number[] = await db(ownTable(archive)).where('id', '>', afterId).orderBy('id').limit(limit).pluck('id')
      const records = await readRecords(db, archive, ids)
      const texts = await Promise.all(records.map(({ id, answers }) => archive.terms?.texts(db, id, answers) ?? []))
      return records.map(({ id }, at) => ({ id, texts: texts[at] ?? [] })).sort((one, other) => one.id - other.id)
    },
  }
}

/** The scopes of the archives, for `registerTerms`. */
export const archiveTerms: readonly (readonly [scope: string, source: TermSource])[] = [
  companies,
  developers,
  projects,
  people,
].map(archive => [archive.code, termsOfArchive(archive)])
