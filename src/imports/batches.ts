import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { beijing } from '../clock.ts'
import type { Filter, Link, Words } from '../lists/list.ts'
import { findImport } from './import.ts'

/** So many of one's own imports a list offers. */
const mostOffered = 20

/**
 * The filter of a list for what one import wrote: `/desk/lists/companies?import=12`. A person is offered only imports of their own.
 * @param code of the import
 * @param key the SQL column of the list's primary key
 */
export function batchFilter(code: string, key: string): Filter {
  return {
    name: 'import',
    label: '导入批次',
    type: 'select',
    options: (db, user, chosen) => batchesOf(db, user, code, chosen),
    where: (query, id) => {
      query.whereIn(key, rows => rows.from('import_rows').where({ import_id: id }).select('row_id'))
    },
  }
}

interface Batch {
  id: number
  finished_at: Date
  new_count: number
}

/** The newest, and the one that is chosen. */
async function batchesOf(db: Knex, { id }: User, code: string, chosen: string): Promise<Words> {
  const own = (): Knex.QueryBuilder<object, Batch[]> =>
    db('imports').where({ user_id: id, code, state: 'done' }).where('new_count', '>', 0).select('id', 'finished_at', 'new_count')
  const [newest, older] = await Promise.all([
    own().orderBy('id', 'desc').limit(mostOffered),
    /^[1-9]\d{0,14}$/.test(chosen) ? own().where({ id: Number(chosen) }) : [],
  ])
  const words = ({ id, finished_at, new_count }: Batch): [number, string] => [
    id,
    `${beijing(finished_at).slice(0, 16)}，${new_count} 条`,
  ]
  return Object.fromEntries([...older, ...newest].map(words))
}

/** The button of a list that leads to its import, for those who may use it. */
export function importLink(code: string, { role }: User): Link[] {
  return findImport(code).roles.includes(role) ? [{ href: `/desk/imports/${code}`, label: '导入', icon: 'upload' }] : []
}
