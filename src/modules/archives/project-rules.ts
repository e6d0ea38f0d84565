import type { Settings } from '../../admin/settings.ts'
import type { Finding } from '../../cases/kind.ts'
import type { Mistakes } from '../../forms/form.ts'
import type { RecordAnswers } from './archive.ts'
import { propertyTypes } from './words.ts'

/** What the law asks of a project, with the arithmetic (domain.md §5.1, §7, §8.1). Pure: figures in, sentences out. */

/** An area of the archive in hundredths of a square metre, so that sums are exact. */
export const hundredths = (text: string | undefined) => Math.round(Number(text || 0) * 100)

/** 1234567 hundredths as 12,345.67. */
export const areaText = (area: number) => areas.format(area / 100)
const areas = new Intl.NumberFormat('zh-CN', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const counts = new Intl.NumberFormat('zh-CN')

/** 建筑面积 by type, in the order of the form; together they make up the whole. */
export const areaFields = {
  multi_storey_area: '多层住宅',
  high_rise_area: '高层住宅',
  villa_area: '别墅',
  office_area: '办公',
  commercial_area: '商业',
  industrial_area: '工业',
  school_area: '学校',
  hospital_area: '医院',
  other_area: '其他',
  underground_area: '地下',
} as const

/** 物业服务用房 against 山东省物业管理条例 第十二条、第十三条: 3‰ of the whole, at least 100 ㎡, and 20 ㎡ of it for the committee. */
export function roomFindings(project: RecordAnswers, rules: Settings): Finding[] {
  const whole = hundredths(project.floor_area)
  const room = hundredths(project.service_room_area)
  const committee = hundredths(project.committee_room_area)
  const share = Math.ceil((whole * rules['rooms.permille']) / 1000)
  const wanted = Math.max(share, rules['rooms.least'] * 100)
  const findings: Finding[] = [
    {
      code: 'service-room',
      requirement: `物业服务用房不少于 ${areaText(wanted)} ㎡`,
      actual: `${areaText(room)} ㎡`,
      verdict: room >= wanted ? 'ok' : 'bad',
      law: '山东省物业管理条例第十二条',
      detail:
        `总建筑面积 ${areaText(whole)} ㎡ 的 ${rules['rooms.permille']}‰ 为 ${areaText(share)} ㎡，且不少于 ${rules['rooms.least']} ㎡` +
        (room < wanted ? `，还差 ${areaText(wanted - room)} ㎡` : ''),
    },
    {
      code: 'committee-room',
      requirement: `其中业委会用房不少于 ${rules['rooms.committee']} ㎡`,
      actual: `${areaText(committee)} ㎡`,
      verdict: committee >= rules['rooms.committee'] * 100 ? 'ok' : 'bad',
      law: '山东省物业管理条例第十二条',
      detail: '从物业服务用房中调剂',
    },
  ]
  if (project.service_room_altered)
    findings.push({
      code: 'room-use',
      requirement: '物业服务用房不得改变用途',
      actual: '用途已改变',
      verdict: 'bad',
      law: '物业管理条例第三十七条',
    })
  return findings
}

/** The shortfall of 物业服务用房 as one sentence for whoever must know, or nothing. */
export function roomShortfall(project: RecordAnswers, rules: Settings): string | undefined {
  const short = roomFindings(project, rules).filter(({ verdict }) => verdict === 'bad')
  if (!short.length) return undefined
  const parts = short.map(({ code, requirement, actual }) => (code === 'room-use' ? actual : `${requirement}，现为 ${actual}`))
  return `物业服务用房不达标：${parts.join('；')}。`
}

/** What does not add up in the figures of a project: one sentence each, naming both numbers. Nothing is forbidden by it. */
export function sumNotices(project: RecordAnswers): string[] {
  const notices: string[] = []
  const typed = Object.entries(areaFields).filter(([name]) => hundredths(project[name]) > 0)
  const sum = typed.reduce((total, [name]) => total + hundredths(project[name]), 0)
  const whole = hundredths(project.floor_area)
  if (typed.length && sum !== whole)
    notices.push(
      `各类面积相加为 ${areaText(sum)} ㎡（${typed.map(([, label]) => label).join('、')}），总建筑面积为 ${areaText(whole)} ㎡，相差 ${areaText(Math.abs(sum - whole))} ㎡，请核对。`,
    )
  const partsOf = (name: string, label: string, parts: Record<string, string>) => {
    const given = Object.keys(parts).filter(part => Number(project[part] || 0) > 0)
    const total = given.reduce((all, part) => all + Number(project[part]), 0)
    if (given.length && total !== Number(project[name] || 0))
      notices.push(
        `${Object.values(parts).join('、')}相加为 ${counts.format(total)}，${label}为 ${counts.format(Number(project[name] || 0))}，请核对。`,
      )
  }
  partsOf('house_count', '总户数', { residence_count: '住宅户数', other_house_count: '非住宅户数' })
  partsOf('parking_count', '机动车位合计', { parking_ground_count: '地上车位', parking_underground_count: '地下车位' })
  if (project.completed_on && project.first_delivered_on && project.completed_on > project.first_delivered_on)
    notices.push(`竣工备案日期 ${project.completed_on} 晚于首次交付日期 ${project.first_delivered_on}，请核对。`)
  return notices
}

/** What cannot be: a part larger than its whole, half a place on the map. A sentence by field. */
export function figureMistakes(project: RecordAnswers): Mistakes {
  const mistakes: Mistakes = {}
  const within = (part: string, label: string, whole: string, of: string, unit: string) => {
    if (Number(project[part] || 0) > Number(project[whole] || 0))
      mistakes[part] =
        `${label} ${counts.format(Number(project[part]))} ${unit}，多于${of} ${counts.format(Number(project[whole] || 0))} ${unit}，请核对。`
  }
  within('sold_count', '已售户数', 'house_count', '总户数', '户')
  within('occupied_count', '入住户数', 'house_count', '总户数', '户')
  within('residence_count', '住宅户数', 'house_count', '总户数', '户')
  within('delivered_count', '已交付户数', 'house_count', '总户数', '户')
  within('delivered_area', '已交付面积', 'floor_area', '总建筑面积', '㎡')
  within('committee_room_area', '业委会用房面积', 'service_room_area', '物业服务用房面积', '㎡')
  if (project.longitude && !project.latitude) mistakes.latitude = '填了经度，请把纬度也填上；不确定的两项都留空。'
  if (project.latitude && !project.longitude) mistakes.longitude = '填了纬度，请把经度也填上；不确定的两项都留空。'
  return mistakes
}

/** How far a project is from its first owners' meeting (山东省物业管理条例 第二十条). */
export interface MeetingCondition {
  met: boolean
  /** The conditions met, or how far each is away. */
  words: string
  area_percent: number
  house_percent: number
}

/**
 * Whether the owners may hold their first meeting: delivered area or delivered houses reach half, or, two years after the first
 * delivery, a quarter of the houses.
 * @param day the day it is asked for
 */
export function meetingCondition(project: RecordAnswers, day: string, rules: Settings): MeetingCondition {
  const area_percent = percent(hundredths(project.delivered_area), hundredths(project.floor_area))
  const house_percent = percent(Number(project.delivered_count || 0), Number(project.house_count || 0))
  const half = rules['meeting.percent']
  const years = rules['meeting.years']
  const quarter = rules['meeting.later-percent']
  const since = project.first_delivered_on ? yearsAfter(project.first_delivered_on, years) : undefined
  const met = [
    ...(area_percent >= half ? [`交付面积占 ${area_percent.toFixed(1)}%，已达 ${half}%`] : []),
    ...(house_percent >= half ? [`交付户数占 ${house_percent.toFixed(1)}%，已达 ${half}%`] : []),
    ...(since && since <= day && house_percent >= quarter && house_percent < half
      ? [`首次交付已满 ${years} 年，交付户数占 ${house_percent.toFixed(1)}%，已达 ${quarter}%`]
      : []),
  ]
  const away = `交付面积占 ${area_percent.toFixed(1)}%，交付户数占 ${house_percent.toFixed(1)}%，其中一项达到 ${half}% 即可；或首次交付满 ${years} 年${since ? `（${since}）` : ''}且交付户数达到 ${quarter}%`
  return { met: met.length > 0, words: met.join('；') || away, area_percent, house_percent }
}

function percent(part: number, whole: number): number {
  return whole ? (part / whole) * 100 : 0
}

/** The same day some years later; 29 February becomes 1 March. */
export function yearsAfter(day: string, years: number): string {
  const [year = '', ...rest] = day.split('-')
  return new Date(`${Number(year) + years}-${rest.join('-')}T00:00:00Z`).toISOString().slice(0, 10)
}

/** A project somebody is in charge of, as the limits count it. */
export interface Charge {
  id: number
  name: string
  property_type: string
  floor_area: string
}

const homes: readonly string[] = ['multi-storey', 'high-rise', 'villa']

/**
 * Why a person cannot be in charge of one project more (domain.md §7), with the arithmetic, or nothing.
 * @param held the other projects this person is in charge of now
 */
export function managerMistake(name: string, held: readonly Charge[], wanted: Charge, rules: Settings): string | undefined {
  const others = held.filter(({ id }) => id !== wanted.id)
  const wayOut = '请先为其中一个项目更换负责人，或另选一人。'
  const named = (charges: readonly Charge[]) => charges.map(charge => `“${charge.name}”`).join('、')
  const isLarge = ({ property_type, floor_area }: Charge) =>
    homes.includes(property_type) && Number(floor_area) > rules['managers.large-area']
  const large = others.filter(isLarge)
  if (isLarge(wanted) && large.length + 1 > rules['managers.large'])
    return `${name}已负责 ${counts.format(rules['managers.large-area'])} ㎡ 以上的住宅项目${named(large)}，本项目 ${areaText(hundredths(wanted.floor_area))} ㎡ 也超过这个面积；一人最多负责 ${rules['managers.large']} 个。${wayOut}`
  if (others.length + 1 > rules['managers.projects'])
    return `${name}现负责 ${others.length} 个项目（${named(others)}），加上本项目共 ${others.length + 1} 个，超过一人最多 ${rules['managers.projects']} 个的规定。${wayOut}`
  return undefined
}

/**
 * The sentence for a guided price above the city's ceiling (domain.md §12), or nothing where there is no ceiling or it is kept.
 * @param fee a 收费标准 in its stored form
 */
export function ceilingNotice(fee: RecordAnswers, rules: Settings): string | undefined {
  const { property_type: type, service_level: level, price } = fee
  if (fee.pricing !== 'guided' || !level || (type !== 'multi-storey' && type !== 'high-rise')) return undefined
  const ceiling = rules[`fees.ceilings-${type}`].split(' ')[Number(level) - 1]
  if (!ceiling || !/^\d/.test(ceiling) || Number(price) <= Number(ceiling)) return undefined
  return `收费高于指导价上限：${propertyTypes[type]} ${price} 元/㎡·月，${'一二三四五'.charAt(Number(level) - 1)}级服务的上限为 ${Number(ceiling).toFixed(2)} 元/㎡·月。`
}
