import type { TermSource } from '../lists/terms.ts'
import { companyArchives } from '../modules/archives/company.ts'

/** What accounts are found by: as src/admin/users.ts and src/accounts/registrations.ts write it. */
export const userTerms: TermSource = {
  label: '账号',
  async rows(db, afterId, limit) {
    const rows: { id: number; name: string; username: string }[] = await db('users')
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(limit)
      .select('id', 'name', 'username')
    return rows.map(({ id, name, username }) => ({ id, texts: [{ text: name, person: true }, username] }))
  },
}

/** What organisations are found by: as src/admin/organisations.ts writes it; companies and developers by all their archive is found by. */
export const organisationTerms: TermSource = {
  label: '单位',
  async rows(db, afterId, limit) {
    const rows: { id: number; kind: string; name: string; code: string | null }[] = await db('organisations')
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(limit)
      .select('id', 'kind', 'name', 'code')
    return await Promise.all(
      rows.map(async ({ id, kind, name, code }) => {
        const archive = kind === 'company' || kind === 'developer' ? companyArchives[kind] : undefined
        const answers = { name, code: code ?? '' }
        return { id, texts: (await archive?.terms?.texts(db, id, answers)) ?? Object.values(answers) }
      }),
    )
  },
}

/** What requests for an account are found by: as src/accounts/registration-pages.ts writes it. */
export const registrationTerms: TermSource = {
  label: '单位注册',
  async rows(db, afterId, limit) {
    const rows: { id: number; name: string; code: string; number: string }[] = await db('registrations')
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(limit)
      .select('id', 'name', 'code', 'number')
    return rows.map(({ id, name, code, number }) => ({ id, texts: [name, code, number] }))
  },
}
