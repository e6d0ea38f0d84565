import type { YearFact } from './company-facts.ts'

/** 营业收入 and 利润总额 of the last years as a small picture; the table beside it has every figure. */

export interface YearChart {
  width: number
  height: number
  /** Lines of the scale, with what they stand for. */
  ticks: { y: number; text: string }[]
  zero: number
  bars: { x: number; y: number; width: number; height: number; series: 'revenue' | 'profit' }[]
  /** What stands at the bars and beneath them. */
  texts: { x: number; y: number; text: string; strong: boolean }[]
  /** What it shows, in one sentence. */
  about: string
}

// Drawn for a phone; a larger page shows it at this size.
const width = 360
const height = 190
const plot = { left: 52, right: 352, top: 20, bottom: 160 }
const mostYears = 5

/** @param years of a company, the newest first @returns nothing where there is none */
export function yearChart(years: readonly YearFact[]): YearChart | undefined {
  const drawn = years.slice(0, mostYears).reverse()
  if (!drawn.length) return undefined
  const values = drawn.flatMap(({ revenue, profit }) => [Number(revenue), Number(profit)])
  const step = stepFor(Math.max(...values, 0) - Math.min(...values, 0))
  const [least, most] = [Math.floor(Math.min(...values, 0) / step), Math.max(1, Math.ceil(Math.max(...values, 0) / step))]
  const yOf = (value: number) => plot.bottom - ((value / step - least) / (most - least)) * (plot.bottom - plot.top)
  const group = (plot.right - plot.left) / drawn.length
  const bar = Math.min(24, group / 3)
  const bars = drawn.flatMap(({ revenue, profit }, at) => {
    const middle = plot.left + group * (at + 0.5)
    return [
      { ...column(middle - bar, yOf(0), yOf(Number(revenue)), bar - 1), series: 'revenue' as const },
      { ...column(middle + 1, yOf(0), yOf(Number(profit)), bar - 1), series: 'profit' as const },
    ]
  })
  const texts = drawn.flatMap(({ year, revenue }, at) => {
    const middle = plot.left + group * (at + 0.5)
    return [
      { x: round(middle), y: height - 10, text: String(year), strong: false },
      { x: round(middle - bar / 2), y: round(yOf(Number(revenue)) - 5), text: short(Number(revenue)), strong: true },
    ]
  })
  const ticks = Array.from({ length: most - least + 1 }, (_, at) => (least + at) * step).map(value => ({
    y: round(yOf(value)),
    text: short(value),
  }))
  return { width, height, ticks, zero: round(yOf(0)), bars, texts, about: aboutYears(years) }
}

function column(x: number, zero: number, top: number, wide: number) {
  return { x: round(x), y: round(Math.min(zero, top)), width: round(wide), height: round(Math.max(0.5, Math.abs(zero - top))) }
}

/** A round distance of the lines, so that there are about four. */
function stepFor(span: number): number {
  const raw = Math.max(span, 1) / 4
  const power = 10 ** Math.floor(Math.log10(raw))
  return ([1, 2, 5, 10].find(times => times * power >= raw) ?? 10) * power
}

const round = (value: number) => Math.round(value * 10) / 10
const whole = new Intl.NumberFormat('zh-CN', { maximumFractionDigits: 1 })
const short = (value: number) => whole.format(value).replace('-', '−')

function aboutYears([last, before]: readonly YearFact[]): string {
  if (!last) return ''
  const told = `${last.year} 年营业收入 ${short(Number(last.revenue))} 万元，利润总额 ${short(Number(last.profit))} 万元`
  if (!before || before.year !== last.year - 1 || !Number(before.revenue)) return `${told}。`
  const change = (Number(last.revenue) / Number(before.revenue) - 1) * 100
  return `${told}；收入比上年${change < 0 ? '减少' : '增加'} ${whole.format(Math.abs(change))}%。`
}
