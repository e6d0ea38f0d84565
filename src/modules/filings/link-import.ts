import { z } from 'zod'
import { now, today } from '../../clock.ts'
import { choice, date, type Mistakes, optionalChoice, optionalDate, text } from '../../forms/form.ts'
import { creditCode } from '../archives/fields.ts'
import { keepServedAreas } from '../archives/project.ts'
import { contractEndReasons, optionsOf, selectionMethods, servicePhases } from '../archives/words.ts'
import { meets, registerImport } from './register-import.ts'

/** 项目挂接 of before the portal: who serves a project, and who did. */

const form = z.object({
  company_code: creditCode('企业统一社会信用代码'),
  number: text({ label: '挂接编号', max: 60, hint: '没有编号的按“项目编号-接管日期”编一个' }),
  phase: choice({ label: '服务阶段', options: optionsOf(servicePhases) }),
  method: choice({ label: '选聘方式', options: optionsOf(selectionMethods) }),
  decided_on: optionalDate({ label: '选聘决定日期' }),
  starts_on: date({ label: '接管日期' }),
  ends_on: optionalDate({ label: '撤出日期', hint: '正在服务的不填' }),
  end_reason: optionalChoice({ label: '终止原因', options: optionsOf(contractEndReasons), hint: '已撤出的填写' }),
})

interface Period {
  company: string
  from: string
  until: string
}

export const linkImport = registerImport<readonly Period[]>({
  code: 'links',
  label: '项目挂接',
  about: '登记正在服务和服务过项目的物业企业。区县只能导入本区县的项目。',
  list: { code: 'links', label: '项目挂接' },
  form,
  example: {
    project: '370102000001',
    company_code: '91370100MA30002210',
    number: '济物挂〔2019〕0021号',
    phase: '前期物业',
    method: '公开招标',
    decided_on: '2019-05-06',
    starts_on: '2019-06-01',
  },
  notes: ['项目和企业要先有档案。', '一个项目同一时间只有一家企业服务；以前的企业填撤出日期。'],
  table: 'project_links',
  recordOf: row =>
    Object.fromEntries(
      ['phase', 'method', 'decided_on', 'starts_on', 'ends_on', 'end_reason'].map(name => [
        name,
        row[name] === null ? '' : String(row[name]),
      ]),
    ),
  async load(db, ids) {
    const rows: { project_id: number; company: string; from: string; until: string | null }[] = await db('project_links')
      .join('organisations', 'organisations.id', 'project_links.company_id')
      .whereIn('project_id', ids)
      .whereIn('state', ['linked', 'approved', 'ended'])
      .select('project_id', 'organisations.name as company', 'starts_on as from', 'ends_on as until')
    const known = new Map<number, Period[]>()
    for (const { project_id, until, ...row } of rows)
      known.set(project_id, [...(known.get(project_id) ?? []), { ...row, until: until ?? '' }])
    return known
  },
  mistakes({ said }, known = [], others) {
    const mistakes: Mistakes = {}
    const [from, until] = [said('starts_on'), said('ends_on')]
    if (from > today()) mistakes.starts_on = '接管日期不能晚于今天，将来接管的由企业申请项目挂接。'
    if (until && until < from) mistakes.ends_on = `撤出日期早于接管日期 ${from}，请核对。`
    if (until > today()) mistakes.ends_on = '撤出日期不能晚于今天。'
    if (until && !said('end_reason')) mistakes.end_reason = '已撤出的请填写终止原因。'
    if (!until && said('end_reason')) mistakes.ends_on ??= '填了终止原因的，请填写撤出日期。'
    if (said('decided_on') > from) mistakes.decided_on = `选聘决定日期晚于接管日期 ${from}，请核对。`
    const held = known.find(period => meets(period, { from, until }))
    if (held)
      mistakes.starts_on ??= `${held.company}从 ${held.from} ${held.until ? `到 ${held.until}` : '起'}服务这个项目，时间重叠。一个项目同一时间只有一家企业。`
    else if (others.some(other => meets({ from: other.said('starts_on'), until: other.said('ends_on') }, { from, until })))
      mistakes.starts_on ??= '同一个文件里另一行的服务时间与这一行重叠。一个项目同一时间只有一家企业。'
    return mistakes
  },
  order: 'starts_on',
  async write(trx, user, { said, project, company }) {
    if (!company) throw new Error('a link without its company passed the check')
    const at = now()
    const isLive = !said('ends_on')
    await trx('projects').where({ id: project.project_id }).forUpdate().first('id')
    const [id = 0] = await trx('project_links').insert({
      project_id: project.project_id,
      company_id: company.id,
      number: said('number'),
      phase: said('phase'),
      method: said('method'),
      state: isLive ? 'linked' : 'ended',
      decided_on: said('decided_on') || null,
      starts_on: said('starts_on'),
      ends_on: said('ends_on') || null,
      end_reason: said('end_reason') || null,
      created_at: at,
      updated_at: at,
      created_by: user.id,
      updated_by: user.id,
    })
    if (!isLive) return id
    const stage = said('phase') === 'selected' ? 'selected' : 'early'
    await trx('projects')
      .where({ id: project.project_id })
      .whereIn('stage', ['divided', 'tendering', 'unmanaged'])
      .update({ stage, updated_at: at, version: trx.raw('version + 1') })
    await keepServedAreas(trx, company.id)
    return id
  },
})
