import { nameKey } from '../src/database/names.ts'
import type { InspectionResult } from '../src/modules/qualification/inspections.ts'
import type { Held } from './certificates.ts'
import { addDays } from './days.ts'
import { bureauName } from './desks.ts'
import type { Ground } from './ground.ts'
import { type Random, randomFrom } from './random.ts'
import { type Row, stamps } from './rows.ts'

/** The window the parameters begin with, and how long the conclusions took after it. */
const [from, until, longest] = ['03-01', '04-30', 45] as const
const rectifyDays = 30
const noon = (day: string) => new Date(`${day}T04:00:00Z`)

interface Season {
  year: number
  opens_on: string
  closes_on: string
}

/** The last two seasons of 年检 that are over, with all their conclusions. */
function seasonsOf({ today }: Ground): Season[] {
  const present = Number(today.slice(0, 4))
  return [present - 2, present - 1, present]
    .map(year => ({ year, opens_on: `${year}-${from}`, closes_on: `${year}-${until}` }))
    .filter(({ closes_on }) => addDays(closes_on, longest + rectifyDays) < today)
    .slice(-2)
}

export function addSeasons(ground: Ground): void {
  for (const season of seasonsOf(ground))
    ground.add('inspection_seasons', {
      ...season,
      closed_at: noon(addDays(season.closes_on, 1)),
      reminded_at: noon(addDays(season.closes_on, -15)),
      ...stamps(noon(season.opens_on)),
    })
}

/**
 * 年检 of those who held a certificate while a season was open. Most pass, some after putting something right, few fail, some never filed.
 * @param always the result of all, instead of one that is drawn; who got the certificate in that year is exempt
 */
export function inspect(ground: Ground, certificates: readonly Held[], always?: 'passed'): void {
  // In the order of the names, as a season is opened.
  const inOrder = [...certificates].sort((one, other) => (nameKey(one.company.name) < nameKey(other.company.name) ? -1 : 1))
  for (const [place, season] of seasonsOf(ground).entries()) {
    const held = inOrder.filter(({ approved_on, until }) => approved_on <= season.closes_on && until > season.closes_on)
    for (const { id, company, approved_on } of held) {
      const random = randomFrom(`inspection ${season.year} of company ${ground.step}-${company.index}`)
      const drawn = company.index < 2 ? 'passed' : random.share({ passed: 80, basic: 11, failed: 3, absent: 6 })
      const result = approved_on >= `${season.year}-01-01` ? 'exempt' : (always ?? drawn)
      ground.add('inspections', {
        company_id: company.id,
        certificate_id: id,
        year: season.year,
        ...conclusionOf(random, season, result, place === 0),
        created_at: noon(season.opens_on),
        updated_at: ground.at,
      })
    }
  }
}

const wrongs = ['人员花名册与劳动合同不一致', '两个在管项目的服务合同没有备案', '企业档案的联系方式没有更新'] as const

/** @param over long ago: what had to be put right has been */
function conclusionOf(random: Random, season: Season, result: InspectionResult, over: boolean): Row {
  const row: Row = { result, filed_on: null, decided_on: null, decided_by: null, opinion: null }
  const noWork = { rectify_until: null, rectified_on: null, rectification: null }
  if (result === 'exempt') return { ...row, ...noWork }
  if (result === 'absent')
    return {
      ...row,
      decided_on: addDays(season.closes_on, 1),
      decided_by: bureauName,
      opinion: `没有在 ${season.closes_on} 前申报年检，予以警告。`,
      ...noWork,
    }
  const filed_on = workday(addDays(season.opens_on, random.int(1, 58)))
  const decided_on = workday(addDays(filed_on, random.int(6, 24)))
  const wrong = random.pick(wrongs)
  const decision = { ...row, filed_on, decided_on, decided_by: bureauName }
  if (result === 'failed')
    return { ...decision, opinion: '专职管理和技术人员人数、职称达不到所持等级的条件，年检不合格。', ...noWork }
  if (result !== 'basic') return { ...decision, opinion: random.happens(0.3) ? '各项条件符合所持等级。' : null, ...noWork }
  const isDone = over || random.happens(0.6)
  return {
    ...decision,
    opinion: `${wrong}，限期整改。`,
    rectify_until: addDays(decided_on, rectifyDays),
    rectified_on: isDone ? workday(addDays(decided_on, random.int(8, 27))) : null,
    rectification: isDone ? '已改正，经复查合格。' : null,
  }
}

/** That day, or the Monday after it. */
function workday(day: string): string {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay()
  return weekday === 6 ? addDays(day, 2) : weekday === 0 ? addDays(day, 1) : day
}
