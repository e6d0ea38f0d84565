import { z } from 'zod'
import { now, today } from '../../clock.ts'
import {
  choice,
  date,
  type Mistakes,
  optionalChoice,
  optionalDate,
  optionalDecimal,
  optionalText,
  text,
} from '../../forms/form.ts'
import { optionalCreditCode } from '../archives/fields.ts'
import { optionsOf, serviceLevels } from '../archives/words.ts'
import { registerImport } from './register-import.ts'
import { organisings, tenderMethods } from './words.ts'

/** 前期招标、中标备案 of before the portal. */

const states = { settled: '已签约', awarded: '已中标', failed: '流标' } as const

const form = z.object({
  number: text({ label: '招标备案编号', max: 60 }),
  filed_on: date({ label: '招标备案日期' }),
  method: choice({ label: '招标方式', options: optionsOf(tenderMethods) }),
  organising: choice({ label: '组织形式', options: optionsOf(organisings) }),
  agency: optionalText({ label: '招标代理机构', max: 200 }),
  state: choice({ label: '结果', options: optionsOf(states) }),
  announce_on: optionalDate({ label: '公告日期' }),
  opened_on: optionalDate({ label: '开标日期' }),
  company_code: optionalCreditCode('中标企业统一社会信用代码', { hint: '有企业档案的填写' }),
  winner: optionalText({ label: '中标企业', max: 200, hint: '流标的不填' }),
  award_number: optionalText({ label: '中标备案编号', max: 60 }),
  awarded_on: optionalDate({ label: '中标通知书日期' }),
  price: optionalDecimal({ label: '中标价（元/㎡·月）', digits: 2, min: 0.01, max: 100 }),
  service_level: optionalChoice({ label: '服务等级', options: optionsOf(serviceLevels) }),
  failed_reason: optionalText({ label: '流标原因', max: 500 }),
})

interface Known {
  live: string | null
}

export const tenderImport = registerImport<Known>({
  code: 'tenders',
  label: '前期招标',
  about: '登记以前的前期招标备案和中标备案。区县只能导入本区县的项目。',
  list: { code: 'tenders', label: '前期招标' },
  form,
  example: {
    project: '370102000001',
    number: '济物招备〔2019〕0012号',
    filed_on: '2019-03-01',
    method: '公开招标',
    organising: '自行招标',
    state: '已签约',
    announce_on: '2019-03-15',
    opened_on: '2019-04-10',
    winner: '某某物业服务有限公司',
    award_number: '济物中备〔2019〕0009号',
    awarded_on: '2019-04-15',
    price: '1.80',
  },
  notes: ['项目要先有档案，并登记了开发企业。', '一个项目只有一次没有签约的招标。'],
  table: 'tenders',
  recordOf: row =>
    Object.fromEntries(
      ['filed_on', 'method', 'state', 'announce_on', 'opened_on', 'winner', 'award_number', 'awarded_on', 'price'].map(name => [
        name,
        row[name] === null ? '' : String(row[name]),
      ]),
    ),
  async load(db, ids) {
    const rows: { id: number; live: string | null }[] = await db('projects')
      .leftJoin('tenders', held => held.on('tenders.project_id', 'projects.id').onVal('tenders.live', 1))
      .whereIn('projects.id', ids)
      .select('projects.id', 'tenders.number as live')
    return new Map(rows.map(({ id, live }) => [id, { live }]))
  },
  mistakes({ said, project, company }, known, others) {
    const mistakes: Mistakes = {}
    const order = [
      ['filed_on', '招标备案日期'],
      ['announce_on', '公告日期'],
      ['opened_on', '开标日期'],
      ['awarded_on', '中标通知书日期'],
    ] as const
    const filled = order.filter(([name]) => said(name))
    for (const [at, [name, label]] of filled.entries()) {
      const before = filled[at - 1]
      if (said(name) > today()) mistakes[name] = `${label}不能晚于今天。`
      else if (before && said(name) < said(before[0])) mistakes[name] = `${label}早于${before[1]} ${said(before[0])}，请核对。`
    }
    const isFailed = said('state') === 'failed'
    if (project.developer_id === null) mistakes.project = '这个项目的档案没有登记开发企业，请先补充项目档案。'
    if (isFailed && !said('failed_reason')) mistakes.failed_reason = '流标的请填写原因。'
    if (isFailed && (said('winner') || said('awarded_on'))) mistakes.winner = '流标的没有中标企业，请核对结果。'
    if (!isFailed && !said('winner')) mistakes.winner = '请填写中标企业。'
    if (!isFailed && !said('awarded_on')) mistakes.awarded_on ??= '请填写中标通知书日期。'
    if (company && said('winner') && company.name !== said('winner'))
      mistakes.winner = '中标企业的名称和信用代码与企业档案对不上，请核对。'
    const isLive = said('state') === 'awarded'
    if (isLive && known?.live) mistakes.state = `这个项目的招标 ${known.live} 还没有签约，一个项目只有一次。`
    else if (isLive && others.some(other => other.said('state') === 'awarded'))
      mistakes.state = '同一个文件里另一行也是这个项目没有签约的招标，一个项目只有一次。'
    return mistakes
  },
  order: 'filed_on',
  async write(trx, user, { said, project, company }) {
    const at = now()
    const own: { district_code: string; street_code: string; floor_area: string } = await trx('projects')
      .where({ id: project.project_id })
      .forUpdate()
      .first('district_code', 'street_code', 'floor_area')
    const columns = [
      'agency',
      'announce_on',
      'opened_on',
      'winner',
      'award_number',
      'awarded_on',
      'price',
      'service_level',
      'failed_reason',
    ]
    const [id = 0] = await trx('tenders').insert({
      ...own,
      project_id: project.project_id,
      developer_id: project.developer_id,
      number: said('number'),
      filed_on: said('filed_on'),
      method: said('method'),
      organising: said('organising'),
      state: said('state'),
      winner_id: company?.id ?? null,
      failed_on: said('state') === 'failed' ? said('opened_on') || said('filed_on') : null,
      ...Object.fromEntries(columns.map(column => [column, said(column) || null])),
      created_at: at,
      updated_at: at,
      created_by: user.id,
      updated_by: user.id,
    })
    return id
  },
})
