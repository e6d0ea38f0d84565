import type { KindSettings, Material } from '../../cases/kind.ts'
import { paper } from '../../cases/standards.ts'
import type { CertificateLevel } from '../archives/words.ts'
import { chainFor, licenceClocks } from './standards.ts'

/** What the kinds that end in a certificate begin with (domain.md §3.2, §4.1, §4.2, §4.4); the regulator may decide otherwise at any time. */

export const templates = [
  { step: 'pass', label: '材料属实', text: '材料齐全，内容属实。' },
  { step: 'pass', label: '同意报批', text: '经审核，申报条件符合要求，同意报批。' },
  { step: 'sendBack', label: '核对人员', text: '请再核对人员名单与证书是否一致。' },
  { step: 'refuse', label: '人员不足', text: '专职管理和技术人员人数或职称不符合资质管理办法第五条的要求。' },
  { step: 'refuse', label: '内容不实', text: '申报内容与核查情况不符。' },
  { step: 'decline', label: '不属本机关', text: '该事项依法不属于本机关职权范围，请向有关行政机关申请。' },
  { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
  { step: 'correct', label: '与填写不一致', text: '材料内容与填写内容不一致，请核对后更正。' },
]

export const common: Material[] = [
  paper('application-form', '企业资质等级申报表', { hint: '在本页打印，签字盖章后扫描上传' }),
  paper('business-licence', '营业执照', { original: true }),
]
export const staffPapers: Material[] = [
  paper('credentials', '物业管理专业人员职业资格证书、劳动合同', { original: true, hint: '每人一个文件，文件名写姓名' }),
  paper('titles', '管理和技术人员职称证书、劳动合同', { original: true, hint: '可附社会保险缴纳证明' }),
  paper('heads', '工程、财务负责人职称证书、劳动合同', { original: true }),
]
export const pledge = paper('pledge', '材料真实性承诺书', { hint: '法定代表人签字，加盖公章' })

/** 编号规则 of what the city grants; 一级 and 二级 have the number of the authority that grants them. */
const numberRules = { provisional: '鲁济物暂-{yyyy}-{seq:4}', third: '鲁济物3-{yyyy}-{seq:4}', second: '', first: '' } as const

/** 新设立申报 (三级暂定). */
export const newSettings: KindSettings = {
  chain: chainFor('provisional'),
  clocks: licenceClocks(),
  consults: [],
  materials: [
    ...common,
    paper('charter', '企业章程'),
    paper('capital-proof', '验资证明', { required: false, hint: '2015 年起不作要求，有的可以提供' }),
    paper('legal-person-id', '法定代表人身份证明', { original: true, expires: true }),
    ...staffPapers,
    paper('office', '办公场所证明', { hint: '产权证明，或租赁合同；租赁的填写到期日', expires: true }),
    pledge,
  ],
  number: numberRules.provisional,
  corrections: 1,
  thresholds: { capital: 50, staff: 10, titled: 5, filing_days: 30, valid_years: 1, barred_years: 1 },
  templates,
}

const businessPapers: Material[] = [
  paper('contracts', '物业服务合同复印件', { hint: '在管项目每个一份' }),
  paper('performance', '物业管理业绩材料'),
  paper('financials', '上年度财务报表', { required: false, hint: '资产负债表、损益表' }),
]

/** 三级核定. */
export const confirmSettings: KindSettings = {
  chain: chainFor('third'),
  clocks: licenceClocks(),
  consults: [],
  materials: [
    ...common,
    ...staffPapers,
    paper('old-certificate', '原资质证书正、副本', { original: true, hint: '发新证时收回原件' }),
    ...businessPapers,
    pledge,
  ],
  number: numberRules.third,
  corrections: 1,
  thresholds: {
    capital: 50,
    staff: 10,
    titled: 5,
    projects: 1,
    ahead_days: 45,
    early_days: 180,
    valid_years: 3,
    barred_years: 1,
  },
  templates,
}

/** What §4.1 asks of a level; bases in 万㎡. */
const asked: Readonly<Record<Level, Record<string, number>>> = {
  provisional: { capital: 50, staff: 10, titled: 5, valid_years: 1 },
  third: { capital: 50, staff: 10, titled: 5, projects: 1, valid_years: 3 },
  second: {
    capital: 300,
    staff: 20,
    titled: 10,
    types: 2,
    index: 100,
    base_multi: 100,
    base_high: 50,
    base_villa: 8,
    base_other: 20,
    valid_years: 3,
  },
  first: {
    capital: 500,
    staff: 30,
    titled: 20,
    types: 2,
    index: 100,
    base_multi: 200,
    base_high: 100,
    base_villa: 15,
    base_other: 50,
    valid_years: 3,
  },
}

/** 资质升级, by the level asked for. */
export function upgradeSettings(variant: string): KindSettings {
  const level = variant === 'first' ? 'first' : 'second'
  return {
    ...confirmSettings,
    chain: chainFor(level),
    number: numberRules[level],
    thresholds: { ...asked[level], ahead_days: 30, early_days: 180, barred_years: 1 },
  }
}

/** 分立、合并, by the level asked for. */
export function mergeSettings(variant: string): KindSettings {
  const level = isLevel(variant) ? variant : 'third'
  // A company founded by the merger has no business of its own yet.
  const business = businessPapers.filter(({ code }) => code !== 'financials')
  return {
    chain: chainFor(level),
    clocks: licenceClocks(),
    consults: [],
    materials: [
      ...common,
      paper('agreement', '合并、分立协议', { hint: '各方盖章；分立的提交分立方案' }),
      paper('resolution', '股东会决议', { hint: '同意合并、分立的决议' }),
      paper('registration-notice', '准予合并、分立登记通知书', { original: true, hint: '解散的一方另附注销登记通知书' }),
      ...staffPapers,
      paper('old-certificate', '各方原资质证书正、副本', {
        required: false,
        original: true,
        hint: '本企业和解散注销的企业持有资质证书的，都要提交，办结时收回',
      }),
      ...business.map(material => ({ ...material, required: level !== 'provisional' })),
      pledge,
    ],
    number: numberRules[level],
    corrections: 1,
    thresholds: { ...asked[level], filing_days: 30, barred_years: 1 },
    templates,
  }
}

type Level = Exclude<CertificateLevel, 'none'>
const isLevel = (text: string): text is Level => Object.hasOwn(asked, text)
