import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { now, today } from '../../clock.ts'
import { choice, fieldsOf, integer, type Mistakes, optionalDate } from '../../forms/form.ts'
import { defineImport, type Finding, type ImportRow } from '../../imports/import.ts'
import { creditCode, note } from '../archives/fields.ts'
import { compared, findingsOf, inBatches } from '../archives/imports/shared.ts'
import { visibleCompanies } from '../archives/visible.ts'
import { inspectionResults } from './inspections.ts'

/** 年检结果 of years that were inspected before the portal. */

const { passed, basic, failed, absent } = inspectionResults
const results = { passed, basic, failed, absent }

const form = z.object({
  code: creditCode('统一社会信用代码'),
  year: integer({ label: '年检年度', min: 2000, max: 2100 }),
  result: choice({ label: '年检结果', options: Object.entries(results).map(([value, label]) => ({ value, label })) }),
  decided_on: optionalDate({ label: '结论日期', hint: '未参检的可以不填' }),
  decided_by: note('作出结论的机关', 100),
  opinion: note('年检意见', 500),
  rectify_until: optionalDate({ label: '整改期限', hint: '基本合格的才有' }),
  rectified_on: optionalDate({ label: '整改完成日期' }),
})
const fields = fieldsOf(form)

const wayOut = '导入只新增，已有结果的年度不能再导入。'

export const inspectionImport = defineImport({
  code: 'inspections',
  label: '年检结果',
  about: '登记以前年度的年检结果，一家企业一年一条。区县只能导入注册在本区县的企业。',
  roles: ['city-clerk', 'district-clerk'],
  list: { code: 'inspections', label: '年检台账' },
  async sheets() {
    return [
      {
        label: '年检结果',
        form,
        key: ['code', 'year'],
        example: {
          code: '91370100MA30002210',
          year: '2024',
          result: '基本合格',
          decided_on: '2024-05-20',
          decided_by: '济南市住房和城乡建设局',
          opinion: '人员花名册与劳动合同不一致，限期整改。',
          rectify_until: '2024-08-20',
          rectified_on: '2024-07-15',
        },
        notes: ['企业按统一社会信用代码对应，要先有企业档案。', '一家企业一个年度只有一个结果。'],
      },
    ]
  },
  async check(db, user, rows, step) {
    const findings: Finding[] = []
    const running = new Set<number>(await db('inspection_seasons').whereNull('closed_at').pluck('year'))
    for (const part of inBatches(rows)) {
      const [inspected, seen] = await Promise.all([knownInspections(db, user, part), companiesOf(db, user, part)])
      const codes = new Set(seen.map(({ code }) => code))
      for (const row of part) {
        const there = inspected.get(keyOf(row.answers))
        if (there) findings.push(compared(row, fields, there, wayOut))
        else
          findings.push(
            ...findingsOf(row, { ...(codes.has(said(row, 'code')) ? {} : { code: notOurs }), ...mistakesOf(row, running) }),
          )
      }
      await step(part.length)
    }
    return findings
  },
  async write(trx, user, rows, step) {
    const ids: number[] = []
    const at = now()
    const stamps = { created_at: at, updated_at: at, created_by: user.id, updated_by: user.id }
    for (const part of inBatches(rows)) {
      const company = new Map((await companiesOf(trx, user, part)).map(({ code, id }) => [code, id]))
      for (const row of part) {
        const company_id = company.get(said(row, 'code'))
        if (!company_id) throw new Error('a row without its company passed the check')
        const { code: _, ...answers } = row.answers
        const columns = Object.fromEntries(Object.entries(answers).map(([name, value]) => [name, value || null]))
        const certificate_id = await certificateIn(trx, company_id, said(row, 'decided_on') || `${said(row, 'year')}-12-31`)
        const [id = 0] = await trx('inspections').insert({ ...columns, company_id, certificate_id, source: 'import', ...stamps })
        ids.push(id)
      }
      await step(part.length)
    }
    return { ids }
  },
})

const said = ({ answers }: ImportRow, name: string): string => answers[name] ?? ''
const keyOf = ({ code, year }: Readonly<Record<string, string>>) => `${code} ${year}`
const notOurs = '没有找到这个信用代码的企业档案，或不在您的管辖范围。请核对代码，或先导入企业档案。'

/** A district inspects those registered there, not all that work there. */
function inspectable(db: Knex, user: User): Knex.QueryBuilder {
  const { scope } = user
  const query = visibleCompanies(db, user)
  return scope.level === 'district' ? query.where({ 'organisations.district_code': scope.code }) : query
}

function companiesOf(
  db: Knex,
  user: User,
  rows: readonly ImportRow[],
): Knex.QueryBuilder<object, { id: number; code: string }[]> {
  const codes = rows.map(row => said(row, 'code'))
  return inspectable(db, user).whereIn('organisations.code', codes).select('companies.id', 'organisations.code')
}

/** The results there are for the companies and years of the rows, as the form would have them. */
async function knownInspections(
  db: Knex,
  user: User,
  rows: readonly ImportRow[],
): Promise<Map<string, Readonly<Record<string, string>>>> {
  const names = fields.map(({ name }) => name).filter(name => name !== 'code')
  const found: Record<string, string | number | null>[] = await inspectable(db, user)
    .join('inspections', 'inspections.company_id', 'companies.id')
    .whereIn(
      'organisations.code',
      rows.map(row => said(row, 'code')),
    )
    .select('organisations.code', ...names.map(name => `inspections.${name}`))
  return new Map(
    found.map(row => {
      const record = Object.fromEntries(fields.map(({ name }) => [name, String(row[name] ?? '')]))
      return [keyOf(record), record]
    }),
  )
}

/** The certificate a company held on a day. */
async function certificateIn(trx: Knex.Transaction, company_id: number, day: string): Promise<number | null> {
  const held: { id: number } | undefined = await trx('certificates')
    .where({ company_id })
    .where('approved_on', '<=', day)
    .where(open => open.whereNull('ended_on').orWhere('ended_on', '>=', day))
    .orderBy([
      { column: 'approved_on', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .first('id')
  return held?.id ?? null
}

/** What a row says against itself and the calendar. `running` are the years whose season is not closed. */
function mistakesOf(row: ImportRow, running: ReadonlySet<number>): Mistakes {
  const day = today()
  const mistakes: Mistakes = {}
  const [year, result, decided_on, rectify_until, rectified_on] = [
    'year',
    'result',
    'decided_on',
    'rectify_until',
    'rectified_on',
  ].map(name => said(row, name)) as [string, keyof typeof results, string, string, string] // five names, and an option of the form
  const present = day.slice(0, 4)
  if (year > present) mistakes.year = `${year} 年的年检还没有开始。`
  else if (year === present) mistakes.year = `只导入 ${present} 年以前的年检结果，${year} 年的由企业在年检窗口内申报。`
  else if (running.has(Number(year))) mistakes.year = `${year} 年的年检还没有结束，结果由企业申报、审核后产生，不能导入。`
  if (!decided_on && result !== 'absent') mistakes.decided_on = `结果是“${results[result]}”的，请填写结论日期。`
  else if (decided_on > day) mistakes.decided_on = '结论日期不能晚于今天。'
  else if (decided_on && decided_on < `${year}-01-01`) mistakes.decided_on = `结论日期不能早于 ${year} 年。`
  if (result !== 'basic') {
    if (rectify_until) mistakes.rectify_until = '只有基本合格的才有整改期限。'
    if (rectified_on) mistakes.rectified_on = '只有基本合格的才有整改完成日期。'
    return mistakes
  }
  if (!rectify_until) mistakes.rectify_until = '基本合格的请填写整改期限。'
  else if (rectify_until < decided_on) mistakes.rectify_until = `整改期限不能早于结论日期 ${decided_on}。`
  if (rectified_on > day) mistakes.rectified_on = '整改完成日期不能晚于今天。'
  else if (rectified_on && rectified_on < decided_on) mistakes.rectified_on = `整改完成日期不能早于结论日期 ${decided_on}。`
  return mistakes
}
