import type { Knex } from 'knex'
import type { Answers } from '../forms/answers.ts'
import type { Finding } from './kind.ts'
import type { Standing } from './steps.ts'

/** The 条件自检表 of some answers: the same lines for the applicant who writes and the officer who decides. */
export async function findingsFor(
  db: Knex,
  { kase, kind, settings }: Omit<Standing, 'history'>,
  answers: Answers,
  on: string,
): Promise<Finding[]> {
  const found = await Promise.all(kind.checks.map(check => check.find({ db, kase, answers, settings, on })))
  return found.filter(finding => finding !== undefined)
}
