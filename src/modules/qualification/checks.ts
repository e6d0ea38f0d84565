import { addDays } from '../../calendar.ts'
import type { Check, CheckContext } from '../../cases/kind.ts'
import { blindIndex } from '../../crypto.ts'
import { type AnswerRow, rowsOf } from '../../forms/answers.ts'
import { isDay, normaliseCode } from '../../identifiers.ts'
import { type CertificateLevel, certificateLevels, titles } from '../archives/words.ts'
import { type AreaIndex, areaIndex, areaSorts, hundredths, indexInWords } from './area-index.ts'
import { barring, behaviourSources } from './behaviours.ts'
import { certificateOf } from './company.ts'

/**
 * 条件自检 (物业服务企业资质管理办法，建设部令第164号 第五条；domain.md §4.1): the same lines for applicant and officer. A line that is not met
 * warns and never decides. Thresholds are settings; 0 switches a line off.
 */

/** 第五条 has one paragraph a level; 暂定 is asked what 三级 is asked. */
const paragraphs: Readonly<Record<string, string>> = { first: '（一）', second: '（二）' }
const law = (context: CheckContext, clause: string) =>
  `资质管理办法第五条${paragraphs[textOf(context, 'level')] ?? '（三）'}${clause}`
const raised = new Set(['intermediate', 'associate-senior', 'senior'])

const people = ({ answers }: CheckContext): AnswerRow[] => (Array.isArray(answers.people) ? answers.people : [])
const listed = (rows: readonly AnswerRow[]) => rows.filter(row => Object.values(row).some(Boolean))
const named = (rows: readonly AnswerRow[]) => rows.map(row => row.name || '（未填姓名）').join('、')
const textOf = ({ answers }: CheckContext, name: string) => {
  const value = answers[name]
  return typeof value === 'string' ? value.trim() : ''
}

/** What there is, against a threshold of the settings. */
interface Measure {
  /** Nothing while it cannot be told yet. */
  value: number | undefined
  words: string
  detail?: string
}

/** A line that asks for so many or so much; a threshold of 0 switches it off. `code` also names the threshold. */
function atLeast(
  code: string,
  line: { about: string; clause: string; asks: (wanted: number) => string; measure: (context: CheckContext) => Measure },
): Check {
  return {
    code,
    about: line.about,
    find(context) {
      const wanted = context.settings.thresholds[code] ?? 0
      if (!wanted) return undefined
      const { value, words, detail } = line.measure(context)
      return {
        code,
        requirement: line.asks(wanted),
        actual: words,
        verdict: value === undefined ? 'warn' : verdict(value >= wanted),
        law: law(context, line.clause),
        ...(detail ? { detail } : {}),
      }
    },
  }
}

/** 注册资本; dropped by the revision of 2015 and kept as a setting. */
const capital = atLeast('capital', {
  about: '注册资本达到等级要求',
  clause: '1',
  asks: wanted => `注册资本不少于 ${wanted} 万元`,
  measure(context) {
    const text = textOf(context, 'capital')
    return text ? { value: Number(text.replaceAll(',', '')), words: `${text} 万元` } : { value: undefined, words: '还没有填写' }
  },
})

const staff = atLeast('staff', {
  about: '专职管理和技术人员人数达到等级要求',
  clause: '2',
  asks: wanted => `物业管理专业人员及工程、管理、经济等专职管理和技术人员不少于 ${wanted} 人`,
  measure(context) {
    const { length } = listed(people(context)).filter(row => row.post !== 'operative')
    return { value: length, words: `${length} 人`, detail: '按人员名单统计，不含操作岗位' }
  },
})

const titled = atLeast('titled', {
  about: '中级以上职称人数达到等级要求',
  clause: '2',
  asks: wanted => `其中具有中级以上职称不少于 ${wanted} 人`,
  measure(context) {
    const { length } = listed(people(context)).filter(row => raised.has(row.title ?? ''))
    return { value: length, words: `${length} 人` }
  },
})

const heads: Check = {
  code: 'heads',
  about: '工程、财务负责人具有中级以上职称',
  find(context) {
    const all = listed(people(context))
    const parts = [
      ['工程', all.filter(row => row.post === 'engineering-head')],
      ['财务', all.filter(row => row.post === 'finance-head')],
    ] as const
    const met = parts.every(([, rows]) => rows.some(row => raised.has(row.title ?? '')))
    const words = parts.map(([name, rows]) => {
      const best = rows.find(row => raised.has(row.title ?? '')) ?? rows[0]
      return best ? `${name} ${titleOf(best)}` : `${name} 未列`
    })
    return {
      code: 'heads',
      requirement: '工程、财务负责人具有相应专业中级以上职称',
      actual: words.join('，'),
      verdict: verdict(met),
      law: law(context, '2'),
    }
  },
}

const titleOf = (row: AnswerRow) =>
  Object.hasOwn(titles, row.title ?? '') ? titles[row.title as keyof typeof titles] : '职称未填' // just looked up

const certified: Check = {
  code: 'certified',
  about: '物业管理专业人员持有职业资格证书',
  find(context) {
    const all = listed(people(context)).filter(row => row.post === 'project-manager' || row.post === 'steward')
    const without = all.filter(row => !row.credential || !row.credential_number)
    return {
      code: 'certified',
      requirement: '物业管理专业人员（项目经理、管理员）持有职业资格证书',
      actual: all.length ? `${all.length} 人，持证 ${all.length - without.length} 人` : '名单中没有项目经理、管理员',
      verdict: verdict(all.length > 0 && without.length === 0),
      law: law(context, '3'),
      ...(without.length ? { detail: `${without.length} 人没有填写资格证书` } : {}),
    }
  },
}

/** 一人一企 (domain.md §7): who is on the list must not work for another company. */
const exclusive: Check = {
  code: 'exclusive',
  about: '人员没有在其他企业在职',
  async find(context) {
    const rows = listed(people(context)).filter(row => row.id_number)
    if (!rows.length) return undefined
    const marks = new Map(rows.map(row => [blindIndex('people.id_number', normaliseCode(row.id_number ?? '')), row]))
    const elsewhere: { mark: string }[] = await context
      .db('employments')
      .join('people', 'people.id', 'employments.person_id')
      .whereIn('people.id_number_index', [...marks.keys()])
      .where({ 'employments.live': 1 })
      .whereNot({ 'employments.company_id': context.kase.subject_id })
      .select('people.id_number_index as mark')
    const twice = rows.length - marks.size
    const parts = [
      ...(elsewhere.length ? [`${elsewhere.length} 人在其他企业在职`] : []),
      ...(twice ? [`${twice} 人重复列出`] : []),
    ]
    return {
      code: 'exclusive',
      requirement: '所列人员只在本企业任职，不重复',
      actual: parts.join('，') || `${rows.length} 人，没有发现重复`,
      verdict: parts.length ? 'bad' : 'ok',
      law: '从业人员管理：一人一企',
      ...(elsewhere.length
        ? {
            detail: `${maskedNames(elsewhere.flatMap(({ mark }): AnswerRow[] => [marks.get(mark)].filter(row => row !== undefined)))}，须先由原企业办理减员`,
          }
        : {}),
    }
  },
}

const maskedNames = (rows: AnswerRow[]) => named(rows.map(row => ({ ...row, name: row.name ? `${[...row.name][0]}*` : '' })))

const onlyFiled = '只计挂接到本企业、合同已备案且在有效期内的项目'

const served = atLeast('projects', {
  about: '有委托的物业管理项目',
  clause: '4',
  asks: wanted => `有委托的物业管理项目不少于 ${wanted} 个`,
  measure({ answers }) {
    const rows = Array.isArray(answers.projects) ? answers.projects : []
    const area = rows.reduce((sum, row) => sum + hundredths(row.area ?? ''), 0n)
    return {
      value: rows.length,
      words: rows.length ? `${rows.length} 个，共 ${(Number(area) / 1_000_000).toFixed(2)} 万㎡` : '0 个',
      detail: onlyFiled,
    }
  },
})

/** 各类物业面积 as the form has it, against the bases of the settings. */
function indexOf({ answers, settings: { thresholds } }: CheckContext): AreaIndex {
  const bases = {
    multi: thresholds.base_multi ?? 0,
    high: thresholds.base_high ?? 0,
    villa: thresholds.base_villa ?? 0,
    other: thresholds.base_other ?? 0,
  }
  return areaIndex(Array.isArray(answers.areas) ? answers.areas : [], bases, thresholds.index ?? 0)
}

/** 两种类型以上. */
const sorts = atLeast('types', {
  about: '管理物业的类型达到等级要求',
  clause: '4',
  asks: wanted => `管理 ${wanted} 种类型以上物业`,
  measure(context) {
    const { sorts } = indexOf(context)
    const names = sorts.map(sort => areaSorts[sort].label).join('、')
    return { value: sorts.length, words: `${sorts.length} 种${names && `：${names}`}`, detail: onlyFiled }
  },
})

const index: Check = {
  code: 'index',
  about: '管理各类物业的面积占计算基数的百分比之和达到等级要求',
  find(context) {
    const wanted = context.settings.thresholds.index ?? 0
    if (!wanted) return undefined
    const reckoned = indexOf(context)
    return {
      code: 'index',
      requirement: `管理各类物业的面积分别占计算基数的百分比之和不低于 ${wanted}%`,
      actual: reckoned.total,
      verdict: verdict(reckoned.met),
      law: law(context, '4'),
      detail: reckoned.parts.length ? `${indexInWords(reckoned)}（面积和基数单位为万㎡）` : onlyFiled,
    }
  },
}

/** Within some days of an event. Late filing is flagged, never refused. */
function inTimeAfter(field: string, line: { event: string; named: string; law: string }): Check {
  return {
    code: 'in-time',
    about: `自${line.event}之日起按期申报`,
    find(context) {
      const limit = context.settings.thresholds.filing_days ?? 0
      const from = textOf(context, field)
      if (!limit) return undefined
      const due = isDay(from) ? addDays(from, limit) : undefined
      return {
        code: 'in-time',
        requirement: `自${line.event}之日起 ${limit} 日内申报`,
        actual: due ? `应于 ${due} 前申报` : `还没有填写${line.named}`,
        verdict: due ? (context.on <= due ? 'ok' : 'bad') : 'warn',
        law: line.law,
        ...(due && context.on > due ? { detail: '可以提交，标记为逾期申报' } : {}),
      }
    },
  }
}

/** 核定: before the certificate held runs out. An application for another level may come at any time. */
const beforeExpiry: Check = {
  code: 'before-expiry',
  about: '在原资质证书有效期内申请核定',
  async find(context) {
    const ahead = context.settings.thresholds.ahead_days ?? 0
    const held = await certificateOf(context.db, context.kase.subject_id)
    const last = textOf(context, 'certificate_until') || held?.valid_until || ''
    const level = textOf(context, 'certificate_level') || held?.level
    const wanted = textOf(context, 'level')
    if (!isDay(last) || (wanted && wanted !== level)) return undefined
    const wish = addDays(last, -ahead)
    return {
      code: 'before-expiry',
      requirement: `${level === 'provisional' ? '暂定资质' : '资质证书'}有效期届满 ${ahead} 日前申请核定`,
      actual: `有效期至 ${last}，应于 ${wish} 前申请`,
      verdict: context.on <= wish ? 'ok' : context.on <= last ? 'warn' : 'bad',
      law: '资质管理办法第八条，行政许可法第五十条',
    }
  },
}

/** 限制核定的行为 (第十一条；domain.md §4.5): what is recorded of the year before. Whoever decides judges the hits. */
const barred: Check = {
  code: 'behaviours',
  about: '申请前一年内没有限制核定的行为',
  async find({ db, kase, settings, on }) {
    const years = settings.thresholds.barred_years ?? 1
    if (!years) return undefined
    const hits = await barring(db, kase.subject_id, on, years)
    const sources = behaviourSources()
    const line = {
      code: 'behaviours',
      requirement: `申请之日前${years === 1 ? '一' : ` ${years} `}年内没有资质管理办法第十一条所列行为`,
      law: '资质管理办法第十一条',
    }
    if (hits.length)
      return {
        ...line,
        actual: hits.map(({ label, where, on }) => `${label}（${where}，${on}）`).join('；'),
        verdict: 'bad',
        detail: '由办理人核实后决定',
      }
    const looked = sources.map(({ label }) => label).join('、')
    if (sources.some(({ code }) => code === 'credit'))
      return { ...line, actual: '没有发现', verdict: 'ok', detail: `已查${looked}` }
    return {
      ...line,
      actual: `${looked && `${looked}中没有发现；`}系统内暂无信用记录可查`,
      verdict: 'warn',
      detail: '请办理人另行核查违法违规、投诉和事故情况',
    }
  },
}

function verdict(met: boolean): 'ok' | 'bad' {
  return met ? 'ok' : 'bad'
}

const fromLicence = inTimeAfter('established_on', {
  event: '领取营业执照',
  named: '成立日期',
  law: '资质管理办法第六条',
})
const fromRegistration = inTimeAfter('registered_on', {
  event: '变更登记',
  named: '变更登记日期',
  law: '资质管理办法',
})
const staffChecks = [staff, titled, heads, certified, exclusive]

export const newChecks = [...staffChecks, capital, fromLicence, barred]
export const confirmChecks = [...staffChecks, served, capital, beforeExpiry, barred]
export const upgradeChecks = [...staffChecks, sorts, index, capital, beforeExpiry, barred]
/** Who would lose a certificate by this, and what hangs on it: the officer asks before anything ends. */
const partners: Check = {
  code: 'partners',
  about: '列为解散的企业的证书和项目',
  async find({ db, answers }) {
    const gone = rowsOf(answers, 'others').filter(({ dissolved, code }) => dissolved === 'yes' && code)
    if (!gone.length) return undefined
    const codes = gone.map(({ code = '' }) => normaliseCode(code))
    const found: { id: number; name: string; number: string | null; level: CertificateLevel | null }[] = await db('organisations')
      .leftJoin('certificates', held => held.on('certificates.company_id', 'organisations.id').onVal('certificates.live', 1))
      .where({ 'organisations.kind': 'company' })
      .whereIn('organisations.code', codes)
      .orderBy('organisations.id')
      .select('organisations.id', 'organisations.name', 'certificates.number', 'certificates.level')
    // Only of whom the applicant names rightly, and only what the public may know: the applicant reads this too.
    const named = found.filter(company => gone.some(({ name }) => name === company.name))
    const told = await Promise.all(
      named.map(async ({ id, name, number, level }) => {
        const projects: number[] = await db('project_links').where({ company_id: id, live: 1 }).pluck('id')
        const held = number && level ? `证书 ${number}（${certificateLevels[level]}）` : '没有有效证书'
        return { words: `${name}：${held}，在管项目 ${projects.length} 个`, open: projects.length }
      }),
    )
    const unknown = gone.length - named.length
    return {
      code: 'partners',
      requirement: '解散的企业已知情，项目已交接',
      actual: [...told.map(({ words }) => words), ...(unknown ? [`${unknown} 家在企业档案中没有查到`] : [])].join('；'),
      verdict: told.some(({ open }) => open) ? 'warn' : 'ok',
      law: '资质管理办法第十四条',
      detail: '提交时已通知列为解散的企业；批准后其证书同时注销，请向该企业核实',
    }
  },
}

export const mergeChecks = [...staffChecks, served, sorts, index, capital, fromRegistration, partners, barred]
