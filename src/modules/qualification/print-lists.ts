import { roles } from '../../accounts/roles.ts'
import { certificatePapers } from '../../documents/certificate.ts'
import { defineList, type List } from '../../lists/list.ts'
import { regionFilters } from '../../lists/narrowings.ts'
import { districtNames } from '../../lists/regions.ts'
import { certificateLevels } from '../archives/words.ts'
import { certificateReaders, visibleCertificates } from './visible.ts'

const { none: _, ...levels } = certificateLevels
const papers = Object.fromEntries(Object.entries(certificatePapers).map(([code, { label }]) => [code, label]))

/** 证书打印登记: which paper an office printed, when and who. What companies print for themselves is not entered. */
const certificatePrints = defineList({
  code: 'certificate-prints',
  label: '证书打印登记',
  about: '主管部门每打印一份正本、副本记一行，批量打印的批次号相同',
  roles: certificateReaders.filter(role => roles[role].staff),
  from: (db, user) =>
    visibleCertificates(db, user).join('certificate_prints', 'certificate_prints.certificate_id', 'certificates.id'),
  shown: (db, user) =>
    visibleCertificates(db, user)
      .join('certificate_prints', 'certificate_prints.certificate_id', 'certificates.id')
      .leftJoin('documents', 'documents.id', 'certificate_prints.document_id')
      .leftJoin('users', 'users.id', 'certificate_prints.user_id')
      .leftJoin({ offices: 'organisations' }, 'offices.id', 'certificate_prints.organisation_id'),
  key: 'certificate_prints.id',
  columns: [
    { name: 'number', label: '证书编号', type: 'code', source: 'certificates.number' },
    { name: 'paper', label: '证书文本', source: 'certificate_prints.paper', words: papers },
    { name: 'printed_at', label: '打印时间', type: 'second', source: 'certificate_prints.printed_at', sort: true },
    {
      name: 'copy',
      label: '次数',
      source: 'certificate_prints.copy',
      text: ({ copy }) => `第 ${Number(copy) + 1} 次`,
    },
    { name: 'company', label: '企业名称', source: 'organisations.name' },
    { name: 'level', label: '资质等级', source: 'certificates.level', words: levels },
    { name: 'user', label: '打印人', source: 'users.name' },
    { name: 'office', label: '打印单位', source: 'offices.name', phone: false },
    { name: 'batch', label: '批次号', type: 'code', source: 'certificate_prints.batch', phone: false },
    { name: 'code', label: '核验码', type: 'code', source: 'documents.code', shown: false, phone: false },
    { name: 'district', label: '注册区县', source: 'organisations.district_code', words: districtNames, shown: false },
  ],
  heading: 'number',
  sort: '-printed_at',
  filters: [
    { name: 'printed', label: '打印时间', type: 'period', of: 'moment', where: 'certificate_prints.printed_at' },
    { name: 'paper', label: '证书文本', type: 'select', options: papers, where: 'certificate_prints.paper' },
    { name: 'level', label: '资质等级', type: 'select', options: levels, where: 'certificates.level' },
    {
      name: 'again',
      label: '打印次数',
      type: 'flag',
      words: ['重复打印', '第一次打印'],
      where: (query, yes) => void query.where('certificate_prints.copy', yes ? '>' : '=', 0),
    },
    ...regionFilters({ district: 'organisations.district_code', street: 'organisations.street_code' }),
  ],
  search: {
    about: '企业名称、证书编号，拼音或拼音首字母也行',
    through: [{ source: 'certificates.company_id', terms: 'companies', texts: ['organisations.name', 'certificates.number'] }],
  },
  href: ({ key }) => `/desk/certificates/prints/${key}`,
  empty: { title: '还没有打印过证书', text: '在资质台账里勾选证书批量打印，或在证书页打印，都会登记在这里。' },
})

export const printLists: readonly List[] = [certificatePrints]
