import type { HouseState } from './words.ts'

/** 楼盘表: the houses of a building as they lie, floor above floor, unit beside unit. */

export interface GridHouse {
  id: number
  name: string
  unit: string | null
  floor: number
  room: string
  state: HouseState
}
export interface Grid {
  /** Units from left to right, and over how many columns each reaches. */
  units: { label: string; width: number }[]
  /** From the top down; a place without a house is empty. */
  floors: { floor: number; places: (GridHouse | undefined)[] }[]
}

/** Lays houses out; those of one line stand above each other as far as their room numbers tell (301 above 201). @param houses in their order */
export function gridOf(houses: readonly GridHouse[]): Grid {
  const units = [...new Set(houses.map(({ unit }) => unit ?? ''))]
  const columns = units.flatMap(unit => linesOf(houses.filter(house => (house.unit ?? '') === unit)))
  const places = new Map(columns.flatMap((line, at) => line.map(house => [house, at] as const)))
  const floors = new Map<number, (GridHouse | undefined)[]>()
  for (const house of houses) {
    const floor = floors.get(house.floor) ?? columns.map(() => undefined)
    floor[places.get(house) ?? 0] = house
    floors.set(house.floor, floor)
  }
  return {
    units: units.map(unit => ({
      label: unit,
      width: columns.filter(line => (line[0]?.unit ?? '') === unit).length,
    })),
    floors: [...floors].sort(([one], [other]) => other - one).map(([floor, places]) => ({ floor, places })),
  }
}

/** The houses of a unit in lines from bottom to top: by the end of the room number, or else by their place on the floor. */
function linesOf(houses: readonly GridHouse[]): GridHouse[][] {
  const byEnd = grouped(houses, endOf)
  const floors = grouped(houses, ({ floor }) => String(floor))
  const widest = Math.max(...[...floors.values()].map(floor => floor.length))
  const isRegular =
    byEnd.size < widest * 2 && [...byEnd.values()].every(line => new Set(line.map(({ floor }) => floor)).size === line.length)
  if (isRegular) return [...byEnd].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, line]) => line)
  const lines: GridHouse[][] = Array.from({ length: widest }, () => [])
  for (const floor of floors.values()) for (const [at, house] of floor.entries()) lines[at]?.push(house)
  return lines
}

/** What is left of a room number without its floor: 02 of 1502. */
function endOf({ floor, room }: GridHouse): string {
  const before = String(floor)
  return (room.startsWith(before) && room.length > before.length ? room.slice(before.length) : room).padStart(6, '0')
}

function grouped(houses: readonly GridHouse[], keyOf: (house: GridHouse) => string): Map<string, GridHouse[]> {
  const groups = new Map<string, GridHouse[]>()
  for (const house of houses) groups.set(keyOf(house), [...(groups.get(keyOf(house)) ?? []), house])
  return groups
}
