import type { Knex } from 'knex'
import { z } from 'zod'
import { blindIndex, encrypt } from '../src/crypto.ts'
import { checkbox, choice, optionalDate, optionalDecimal, optionalInteger, optionalText, text } from '../src/forms/form.ts'
import { defineImport, type Finding, type Import, type ImportRow } from '../src/imports/import.ts'

/** An import of a table of its own, to try the engine without the archives. */

const form = z.object({
  name: text({ label: '单位名称', max: 60 }),
  code: text({
    label: '编号',
    max: 18,
    pattern: /^[A-Z0-9]{4,18}$/,
    patternHint: '编号为 4 至 18 位大写字母或数字。',
    normalise: code => code.normalize('NFKC').toUpperCase(),
  }),
  level: choice({ label: '等级', options: [{ value: 'one', label: '一级' }, { value: 'two', label: '二级（暂定）' }] }), // biome-ignore format: one field
  area: optionalDecimal({ label: '面积', unit: '㎡', digits: 2, min: 0, max: 1_000_000 }),
  share: optionalDecimal({ label: '占比', unit: '%', digits: 2, min: 0, max: 100 }),
  houses: optionalInteger({ label: '户数', unit: '户', min: 0, max: 100_000 }),
  founded_on: optionalDate({ label: '成立日期' }),
  phone: optionalText({ label: '电话', max: 20, personal: 'phone', pattern: /^1\d{10}$/, patternHint: '请填写 11 位手机号。', normalise: phone => phone.normalize('NFKC') }), // biome-ignore format: one field
  listed: checkbox({ label: '是否上市' }),
})

/** What happens while rows are written, for tests that break it off. */
export const during = {
  writing: async (_rows: number): Promise<void> => undefined,
  checking: async (): Promise<void> => undefined,
}

export const scratch: Import = defineImport({
  code: 'scratch',
  label: '试验单位',
  about: '登记试验用的单位。',
  roles: ['city-clerk', 'district-clerk'],
  list: { code: 'organisations', label: '单位' },
  sheets: async () => [
    {
      label: '单位',
      form,
      key: ['code'],
      example: { name: '历下试验物业有限公司', code: 'AB01', level: '一级', area: '1200.50' },
      notes: ['编号不能重复。'],
    },
  ],
  async check(db, _user, rows, step) {
    await during.checking()
    const findings: Finding[] = []
    for (let from = 0; from < rows.length; from += 500) {
      const part = rows.slice(from, from + 500)
      const known = await knownRows(db, part)
      for (const row of part) {
        const there = known.get(row.answers.code ?? '')
        if (there && there.name === row.answers.name) findings.push({ row, same: true })
        else if (there) findings.push({ row, field: 'name', sentence: `编号已登记给“${there.name}”，与这里的名称不同。` })
      }
      await step(part.length)
    }
    return findings
  },
  async write(trx, user, rows, step) {
    const ids: number[] = []
    for (let from = 0; from < rows.length; from += 500) {
      const part = rows.slice(from, from + 500)
      const [first = 0] = await trx('scratch_firms').insert(part.map(({ answers }) => columnsOf(answers)))
      ids.push(...part.map((_, at) => first + at))
      await during.writing(from + part.length)
      await step(part.length)
    }
    return {
      ids: [user.organisation_id],
      facts: [{ label: '新编号', value: `${ids.length} 个` }],
      handout: { label: '认领码', headings: ['名称', '认领码'], rows: [['=HYPERLINK("x")', 'K7']] },
    }
  },
})

async function knownRows(db: Knex, rows: readonly ImportRow[]): Promise<Map<string, { name: string }>> {
  const found: { code: string; name: string }[] = await db('scratch_firms')
    .whereIn('code', rows.map(({ answers }) => answers.code ?? '')) // biome-ignore format: one condition
    .select('code', 'name')
  return new Map(found.map(row => [row.code, row]))
}

function columnsOf({ name = '', code = '', level, area, share, houses, founded_on, phone, listed }: ImportRow['answers']) {
  return {
    name,
    code,
    level,
    area: area || null,
    share: share || null,
    houses: houses || null,
    founded_on: founded_on || null,
    phone_cipher: phone ? encrypt('scratch_firms.phone', phone) : null,
    phone_index: phone ? blindIndex('scratch_firms.phone', phone) : null,
    listed: listed === 'on',
  }
}

/** The table the rows go to. */
export async function createScratchTable(db: Knex): Promise<void> {
  await db.schema.createTable('scratch_firms', table => {
    table.bigIncrements('id')
    table.string('name', 60).notNullable()
    table.string('code', 18).notNullable().unique()
    table.string('level', 10).notNullable()
    table.decimal('area', 14, 2)
    table.decimal('share', 6, 2)
    table.integer('houses')
    table.date('founded_on')
    table.string('phone_cipher', 200)
    table.string('phone_index', 22)
    table.boolean('listed').notNullable()
  })
}
