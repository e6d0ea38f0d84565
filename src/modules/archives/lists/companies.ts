import type { Knex } from 'knex'
import { batchFilter, importLink } from '../../../imports/batches.ts'
import { type Column, defineList, type Filter, type List } from '../../../lists/list.ts'
import { has, regionFilters, within } from '../../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../../lists/regions.ts'
import { archiveOffices, visibleCompanies, visibleDevelopers } from '../visible.ts'
import { certificateLevels, companyStates, developerStates, natures, origins, ownerships } from '../words.ts'
import { formerNames, hasAny, keeping, runningContract, shownSql, stateTones, tail } from './shared.ts'

/** 物业企业, 异地分支机构 and 开发企业 (domain.md §9.1, §9.2). An organisation has the page of its own file and no list. */

const serves = 'from project_links l where l.company_id = companies.id and l.live = 1'
const employs = 'from employments e where e.company_id = companies.id and e.live = 1'
const employsTitled = `from employments e join people p on p.id = e.person_id where e.company_id = companies.id and e.live = 1`

/** What stands in the organisation and is the same for both. */
const registered: Column[] = [
  { name: 'code', label: '统一社会信用代码', type: 'code', source: 'organisations.code' },
  { name: 'district', label: '注册区县', source: 'organisations.district_code', words: districtNames },
  { name: 'street', label: '注册街道', source: 'organisations.street_code', words: regionNames, shown: false, phone: false },
]
const contact: Column[] = [
  { name: 'contact', label: '联系人', source: 'organisations.contact', mask: 'name', shown: false, phone: false },
  { name: 'phone', label: '联系电话', type: 'code', source: 'organisations.phone', mask: 'phone', shown: false, phone: false },
  { name: 'address', label: '办公地址', source: 'organisations.address', shown: false, phone: false },
]

const registration = (table: 'companies' | 'developers'): Column[] => [
  { name: 'legal_person', label: '法定代表人', source: `${table}.legal_person`, shown: false, phone: false },
  tail('legal_phone', '法定代表人电话', `${table}.legal_person_phone_last4`, { shown: false, phone: false }),
  { name: 'capital', label: '注册资本', type: 'money', unit: '万元', source: `${table}.capital`, shown: false, phone: false },
  { name: 'ownership', label: '企业类型', source: `${table}.ownership`, words: ownerships, shown: false, phone: false },
  { name: 'established_on', label: '成立日期', type: 'date', source: `${table}.established_on`, shown: false, phone: false },
  { name: 'business_until', label: '经营期限至', type: 'date', source: `${table}.business_until`, shown: false, phone: false },
  { name: 'registered_address', label: '注册地址', source: `${table}.registered_address`, shown: false, phone: false },
  { name: 'licence_number', label: '营业执照号', type: 'code', source: `${table}.licence_number`, shown: false, phone: false },
  { name: 'email', label: '电子邮箱', source: `${table}.email`, shown: false, phone: false },
]

const name: Column = { name: 'name', label: '企业名称', source: 'organisations.name', sort: 'organisations.name_key' }
const state: Column = {
  name: 'state',
  label: '状态',
  type: 'state',
  source: 'companies.state',
  words: companyStates,
  tones: stateTones,
}
/** Worked out for the rows shown alone. */
const figures: Column[] = [
  { name: 'projects', label: '在管项目', type: 'number', unit: '个', source: shownSql(`(select count(*) ${serves})`) },
  {
    name: 'area',
    label: '在管面积',
    type: 'area',
    unit: '㎡',
    source: shownSql(
      '(select sum(p.floor_area) from project_links l join projects p on p.id = l.project_id where l.company_id = companies.id and l.live = 1)',
    ),
    shown: false,
  },
  { name: 'people', label: '从业人员', type: 'number', unit: '人', source: shownSql(`(select count(*) ${employs})`) },
  {
    name: 'managers',
    label: '管理人员',
    type: 'number',
    unit: '人',
    source: shownSql(`(select count(*) ${employs} and e.post not in ('operative', 'technician'))`),
    shown: false,
    phone: false,
  },
  {
    name: 'titled',
    label: '中级以上职称',
    type: 'number',
    unit: '人',
    source: shownSql(`(select count(*) ${employsTitled} and p.title in ('intermediate', 'associate-senior', 'senior'))`),
    shown: false,
    phone: false,
  },
  {
    name: 'qualified',
    label: '持职业资格',
    type: 'number',
    unit: '人',
    source: shownSql(`(select count(*) ${employsTitled} and p.credential is not null)`),
    shown: false,
    phone: false,
  },
  {
    name: 'revenue',
    label: '最近年度营业收入',
    type: 'money',
    unit: '万元',
    source: shownSql('(select y.revenue from company_years y where y.company_id = companies.id order by y.year desc limit 1)'),
    shown: false,
    phone: false,
  },
]

/** As a column and a group one reads alone. */
const levelNames = { ...certificateLevels, none: '无资质' }

const certificate: Column[] = [
  {
    name: 'level',
    label: '资质等级',
    source: 'certificates.level',
    words: levelNames,
    text: row => String(row.level ?? 'none'),
  },
  { name: 'certificate', label: '资质证书号', type: 'code', source: 'certificates.number', shown: false, phone: false },
  { name: 'valid_until', label: '资质有效期至', type: 'date', source: 'certificates.valid_until' },
  { name: 'approved_on', label: '资质批准日期', type: 'date', source: 'certificates.approved_on', shown: false, phone: false },
]

const more: Column[] = [
  { name: 'nature', label: '企业性质', source: 'companies.nature', words: natures, shown: false, phone: false },
  { name: 'manager', label: '总经理', source: 'companies.manager', shown: false, phone: false },
  { name: 'business_scope', label: '业务范围', source: 'companies.business_scope', shown: false, phone: false },
  { name: 'certifications', label: '体系认证', source: 'companies.certifications', shown: false, phone: false },
  { name: 'party_branch', label: '党组织', source: 'companies.party_branch', shown: false, phone: false },
  { name: 'awards', label: '获奖', source: 'companies.awards', shown: false, phone: false },
  { name: 'penalties', label: '处罚', source: 'companies.penalties', shown: false, phone: false },
  { name: 'website', label: '网站', source: 'companies.website', shown: false, phone: false },
]

const registeredIn = regionFilters({ district: 'organisations.district_code', street: 'organisations.street_code' })
const shared: Filter[] = [
  {
    name: 'level',
    label: '资质等级',
    type: 'select',
    options: levelNames,
    code: shownSql("coalesce(certificates.level, 'none')"),
    where: (query, level) =>
      void (level === 'none' ? query.whereNull('certificates.id') : query.where({ 'certificates.level': level })),
  },
  { name: 'state', label: '状态', type: 'select', options: companyStates, where: 'companies.state' },
  {
    name: 'serving',
    label: '在管项目所在区县',
    type: 'select',
    options: districtNames,
    where: (query, region_code) =>
      void query.whereIn('companies.id', areas =>
        areas.from('company_areas').where({ region_code, basis: 'project' }).select('company_id'),
      ),
  },
  within({ name: 'expiring', label: '资质证书到期', source: 'certificates.valid_until' }),
  within({ name: 'licence', label: '营业执照到期', source: 'companies.business_until' }),
  hasAny({ name: 'served', label: '在管项目', sql: serves }),
  hasAny({
    name: 'contracted',
    label: '履行中的合同',
    sql: `from contracts c where c.company_id = companies.id and ${runningContract.sql}`,
    values: runningContract.values,
  }),
  hasAny({ name: 'staffed', label: '在职人员', sql: employs }),
  { name: 'ownership', label: '企业类型', type: 'select', options: ownerships, where: 'companies.ownership' },
  { name: 'capital', label: '注册资本', type: 'range', unit: '万元', digits: 2, where: 'companies.capital' },
  { name: 'established', label: '成立日期', type: 'period', of: 'date', where: 'companies.established_on' },
]

const search: List['search'] = {
  about: '企业名称、曾用名、统一社会信用代码、资质证书号、区县，拼音或拼音首字母也行',
  terms: 'companies',
  texts: [
    'organisations.name',
    'organisations.code',
    formerNames('organisations', 'companies.id'),
    shownSql("(select group_concat(number separator '\n') from certificates held where held.company_id = companies.id)"),
  ],
  words: [
    { source: 'organisations.district_code', words: districtNames, loosely: true },
    { source: 'certificates.level', words: certificateLevels },
  ],
}

/**
 * Companies with the certificate that is theirs now. Their kind and their id are said of the organisation too, whose index holds the
 * order of the names.
 */
const withCertificate = (query: Knex.QueryBuilder) =>
  query
    .where({ 'organisations.kind': 'company' })
    .leftJoin('certificates', held => held.on('certificates.company_id', 'companies.id').onVal('certificates.live', 1))

export const companies = defineList({
  code: 'companies',
  label: '物业企业',
  roles: archiveOffices,
  from: (db, user) => withCertificate(visibleCompanies(db, user)),
  key: 'organisations.id',
  columns: [
    name,
    ...certificate,
    state,
    ...registered,
    { name: 'origin', label: '企业来源', source: 'companies.origin', words: origins, shown: false, phone: false },
    ...figures,
    ...contact,
    ...registration('companies'),
    ...more,
    ...keeping('companies'),
  ],
  heading: 'name',
  sort: 'name',
  groups: { filter: 'level' },
  everywhere: 10,
  filters: [
    ...registeredIn,
    ...shared,
    { name: 'origin', label: '企业来源', type: 'select', options: origins, where: 'companies.origin' },
    batchFilter('companies', 'companies.id'),
  ],
  search,
  href: row => `/desk/companies/${row.key}`,
  actions: user => importLink('companies', user),
  empty: { title: '还没有物业企业', text: '企业在网站上注册、经注册地区县确认后列在这里，也可以用 Excel 批量导入。' },
})

/** 异地分支机构: companies from elsewhere, with the office they have in the city. */
export const branches = defineList({
  code: 'branches',
  label: '异地分支机构',
  about: '注册地在外市、外省，在本市承接项目的物业企业',
  roles: archiveOffices,
  from: (db, user) =>
    withCertificate(visibleCompanies(db, user))
      .whereNot({ 'companies.origin': 'city' })
      .leftJoin('branch_filings', filing =>
        filing.on('branch_filings.company_id', 'companies.id').onVal('branch_filings.live', 1),
      ),
  key: 'organisations.id',
  columns: [
    name,
    { name: 'origin', label: '企业来源', source: 'companies.origin', words: origins },
    { name: 'head_office', label: '总公司', source: 'companies.head_office' },
    { name: 'head_office_place', label: '总公司注册地', source: 'companies.head_office_place', shown: false, phone: false },
    {
      name: 'head_office_code',
      label: '总公司信用代码',
      type: 'code',
      source: 'companies.head_office_code',
      shown: false,
      phone: false,
    },
    { name: 'filing', label: '分支机构备案号', type: 'code', source: 'companies.branch_filing_number' },
    { name: 'filed_until', label: '备案有效期至', type: 'date', source: 'branch_filings.valid_until' },
    ...registered,
    state,
    ...figures,
    ...contact,
    ...registration('companies'),
    ...more,
    ...keeping('companies'),
  ],
  heading: 'name',
  sort: 'name',
  groups: { filter: 'origin' },
  everywhere: 30,
  filters: [
    ...registeredIn,
    {
      name: 'origin',
      label: '企业来源',
      type: 'select',
      options: { province: origins.province, elsewhere: origins.elsewhere },
      where: 'companies.origin',
    },
    has({ name: 'filed', label: '分支机构备案号', source: 'companies.branch_filing_number' }),
    within({ name: 'filing_until', label: '备案有效期至', source: 'branch_filings.valid_until' }),
    ...shared.filter(({ name }) => name !== 'level' && name !== 'expiring'),
  ],
  search: { ...search, starts: ['companies.branch_filing_number'], contains: ['companies.head_office'] },
  href: row => `/desk/companies/${row.key}`,
  empty: { title: '还没有异地分支机构', text: '外地企业注册时选择企业来源“省内外市”或“外省”的，经确认后列在这里。' },
})

export const developers = defineList({
  code: 'developers',
  label: '开发企业',
  roles: archiveOffices,
  from: (db, user) => visibleDevelopers(db, user).where({ 'organisations.kind': 'developer' }),
  key: 'organisations.id',
  columns: [
    name,
    { name: 'qualification', label: '开发资质等级', source: 'developers.qualification_level' },
    { name: 'qualification_number', label: '开发资质证书号', type: 'code', source: 'developers.qualification_number' },
    { name: 'qualification_until', label: '资质有效期至', type: 'date', source: 'developers.qualification_until' },
    ...registered,
    { name: 'state', label: '状态', type: 'state', source: 'developers.state', words: developerStates, tones: stateTones },
    {
      name: 'projects',
      label: '开发项目',
      type: 'number',
      unit: '个',
      source: shownSql('(select count(*) from projects p where p.developer_id = developers.id)'),
    },
    {
      name: 'area',
      label: '开发面积',
      type: 'area',
      unit: '㎡',
      source: shownSql('(select sum(p.floor_area) from projects p where p.developer_id = developers.id)'),
      shown: false,
    },
    ...contact,
    ...registration('developers'),
    ...keeping('developers'),
  ],
  heading: 'name',
  sort: 'name',
  groups: { filter: 'state' },
  everywhere: 20,
  filters: [
    ...registeredIn,
    { name: 'state', label: '状态', type: 'select', options: developerStates, where: 'developers.state' },
    within({ name: 'expiring', label: '开发资质到期', source: 'developers.qualification_until' }),
    within({ name: 'licence', label: '营业执照到期', source: 'developers.business_until' }),
    hasAny({ name: 'building', label: '开发项目', sql: 'from projects p where p.developer_id = developers.id' }),
    { name: 'ownership', label: '企业类型', type: 'select', options: ownerships, where: 'developers.ownership' },
    { name: 'capital', label: '注册资本', type: 'range', unit: '万元', digits: 2, where: 'developers.capital' },
    { name: 'established', label: '成立日期', type: 'period', of: 'date', where: 'developers.established_on' },
  ],
  search: {
    about: '企业名称、曾用名、统一社会信用代码、开发资质证书号、区县，拼音或拼音首字母也行',
    terms: 'developers',
    texts: ['organisations.name', 'organisations.code', formerNames('organisations', 'developers.id')],
    contains: ['developers.qualification_number'],
    words: [{ source: 'organisations.district_code', words: districtNames, loosely: true }],
  },
  href: row => `/desk/developers/${row.key}`,
  empty: { title: '还没有开发企业', text: '开发企业在网站上注册、经注册地区县确认后列在这里。' },
})
