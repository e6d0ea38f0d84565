import { type InspectionResult, inspectionResults, type Progress } from './inspections.ts'

/** How far the districts are, as bars that stand for 应检; the table beneath has every figure. */

/** From what is done to what is not, as the bars are stacked. */
export const stacked = ['passed', 'basic', 'failed', 'filed', 'open', 'absent'] as const satisfies readonly InspectionResult[]

export interface ProgressChart {
  width: number
  height: number
  rows: { y: number; name: string; total: number; end: number; bars: { x: number; width: number; result: InspectionResult }[] }[]
  keys: { result: InspectionResult; label: string }[]
}

// Drawn for a phone; a larger page shows it at this size.
const width = 360
const left = 72
const right = 320
const step = 26

/** @param rows the districts with what they are called @returns nothing where nobody is asked */
export function progressChart(rows: readonly (Progress & { name: string })[]): ProgressChart | undefined {
  const drawn = rows.filter(({ obliged }) => obliged)
  const most = Math.max(0, ...drawn.map(({ obliged }) => obliged))
  if (!most) return undefined
  const scale = (right - left) / most
  return {
    width,
    height: drawn.length * step + 6,
    rows: drawn.map(({ name, counts, obliged }, at) => {
      let x = left
      const bars = stacked.flatMap(result => {
        const bar = { x: round(x), width: round(counts[result] * scale), result }
        x += counts[result] * scale
        return counts[result] ? [bar] : []
      })
      return { y: at * step + 4, name: short(name), total: obliged, end: round(x + 5), bars }
    }),
    keys: stacked
      .filter(result => drawn.some(({ counts }) => counts[result]))
      .map(result => ({ result, label: inspectionResults[result] })),
  }
}

/** What has room beside the bars; the table has the whole name. */
const short = (name: string) => ([...name].length > 5 ? `${[...name].slice(0, 4).join('')}…` : name)
const round = (value: number) => Math.round(value * 10) / 10
