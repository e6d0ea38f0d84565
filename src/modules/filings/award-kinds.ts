import type { Knex } from 'knex'
import { daysBetween, type WorkCalendar, workCalendar } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, type DoneContext, defineKind, type Kind, type KindSettings, publicity } from '../../cases/kind.ts'
import { cityRule, paper, standardClocks } from '../../cases/standards.ts'
import { now } from '../../clock.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotNow } from '../../errors.ts'
import { type AnswerRow, type Answers, rowsOf, textOf } from '../../forms/answers.ts'
import type { Mistakes } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { tell } from '../../messages/messages.ts'
import { draftArticle } from './articles.ts'
import { awardForm } from './award-form.ts'
import { filedDay } from './contract-checks.ts'
import { lateMistake } from './contract-form.ts'
import { committeeFault, lastDay, lastFixing } from './dates.ts'
import { chosenProject, lockProject, projectAnswers, subjectOfProject } from './project.ts'
import { cityDesks, developerRoles, tenderLaw } from './standards.ts'
import { twinMistakes } from './tender-checks.ts'
import { companiesBy, districtOffice } from './tender-kinds.ts'
import { type Bid, bidsOf, keepBids, liveTender, lockTender, moveTender, type Tender } from './tenders.ts'
import { touchProject } from './touched.ts'
import type { JudgeSort } from './words.ts'

/** 中标备案 (domain.md §5.3). */

const code = 'award-filing'

const settings: KindSettings = {
  chain: [...cityDesks, publicity('city-reviewer', 3)],
  clocks: standardClocks({ limit: 10, law: cityRule }),
  consults: [],
  materials: [
    paper('process', '开标评标过程说明'),
    paper('choice', '确定中标人的方式及理由'),
    paper('report', '评标报告', { hint: '评标委员会全体成员签字' }),
    paper('bid', '中标人的投标文件'),
    paper('notice', '中标通知书', { original: true }),
    paper('agency', '招标代理委托合同', { required: false, hint: '委托招标的提交' }),
  ],
  number: '济物中备〔{yyyy}〕{seq:4}号',
  corrections: 1,
  thresholds: { filing_days: 15, contract_days: 30, fixing_days: 30, bidders: 3, candidates: 3, committee: 5 },
  templates: [
    { step: 'pass', label: '符合规定', text: '开标、评标和确定中标人的程序符合规定，材料齐全，同意备案，公示中标候选人。' },
    { step: 'refuse', label: '与评标报告不一致', text: '填报的报价、得分、排名与评标报告不一致，请核对后重新提交。' },
    { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
    { step: 'decline', label: '没有招标备案', text: '该项目没有本机关备案的招标，不属于受理范围。' },
  ],
}

/** A tender whose bids are, or may be, opened: its award can be filed. */
const isAwardable = ({ state }: Pick<Tender, 'state'>) => state === 'tendering' || state === 'opened'

const dayIn = (answers: Answers, name: string) => (isDay(textOf(answers, name)) ? textOf(answers, name) : '')
const rankOf = ({ standing }: AnswerRow) => Number(standing) || 0
const isValid = ({ state }: AnswerRow) => state === 'valid'
const expertsIn = (answers: Answers) => rowsOf(answers, 'judges').filter(({ sort }) => sort === 'expert')

// ── Checks ─────────────────────────────────────────────────────────────────────────────────────

/** The last lawful day for the filing: 15 days from the day the winner was fixed. */
function lastFilingDay(answers: Answers, { thresholds }: KindSettings, calendar: WorkCalendar): string | undefined {
  const fixed = dayIn(answers, 'fixed_on')
  return fixed && thresholds.filing_days ? lastDay(fixed, thresholds.filing_days, calendar) : undefined
}

const inTime: Check = {
  code: 'in-time',
  about: '确定中标人之日起 15 日内备案',
  async find({ db, kase, answers, settings }) {
    const last = lastFilingDay(answers, settings, await workCalendar(db))
    if (!last) return undefined
    const left = daysBetween(filedDay(kase), last)
    return {
      code: 'in-time',
      requirement: `确定中标人之日起 ${settings.thresholds.filing_days} 日内备案，最后一天 ${last}`,
      actual: left < 0 ? `逾期 ${-left} 天` : left ? `还有 ${left} 天` : '今天是最后一天',
      verdict: left < 0 ? 'bad' : 'ok',
      law: `${tenderLaw}第三十七条`,
      detail: left < 0 ? '可以提交，标记为逾期备案；请写明逾期原因' : '按日历日计算，最后一天是休息日的顺延到下一个工作日',
    }
  },
}

const enough: Check = {
  code: 'bidders',
  about: '有效投标人不少于三家',
  find({ answers, settings }) {
    const bids = rowsOf(answers, 'bids')
    if (!bids.length) return undefined
    const least = settings.thresholds.bidders ?? 3
    const valid = bids.filter(isValid).length
    return {
      code: 'bidders',
      requirement: `有效投标人不少于 ${least} 家`,
      actual: `投标 ${bids.length} 家，有效 ${valid} 家`,
      verdict: valid >= least ? 'ok' : 'bad',
      law: '招标投标法第二十八条',
    }
  },
}

const ranked: Check = {
  code: 'candidates',
  about: '中标人是排名在前的中标候选人',
  find({ answers, settings }) {
    const bids = rowsOf(answers, 'bids')
    const winner = bids.find(({ name }) => name && name === textOf(answers, 'winner'))
    if (!winner) return undefined
    const rank = rankOf(winner)
    const count = bids.filter(rankOf).length
    return {
      code: 'candidates',
      requirement: `中标候选人不超过 ${settings.thresholds.candidates ?? 3} 名，按排名确定中标人`,
      actual: rank ? `候选人 ${count} 名，中标人排名第 ${rank}` : '中标人不是候选人',
      verdict: rank === 1 ? 'ok' : rank ? 'warn' : 'bad',
      law: `${tenderLaw}第三十六条`,
      ...(rank > 1 ? { detail: '请核对排在前面的候选人放弃中标或者不能履约的说明' } : {}),
    }
  },
}

const committee: Check = {
  code: 'committee',
  about: '评标委员会的人数和专家比例',
  find({ answers, settings }) {
    const { length } = rowsOf(answers, 'judges')
    if (!length) return undefined
    const experts = expertsIn(answers).length
    return {
      code: 'committee',
      requirement: `评标委员会 ${settings.thresholds.committee ?? 5} 人以上单数，专家不少于三分之二`,
      actual: `${length} 人，其中专家 ${experts} 人`,
      verdict: committeeFault(length, experts, settings.thresholds.committee ?? 5) ? 'bad' : 'ok',
      law: `${tenderLaw}第二十八条`,
    }
  },
}

const drawn: Check = {
  code: 'drawn',
  about: '评标专家从名册随机抽取',
  async find({ db, kase, answers }) {
    const experts = expertsIn(answers)
    if (!experts.length) return undefined
    const names = await drawnNames(db, kase)
    const others = experts.filter(({ name = '' }) => !names.includes(name)).length
    return {
      code: 'drawn',
      requirement: '评标专家从专家名册随机抽取',
      actual: names.length ? `抽取 ${names.length} 人，另有 ${others} 人不在抽取结果中` : '门户里没有抽取记录',
      verdict: names.length && !others ? 'ok' : 'warn',
      law: `${tenderLaw}第二十九条`,
    }
  },
}

const priced: Check = {
  code: 'price',
  about: '中标价与拟定收费标准相差不大',
  async find({ db, kase, answers }) {
    const price = Number(textOf(answers, 'price') || 0)
    const fee = Number((await tenderOf(db, kase))?.fee ?? 0)
    if (!price || !fee) return undefined
    const percent = Math.round((price / fee - 1) * 100)
    return {
      code: 'price',
      requirement: '中标价不高于招标备案的拟定收费标准，也不明显偏低',
      actual: `中标价 ${textOf(answers, 'price')} 元，拟定 ${fee.toFixed(2)} 元，${percent < 0 ? `低 ${-percent}%` : `高 ${percent}%`}`,
      verdict: percent > 0 || percent < -20 ? 'warn' : 'ok',
      law: cityRule,
    }
  },
}

// ── The kind ───────────────────────────────────────────────────────────────────────────────────

/** The tender a case is about: the one that runs, or that the case itself has awarded. */
async function tenderOf(db: Knex, { subject_id }: Pick<Case, 'subject_id'>): Promise<Tender | undefined> {
  return await liveTender(db, subject_id)
}

/** Experts who were drawn for the tender and sit. */
async function drawnNames(db: Knex, kase: Pick<Case, 'subject_id'>): Promise<string[]> {
  const tender = await tenderOf(db, kase)
  if (!tender) return []
  return await db('tender_judges')
    .where({ tender_id: tender.id, sort: 'expert' })
    .whereIn('state', ['drawn', 'present'])
    .whereNotNull('draw_id')
    .orderBy('id')
    .pluck('name')
}

const order = (answers: Answers, tender: Tender): readonly (readonly [name: string, label: string, day: string])[] => [
  ['', '投标截止日期', tender.bids_until ?? ''],
  ['opened_on', '开标日期', dayIn(answers, 'opened_on')],
  ['fixed_on', '确定中标人的日期', dayIn(answers, 'fixed_on')],
  ['noticed_on', '中标通知书日期', dayIn(answers, 'noticed_on')],
]

/** Days that are not in order, or still to come. */
function orderMistakes(answers: Answers, tender: Tender, today: string): Mistakes {
  const mistakes: Mistakes = {}
  const days = order(answers, tender)
  for (const [at, [name, label, day]] of days.entries()) {
    const before = days[at - 1]
    if (!name || !day) continue
    if (day > today) mistakes[name] = `${label} ${day} 还没有到，请核对。`
    else if (before?.[2] && day < before[2]) mistakes[name] = `${label} ${day} 早于${before[1]} ${before[2]}，请核对。`
  }
  return mistakes
}

/** The bidders: who they are, whether they are enough, and how they are ranked. */
async function bidMistakes(db: Knex, answers: Answers, tender: Tender, { thresholds }: KindSettings): Promise<Mistakes> {
  const bids = rowsOf(answers, 'bids')
  const mistakes = twinMistakes(answers, 'bids')
  const valid = bids.filter(isValid).length
  const least = thresholds.bidders ?? 3
  if (valid < least)
    mistakes.bids = `有效投标人 ${valid} 家，少于 ${least} 家，应当流标（招标投标法第二十八条）。请在招标页登记流标，再重新招标或者申请协议选聘。`
  const known = await companiesBy(
    db,
    bids.map(row => row.code ?? ''),
  )
  const registered = tender.state === 'opened' ? (await bidsOf(db, tender.id)).map(({ name }) => name) : []
  for (const [index, { name = '', code = '' }] of bids.entries()) {
    const company = known.get(code)
    if (company && company.name !== name)
      mistakes[`bids.${index}.name`] ??= `名录里这个代码的企业是${company.name}，请核对名称和代码。`
    else if (registered.length && !registered.includes(name))
      mistakes[`bids.${index}.name`] ??= '开标时没有登记这个投标人，不能加入。请核对名称。'
  }
  const most = thresholds.candidates ?? 3
  const ranks = bids.flatMap(row => rankOf(row) || [])
  for (const [index, row] of bids.entries()) {
    const rank = rankOf(row)
    if (!rank) continue
    const field = `bids.${index}.standing`
    if (rank > most) mistakes[field] = `中标候选人不超过 ${most} 名，排名填 1 到 ${most}（${tenderLaw}第三十五条）。`
    else if (!isValid(row)) mistakes[field] = '被否决的投标人不能是中标候选人。'
    else if (ranks.filter(one => one === rank).length > 1) mistakes[field] = `有两家排名第 ${rank}，请核对。`
    else if (rank > 1 && !ranks.includes(rank - 1)) mistakes[field] = `没有排名第 ${rank - 1} 的候选人，请核对。`
  }
  return mistakes
}

/** The winner: one of the candidates, at the price bid, and in the archive of companies. */
async function winnerMistakes(db: Knex, answers: Answers): Promise<Mistakes> {
  const name = textOf(answers, 'winner')
  const bids = rowsOf(answers, 'bids')
  const bid = bids.find(row => row.name === name)
  if (!bid) return { winner: `${name}不在投标人里，不能中标（${tenderLaw}第三十六条）。请对照中标通知书核对。` }
  if (!rankOf(bid)) return { winner: `${name}不是中标候选人。中标人在排名的中标候选人中确定（${tenderLaw}第三十六条）。` }
  const mistakes: Mistakes = {}
  if (Number(bid.price) !== Number(textOf(answers, 'price')))
    mistakes.price = `中标价与${name}的报价 ${bid.price} 元不一致，请对照中标通知书核对。`
  if (!(await companiesBy(db, [bid.code ?? ''])).has(bid.code ?? ''))
    mistakes.winner = `企业名录里没有${name}（${bid.code}）。请该企业先注册并建立档案，再办理中标备案。`
  return mistakes
}

async function mistakesIn(db: Knex, kase: Case, answers: Answers, settings: KindSettings): Promise<Mistakes> {
  const { thresholds } = settings
  const tender = await tenderOf(db, kase)
  if (!tender || !isAwardable(tender))
    return { tender_number: '这个项目没有等待中标备案的招标。请刷新项目页，看招标现在的情况。' }
  const filed = filedDay(kase)
  const due = lastFilingDay(answers, settings, await workCalendar(db))
  const mistakes: Mistakes = {
    ...(await bidMistakes(db, answers, tender, settings)),
    ...(await winnerMistakes(db, answers)),
    ...lateMistake(answers, due, filed, `${tenderLaw}第三十七条，确定中标人之日起 ${thresholds.filing_days} 日内备案`),
    ...orderMistakes(answers, tender, filed),
  }
  if (tender.developer_id !== kase.applicant_id) mistakes.project_name = '这次招标的招标人不是贵单位，不能办理。'
  const fixed = dayIn(answers, 'fixed_on')
  const last = tender.valid_until && lastFixing(tender.valid_until, thresholds.fixing_days ?? 0)
  if (fixed && last && fixed > last)
    mistakes.fixed_on ??= `投标有效期到 ${tender.valid_until}，中标人应在结束 ${thresholds.fixing_days} 日以前确定，最晚 ${last}（${tenderLaw}第三十六条）。`
  const judges = rowsOf(answers, 'judges')
  const fault = committeeFault(judges.length, expertsIn(answers).length, thresholds.committee ?? 5)
  if (fault) mistakes.judges = fault
  else if (tender.committee_size && judges.length !== tender.committee_size)
    mistakes.judges = `招标备案的评标委员会为 ${tender.committee_size} 人，现填写 ${judges.length} 人，请核对。`
  const names = await drawnNames(db, kase)
  if (names.length)
    for (const [index, { name = '', sort }] of judges.entries())
      if (sort === 'expert' && !names.includes(name))
        mistakes[`judges.${index}.name`] = `${name}不在抽取的评标专家里。评标专家从名册随机抽取（${tenderLaw}第二十九条）。`
  return mistakes
}

export const awardFiling: Kind = defineKind({
  code,
  label: '中标备案',
  module: 'filings',
  law: `${tenderLaw}第三十七条`,
  when: '招标人自确定中标人之日起 15 日内备案；市局审核后公示中标候选人 3 个工作日。',
  startedBy: developerRoles,
  startsAt: { label: '选择项目', href: '/desk/lists/projects' },
  prefix: 'ZM',
  form: awardForm,
  settings,
  thresholds: {
    filing_days: { label: '确定中标人后备案的期限', unit: '日' },
    contract_days: { label: '中标通知书发出后签订合同的期限', unit: '日' },
    fixing_days: { label: '投标有效期结束以前确定中标人不少于', unit: '日' },
    bidders: { label: '有效投标人不少于', unit: '家' },
    candidates: { label: '中标候选人不超过', unit: '名' },
    committee: { label: '评标委员会不少于', unit: '人' },
  },
  refusedTo: 'draft',
  states: { done: '已备案' },
  checks: [inTime, enough, ranked, committee, drawn, priced],
  proof: { label: '中标备案证明', papers: [{ code: 'proof', label: '中标备案证明' }] },
  afterwards:
    '中标备案证明可在办件页下载。自中标通知书发出之日起 30 日内与中标人签订前期物业服务合同，签订后 15 日内办理物业方案备案。',
  async subjectOf(db, user, { subject_id }) {
    const project = await chosenProject(db, user, subject_id, '中标备案')
    const way = { label: '打开项目', href: `/desk/projects/${project.id}` }
    const tender = await liveTender(db, project.id)
    if (!tender || !isAwardable(tender))
      throw new NotNow(`“${project.name}”没有等待中标备案的招标（${tenderLaw}第三十七条）。先办理前期招标备案。`, way)
    if (tender.developer_id !== user.organisation_id)
      throw new NotNow(`“${project.name}”这次招标的招标人不是贵单位，不能办理中标备案。`)
    return subjectOfProject(project)
  },
  openKey: ({ id }) => `award:${id}`,
  async prefill(db, kase) {
    const [project, developer, tender, names] = await Promise.all([
      projectAnswers(db, kase.subject_id),
      db('organisations').where({ id: kase.applicant_id }).first('name'),
      tenderOf(db, kase),
      drawnNames(db, kase),
    ])
    const bids = tender ? await bidsOf(db, tender.id) : []
    return {
      ...project,
      developer: developer?.name ?? '',
      tender_number: tender?.number ?? '',
      tender_closing: tender?.bids_until ?? '',
      tender_valid: tender?.valid_until ?? '',
      opened_on: tender?.opened_on ?? '',
      bids: bids.map(({ name, code, price, state }) => ({
        name,
        code: code ?? '',
        state: state === 'rejected' ? 'rejected' : 'valid',
        price: state === 'invited' ? '' : price,
      })),
      judges: names.map(name => ({ name, sort: 'expert' })),
    }
  },
  mistakes: mistakesIn,
  informed: districtOffice,
  fileBy: lastFilingDay,
  publicFacts: (_kase, answers) => [
    { label: '项目', value: textOf(answers, 'project_name') },
    { label: '招标人', value: textOf(answers, 'developer') },
    { label: '招标备案编号', value: textOf(answers, 'tender_number') },
    ...candidatesIn(answers).map(({ name = '', price }) => ({ label: '中标候选人', value: `${name}，报价 ${price} 元/㎡·月` })),
    { label: '拟中标人', value: textOf(answers, 'winner') },
  ],
  whenDone: award,
})

/** Candidates in their order. */
const candidatesIn = (answers: Answers) =>
  rowsOf(answers, 'bids')
    .filter(rankOf)
    .sort((one, other) => rankOf(one) - rankOf(other))

/** The approval, after the publicity: bids, committee and winner enter the register. */
async function award(trx: Knex.Transaction, kase: Case, { answers, settings, number, decidedOn }: DoneContext): Promise<void> {
  if (!number) throw new Error(`${code} has no number`)
  const told = (name: string) => textOf(answers, name)
  const project = await lockProject(trx, kase.subject_id)
  const live = await liveTender(trx, project.id)
  if (!live || !isAwardable(live) || live.number !== told('tender_number'))
    throw new NotNow('现在不能通过：这次招标已经结束或者已有结果。本件请不通过并说明理由。')
  const tender = await lockTender(trx, live.id)
  const rows = rowsOf(answers, 'bids')
  const companies = await companiesBy(
    trx,
    rows.map(row => row.code ?? ''),
  )
  const winning = rows.find(({ name }) => name === told('winner'))
  const winner = companies.get(winning?.code ?? '')
  if (!winner) throw new NotNow('现在不能通过：企业名录里已经没有中标的企业。本件请不通过并说明理由。')
  await keepBids(
    trx,
    tender.id,
    rows.map(row => bidOf(row, companies.get(row.code ?? '')?.id ?? null)),
  )
  await keepJudges(trx, tender.id, answers)
  await moveTender(trx, tender, 'awarded', {
    award_case_id: kase.id,
    opened_on: told('opened_on'),
    award_number: number,
    award_filed_on: decidedOn,
    awarded_on: told('noticed_on'),
    winner_id: winner.id,
    winner: winner.name,
    price: told('price'),
    manager: told('manager'),
  })
  const sign = lastDay(told('noticed_on'), settings.thresholds.contract_days ?? 30, await workCalendar(trx))
  await issueProof(trx, {
    kase,
    object: { type: 'tender-award', id: tender.id },
    title: '中标备案证明',
    number,
    words: `${told('developer')}为${project.name}选聘前期物业服务企业的招标，中标结果已按照《${tenderLaw}》第三十七条备案。`,
    facts: [
      { label: '项目', value: project.name, wide: true },
      { label: '坐落', value: project.address, wide: true },
      { label: '招标人', value: told('developer'), wide: true },
      { label: '招标备案编号', value: told('tender_number') },
      { label: '开标日期', value: onPaper(told('opened_on')) },
      { label: '中标人', value: winner.name, wide: true },
      { label: '中标价', value: `${told('price')} 元/㎡·月` },
      { label: '项目负责人', value: told('manager') },
      { label: '中标通知书日期', value: onPaper(told('noticed_on')) },
      { label: '备案日期', value: onPaper(decidedOn) },
      { label: '合同签订期限', value: `${onPaper(sign)}以前` },
    ],
  })
  await draftArticle(trx, {
    column: 'awards',
    title: `${project.name}前期物业服务招标中标公告`,
    body: [
      `招标人：${told('developer')}`,
      `项目：${project.name}（${project.address}）`,
      `招标备案编号：${told('tender_number')}`,
      `中标人：${winner.name}`,
      `中标价：${told('price')} 元/㎡·月`,
      `中标通知书日期：${told('noticed_on')}`,
      `中标备案编号：${number}`,
    ].join('\n\n'),
    source: `tender-award:${tender.id}`,
    case_id: kase.id,
  })
  for (const organisation_id of [kase.applicant_id, winner.id])
    await tell(trx, {
      to: { organisation_id },
      title: `${project.name}的中标结果已备案（${number}），请在 ${sign} 以前签订前期物业服务合同。`,
      body: `自中标通知书发出之日起 ${settings.thresholds.contract_days} 日内签订（${tenderLaw}第三十八条）。签订后 15 日内由建设单位办理物业方案备案。`,
      ...(organisation_id === kase.applicant_id ? { link: `/desk/projects/${project.id}` } : {}),
    })
  await touchProject(trx, project.id)
}

function bidOf(row: AnswerRow, company_id: number | null): Bid {
  const { name = '', code = '', price = '', score } = row
  return {
    name,
    code,
    company_id,
    price,
    score: score || null,
    standing: rankOf(row) || null,
    state: isValid(row) ? 'valid' : 'rejected',
    reason: null,
  }
}

/** The committee as it sat: who was drawn was present, whoever else sat is added. */
async function keepJudges(trx: Knex.Transaction, tender_id: number, answers: Answers): Promise<void> {
  const at = now()
  const names = rowsOf(answers, 'judges').map(({ name = '' }) => name)
  await trx('tender_judges')
    .where({ tender_id, state: 'drawn' })
    .whereIn('name', names)
    .update({ state: 'present', updated_at: at, version: trx.raw('version + 1') })
  const held: string[] = await trx('tender_judges').where({ tender_id, state: 'present' }).pluck('name')
  const others = rowsOf(answers, 'judges').filter(({ name = '' }) => !held.includes(name))
  if (others.length)
    await trx('tender_judges').insert(
      others.map(({ name, sort }) => ({
        tender_id,
        name,
        sort: sort as JudgeSort, // a choice of the form
        state: 'present',
        created_at: at,
        updated_at: at,
      })),
    )
}

export const awardKinds: readonly Kind[] = [awardFiling]
