import type { Knex } from 'knex'
import { now } from '../../clock.ts'

/** What a house is called and in which order houses stand: by building, 单元 and room, so that 3号楼 comes before 12号楼. */

interface Place {
  unit: string | null
  room: string
}

/** 楼号-单元-室号; without 单元 where the building has none. */
export function houseName(building: string, { unit, room }: Place): string {
  return [building, unit, room].filter(Boolean).join('-')
}

/** The order of a house, for `houses.name_key`. @param position of its building within the project */
export function houseKey(position: number, { unit, room }: Place): string {
  const plain = room.normalize('NFKC').replace(/[^\x20-\x7e]/g, '~')
  const number = numberIn(room)
  return (
    [pad(position, 4), pad(numberIn(unit ?? ''), 2), pad(number, 5)].join('-') + (plain === String(number) ? '' : ` ${plain}`)
  )
}

const numberIn = (text: string) => Number(/\d{1,5}/.exec(text.normalize('NFKC'))?.[0] ?? 0)
const pad = (number: number, width: number) => String(number).padStart(width, '0')

/** The place of a building among those of its project: after the last. */
export async function nextPosition(db: Knex, project_id: number): Promise<number> {
  const [last]: { position: number | null }[] = await db('buildings').where({ project_id }).max({ position: 'position' })
  return (last?.position ?? 0) + 1
}

/** A house follows its unit and room in name and order. For the archive of houses. */
export async function keepHouseName(
  trx: Knex.Transaction,
  id: number,
  _after: unknown,
  changed: readonly string[],
): Promise<void> {
  if (changed.includes('unit') || changed.includes('room')) await renameHouses(trx, query => query.where({ 'houses.id': id }))
}

/** Houses follow the name of their building. For the archive of buildings. */
export async function keepHouseNames(
  trx: Knex.Transaction,
  building_id: number,
  _after: unknown,
  changed: readonly string[],
): Promise<void> {
  if (changed.includes('name')) await renameHouses(trx, query => query.where({ 'houses.building_id': building_id }))
}

/** Brings name and order of houses into line with where they are; each new name is a change of its house. */
async function renameHouses(trx: Knex.Transaction, narrow: (query: Knex.QueryBuilder) => Knex.QueryBuilder): Promise<void> {
  const rows: (Place & { id: number; name: string; name_key: string; building: string; position: number })[] = await narrow(
    trx('houses').join('buildings', 'buildings.id', 'houses.building_id'),
  ).select('houses.id', 'houses.name', 'houses.name_key', 'houses.unit', 'houses.room', 'buildings.name as building', 'position')
  const at = now()
  for (const row of rows) {
    const name = houseName(row.building, row)
    const name_key = houseKey(row.position, row)
    if (name === row.name && name_key === row.name_key) continue
    await trx('houses').where({ id: row.id }).update({ name, name_key })
    if (name !== row.name)
      await trx('changes').insert({ at, table_name: 'houses', row_id: row.id, field: 'name', before: row.name, after: name })
  }
}
