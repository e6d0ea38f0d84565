import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { addDays } from '../../calendar.ts'
import { today } from '../../clock.ts'
import type { CertificateFacts } from '../../documents/certificate.ts'
import { choice, date, fieldsOf, type Mistakes, optionalDate, optionalText, text } from '../../forms/form.ts'
import { defineImport, type Finding, type ImportRow } from '../../imports/import.ts'
import { indexRecord, readRecord } from '../archives/archive.ts'
import { companies } from '../archives/company.ts'
import { creditCode, note } from '../archives/fields.ts'
import { compared, findingsOf, inBatches } from '../archives/imports/shared.ts'
import { visibleCompanies } from '../archives/visible.ts'
import { type CertificateLevel, type CertificateState, certificateLevels, certificateStates } from '../archives/words.ts'
import { enterCertificate, plainNumber } from './certificates.ts'
import { lastDayAfter } from './company.ts'
import { publicly } from './public-words.ts'

/** 资质证书 from before the portal, or granted elsewhere: those in force, and those they replaced. */

const { none: _none, ...levels } = certificateLevels
/** 即将到期 is no state of its own: the day says so. */
const { expiring: _expiring, ...states } = certificateStates
const optionsOf = <T extends string>(words: Readonly<Record<T, string>>) =>
  (Object.entries(words) as [T, string][]).map(([value, label]) => ({ value, label })) // Object.entries forgets the keys' type

/** Numbers are compared as they are printed, whatever blanks somebody typed between. */
const form = z.object({
  code: creditCode('统一社会信用代码'),
  number: text({ label: '证书编号', max: 60, normalise: plainNumber }),
  level: choice({ label: '资质等级', options: optionsOf(levels) }),
  state: choice({ label: '证书状态', options: optionsOf(states) }),
  approved_on: date({ label: '批准日期' }),
  issued_on: date({ label: '发证日期' }),
  valid_until: optionalDate({ label: '有效期至', hint: '法律没有规定期限的不填' }),
  issuer: text({ label: '发证机关', max: 100 }),
  legal_person: note('证书记载的法定代表人', 60),
  ended_on: optionalDate({ label: '终止日期', hint: '换发、撤销、注销、作废的日期；有效的不填' }),
  end_reason: optionalText({
    label: '终止原因',
    max: 300,
    hint: '撤销的必填；对外公开，不写个人信息',
    rule: publicly('终止原因'),
  }),
  end_basis: optionalText({ label: '终止依据', max: 300, rule: publicly('终止依据') }),
  previous: optionalText({ label: '原证书编号', max: 60, normalise: plainNumber, hint: '由哪一张换发而来' }),
})
const fields = fieldsOf(form)

const wayOut = '导入只新增，已登记的证书请用变更、补办、注销或撤销办理。'

export const certificateImport = defineImport({
  code: 'certificates',
  label: '资质证书',
  about: '登记启用本系统以前核发的、上级机关核发的资质证书，有效的和已经终止的都可以。企业要先在档。',
  roles: ['city-clerk'],
  list: { code: 'certificates', label: '资质台账' },
  async sheets() {
    return [
      {
        label: '资质证书',
        form,
        key: ['number'],
        example: {
          code: '91370100MA30002210',
          number: '鲁济物3-2024-0001',
          level: '三级',
          state: '有效',
          approved_on: '2024-06-03',
          issued_on: '2024-06-05',
          valid_until: '2027-06-02',
          issuer: '济南市住房和城乡建设局',
          legal_person: '张三',
          previous: '鲁济物暂-2023-0012',
        },
        notes: [
          '企业按统一社会信用代码对应，要先有企业档案。',
          '一家企业只能有一张有效证书；以前的证书填“已换发”和终止日期。',
          '原证书可以已在台账，也可以在同一个文件里。',
        ],
      },
    ]
  },
  async check(db, user, rows, step) {
    const findings: Finding[] = []
    const inFile = new Map(rows.map(row => [said(row, 'number'), row]))
    const validOf = new Map<string, ImportRow>()
    for (const part of inBatches(rows)) {
      const known = await knownTo(db, user, part)
      for (const row of part) {
        const there = known.certificates.get(said(row, 'number'))
        const code = said(row, 'code')
        if (there) findings.push(there.code === code ? compared(row, fields, recordOf(there, row), wayOut) : taken(row))
        else findings.push(...findingsOf(row, { ...mistakesOf(row), ...companyMistakes(row, known, inFile) }))
        if (said(row, 'state') !== 'valid') continue
        const other = validOf.get(code)
        if (other && !there)
          findings.push({
            row,
            field: 'state',
            sentence: `第 ${other.row} 行也是这家企业的有效证书。一家企业只能有一张，以前的请填“已换发”。`,
          })
        validOf.set(code, other ?? row)
      }
      await step(part.length)
    }
    return findings
  },
  async write(trx, user, rows, step) {
    const company = new Map<string, number>()
    for (const part of inBatches(rows)) for (const { id, code } of await companiesOf(trx, user, part)) company.set(code, id)
    // A certificate refers to the one before it, which was approved earlier.
    const inOrder = [...rows].sort((one, other) => said(one, 'approved_on').localeCompare(said(other, 'approved_on')))
    const ids: number[] = []
    for (const row of inOrder) {
      ids.push(await enter(trx, user, row, company))
      if (ids.length % 20 === 0) await step(20)
    }
    // A company is also found by the numbers of its certificates.
    for (const id of new Set(rows.map(row => company.get(said(row, 'code')) ?? 0)))
      await indexRecord(trx, companies, id, (await readRecord(trx, companies, id)).answers)
    return { ids }
  },
})

async function enter(trx: Knex.Transaction, user: User, row: ImportRow, company: ReadonlyMap<string, number>): Promise<number> {
  const company_id = company.get(said(row, 'code'))
  if (!company_id) throw new Error('a row without its company passed the check')
  const previous = said(row, 'previous')
  const before: { id: number } | undefined = previous
    ? await trx('certificates').where({ number: previous }).first('id')
    : undefined
  const legal_person = said(row, 'legal_person')
  const facts: Partial<CertificateFacts> = legal_person ? { legal_person } : {}
  const state = said(row, 'state') as CertificateState // an option of the form
  const valid_until = said(row, 'valid_until') || null
  return await enterCertificate(
    trx,
    {
      company_id,
      previous_id: before?.id ?? null,
      case_id: null,
      number: said(row, 'number'),
      level: said(row, 'level') as CertificateLevel, // an option of the form
      state,
      issuer: said(row, 'issuer'),
      approved_on: said(row, 'approved_on'),
      issued_on: said(row, 'issued_on'),
      valid_until,
      ended_on: said(row, 'ended_on') || (state === 'expired' ? valid_until : null),
      end_reason: said(row, 'end_reason') || null,
      end_basis: said(row, 'end_basis') || null,
    },
    { reason: 'imported', facts, user_id: user.id },
  )
}

const said = ({ answers }: ImportRow, name: string): string => answers[name] ?? ''

interface KnownCompany {
  id: number
  code: string
  /** The number of the certificate in force. */
  valid: string | null
}
interface KnownCertificate {
  id: number
  number: string
  code: string
  previous: string | null
  legal_person: string | undefined
  [column: string]: string | number | null | undefined
}
interface Known {
  companies: ReadonlyMap<string, KnownCompany>
  /** Those with a number of the rows, and those the rows call their previous ones. */
  certificates: ReadonlyMap<string, KnownCertificate>
}

function companiesOf(db: Knex, user: User, rows: readonly ImportRow[]): Knex.QueryBuilder<object, KnownCompany[]> {
  return visibleCompanies(db, user)
    .leftJoin('certificates', held => held.on('certificates.company_id', 'companies.id').onVal('certificates.live', 1))
    .whereIn(
      'organisations.code',
      rows.map(row => said(row, 'code')),
    )
    .select('companies.id', 'organisations.code', 'certificates.number as valid')
}

async function knownTo(db: Knex, user: User, rows: readonly ImportRow[]): Promise<Known> {
  const numbers = rows.flatMap(row => [said(row, 'number'), said(row, 'previous')]).filter(Boolean)
  const [found, certificates]: [KnownCompany[], (KnownCertificate & { facts: string | null })[]] = await Promise.all([
    companiesOf(db, user, rows),
    db('certificates')
      .join('organisations', 'organisations.id', 'certificates.company_id')
      .leftJoin('certificates as before', 'before.id', 'certificates.previous_id')
      .leftJoin('certificate_editions as first', edition =>
        edition.on('first.certificate_id', 'certificates.id').onVal('first.edition', 1),
      )
      .whereIn('certificates.number', numbers)
      .select('certificates.*', 'organisations.code', 'before.number as previous', 'first.facts'),
  ])
  return {
    companies: new Map(found.map(company => [company.code, company])),
    certificates: new Map(
      certificates.map(({ facts, ...certificate }) => {
        // Written by enterCertificate and the issue alone.
        const legal_person = facts ? (JSON.parse(facts) as CertificateFacts).legal_person : undefined
        return [plainNumber(certificate.number), { ...certificate, legal_person }]
      }),
    ),
  }
}

/** As the form would have it. What the register never knew agrees with anything. */
function recordOf(there: KnownCertificate, row: ImportRow): Record<string, string> {
  const legal_person = there.legal_person ?? said(row, 'legal_person')
  return Object.fromEntries(fields.map(({ name }) => [name, name === 'legal_person' ? legal_person : String(there[name] ?? '')]))
}

const taken = (row: ImportRow): Finding => ({
  row,
  field: 'number',
  sentence: `证书编号 ${said(row, 'number')} 已登记在另一家企业名下，请对照证书核对编号和信用代码。`,
})

/** What a row says against itself and the calendar. */
function mistakesOf(row: ImportRow): Mistakes {
  const day = today()
  const mistakes: Mistakes = {}
  const [approved_on, issued_on, valid_until, ended_on] = ['approved_on', 'issued_on', 'valid_until', 'ended_on'].map(name =>
    said(row, name),
  ) as [string, string, string, string] // four names
  const state = said(row, 'state') as keyof typeof states // an option of the form
  if (approved_on > day) mistakes.approved_on = '批准日期不能晚于今天。'
  if (issued_on > day) mistakes.issued_on = '发证日期不能晚于今天。'
  else if (issued_on < approved_on) mistakes.issued_on = `发证日期不能早于批准日期 ${approved_on}。`
  if (valid_until && valid_until <= approved_on) mistakes.valid_until = `有效期至要晚于批准日期 ${approved_on}。`
  if (said(row, 'level') === 'provisional') {
    const last = addDays(lastDayAfter(issued_on < approved_on ? approved_on : issued_on, 1), 1)
    if (!valid_until) mistakes.valid_until = '三级（暂定）的期限为一年，请填写有效期至（资质管理办法第七条）。'
    else if (valid_until > last) mistakes.valid_until ??= `三级（暂定）的期限为一年，最晚到 ${last}（资质管理办法第七条）。`
  }
  if (state === 'valid') {
    if (ended_on) mistakes.ended_on = '有效的证书没有终止日期。已经终止的，请改填证书状态。'
    if (valid_until && valid_until < day) mistakes.state = `有效期在 ${valid_until} 已经届满，证书状态请填“已过期”。`
    return mistakes
  }
  if (state === 'expired') {
    if (!valid_until) mistakes.valid_until ??= '已过期的证书请填写有效期至。'
    else if (valid_until >= day) mistakes.state = `有效期到 ${valid_until} 才届满，证书还没有过期。`
  } else if (!ended_on) mistakes.ended_on = `证书状态是“${states[state]}”的，请填写终止日期。`
  if (ended_on > day) mistakes.ended_on = '终止日期不能晚于今天。'
  else if (ended_on && ended_on < approved_on) mistakes.ended_on = `终止日期不能早于批准日期 ${approved_on}。`
  if (state === 'revoked' && !said(row, 'end_reason')) mistakes.end_reason = '已撤销的证书请填写撤销的原因。'
  return mistakes
}

/** What a row says against the archive of its company, the register and the other rows. */
function companyMistakes(row: ImportRow, known: Known, inFile: ReadonlyMap<string, ImportRow>): Mistakes {
  const code = said(row, 'code')
  const company = known.companies.get(code)
  if (!company) return { code: '没有找到这个信用代码的企业档案。请核对代码，或先导入企业档案。' }
  const mistakes: Mistakes = {}
  if (said(row, 'state') === 'valid' && company.valid)
    mistakes.state = `这家企业已有有效证书 ${company.valid}。一家企业只能有一张，请核对哪一张有效。`
  const previous = said(row, 'previous')
  if (!previous) return mistakes
  const other = inFile.get(previous)
  const before =
    known.certificates.get(previous) ?? (other && { code: said(other, 'code'), approved_on: said(other, 'approved_on') })
  if (!before) mistakes.previous = `台账和这个文件里都没有编号 ${previous} 的证书。请核对，或把它也填进来。`
  else if (before.code !== code) mistakes.previous = `证书 ${previous} 是另一家企业的，请核对。`
  else if (String(before.approved_on) >= said(row, 'approved_on'))
    mistakes.previous = `证书 ${previous} 的批准日期不早于这一张，不会是它的原证书。`
  return mistakes
}
