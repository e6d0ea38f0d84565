import type { PropertyType } from '../archives/words.ts'

/**
 * 管理各类物业的面积占计算基数的百分比之和 (资质管理办法 第五条；domain.md §4.1). Reckoned in whole numbers, hundredths of a square metre over
 * bases of 10,000 m², so that 100 % is 100 % and nothing is rounded on the way.
 */

/** The four sorts the regulation has a base for, each with the property types that belong to it. */
export const areaSorts = {
  multi: { label: '多层住宅', short: '多层', types: ['multi-storey'] },
  high: { label: '高层住宅', short: '高层', types: ['high-rise'] },
  villa: { label: '独立式住宅（别墅）', short: '独立式住宅', types: ['villa'] },
  other: {
    label: '办公楼、工业厂房及其他物业',
    short: '其他',
    types: ['office', 'commercial', 'industrial', 'school', 'hospital', 'other'],
  },
} as const satisfies Record<string, { label: string; short: string; types: readonly PropertyType[] }>
export type AreaSort = keyof typeof areaSorts
const sortNames = Object.keys(areaSorts) as AreaSort[] // Object.keys forgets the keys' type

export interface AreaPart {
  sort: AreaSort
  /** In 万㎡, exact. */
  area: string
  /** 万㎡. */
  base: number
  /** 40%, or 约 33.33% where it does not come out even. */
  share: string
}
export interface AreaIndex {
  /** The sorts of which there is something, whether or not the settings give them a base. */
  sorts: AreaSort[]
  /** Those that count: with a base. */
  parts: AreaPart[]
  total: string
  met: boolean
}

/** An area in hundredths of a square metre; what is no area counts nothing. */
export function hundredths(area: string): bigint {
  const [, whole, fraction = ''] = /^(\d{1,15})(?:\.(\d{1,2}))?$/.exec(area) ?? []
  return whole === undefined ? 0n : BigInt(whole + fraction.padEnd(2, '0'))
}

/** Hundredths of a square metre as an area is stored: 1200.50. */
export function areaText(sum: bigint): string {
  const digits = String(sum).padStart(3, '0')
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`
}

/**
 * The index of some areas.
 * @param areas ㎡ by property type
 * @param bases 万㎡, whole numbers; a sort whose base is 0 does not count
 * @param wanted percent
 */
export function areaIndex(
  areas: readonly { type?: string; area?: string }[],
  bases: Readonly<Record<AreaSort, number>>,
  wanted: number,
): AreaIndex {
  const sums = sortNames.map(sort => {
    const types: readonly string[] = areaSorts[sort].types
    const sum = areas.filter(({ type = '' }) => types.includes(type)).reduce((sum, { area = '' }) => sum + hundredths(area), 0n)
    return { sort, sum, base: bases[sort] }
  })
  const there = sums.filter(({ sum }) => sum > 0n)
  const counted = there.filter(({ base }) => base > 0)
  const bottom = counted.reduce((product, { base }) => product * BigInt(base), 1n)
  const top = counted.reduce((total, { sum, base }) => total + (sum * bottom) / BigInt(base), 0n)
  return {
    sorts: there.map(({ sort }) => sort),
    parts: counted.map(({ sort, sum, base }) => ({ sort, area: decimalText(sum, 6), base, share: percent(sum, BigInt(base)) })),
    total: percent(top, bottom),
    met: top * 100n >= BigInt(wanted) * bottom * unit,
  }
}

/** Hundredths of a square metre in 万㎡. */
const unit = 1_000_000n

/** A share in percent with up to two digits, cut and never rounded up: 99.999 % is not 100 %. */
function percent(sum: bigint, base: bigint): string {
  const [top, bottom] = [sum * 10_000n, base * unit]
  return `${top % bottom ? '约 ' : ''}${decimalText(top / bottom, 2)}%`
}

function decimalText(value: bigint, digits: number): string {
  const text = String(value).padStart(digits + 1, '0')
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`.replace(/\.?0+$/, '')
}

/** 多层 40 ÷ 100 = 40% + 高层 25 ÷ 50 = 50% + 其他 3 ÷ 20 = 15% = 105%. */
export function indexInWords({ parts, total }: AreaIndex): string {
  const sum = parts.map(({ sort, area, base, share }) => `${areaSorts[sort].short} ${area} ÷ ${base} = ${share}`).join(' + ')
  return parts.length > 1 ? `${sum} = ${total}` : sum
}
