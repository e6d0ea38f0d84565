import type { Role } from '../src/accounts/roles.ts'

/** The password of all demo accounts. Nothing but the demo city uses it, and production has no demo city. */
export const demoPassword = 'Wuye@2026'

export interface DemoAccount {
  username: string
  /** The person's name. */
  name: string
  roles: readonly [Role, ...Role[]]
  /** The organisation the person belongs to. */
  organisation: string
  /** What the account is good for, one phrase. */
  purpose: string
}

/** The streets of the demo desks: one in 历下区, one in 市中区. */
export const demoStreets = ['370102010', '370103016'] as const
/** Names of what the demo accounts belong to; the first of each pair is in 历下区, the second in 市中区. */
export const demoCompanies = ['济南栖禾物业服务有限公司', '济南汀棠物业管理有限公司'] as const
/** Two in 历下区 that have nothing filed: one newly founded, one whose 三级（暂定） certificate will run out. */
export const demoApplicants = ['济南澄野物业服务有限公司', '济南榆岚物业管理有限公司'] as const
export const demoDevelopers = ['济南岫澜置业有限公司', '济南荻桐房地产开发有限公司'] as const
export const demoProjects = ['槿岚花园', '沐屿家园'] as const
export const demoCommittees = ['历下区槿岚花园业主委员会', '市中区沐屿家园业主委员会'] as const

const bureau = '济南市住房和城乡建设局'
const lixia = '历下区住房和城乡建设局物业科'
const shizhong = '市中区住房和城乡建设局物业科'

/** One account for every role, by the name it signs in with. */
export const demoAccounts: readonly DemoAccount[] = [
  { username: 'city-clerk', name: '林知远', roles: ['city-clerk'], organisation: bureau, purpose: '受理全市办件，录入信用记分' },
  { username: 'city-reviewer', name: '韩松', roles: ['city-reviewer', 'city-clerk'], organisation: bureau, purpose: '复核办件；兼任经办人，可切换角色' },
  { username: 'city-approver', name: '沈怀瑾', roles: ['city-approver'], organisation: bureau, purpose: '签批办件，决定名册' },
  { username: 'district-clerk', name: '周砚秋', roles: ['district-clerk'], organisation: lixia, purpose: '历下区经办：初审、备案、投诉' },
  { username: 'district-reviewer', name: '郑伯川', roles: ['district-reviewer'], organisation: lixia, purpose: '历下区审核' },
  { username: 'district2-clerk', name: '宋晚棠', roles: ['district-clerk'], organisation: shizhong, purpose: '市中区经办，看不到历下区' },
  { username: 'street-clerk', name: '贾思齐', roles: ['street-clerk'], organisation: '历下区燕山街道办事处', purpose: '街道经办：业委会备案、区域划分意见' },
  { username: 'street-reviewer', name: '于清扬', roles: ['street-reviewer'], organisation: '历下区燕山街道办事处', purpose: '街道审核' },
  { username: 'street2-clerk', name: '方柏舟', roles: ['street-clerk'], organisation: '市中区舜耕街道办事处', purpose: '另一街道经办' },
  { username: 'company', name: '陆景行', roles: ['company-admin'], organisation: demoCompanies[0], purpose: '物业企业管理员：资质、人员、合同、挂接' },
  { username: 'company2', name: '唐以宁', roles: ['company-admin'], organisation: demoCompanies[1], purpose: '另一家物业企业，看不到前一家' },
  { username: 'company3', name: '温若谷', roles: ['company-admin'], organisation: demoApplicants[0], purpose: '新设立的物业企业，没有资质：试办新设立申报' },
  { username: 'company4', name: '江望舒', roles: ['company-admin'], organisation: demoApplicants[1], purpose: '暂定资质将到期的物业企业：试办三级核定' },
  { username: 'developer', name: '顾长青', roles: ['developer'], organisation: demoDevelopers[0], purpose: '开发企业：区域划分、招标、前期备案' },
  { username: 'developer2', name: '钟亦鸣', roles: ['developer'], organisation: demoDevelopers[1], purpose: '另一家开发企业' },
  { username: 'committee', name: '孟广田', roles: ['committee'], organisation: demoCommittees[0], purpose: '业主委员会主任：备案、查合同' },
  { username: 'committee2', name: '薛秉文', roles: ['committee'], organisation: demoCommittees[1], purpose: '另一个业主委员会' },
  { username: 'owner', name: '苏映雪', roles: ['owner'], organisation: '实名业主', purpose: '槿岚花园业主：评价、投诉' },
  { username: 'owner2', name: '潘少云', roles: ['owner'], organisation: '实名业主', purpose: '沐屿家园业主' },
  { username: 'editor', name: '姜若溪', roles: ['editor'], organisation: bureau, purpose: '信息采编' },
  { username: 'editor-reviewer', name: '范维康', roles: ['editor-reviewer'], organisation: bureau, purpose: '信息审核' },
  { username: 'editor-issuer', name: '邹文澜', roles: ['editor-issuer'], organisation: bureau, purpose: '信息签发' },
  { username: 'business-admin', name: '石敏之', roles: ['business-admin'], organisation: bureau, purpose: '业务设置：流程、时限、材料、编号' },
  { username: 'supervisor', name: '段明远', roles: ['supervisor'], organisation: bureau, purpose: '监察：只看不办' },
  { username: 'system-admin', name: '侯立言', roles: ['system-admin'], organisation: bureau, purpose: '系统管理员：账号、单位、日历、字典' },
  { username: 'security-admin', name: '武承安', roles: ['security-admin'], organisation: bureau, purpose: '安全管理员：角色、授权、策略' },
  { username: 'audit-admin', name: '黎鉴清', roles: ['audit-admin'], organisation: bureau, purpose: '审计管理员：只看日志' },
] // biome-ignore format: one account a line
