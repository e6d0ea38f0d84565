import type { Street } from './ground.ts'
import { randomFrom } from './random.ts'

/** Where the streets of the demo city lie: no survey, but near enough that its map looks like 济南. */

/** The middle of a district and how far its streets reach to the east and to the north, in degrees. */
const districts: Readonly<Record<string, readonly [longitude: number, latitude: number, east: number, north: number]>> = {
  370102: [117.07, 36.665, 0.045, 0.028],
  370103: [116.975, 36.62, 0.045, 0.045],
  370104: [116.885, 36.66, 0.06, 0.035],
  370105: [116.98, 36.72, 0.06, 0.035],
  370112: [117.24, 36.7, 0.11, 0.1],
  370113: [116.75, 36.5, 0.13, 0.11],
  370114: [117.53, 36.71, 0.15, 0.13],
  370115: [117.19, 36.99, 0.13, 0.1],
  370116: [117.66, 36.24, 0.15, 0.11],
  370117: [117.83, 36.07, 0.08, 0.06],
  370124: [116.44, 36.26, 0.12, 0.09],
  370126: [117.15, 37.31, 0.13, 0.09],
  370176: [117.16, 36.665, 0.035, 0.022],
}
const elsewhere = [117, 36.65, 0.1, 0.1] as const

/** A project lies within so many degrees of the middle of its street. */
const within = 0.012

/**
 * A place for one project: the same whenever the city is loaded.
 * @param serial tells the projects of a street apart
 */
export function placeIn({ code, district_code }: Pick<Street, 'code' | 'district_code'>, serial: string) {
  const [longitude, latitude, east, north] = districts[district_code] ?? elsewhere
  const street = somewhere(`street ${code}`)
  const own = somewhere(`place of project ${serial}`)
  return {
    longitude: (longitude + street.x * east + own.x * within).toFixed(6),
    latitude: (latitude + street.y * north + own.y * within * 0.8).toFixed(6),
  }
}

/** A point of the unit disc. */
function somewhere(seed: string): { x: number; y: number } {
  const random = randomFrom(seed)
  const angle = 2 * Math.PI * random.next()
  const radius = Math.sqrt(random.next())
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) }
}
