import type { Knex } from 'knex'
import type { Agent } from './portal.ts'

/** Rows for the tests of lists, and how to read a list page back. */

type Role =
  | 'system-admin'
  | 'security-admin'
  | 'audit-admin'
  | 'city-clerk'
  | 'district-clerk'
  | 'street-clerk'
  | 'supervisor'
  | 'company-admin'

let password: string | undefined

/** An organisation that can be searched for; of a district, or of a street where the code has nine digits. */
export async function givenOrganisation(
  db: Knex,
  name: string,
  { kind = 'company', region = '370102', code = null as string | null, contact = null as string | null } = {},
): Promise<number> {
  const { nameKey } = await import('../src/database/names.ts')
  const { indexTerms } = await import('../src/lists/terms.ts')
  const [id = 0] = await db('organisations').insert({
    kind,
    name,
    name_key: nameKey(name),
    code,
    contact,
    region_code: region,
    district_code: region === '370100' ? null : region.slice(0, 6),
    street_code: region.length === 9 ? region : null,
    status: 'active',
    created_at: new Date(),
    updated_at: new Date(),
  })
  await indexTerms(db, 'organisations', id, [name, code ?? ''])
  return id
}

/** Somebody who can sign in. */
export async function givenPerson(
  db: Knex,
  username: string,
  name: string,
  role: Role,
  organisation_id: number,
  region = '370100',
): Promise<number> {
  const { hashPassword } = await import('../src/accounts/passwords.ts')
  password ??= await hashPassword('Wuye@2026')
  const [id = 0] = await givenAccounts(db, [{ username, name, organisation_id }])
  await db('users').where({ id }).update({ password_hash: password, demo: true })
  await db('user_roles').insert({ user_id: id, role, region_code: region, granted_at: new Date() })
  return id
}

interface Account {
  username: string
  name: string
  organisation_id: number
  created_at?: Date
}

/** Accounts without a password, many at once. */
export async function givenAccounts(db: Knex, accounts: Account[]): Promise<number[]> {
  const { nameKey } = await import('../src/database/names.ts')
  const { terms } = await import('../src/lists/terms.ts')
  const ids: number[] = []
  for (let from = 0; from < accounts.length; from += 1000) {
    const part = accounts.slice(from, from + 1000)
    const rows = part.map(account => ({
      ...account,
      name_key: nameKey(account.name, true),
      status: 'active',
      must_change_password: false,
      created_at: account.created_at ?? new Date(),
      updated_at: new Date(),
    }))
    await db('users').insert(rows)
    const found: { id: number; username: string }[] = await db('users').whereIn('username', part.map(({ username }) => username)).select('id', 'username') // biome-ignore format: one statement
    const idOf = new Map(found.map(({ id, username }) => [username, id]))
    ids.push(...part.map(({ username }) => idOf.get(username) ?? 0))
    const words = part.flatMap(({ username, name }) =>
      [...new Set([...terms(name, true), ...terms(username)])].map(term => ({
        scope: 'users',
        term,
        doc_id: idOf.get(username) ?? 0,
      })),
    )
    for (let at = 0; at < words.length; at += 5000) await db('search_terms').insert(words.slice(at, at + 5000))
  }
  return ids
}

export interface Seen {
  status: number
  text: string
  heads: string[]
  /** The cells of each row as a person reads them; a missing value is empty. */
  rows: string[][]
  /** The id in the link of each row. */
  ids: number[]
  /** `1,000+` */
  count: string | undefined
  next: string | undefined
  previous: string | undefined
  first: string | undefined
}

/** Opens a list page and reads it. */
export async function see(agent: Agent, path: string): Promise<Seen> {
  const { status, text } = await agent.get(path)
  const unpicked = (html: string) => html.replace(/<t([hd])( scope="col")? class="lead">[\s\S]*?<\/t\1>/g, '')
  const rows = unpicked(between(text, /<tbody>([\s\S]*?)<\/tbody>/))
  const nav = between(text, /<nav class="row-x push" aria-label="翻页">([\s\S]*?)<\/nav>/)
  const hrefOf = (pattern: RegExp) => asText(pattern.exec(nav)?.[1])
  return {
    status,
    text,
    heads: [...unpicked(between(text, /<thead>([\s\S]*?)<\/thead>/)).matchAll(/<th [^>]*>([\s\S]*?)<\/th>/g)].map(match =>
      plain(match[1]),
    ),
    rows: [...rows.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
      [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell]) => plain(cell).replace(/^—$/, '')),
    ),
    ids: [...rows.matchAll(/<a href="[^"]*\/(\d+)">/g)].map(match => Number(match[1])),
    count: /共 <b class="num">([^<]*)<\/b>/.exec(text)?.[1],
    next: hrefOf(/href="([^"]*)" rel="next"/),
    previous: hrefOf(/href="([^"]*)" rel="prev"/),
    first: hrefOf(/href="([^"]*)">第一页/),
  }
}

/** All pages from `path` on. */
export async function walk(agent: Agent, path: string): Promise<Seen[]> {
  const pages = [await see(agent, path)]
  for (let next = pages[0]?.next; next; next = pages.at(-1)?.next) pages.push(await see(agent, next))
  return pages
}

const between = (text: string, pattern: RegExp) => pattern.exec(text)?.[1] ?? ''
const plain = (html = '') => asText(html.replace(/<[^>]+>/g, '').trim()) ?? ''

function asText(text: string | undefined): string | undefined {
  return text?.replace(
    /&(amp|lt|gt|#34|#39);/g,
    (_whole, name: string) => ({ amp: '&', lt: '<', gt: '>', '#34': '"', '#39': "'" })[name] ?? '',
  )
}
