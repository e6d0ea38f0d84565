import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { addDays, daysBetween } from '../../calendar.ts'
import { findKind } from '../../cases/kind.ts'
import { today } from '../../clock.ts'
import { soon, stateOn } from '../../documents/documents.ts'
import { batchFilter, importLink } from '../../imports/batches.ts'
import { type Bulk, type Column, defineList, type Filter, type List, type Look, type Row, type Tone } from '../../lists/list.ts'
import { regionFilters } from '../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { formerNames, hasAny, shownSql } from '../archives/lists/shared.ts'
import { archiveOffices } from '../archives/visible.ts'
import { certificateLevels, certificateStates } from '../archives/words.ts'
import { isGrantedElsewhere } from './certificates.ts'
import { isEnabled } from './standards.ts'
import { visibleCertificates } from './visible.ts'

/** 资质台账 and 将到期证书 (domain.md §4.6): every certificate that is or was, as it stands today. */

const readers = [...archiveOffices, 'company-admin', 'company-clerk'] as const
const { none: _, ...levels } = certificateLevels

/** What stands in the row and what the day makes of it; one past its last day may still be in force (行政许可法 第五十条). */
const states = { ...certificateStates, renewing: '延续办理中' }
type StandingState = keyof typeof states

const tones: Readonly<Record<StandingState, Tone>> = {
  valid: 'done',
  expiring: 'you',
  renewing: 'desk',
  expired: 'no',
  replaced: 'rest',
  revoked: 'no',
  cancelled: 'rest',
  lost: 'rest',
}

function standingOf({ state, valid_until, renewing }: Row, day: string): StandingState {
  const until = valid_until === null ? null : String(valid_until)
  const code = stateOn({ state: String(state), valid_until: until, renewing: Number(renewing) }, day)
  if (code === 'doubtful') throw new Error(`no state ${state} of a certificate`)
  return code === 'expiring' && until !== null && until < day ? 'renewing' : code
}

/** The same as a question to the database, each from an index: those of one state by their last day. */
function inState(query: Knex.QueryBuilder, code: string): void {
  const day = today()
  const until = 'certificates.valid_until'
  if (code !== 'valid' && code !== 'expiring' && code !== 'renewing' && code !== 'expired')
    return void query.where({ 'certificates.state': code })
  if (code === 'expired')
    return void query
      .whereIn('certificates.state', ['valid', 'expired'])
      .where(past =>
        past
          .where({ 'certificates.state': 'expired' })
          .orWhere(due => due.where(until, '<', day).where({ 'certificates.renewing': 0 })),
      )
  query.where({ 'certificates.state': 'valid' })
  if (code === 'expiring') query.whereBetween(until, [day, addDays(day, soon)])
  if (code === 'renewing') query.where(until, '<', day).where({ 'certificates.renewing': 1 })
  if (code === 'valid') query.where(later => later.whereNull(until).orWhere(until, '>', addDays(day, soon)))
}

/** Only what is in force can still end. */
function endingWithin(query: Knex.QueryBuilder, days: string): void {
  query
    .where({ 'certificates.state': 'valid' })
    .whereBetween('certificates.valid_until', [today(), addDays(today(), Number(days))])
}

const ending: Filter = {
  name: 'within',
  label: '到期',
  type: 'select',
  options: { 30: '30 天内', 60: '60 天内', 90: '90 天内' },
  where: endingWithin,
}

const own = Object.keys(levels).filter(level => !isGrantedElsewhere(level as keyof typeof levels)) // keys of levels

const filters: Filter[] = [
  { name: 'level', label: '资质等级', type: 'select', options: levels, where: 'certificates.level' },
  ending,
  ...regionFilters({ district: 'organisations.district_code', street: 'organisations.street_code' }),
]

const number: Column = { name: 'number', label: '证书编号', type: 'code', source: 'certificates.number' }
const company: Column[] = [
  { name: 'company', label: '企业名称', source: 'organisations.name' },
  { name: 'level', label: '资质等级', source: 'certificates.level', words: levels },
]
const registered: Column[] = [
  { name: 'code', label: '统一社会信用代码', type: 'code', source: 'organisations.code', shown: false, phone: false },
  { name: 'district', label: '注册区县', source: 'organisations.district_code', words: districtNames },
  { name: 'street', label: '注册街道', source: 'organisations.street_code', words: regionNames, shown: false, phone: false },
]

const search: List['search'] = {
  about: '企业名称、曾用名、统一社会信用代码、证书编号、区县，拼音或拼音首字母也行',
  // A company is found by the numbers of all its certificates; here it must be the one of the row.
  through: [
    {
      source: 'certificates.company_id',
      terms: 'companies',
      texts: [
        'organisations.name',
        'organisations.code',
        'certificates.number',
        formerNames('organisations', 'organisations.id'),
      ],
    },
  ],
  words: [
    { source: 'organisations.district_code', words: districtNames, loosely: true },
    { source: 'certificates.level', words: levels },
  ],
}

/** What the licence being abolished means for its registers (国发〔2017〕7号、46号). */
async function history(db: Knex): Promise<string | undefined> {
  return (await isEnabled(db)) ? undefined : '历史档案，只供查询：物业服务企业资质许可已经取消，证书不再是承接项目的条件'
}

const print: Bulk = {
  code: 'print-certificates',
  label: '打印证书',
  icon: 'printer',
  roles: ['city-clerk', 'city-reviewer'],
  async run({ rows, back }, _req, res) {
    const picked = new URLSearchParams({ back })
    for (const { key } of rows) picked.append('id', String(key))
    res.redirect(303, `/desk/certificates/print?${picked}`)
  },
}

export const certificates = defineList({
  code: 'certificates',
  label: '资质台账',
  about: history,
  roles: readers,
  from: visibleCertificates,
  shown: (db, user) => visibleCertificates(db, user).leftJoin('cases', 'cases.id', 'certificates.case_id'),
  key: 'certificates.id',
  columns: [
    number,
    ...company,
    {
      name: 'state',
      label: '状态',
      type: 'state',
      source: 'certificates.state',
      async look() {
        const day = today()
        return row => {
          const code = standingOf(row, day)
          return { text: states[code], tone: tones[code] }
        }
      },
    },
    ...registered,
    { name: 'issued_on', label: '发证日期', type: 'date', source: 'certificates.issued_on', sort: true },
    { name: 'valid_until', label: '有效期至', type: 'date', source: 'certificates.valid_until', text: row => lastDay(row) },
    { name: 'approved_on', label: '批准日期', type: 'date', source: 'certificates.approved_on', shown: false, phone: false },
    { name: 'issuer', label: '发证机关', source: 'certificates.issuer', phone: false },
    { name: 'edition', label: '版次', type: 'number', source: 'certificates.edition', shown: false, phone: false },
    { name: 'renewing', label: '延续办理', type: 'flag', source: 'certificates.renewing', shown: false, phone: false },
    { name: 'ended_on', label: '终止日期', type: 'date', source: 'certificates.ended_on', shown: false, phone: false },
    { name: 'reason', label: '终止原因', source: 'certificates.end_reason', shown: false, phone: false },
    { name: 'basis', label: '终止依据', source: 'certificates.end_basis', shown: false, phone: false },
    { name: 'case', label: '办件流水号', type: 'code', source: 'cases.serial', shown: false, phone: false },
  ],
  heading: 'number',
  sort: '-issued_on',
  groups: { filter: 'state' },
  everywhere: 35,
  filters: [
    { name: 'state', label: '状态', type: 'select', options: states, where: inState },
    ...filters,
    { name: 'approved', label: '批准日期', type: 'period', of: 'date', where: 'certificates.approved_on' },
    {
      name: 'issuer',
      label: '发证机关',
      type: 'select',
      options: { city: '本市核发', above: '省厅、住建部核发' },
      where: (query, code) => void query[code === 'city' ? 'whereIn' : 'whereNotIn']('certificates.level', own),
    },
    batchFilter('certificates', 'certificates.id'),
  ],
  search,
  href: ({ key }) => `/desk/certificates/${key}`,
  bulk: [print],
  actions: user => importLink('certificates', user),
  empty: { title: '还没有资质证书', text: '核发的证书自动列入；以前核发的可以用 Excel 导入。' },
})

const lastDay = ({ valid_until }: Row) => (valid_until === null ? '长期' : String(valid_until))

/**
 * In force and ending within 90 days, or past its last day for no longer than that without another in its place. The company that
 * lets it lapse has no certificate, and its projects no company with one.
 */
function endingCertificates(db: Knex, user: User): Knex.QueryBuilder {
  const day = today()
  return visibleCertificates(db, user)
    .whereIn('certificates.state', ['valid', 'expired'])
    .whereBetween('certificates.valid_until', [addDays(day, -soon), addDays(day, soon)])
    .where(left =>
      left
        .where({ 'certificates.live': 1 })
        .orWhereNotExists(
          db('certificates as others')
            .whereRaw('others.company_id = certificates.company_id')
            .where({ 'others.live': 1 })
            .select(db.raw('1')),
        ),
    )
}

/** The open application for the certificate that would follow, found by its key. */
const application =
  "from cases pending where pending.open_key = convert(concat('qualification-apply:', certificates.company_id) using ascii)"

function applicationText({ pending }: Row): string | null {
  if (!pending) return null
  const [kind = '', state = ''] = String(pending).split('|')
  return `${findKind(kind)?.label ?? kind} ${state === 'draft' || state === 'rejected' ? '未提交' : '办理中'}`
}

function leftLook({ valid_until, days_left: renewing }: Row, day: string): Look {
  const days = daysBetween(day, String(valid_until))
  if (days < 0)
    return Number(renewing)
      ? { text: `已过 ${-days} 天，延续办理中`, light: 'yellow' }
      : { text: `过期 ${-days} 天`, light: 'red' }
  return { text: days ? `还有 ${days} 天` : '今天到期', light: days > 30 ? 'green' : 'yellow' }
}

export const endingList = defineList({
  code: 'certificates-expiring',
  label: '将到期证书',
  about: async db => (await history(db)) ?? '90 天内到期的，和过期 90 天以内、没有新证的',
  roles: readers,
  from: endingCertificates,
  key: 'certificates.id',
  columns: [
    number,
    ...company,
    {
      name: 'days_left',
      label: '剩余',
      type: 'state',
      source: 'certificates.renewing',
      async look(db) {
        const [day, inUse] = [today(), await isEnabled(db)]
        // While the licence is out of use nobody has to renew anything.
        return row => (inUse ? leftLook(row, day) : { ...leftLook(row, day), light: 'rest' })
      },
    },
    { name: 'valid_until', label: '有效期至', type: 'date', source: 'certificates.valid_until', sort: true },
    {
      name: 'pending',
      label: '延续申请',
      source: shownSql(`(select concat(pending.kind, '|', pending.state) ${application})`),
      text: applicationText,
    },
    ...registered,
    { name: 'approved_on', label: '批准日期', type: 'date', source: 'certificates.approved_on', shown: false, phone: false },
    { name: 'issuer', label: '发证机关', source: 'certificates.issuer', shown: false, phone: false },
    { name: 'contact', label: '联系人', source: 'organisations.contact', mask: 'name', shown: false, phone: false },
    { name: 'phone', label: '联系电话', type: 'code', source: 'organisations.phone', mask: 'phone', shown: false, phone: false },
  ],
  heading: 'number',
  sort: 'valid_until',
  groups: { filter: 'level' },
  filters: [
    ...filters,
    {
      name: 'lapsed',
      label: '是否过期',
      type: 'flag',
      words: ['已过期', '没有过期'],
      where: (query, yes) => void query.where('certificates.valid_until', yes ? '<' : '>=', today()),
    },
    hasAny({ name: 'applied', label: '延续申请', sql: application }),
  ],
  search,
  href: ({ key }) => `/desk/certificates/${key}`,
  empty: { title: '近期没有到期的证书', text: '离到期不满 90 天的证书列在这里。' },
})

export const certificateLists: readonly List[] = [certificates, endingList]
