import { Router } from 'express'
import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { addDays } from '../../calendar.ts'
import { beijing, now, today } from '../../clock.ts'
import { db } from '../../db.ts'
import { NotFound } from '../../errors.ts'
import { allow, currentUser, recordId } from '../../http.ts'
import { type StepCode, stepCodes } from '../archives/project-life.ts'
import { archiveOffices, archiveReaders, presentProjects } from '../archives/visible.ts'
import { type Stage, stages } from '../archives/words.ts'
import { visibleContracts } from './contract-lists.ts'
import { type DutyLight, visibleDuties } from './duties.ts'

/** 项目看板: where the projects of a region stand, which are stuck, and what comes next. */
export const boardPages: Router = Router()

interface Board {
  at: Date
  stages: { code: Stage; label: string; n: number }[]
  steps: { code: StepCode; label: string; counts: Record<DutyLight, number>; n: number }[]
  /** Contracts that end within so many days. */
  ending: { days: number; n: number; from: string; to: string }[]
}

/** Boards by scope. What a whole city comes to is counted once a minute at most; the page says when. */
const boards = new Map<string, Promise<Board>>()
const fresh = 60_000

async function boardOf(user: User): Promise<Board> {
  const { scope } = user
  const key = `${JSON.stringify(db.client.config.connection)} ${scope.level} ${'code' in scope ? scope.code : ''}`
  const held = await boards.get(key)?.catch(() => undefined)
  const age = held && now().getTime() - held.at.getTime()
  if (held && age !== undefined && age >= 0 && age < fresh) return held
  const counted = count(db, user)
  boards.set(key, counted)
  return await counted
}

const ladder = [30, 60, 90] as const

async function count(db: Knex, user: User): Promise<Board> {
  const day = today()
  const [byStage, bySteps, ending]: [
    { stage: Stage; n: number }[],
    { code: StepCode; light: DutyLight; n: number }[],
    { ends_on: string; n: number }[],
  ] = await Promise.all([
    presentProjects(db, user).groupBy('projects.stage').select('projects.stage').count({ n: 'projects.id' }),
    // Several may owe one step; the board counts projects.
    visibleDuties(db, user)
      .groupBy('duties.code', 'duties.light')
      .select('duties.code', 'duties.light')
      .countDistinct({ n: 'duties.project_id' }),
    visibleContracts(db, user)
      .where({ 'contracts.state': 'filed' })
      .where('contracts.starts_on', '<=', day)
      .whereBetween('contracts.ends_on', [day, addDays(day, ladder.at(-1) ?? 0)])
      .groupBy('contracts.ends_on')
      .select('contracts.ends_on')
      .count({ n: 'contracts.id' }),
  ])
  const codes = Object.keys(stepCodes) as StepCode[] // the keys of the dictionary
  return {
    at: now(),
    stages: Object.entries(stages).map(([code, label]) => ({
      code: code as Stage, // a key of the dictionary
      label,
      n: byStage.find(({ stage }) => stage === code)?.n ?? 0,
    })),
    steps: codes
      .map(code => {
        const n = (light: DutyLight) => bySteps.find(one => one.code === code && one.light === light)?.n ?? 0
        const counts = { red: n('red'), yellow: n('yellow'), green: n('green') }
        return { code, label: stepCodes[code], counts, n: counts.red + counts.yellow + counts.green }
      })
      .filter(({ n }) => n),
    ending: ladder.map((days, at) => {
      const [from, to] = [addDays(day, at ? (ladder[at - 1] ?? 0) + 1 : 0), addDays(day, days)]
      return {
        days,
        from,
        to,
        n: ending.filter(({ ends_on }) => ends_on >= from && ends_on <= to).reduce((sum, { n }) => sum + n, 0),
      }
    }),
  }
}

/** So many of the most urgent stand on the board; the rest is in the list. */
const most = 12

boardPages.get('/', allow(...archiveOffices), async (_req, res) => {
  const user = currentUser(res)
  const [board, urgent]: [Board, unknown[]] = await Promise.all([
    boardOf(user),
    visibleDuties(db, user)
      .where({ 'duties.light': 'red' })
      .orderBy(['duties.rank', 'duties.id'])
      .limit(most)
      .select('duties.project_id', 'projects.name', 'duties.title', 'duties.words', 'duties.who', 'duties.until_on'),
  ])
  const widest = Math.max(1, ...board.stages.map(({ n }) => n))
  res.render('filings/board', {
    board: { ...board, at: beijing(board.at).slice(11, 16) },
    total: board.stages.reduce((sum, { n }) => sum + n, 0),
    bars: board.stages.map((stage, at) => ({ ...stage, y: at * 26 + 4, width: Math.round((stage.n / widest) * 220) })),
    alone: board.steps.find(({ code }) => code === 'vacant')?.n ?? 0,
    stuck: board.steps.reduce((sum, { counts }) => sum + counts.red, 0),
    soon: board.ending.reduce((sum, { n }) => sum + n, 0),
    urgent,
  })
})

/** A step leads to its project. */
boardPages.get('/steps/:id', allow(...archiveReaders), async (req, res) => {
  const row: { project_id: number } | undefined = await visibleDuties(db, currentUser(res))
    .where({ 'duties.id': recordId(req) })
    .first('duties.project_id')
  if (!row) throw new NotFound('这一步已经办完，或者已经变成下一步。请刷新列表。')
  res.redirect(303, `/desk/projects/${row.project_id}`)
})
