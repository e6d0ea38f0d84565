import type { Knex } from 'knex'
import { makeClaimCodes } from '../../../accounts/claims.ts'
import type { User } from '../../../accounts/users.ts'
import { type Form, fieldsOf } from '../../../forms/form.ts'
import { defineImport, type Finding, type ImportRow } from '../../../imports/import.ts'
import { type ArchiveRecord, readRecords } from '../archive.ts'
import { regionAdjust, regionMistakes } from '../change-form.ts'
import { companies, companyForm, openCompany } from '../company.ts'
import { visibleCompanies } from '../visible.ts'
import { compared, findingsOf, inBatches, withOptions } from './shared.ts'

/** 物业企业. */

async function sheetForm(db: Knex): Promise<Form> {
  const { district_code, street_code } = await regionAdjust(db)
  return withOptions(companyForm, {
    district_code: district_code?.options ?? [],
    street_code: street_code?.options ?? [],
  })
}

const changing = '导入只新增，已在档的请用“企业档案变更”或在档案页修改。'

export const companyImport = defineImport({
  code: 'companies',
  label: '物业企业',
  about: '登记已在本市经营、还没有档案的物业企业。导入后为每家企业生成认领码，企业注册账号时用它证明身份。',
  roles: ['city-clerk', 'district-clerk'],
  list: { code: 'companies', label: '物业企业' },
  async sheets(db) {
    return [
      {
        label: '物业企业',
        form: await sheetForm(db),
        key: ['code'],
        example: {
          name: '济南示例物业服务有限公司',
          code: '91370100MA30002210',
          legal_person: '张三',
          capital: '500',
          registered_address: '济南市历下区示例路 1 号',
          district_code: '历下区',
          ownership: '有限责任公司',
          established_on: '2015-06-01',
          origin: '本市',
          state: '正常',
        },
        notes: [
          '本市注册的企业请填注册区县；外地企业填本市分支机构所在区县，没有分支机构的不填。',
          '区县经办人只能导入本区县的企业。',
        ],
      },
    ]
  },
  async check(db, user, rows, step) {
    const fields = fieldsOf(companyForm)
    const findings: Finding[] = []
    for (const part of inBatches(rows)) {
      const known = await knownCompanies(db, user, part)
      for (const row of part) {
        const there = known.get(row.answers.code ?? '')
        if (typeof there === 'string') findings.push({ row, field: 'code', sentence: there })
        else if (there) findings.push(compared(row, fields, there.answers, changing))
        else findings.push(...(await newMistakes(db, user, row)))
      }
      await step(part.length)
    }
    return findings
  },
  async write(trx, user, rows, step) {
    const ids: number[] = []
    for (const { answers } of rows) {
      ids.push(await openCompany(trx, 'company', answers, { by: { user_id: user.id }, source: 'import' }))
      if (ids.length % 20 === 0) await step(20)
    }
    const codes = await makeClaimCodes(trx, ids, user.id)
    return {
      ids,
      handout: {
        label: '认领码',
        headings: ['企业名称', '统一社会信用代码', '认领码'],
        rows: rows.map(({ answers }, at) => [answers.name ?? '', answers.code ?? '', codes[at] ?? '']),
      },
    }
  },
})

/** The archive of each code that is taken, or the sentence why nothing can be told of it. */
async function knownCompanies(db: Knex, user: User, rows: readonly ImportRow[]): Promise<Map<string, ArchiveRecord | string>> {
  const codes = rows.map(({ answers }) => answers.code ?? '')
  const taken: { id: number; code: string; kind: string; status: string }[] = await db('organisations')
    .whereIn('code', codes)
    .select('id', 'code', 'kind', 'status')
  const seen: number[] = await visibleCompanies(db, user).whereIn('organisations.code', codes).pluck('companies.id')
  const records = new Map((await readRecords(db, companies, seen)).map(record => [record.id, record]))
  return new Map(taken.map(row => [row.code, records.get(row.id) ?? whyNot(row)]))
}

function whyNot({ kind }: { kind: string }): string {
  return kind === 'company'
    ? '这个信用代码的企业已在档，但不在您的管辖范围。请联系市局核对。'
    : '这个信用代码登记的不是物业企业，请对照营业执照核对。'
}

async function newMistakes(db: Knex, { scope }: User, row: ImportRow): Promise<Finding[]> {
  const { origin, district_code = '', street_code = '' } = row.answers
  const mistakes = await regionMistakes(db, { district_code, street_code })
  if (origin === 'city' && !district_code) mistakes.district_code ??= '本市注册的企业请填写注册区县。'
  if (scope.level === 'district' && district_code !== scope.code)
    mistakes.district_code ??= '这家企业的注册区县不在您的管辖范围，请由该区县或市局导入。'
  return findingsOf(row, mistakes)
}
