import type { Request, Response } from 'express'
import type { Knex } from 'knex'
import { actorOf, record } from '../admin/action-log.ts'
import { now } from '../clock.ts'
import { cellOf, isNumber, readersOf } from './cells.ts'
import { headingOf } from './exports.ts'
import type { Row } from './list.ts'
import { pageOf } from './picks.ts'
import { toldConditions } from './private-words.ts'
import { type Asked, queryHere } from './question.ts'
import { inGroups, readAll } from './rows.ts'

/** More fill a hundred sheets; beyond, a file serves better. */
export const mostPrinted = 2000

/**
 * The whole answer as one page for paper, with what was asked, by whom and when: the columns, order and masks of the screen. The
 * action log has it before the page leaves, as with an export.
 * @param back the page to return to
 */
export async function printList(db: Knex, req: Request, res: Response, asked: Asked, back?: string): Promise<void> {
  const { question, conditions, choices } = asked
  const { list } = question
  const columns = choices.columns.filter(column => column.export !== false)
  const [readers, rows] = await Promise.all([readersOf(db, columns), firstRows(db, asked, columns)])
  const words = toldConditions(list, conditions)
  await record(db, actorOf(req, res), {
    action: 'list.print',
    object: { type: 'list', id: list.code, label: list.label },
    detail: { conditions: words, columns: columns.map(({ label }) => label) },
  })
  const shown = rows.slice(0, mostPrinted)
  res.render('lists/print', {
    list: { code: list.code, label: list.label },
    back: back ?? pageOf(list, queryHere(asked)),
    at: now(),
    words,
    columns: readers.map(({ column }) => ({
      label: headingOf(column),
      heading: column.name === list.heading,
      place: isNumber(column.type) ? 'num' : '',
    })),
    rows: shown.map(row => readers.map(reader => cellOf(reader, row))),
    count: inGroups(shown.length),
    more: rows.length > mostPrinted ? inGroups(mostPrinted) : '',
  })
}

/** One more than are printed, to know that there are more. */
async function firstRows(db: Knex, { question }: Asked, columns: Asked['choices']['columns']): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of readAll(db, question, columns)) {
    rows.push(...batch)
    if (rows.length > mostPrinted) break
  }
  return rows
}
