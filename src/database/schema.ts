import type { Knex } from 'knex'

type Table = Knex.CreateTableBuilder

/** Creates a table with the portal's engine and collation: `unicode_520_ci` tells rare Han characters apart on both servers. */
export async function createTable(knex: Knex, name: string, build: (table: Table) => void): Promise<void> {
  // DDL is not transactional: a migration that failed after this statement must be able to run again.
  if (await knex.schema.hasTable(name)) return
  await knex.schema.createTable(name, table => {
    table.engine('InnoDB')
    table.charset('utf8mb4')
    table.collate('utf8mb4_unicode_520_ci')
    build(table)
  })
}

/** BIGINT unsigned primary key. */
export function id(table: Table): void {
  table.bigIncrements('id')
}

/** A reference to `table.id`, with its constraint. Add `.notNullable()` where the law of the table wants it. */
export function reference(table: Table, column: string, to: string): Knex.ReferencingColumnBuilder {
  return table.bigInteger(column).unsigned().references('id').inTable(to)
}

/** Codes, tokens and enumerations: ASCII, compared byte by byte. */
export function code(table: Table, column: string, length = 32): Knex.ColumnBuilder {
  return table.specificType(column, `varchar(${length}) character set ascii collate ascii_bin`)
}

/** A region by its statutory code, with its constraint. */
export function region(table: Table, column: string): Knex.ColumnBuilder {
  table.foreign(column).references('code').inTable('regions')
  return code(table, column, 9)
}

/** A moment: DATETIME(3) in UTC (TIMESTAMP would end in 2038). */
export function moment(table: Table, column: string): Knex.ColumnBuilder {
  return table.specificType(column, 'datetime(3)')
}

/** Square metres. */
export function area(table: Table, column: string): Knex.ColumnBuilder {
  return table.decimal(column, 14, 2)
}

/** Yuan, or 万元 where the column says so. */
export function money(table: Table, column: string): Knex.ColumnBuilder {
  return table.decimal(column, 16, 2)
}

/** A name that people read and sort by: the text, and beside it the key that holds its pinyin order. */
export function sortedName(table: Table, column = 'name', length = 200): void {
  table.string(column, length).notNullable()
  code(table, `${column}_key`, 120).notNullable()
}

/** Version for the optimistic check, and who made and last changed the row. Every editable row has them. */
export function stamps(table: Table): void {
  table.integer('version').unsigned().notNullable().defaultTo(1)
  moment(table, 'created_at').notNullable()
  moment(table, 'updated_at').notNullable()
  table.bigInteger('created_by').unsigned()
  table.bigInteger('updated_by').unsigned()
}

/** Makes a table append-only in the database itself: neither the portal nor a hand at the console changes what is written. */
export async function appendOnly(knex: Knex, table: string): Promise<void> {
  for (const event of ['update', 'delete'] as const) {
    await knex.raw(`drop trigger if exists ${table}_no_${event}`)
    await knex.raw(
      `create trigger ${table}_no_${event} before ${event} on ${table} for each row signal sqlstate '45000' set message_text = '${table} is append-only'`,
    )
  }
}
