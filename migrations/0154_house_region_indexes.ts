import type { Knex } from 'knex'

/** What the lists of houses, owners and residents are read by: scope, then what they are grouped by, then their order. */
const indexes = {
  buildings: [
    ['project_id', 'id'],
    ['district_code', 'project_id', 'id'],
    ['street_code', 'project_id', 'id'],
    ['building_type', 'project_id', 'id'],
    ['district_code', 'building_type', 'project_id', 'id'],
    ['name', 'id'],
  ],
  houses: [
    ['project_id', 'id'],
    ['district_code', 'project_id', 'id'],
    // The last column saves a look at each row where few have the state that is asked for.
    ['street_code', 'project_id', 'id', 'state'],
    ['state', 'project_id', 'id'],
    ['district_code', 'state', 'project_id', 'id'],
    ['purpose', 'project_id', 'id'],
    ['district_code', 'purpose', 'project_id', 'id'],
    ['floor_area', 'id'],
    ['district_code', 'floor_area', 'id'],
    ['name', 'id'],
    ['room', 'id'],
  ],
  owners: [
    ['district_code', 'name_key', 'id'],
    ['street_code', 'name_key', 'id', 'live'],
    ['live', 'name_key', 'id'],
    ['district_code', 'live', 'name_key', 'id'],
    // How many own a house is asked of every house that is shown.
    ['house_id', 'live', 'id'],
    ['id_type', 'name_key', 'id'],
    ['district_code', 'id_type', 'name_key', 'id'],
    ['name', 'id'],
    ['title_deed', 'id'],
  ],
  residents: [
    ['name_key', 'id'],
    ['district_code', 'name_key', 'id'],
    ['street_code', 'name_key', 'id', 'relation'],
    ['relation', 'name_key', 'id'],
    ['district_code', 'relation', 'name_key', 'id'],
    ['name', 'id'],
  ],
} as const

const nameOf = (table: string, columns: readonly string[]) => `${table}_list_${columns.slice(0, -1).join('_')}`

export async function up(knex: Knex) {
  for (const [name, wanted] of Object.entries(indexes)) {
    const [present]: { Key_name: string }[][] = await knex.raw('show index from ??', [name])
    const names = new Set(present?.map(({ Key_name }) => Key_name))
    const missing = wanted.filter(columns => !names.has(nameOf(name, columns)))
    if (!missing.length) continue
    // One statement, so that the server goes through the rows once.
    await knex.schema.alterTable(name, table => {
      for (const columns of missing) table.index([...columns], nameOf(name, columns))
    })
  }
}

export async function down(knex: Knex) {
  for (const [name, gone] of Object.entries(indexes))
    await knex.schema.alterTable(name, table => {
      for (const columns of gone) table.dropIndex([...columns], nameOf(name, columns))
    })
}
