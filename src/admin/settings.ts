import type { Knex } from 'knex'
import type { z } from 'zod'
import type { Role } from '../accounts/roles.ts'
import { config } from '../config.ts'
import { checkbox, choice, type FieldMeta, integer, text } from '../forms/form.ts'

/** A parameter: what it is called, who may change it, and what holds until somebody does. */
interface Setting {
  group: string
  owner: Role
  field: z.ZodType
  standard: string | number | boolean
}

const words = (label: string, more: Partial<FieldMeta> = {}) => text({ label, max: 100, ...more })

const leads = [
  { value: '90', label: '提前 90、60、30 天' },
  { value: '60', label: '提前 60、30 天' },
  { value: '30', label: '提前 30 天' },
]

/** A day that comes every year. 29 February would not. */
const dayOfYear = (label: string) =>
  text({
    label,
    max: 5,
    pattern: /^(02-(0[1-9]|1\d|2[0-8])|(0[469]|11)-(0[1-9]|[12]\d|30)|(0[13578]|1[02])-(0[1-9]|[12]\d|3[01]))$/,
    patternHint: `${label}请填月日，如 03-01。`,
    hint: '月日，如 03-01；从下一次年检起生效。',
  })

/** 政府指导价上限 by service level, as five numbers; empty where the city has set none. */
const ceilings = (type: string) =>
  text({
    label: `${type}政府指导价上限`,
    max: 60,
    pattern: /^\d{1,3}(\.\d{1,2})?( \d{1,3}(\.\d{1,2})?){4}$|^无$/,
    patternHint: `${type}政府指导价上限请按一级到五级填 5 个数，用空格隔开，如 0.60 0.85 1.10 1.40 1.80；没有上限的填“无”。`,
    hint: '一级到五级，元/㎡·月，用空格隔开；没有上限的填“无”。',
  })

/**
 * 参数. Limits and texts that a city may want otherwise are data, not code (domain.md §1: the authority's name changed in 2019).
 * 系统管理员 owns texts and operation, 安全管理员 the security policies.
 */
export const settings = {
  'city.name': { group: '单位与网站', owner: 'system-admin', field: words('城市名称'), standard: '济南市' },
  'city.bureau': { group: '单位与网站', owner: 'system-admin', field: words('主管部门名称'), standard: '济南市住房和城乡建设局' },
  'city.portal': { group: '单位与网站', owner: 'system-admin', field: words('工作台名称'), standard: '物业行业综合管理系统' },
  'city.site': { group: '单位与网站', owner: 'system-admin', field: words('公共网站名称'), standard: '济南市物业服务公共平台' },
  'city.phone': { group: '单位与网站', owner: 'system-admin', field: words('业务咨询电话'), standard: '0531-0000 0000' },
  'city.site-code': { group: '单位与网站', owner: 'system-admin', field: words('网站标识码'), standard: '3701000000' },
  'city.icp': { group: '单位与网站', owner: 'system-admin', field: words('ICP 备案号'), standard: '鲁ICP备00000000号' },
  'city.police': {
    group: '单位与网站',
    owner: 'system-admin',
    field: words('公安备案号'),
    standard: '鲁公网安备 37010000000000号',
  },
  'session.idle-minutes': {
    group: '登录安全',
    owner: 'security-admin',
    field: integer({ label: '无操作自动退出', unit: '分钟', min: 5, max: 480 }),
    standard: 30,
  },
  'session.absolute-hours': {
    group: '登录安全',
    owner: 'security-admin',
    field: integer({ label: '一次登录最长', unit: '小时', min: 1, max: 24 }),
    standard: 12,
  },
  'sign-in.attempts': {
    group: '登录安全',
    owner: 'security-admin',
    field: integer({ label: '连续输错几次锁定', unit: '次', min: 3, max: 10 }),
    standard: 5,
  },
  'sign-in.lock-minutes': {
    group: '登录安全',
    owner: 'security-admin',
    field: integer({ label: '锁定时长', unit: '分钟', min: 10, max: 30 }),
    standard: 15,
  },
  'sign-in.address-attempts': {
    group: '登录安全',
    owner: 'security-admin',
    field: integer({
      label: '同一地址每 15 分钟最多输错',
      unit: '次',
      min: 20,
      max: 1000,
      hint: '防止换着账号猜密码；同一出口的单位人多时可调大。',
    }),
    standard: 100,
  },
  'password.days': {
    group: '登录安全',
    owner: 'security-admin',
    field: integer({ label: '工作人员密码有效期', unit: '天', min: 0, max: 365, hint: '0 表示不限。等保三级一般为 90 天。' }),
    standard: 90,
  },
  'second-factor.required': {
    group: '登录安全',
    owner: 'security-admin',
    field: checkbox({ label: '工作人员和管理员登录须输入动态验证码' }),
    standard: config.production,
  },
  'qualification.enabled': {
    group: '业务',
    owner: 'system-admin',
    field: checkbox({
      label: '资质管理启用',
      hint: '资质许可已于 2018 年取消。停用后资质只作历史档案，证书上写明不是承接物业服务的条件；办理中的资质业务停在原处，企业改办企业信息登记。',
    }),
    standard: true,
  },
  'qualification.inspection-from': {
    group: '业务',
    owner: 'system-admin',
    field: dayOfYear('资质年检开始'),
    standard: '03-01',
  },
  'qualification.inspection-until': {
    group: '业务',
    owner: 'system-admin',
    field: dayOfYear('资质年检截止'),
    standard: '04-30',
  },
  'qualification.rectify-days': {
    group: '业务',
    owner: 'system-admin',
    field: integer({ label: '年检基本合格的整改期限', unit: '天', min: 1, max: 365 }),
    standard: 30,
  },
  'documents.seal': {
    group: '文书',
    owner: 'system-admin',
    field: choice({
      label: '文书上的印章',
      options: [
        { value: 'placeholder', label: '印出盖章位置（样式）' },
        { value: 'none', label: '不印，盖实体章' },
      ],
    }),
    standard: 'placeholder',
  },
  'documents.remedy-review': {
    group: '文书',
    owner: 'system-admin',
    field: words('行政复议机关', { hint: '印在不予受理、不予通过决定书上；区县作出的，写所在区县人民政府。' }),
    standard: '济南市人民政府',
  },
  'documents.remedy-court': {
    group: '文书',
    owner: 'system-admin',
    field: words('行政诉讼法院', { hint: '印在不予受理、不予通过决定书上。' }),
    standard: '有管辖权的人民法院',
  },
  'warnings.document-days': {
    group: '预警',
    owner: 'system-admin',
    field: choice({
      label: '企业证照和办件材料到期提醒',
      options: leads,
      hint: '营业执照、开发资质、项目经理证书和办件中填了有效期的材料。',
    }),
    standard: '90',
  },
  'warnings.credential-days': {
    group: '预警',
    owner: 'system-admin',
    field: choice({ label: '从业人员资格证书到期提醒', options: leads }),
    standard: '30',
  },
  'rooms.permille': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({
      label: '物业服务用房不少于总建筑面积的',
      unit: '‰',
      min: 0,
      max: 50,
      hint: '《山东省物业管理条例》：3‰ 至 5‰。',
    }),
    standard: 3,
  },
  'rooms.least': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '物业服务用房最少', unit: '㎡', min: 0, max: 10_000 }),
    standard: 100,
  },
  'rooms.committee': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '其中业委会用房最少', unit: '㎡', min: 0, max: 1000 }),
    standard: 20,
  },
  'meeting.percent': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '交付面积或户数达到多少可成立业主大会', unit: '%', min: 1, max: 100 }),
    standard: 50,
  },
  'meeting.years': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '首次交付满几年可降低要求', unit: '年', min: 1, max: 20 }),
    standard: 2,
  },
  'meeting.later-percent': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '满上述年限后，交付户数达到', unit: '%', min: 1, max: 100 }),
    standard: 25,
  },
  'meeting.prepare-days': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '达到条件后街道办组建筹备组期限', unit: '天', min: 1, max: 365 }),
    standard: 60,
  },
  'contracts.notice-days': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '合同到期前书面告知是否续签', unit: '天', min: 1, max: 365, hint: '《民法典》第九百四十七条。' }),
    standard: 90,
  },
  'contracts.filing-days': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '合同签订后备案期限', unit: '天', min: 1, max: 365 }),
    standard: 10,
  },
  'takeover.enabled': {
    group: '业务',
    owner: 'system-admin',
    field: checkbox({
      label: '承接查验备案启用',
      hint: '启用后物业企业在交接之日起 30 日内备案；不启用的，事项目录里写明不需要办理。',
    }),
    standard: false,
  },
  'managers.large-area': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '多大的住宅项目算大型项目', unit: '㎡', min: 1000, max: 10_000_000 }),
    standard: 100_000,
  },
  'managers.large': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '一名项目负责人最多负责大型住宅项目', unit: '个', min: 1, max: 20 }),
    standard: 1,
  },
  'managers.projects': {
    group: '项目档案',
    owner: 'system-admin',
    field: integer({ label: '一名项目负责人最多负责项目', unit: '个', min: 1, max: 50 }),
    standard: 3,
  },
  'fees.ceilings-multi-storey': {
    group: '项目档案',
    owner: 'system-admin',
    field: ceilings('多层住宅'),
    standard: '无',
  },
  'fees.ceilings-high-rise': {
    group: '项目档案',
    owner: 'system-admin',
    field: ceilings('高层住宅'),
    standard: '无',
  },
} as const satisfies Record<string, Setting>

export type SettingCode = keyof typeof settings
type Widened<T> = T extends boolean ? boolean : T extends number ? number : string
export type Settings = { [Code in SettingCode]: Widened<(typeof settings)[Code]['standard']> }

export const settingCodes = Object.keys(settings) as SettingCode[] // Object.keys forgets the literal types
const standards = Object.fromEntries(settingCodes.map(code => [code, settings[code].standard])) as unknown as Settings // made from the table just above

/** What holds until somebody changes it. */
export function standardOf(code: SettingCode): string | number | boolean {
  return settings[code].standard
}

let cached: { values: Settings; until: number } | undefined
const keep = 5000

/** The settings in force. A change reaches every process within five seconds; the one that made it, at once. */
export async function settingsNow(db: Knex): Promise<Settings> {
  // Real time on purpose: a shifted clock must not freeze or flood this cache.
  if (cached && cached.until > Date.now()) return cached.values
  const rows: { code: string; value: string }[] = await db('settings').select('code', 'value')
  const set = Object.fromEntries(
    rows.filter(row => Object.hasOwn(settings, row.code)).map(row => [row.code, JSON.parse(row.value)]),
  )
  cached = { values: { ...standards, ...set }, until: Date.now() + keep }
  return cached.values
}

/** Forgets the cached settings, after a change. */
export function forgetSettings(): void {
  cached = undefined
}
