/** Words of 业务管理: what codes in the tables are called (domain.md §5, §13). */

/** 区域登记状态 */
export const areaStates = {
  registered: '已登记',
  adjusted: '已调整',
  cancelled: '已注销',
} as const

/** 招标状态. What has a winner is 已中标 until its contract is filed. */
export const tenderStates = {
  tendering: '招标中',
  opened: '已开标',
  awarded: '已中标',
  agreed: '已批准协议选聘',
  settled: '已签约',
  failed: '流标',
  cancelled: '已终止',
} as const

/** 招标方式; 协议选聘 is a request of its own. */
export const tenderMethods = {
  open: '公开招标',
  invited: '邀请招标',
  agreed: '协议选聘',
} as const

/** 招标组织形式 */
export const organisings = {
  self: '自行招标',
  agency: '委托招标代理机构',
} as const

/** 投标状态 */
export const bidStates = {
  invited: '已邀请',
  valid: '有效',
  rejected: '否决',
  withdrawn: '撤回',
} as const

/** 评标委员会成员: experts drawn, and the people the tenderer sends. */
export const judgeSorts = {
  expert: '评标专家',
  tenderer: '招标人代表',
} as const

export const judgeStates = {
  drawn: '已抽取',
  present: '已参加',
  excused: '请假',
  conflicted: '回避',
} as const

/** 评标专家状态 */
export const expertStates = {
  active: '在册',
  suspended: '暂停',
  removed: '已退出',
} as const

/** 评标专家专业 */
export const specialties = {
  property: '物业管理',
  engineering: '工程设备',
  finance: '财务造价',
  law: '法律',
} as const

/** 在线签订状态 */
export const signingStates = {
  draft: '起草中',
  offered: '待对方确认',
  signed: '已签订',
  withdrawn: '已撤回',
} as const

export type AreaState = keyof typeof areaStates
export type TenderState = keyof typeof tenderStates
export type TenderMethod = keyof typeof tenderMethods
export type BidState = keyof typeof bidStates
export type JudgeSort = keyof typeof judgeSorts
export type JudgeState = keyof typeof judgeStates
export type ExpertState = keyof typeof expertStates
export type Specialty = keyof typeof specialties
export type SigningState = keyof typeof signingStates
