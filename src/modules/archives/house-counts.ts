import type { Knex } from 'knex'
import { areaText, hundredths } from './project-rules.ts'
import type { HouseState } from './words.ts'

/** What the houses on file add up to, beside what a project says of itself. The project's figures are ★ and never follow by themselves. */

/** States in which the keys have been handed over. */
export const deliveredStates: readonly HouseState[] = ['delivered', 'vacant', 'rented']

export interface Counted {
  buildings: number
  houses: number
  delivered: number
  /** ㎡, two digits. */
  delivered_area: string
}

/** Buildings and houses of a project as they are on file. */
export async function countHouses(db: Knex, project_id: number): Promise<Counted> {
  const [buildings, states]: [{ n: number } | undefined, { state: HouseState; n: number; area: string }[]] = await Promise.all([
    db('buildings').where({ project_id }).first(db.raw('count(*) as n')),
    db('houses')
      .where({ project_id })
      .groupBy('state')
      .select('state', db.raw('count(*) as n'), db.raw('sum(floor_area) as area')),
  ])
  const delivered = states.filter(({ state }) => deliveredStates.includes(state))
  const area = delivered.reduce((sum, { area }) => sum + hundredths(area), 0)
  return {
    buildings: buildings?.n ?? 0,
    houses: states.reduce((sum, { n }) => sum + n, 0),
    delivered: delivered.reduce((sum, { n }) => sum + n, 0),
    delivered_area: (area / 100).toFixed(2),
  }
}

/** The ★ figures of a project that can be counted. */
export interface Filed {
  building_count: number
  house_count: number
  delivered_count: number
  delivered_area: string
}

/** Where the figures of a project differ from its houses: one sentence each, naming both. Nothing while no house is on file. */
export function countDifferences(filed: Filed, counted: Counted): string[] {
  if (!counted.houses) return []
  const pairs: [string, number | string, number | string, string][] = [
    ['楼栋数', filed.building_count, counted.buildings, '栋'],
    ['总户数', filed.house_count, counted.houses, '户'],
    ['已交付户数', filed.delivered_count, counted.delivered, '户'],
    ['已交付面积', areaText(hundredths(filed.delivered_area)), areaText(hundredths(counted.delivered_area)), '㎡'],
  ]
  return pairs
    .filter(([, one, other]) => one !== other)
    .map(([label, one, other, unit]) => `${label}登记为 ${one} ${unit}，按房屋档案为 ${other} ${unit}`)
}

/** The same for a project on file: what whoever changes its houses is told, because the figures themselves are ★. */
export async function projectDifferences(db: Knex, project_id: number): Promise<string[]> {
  const [filed, counted]: [Filed | undefined, Counted] = await Promise.all([
    db('projects').where({ id: project_id }).first('building_count', 'house_count', 'delivered_count', 'delivered_area'),
    countHouses(db, project_id),
  ])
  return filed ? countDifferences(filed, counted) : []
}
