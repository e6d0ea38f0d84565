import fs from 'node:fs'
import path from 'node:path'
import type { Knex } from 'knex'
import { nameKey } from '../src/database/names.ts'
import { root } from '../src/root.ts'

/** The districts and streets of the city named by CITY (370100 济南市 unless set). Source and licence: migrations/data/README.md. */
export async function up(knex: Knex) {
  const file = path.join(root, 'migrations/data', `regions-${process.env.CITY || '370100'}.csv`)
  if (!fs.existsSync(file)) throw new Error(`没有找到行政区划数据 ${file}，请按 migrations/data/README.md 准备。`)
  const rows = fs
    .readFileSync(file, 'utf8')
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map(line => {
      const [code = '', name = '', parent = '', level = ''] = line.split(',')
      return { code, name, name_key: nameKey(name), parent_code: parent || null, level }
    })
  // Parents before children, whatever order the file has.
  for (const level of ['city', 'district', 'street'])
    await knex('regions')
      .insert(rows.filter(row => row.level === level))
      .onConflict('code')
      .merge(['name', 'name_key'])
}

export async function down(knex: Knex) {
  for (const level of ['street', 'district', 'city']) await knex('regions').where({ level }).delete()
}
