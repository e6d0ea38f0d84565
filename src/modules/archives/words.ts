/**
 * The words of the archives (domain dictionaries of the regulator): codes are what tables hold, labels what people read.
 * Where a state also depends on the day or on other rows, the comment says which codes are stored and which are derived.
 */

/** 项目阶段 */
export const stages = {
  divided: '已划分区域',
  tendering: '招标中',
  early: '前期物业',
  selected: '业委会选聘',
  'self-managed': '自行管理',
  unmanaged: '无物业（失管）',
  withdrawn: '已撤管',
} as const

/** 物业类型 */
export const propertyTypes = {
  'multi-storey': '多层住宅',
  'high-rise': '高层住宅',
  villa: '独立式住宅（别墅）',
  office: '办公楼',
  commercial: '商业',
  industrial: '工业厂房',
  school: '学校',
  hospital: '医院',
  other: '其他',
} as const

/** 楼栋类型: a building may also lie under ground. */
export const buildingTypes = { ...propertyTypes, underground: '地下车库' } as const

/** 建筑结构 */
export const structures = {
  masonry: '砖混',
  frame: '框架',
  'frame-shear': '框架剪力墙',
  'shear-wall': '剪力墙',
  steel: '钢结构',
  other: '其他',
} as const

/** 房屋用途 */
export const housePurposes = {
  residence: '住宅',
  shop: '商业',
  office: '办公',
  workshop: '工业厂房',
  other: '其他',
} as const

/** 房屋状态 */
export const houseStates = {
  unsold: '未售',
  sold: '已售未交',
  delivered: '已交付',
  vacant: '空置',
  rented: '出租',
} as const

/** 企业来源 */
export const origins = {
  city: '本市',
  province: '省内外市',
  elsewhere: '外省',
} as const

/** 企业类型 */
export const ownerships = {
  state: '国有',
  collective: '集体',
  limited: '有限责任',
  shares: '股份',
  foreign: '外资',
  other: '其他',
} as const

/** 企业性质 */
export const natures = {
  independent: '独立法人',
  subsidiary: '集团子公司',
  branch: '分公司',
  'developer-owned': '开发企业所属',
  other: '其他',
} as const

/** 数据来源 of an archive */
export const sources = {
  registration: '单位登记',
  case: '审核办件',
  company: '企业填报',
  office: '管理部门录入',
  import: 'Excel 导入',
} as const

/** 审核状态 of an archive */
export const reviews = {
  pending: '待审核',
  reviewed: '已审核',
  returned: '退回',
} as const

/** 土地使用权取得方式 */
export const landRights = {
  granted: '出让',
  allocated: '划拨',
  leased: '租赁',
  invested: '作价出资',
  other: '其他',
} as const

/** 供暖方式 */
export const heatings = {
  central: '集中供暖',
  'block-boiler': '小区锅炉',
  household: '分户供暖',
  none: '无供暖',
  other: '其他',
} as const

/** 劳动合同类型 */
export const contractTypes = {
  fixed: '固定期限',
  open: '无固定期限',
  task: '以完成任务为期限',
  rehired: '退休返聘',
  dispatched: '劳务派遣',
} as const

/** 居民与房屋的关系 */
export const relations = {
  owner: '业主本人',
  family: '业主家属',
  tenant: '承租人',
  user: '其他使用人',
} as const

/** 物业企业状态 */
export const companyStates = {
  normal: '正常',
  warned: '预警',
  watched: '重点监管',
  suspended: '停业',
  cancelled: '注销',
} as const

/** 开发企业状态 */
export const developerStates = {
  normal: '正常',
  disabled: '停用',
  cancelled: '注销',
} as const

/** 企业所在区域的由来 */
export const areaBases = {
  registered: '注册地',
  branch: '分支机构',
  project: '在管项目',
} as const

/** 资质等级; who holds no certificate is 无. */
export const certificateLevels = {
  first: '一级',
  second: '二级',
  third: '三级',
  provisional: '三级（暂定）',
  none: '无',
} as const

/** 资质证书状态. Stored are valid, replaced, revoked, cancelled, lost; a valid one is expiring or expired by its last day. */
export const certificateStates = {
  valid: '有效',
  expiring: '即将到期',
  expired: '已过期',
  replaced: '已换发',
  revoked: '已撤销',
  cancelled: '已注销',
  lost: '遗失作废',
} as const

/** 岗位类别 */
export const posts = {
  head: '企业负责人',
  'engineering-head': '工程负责人',
  'finance-head': '财务负责人',
  'project-manager': '项目经理',
  steward: '管理员',
  technician: '专业技术',
  operative: '操作',
} as const

/** 职称级别 */
export const titles = {
  none: '无',
  junior: '初级',
  intermediate: '中级',
  'associate-senior': '副高',
  senior: '正高',
} as const

/** 职业资格 */
export const credentials = {
  'property-manager': '物业管理师',
  'property-director': '物业经理',
  'project-manager': '项目经理上岗证',
  'assistant-manager': '助理物业管理师',
  electrician: '电工',
  elevator: '电梯',
  'fire-control': '消防设施操作员',
  other: '其他',
} as const

/** 学历 */
export const educations = {
  school: '高中及以下',
  college: '大专',
  bachelor: '本科',
  master: '研究生',
} as const

/** 性别 */
export const genders = {
  male: '男',
  female: '女',
} as const

/** 任职状态. 在职 by law are employed and leaving. */
export const employmentStates = {
  pending: '待审核',
  employed: '在职',
  leaving: '待减员',
  left: '已离职',
  disputed: '争议',
} as const

/** 减员原因 */
export const leaveReasons = {
  resigned: '离职',
  retired: '退休',
  died: '死亡',
  transferred: '调出',
} as const

/** 证件类型 */
export const idTypes = {
  'resident-id': '居民身份证',
  'credit-code': '统一社会信用代码',
  passport: '护照',
  permit: '港澳台居民通行证',
  other: '其他',
} as const

/** 业主登记来源 */
export const ownerSources = {
  developer: '开发企业',
  company: '物业企业',
  committee: '业委会导入',
  office: '管理部门录入',
} as const

/** 服务阶段: who chose the company that serves, for links and contracts. */
export const servicePhases = {
  early: '前期物业',
  selected: '业委会选聘',
  emergency: '应急服务',
} as const

/** 选聘方式 */
export const selectionMethods = {
  open: '公开招标',
  invited: '邀请招标',
  agreed: '协议选聘',
  emergency: '应急委托',
} as const

/** 项目挂接状态 */
export const linkStates = {
  pending: '待审核',
  approved: '待接管',
  linked: '已挂接',
  rejected: '已驳回',
  ended: '已解除',
} as const

/** 合同备案类型 */
export const contractFilings = {
  new: '新签',
  renewal: '续签',
  change: '变更',
  dissolution: '解除',
} as const

/** 合同状态. Stored are filing, filed, changed, dissolved, ended; a filed one is running, expiring or lapsed by the day. */
export const contractStates = {
  filing: '备案中',
  filed: '已备案',
  running: '履行中',
  expiring: '即将到期',
  lapsed: '已到期未续',
  changed: '已变更',
  dissolved: '已解除',
  ended: '已终止',
} as const

/** 原合同终止原因 */
export const contractEndReasons = {
  'term-over': '合同期满',
  'committee-contract': '业主委员会所签合同生效',
  dismissed: '业主大会解聘',
  agreed: '协商解除',
  withdrawn: '企业撤出',
} as const

/** 收费方式 */
export const feeModes = {
  'lump-sum': '包干制',
  remuneration: '酬金制',
} as const

/** 定价方式 */
export const pricings = {
  guided: '政府指导价',
  market: '市场调节价',
} as const

/** 服务等级 */
export const serviceLevels = {
  1: '一级',
  2: '二级',
  3: '三级',
  4: '四级',
  5: '五级',
} as const

/** 业委会状态. Stored are preparing, in-term, cancelled; an in-term one is expiring or overdue by its last day, short by its members. */
export const committeeStates = {
  preparing: '筹备中',
  'in-term': '届内',
  expiring: '即将到期',
  overdue: '超期未换届',
  short: '成员不足',
  cancelled: '已注销',
} as const

/** 届次状态 */
export const termStates = {
  current: '现届',
  ended: '已届满',
} as const

/** 业委会成员职务 */
export const offices = {
  chair: '主任',
  'vice-chair': '副主任',
  executive: '执行成员',
  member: '委员',
  alternate: '候补',
} as const

/** 业委会成员终止原因 */
export const memberEndReasons = {
  resigned: '辞职',
  'not-owner': '不再是业主',
  incapable: '丧失行为能力',
  detained: '被限制人身自由',
  recalled: '业主大会罢免',
  neglect: '拒不履职',
  misconduct: '违章侵害业主利益',
  died: '死亡',
  'term-over': '任期届满',
} as const

/** A dictionary as the options of a field. */
export function optionsOf<Code extends string | number>(words: Readonly<Record<Code, string>>) {
  return Object.entries<string>(words).map(([value, label]) => ({ value, label }))
}

export type Stage = keyof typeof stages
export type PropertyType = keyof typeof propertyTypes
export type BuildingType = keyof typeof buildingTypes
export type Structure = keyof typeof structures
export type HousePurpose = keyof typeof housePurposes
export type HouseState = keyof typeof houseStates
export type Origin = keyof typeof origins
export type Ownership = keyof typeof ownerships
export type CompanyState = keyof typeof companyStates
export type DeveloperState = keyof typeof developerStates
export type AreaBasis = keyof typeof areaBases
export type CertificateLevel = keyof typeof certificateLevels
export type CertificateState = keyof typeof certificateStates
export type Post = keyof typeof posts
export type Title = keyof typeof titles
export type Credential = keyof typeof credentials
export type Education = keyof typeof educations
export type Gender = keyof typeof genders
export type EmploymentState = keyof typeof employmentStates
export type LeaveReason = keyof typeof leaveReasons
export type IdType = keyof typeof idTypes
export type OwnerSource = keyof typeof ownerSources
export type ServicePhase = keyof typeof servicePhases
export type SelectionMethod = keyof typeof selectionMethods
export type LinkState = keyof typeof linkStates
export type ContractFiling = keyof typeof contractFilings
export type ContractState = keyof typeof contractStates
export type ContractEndReason = keyof typeof contractEndReasons
export type FeeMode = keyof typeof feeModes
export type Pricing = keyof typeof pricings
export type CommitteeState = keyof typeof committeeStates
export type TermState = keyof typeof termStates
export type Office = keyof typeof offices
export type MemberEndReason = keyof typeof memberEndReasons
export type Nature = keyof typeof natures
export type Source = keyof typeof sources
export type Review = keyof typeof reviews
export type LandRight = keyof typeof landRights
export type Heating = keyof typeof heatings
export type ContractType = keyof typeof contractTypes
export type Relation = keyof typeof relations
