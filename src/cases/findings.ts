import type { Knex } from 'knex'
import type { Answers } from '../forms/answers.ts'
import type { Check, Finding, Kind } from './kind.ts'
import type { Standing } from './steps.ts'

/** The 条件自检表 of some answers: the same lines for the applicant who writes and the officer who decides. */
export async function findingsFor(
  db: Knex,
  { kase, kind, settings }: Omit<Standing, 'history'>,
  answers: Answers,
  on: string,
): Promise<Finding[]> {
  const found = await Promise.all((await checksInUse(db, kind)).map(check => check.find({ db, kase, answers, settings, on })))
  return found.filter(finding => finding !== undefined)
}

/** The checks of a kind that are asked for now. */
export async function checksInUse(db: Knex, { checks }: Pick<Kind, 'checks'>): Promise<Check[]> {
  const used = await Promise.all(checks.map(check => check.inUse?.(db) ?? true))
  return checks.filter((_, at) => used[at])
}
