import type { Knex } from 'knex'
import { now } from '../../clock.ts'

/** Columns of the public site that 业务管理 drafts for (domain.md §10.1): 招标信息, 中标公告. */
export type ArticleColumn = 'tenders' | 'awards'

/**
 * Drafts an article for the public site; an editor reads, changes and publishes it. One draft for one `source`: a second call
 * changes nothing.
 */
export async function draftArticle(
  trx: Knex.Transaction,
  article: { column: ArticleColumn; title: string; body: string; source: string; case_id: number | null },
): Promise<void> {
  const { column, title, ...rest } = article
  const at = now()
  await trx('articles')
    .insert({ ...rest, title: title.slice(0, 200), column_code: column, state: 'draft', created_at: at, updated_at: at })
    .onConflict('source')
    .ignore()
}
