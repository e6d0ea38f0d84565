import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { type Form, fieldsOf, type Mistakes, text } from '../../forms/form.ts'
import { defineImport, type Finding, type Import, type ImportRow } from '../../imports/import.ts'
import {
  compared,
  findingsOf,
  inBatches,
  known,
  type NamedProject,
  projectColumn,
  projectsNamed,
} from '../archives/imports/shared.ts'
import { visibleCompanies } from '../archives/visible.ts'
import { touchProject } from './touched.ts'

/** 批量导入 of the registers of 业务管理: what was registered before the portal, row by row a thing of a project with a number of its own. */

export interface RegisterRow {
  /** What the row says, by field; '' is not filled in. */
  said(name: string): string
  project: NamedProject
  /** The company the row names by its credit code; nothing where it names none. */
  company: { id: number; name: string } | undefined
}

export interface RegisterImport<Known> {
  code: string
  label: string
  about: string
  list: { code: string; label: string }
  /** The columns besides the project; `number` is among them. */
  form: Form
  example: Readonly<Record<string, string>>
  notes: readonly string[]
  /** The table with the columns `number` and `project_id`, and its columns by field where they are called differently. */
  table: string
  /** Its row as the form would have it, for the comparison; fields left out agree with anything. */
  recordOf(row: Record<string, string | number | null>): Record<string, string>
  /** What is on file about these projects, by the id of the project. */
  load(db: Knex, project_ids: readonly number[]): Promise<ReadonlyMap<number, Known>>
  /** @param others the other rows of the file about the same project */
  mistakes(row: RegisterRow, known: Known | undefined, others: readonly RegisterRow[]): Mistakes
  /** The order in which rows are written: by this field. */
  order: string
  /** @returns the id of the new row */
  write(trx: Knex.Transaction, user: User, row: RegisterRow): Promise<number>
}

const said = ({ answers }: ImportRow, name: string): string => answers[name] ?? ''

/** Makes an import out of what a register says of itself. City and districts bring in what lies in their scope. */
export function registerImport<Known>(register: RegisterImport<Known>): Import {
  const form = z.object({ project: text(projectColumn), ...register.form.shape })
  const fields = fieldsOf(form)
  return defineImport({
    code: register.code,
    label: register.label,
    about: register.about,
    roles: ['city-clerk', 'district-clerk'],
    list: register.list,
    async sheets() {
      return [{ label: register.label, form, key: ['number'], example: register.example, notes: register.notes }]
    },
    async check(db, user, rows, step) {
      const findings: Finding[] = []
      const found = await lookedUp(db, user, rows)
      const perProject = new Map<number, RegisterRow[]>()
      for (const { row } of found)
        if (row) perProject.set(row.project.project_id, [...(perProject.get(row.project.project_id) ?? []), row])
      for (const part of inBatches(found)) {
        const ids = [...new Set(part.flatMap(({ row }) => (row ? [row.project.project_id] : [])))]
        const numbers = part.map(({ given }) => said(given, 'number'))
        const [there, context] = await Promise.all([
          db(register.table).whereIn('number', numbers) as Promise<Record<string, string | number | null>[]>,
          register.load(db, ids),
        ])
        const filed = new Map(there.map(row => [String(row.number), row]))
        for (const { given, row, mistakes } of part) {
          const same = filed.get(said(given, 'number'))
          if (same && row && same.project_id === row.project.project_id) {
            const record = { ...given.answers, ...register.recordOf(same) }
            findings.push(compared(given, fields, record, '导入只新增，已登记的请在系统里办理变更。'))
          } else if (same)
            findings.push({
              row: given,
              field: 'number',
              sentence: `编号 ${said(given, 'number')} 已登记在另一个项目名下，请核对。`,
            })
          else if (!row) findings.push(...findingsOf(given, mistakes))
          else {
            const { project_id } = row.project
            const others = (perProject.get(project_id) ?? []).filter(other => other !== row)
            findings.push(...findingsOf(given, { ...mistakes, ...register.mistakes(row, context.get(project_id), others) }))
          }
        }
        await step(part.length)
      }
      return findings
    },
    async write(trx, user, rows, step) {
      const found = await lookedUp(trx, user, rows)
      const ids: number[] = []
      const inOrder = found.sort((one, other) => said(one.given, register.order).localeCompare(said(other.given, register.order)))
      for (const { row } of inOrder) {
        if (!row) throw new Error('a row without its project passed the check')
        ids.push(await register.write(trx, user, row))
        if (ids.length % 20 === 0) await step(20)
      }
      for (const id of new Set(inOrder.flatMap(({ row }) => (row ? [row.project.project_id] : [])))) await touchProject(trx, id)
      return { ids }
    },
  })
}

interface LookedUp {
  given: ImportRow
  row: RegisterRow | undefined
  mistakes: Mistakes
}

/** The projects and companies the rows name, as far as this person sees them. */
async function lookedUp(db: Knex, user: User, rows: readonly ImportRow[]): Promise<LookedUp[]> {
  const projectOf = await projectsNamed(
    db,
    user,
    rows.map(row => said(row, 'project')),
  )
  const companies = new Map<string, { id: number; name: string }>()
  for (const part of inBatches(rows)) {
    const codes = part.map(row => said(row, 'company_code')).filter(Boolean)
    const found: { id: number; name: string; code: string }[] = await (user.scope.level === 'district'
      ? db('companies').join('organisations', 'organisations.id', 'companies.id')
      : visibleCompanies(db, user)
    )
      .whereIn('organisations.code', codes)
      .select('companies.id', 'organisations.name', 'organisations.code')
    for (const { code, ...company } of found) companies.set(code, company)
  }
  return rows.map(given => {
    const project = projectOf(said(given, 'project'))
    const code = said(given, 'company_code')
    const company = companies.get(code)
    const mistakes: Mistakes = {
      ...(typeof project === 'string' ? { project } : {}),
      ...(code && !company ? { company_code: '没有找到这个信用代码的企业档案，请核对代码，或先导入企业档案。' } : {}),
    }
    const isWhole = typeof project !== 'string' && (!code || company)
    return {
      given,
      mistakes,
      row: isWhole ? { said: name => said(given, name), project: known(project), company } : undefined,
    }
  })
}

/** Two periods that share a day; without an end they last for ever. */
export function meets(one: { from: string; until: string }, other: { from: string; until: string }): boolean {
  return one.from <= (other.until || '9999-12-31') && other.from <= (one.until || '9999-12-31')
}
