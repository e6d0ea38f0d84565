import type { Role } from '../../accounts/roles.ts'
import type { Settings } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import type { RecordAnswers } from './archive.ts'
import { type CommitteeFact, type LinkFact, type ProjectFacts, presentContract, serving } from './project-facts.ts'
import { meetingCondition } from './project-rules.ts'
import { selectionMethods } from './words.ts'

/**
 * The life line of a project (domain.md §5): 区域划分 → 招标 → 中标 → 合同 → 业委会 → 新合同, with what has happened, and the steps that
 * are missing: who must act, until when, by which clause. A pure function of the facts and the day.
 */

export interface LifeStage {
  label: string
  past: boolean
  now: boolean
  /** Date, number, who: one short line each. */
  lines: string[]
}

/** Whoever owes a step: a party by its organisation, an office of the project's region by the role that acts there. */
export type Debtor = { organisation_id: number } | { role: Role }

export interface NextStep {
  /** The sort of step; a project waits for each at most once. */
  code: StepCode
  title: string
  /** Who must act, as the portal knows them; nobody where it only waits. */
  owes: readonly Debtor[]
  /** Who must act. */
  who: string
  words: string
  law: string
  light: 'red' | 'yellow' | 'green' | 'rest'
  /** The last lawful day, where it can be told. */
  until?: string
  /** The kind of case that does it. */
  kind?: string
  /** The page where who owes it does it, where that is no case. */
  href?: string
}

/** The sorts of steps a project can wait for, in the order of its life. */
export const stepCodes = {
  tender: '前期招标备案',
  opening: '开标',
  award: '中标备案',
  'plan-filing': '前期物业管理备案',
  link: '项目挂接审核',
  vacant: '没有物业企业',
  'contract-filing': '合同备案',
  'no-contract': '没有备案的合同',
  lapsed: '合同已到期',
  expiring: '合同即将到期',
  selection: '业主大会选聘',
  preparation: '组建筹备组',
  'first-meeting': '首次业主大会',
  waiting: '未到成立条件',
  reelection: '换届',
} as const
export type StepCode = keyof typeof stepCodes

export interface Life {
  stages: LifeStage[]
  next: NextStep[]
}

export interface Known {
  /** The project as it is on the day. */
  project: RecordAnswers
  facts: ProjectFacts
  developer: string
  developer_id: number | null
  street: string
}

const ordinal = (n: number) => (n <= 10 ? '一二三四五六七八九十'.charAt(n - 1) : String(n))
const lights = ['red', 'yellow', 'green', 'rest']

/** The life of a project as it stands on a day. */
export function lifeOf(known: Known, rules: Settings, day: string): Life {
  const next = [...serviceSteps(known, rules, day), ...ownersSteps(known, rules, day)]
  return {
    stages: stagesOf(known, rules, day),
    next: next.sort((one, other) => lights.indexOf(one.light) - lights.indexOf(other.light)),
  }
}

function stagesOf({ project, facts }: Known, rules: Settings, day: string): LifeStage[] {
  const { links, contracts, committee, area, tender } = facts
  const served = links.length > 0 || !['divided', 'tendering'].includes(project.stage ?? '')
  const first = links.findLast(({ state }) => state !== 'pending')
  const early = contracts.findLast(({ shown }) => shown !== 'filing')
  const selected = contracts.find(({ phase, shown }) => phase === 'selected' && shown !== 'filing')
  const method = first && selectionMethods[first.method as keyof typeof selectionMethods] // undefined for a word of another version
  const found: [label: string, lines: string[] | undefined][] = [
    ['区域划分', area ? [area.registered_on, area.number] : served ? ['建档以前办理'] : undefined],
    [
      '招标',
      tender?.filed_on
        ? [
            tender.filed_on,
            ...(tender.number ? [tender.number] : []),
            ...(tender.state === 'failed' ? [`${tender.failed_on} 流标`] : []),
          ]
        : first && [method ?? first.method],
    ],
    [
      '中标',
      tender?.winner && (tender.award_filed_on || tender.state === 'agreed')
        ? [tender.award_filed_on ?? tender.filed_on ?? '', tender.winner, ...(tender.award_number ? [tender.award_number] : [])]
        : first && [first.decided_on ?? first.starts_on, first.company],
    ],
    ['合同', early && [early.signed_on, ...(early.number ? [early.number] : [])]],
    [
      '业委会',
      committee?.term && [
        committee.term.elected_on,
        `第${ordinal(committee.term.sequence)}届，至 ${committee.term.ends_on}`,
        ...(committee.term.number ? [committee.term.number] : []),
      ],
    ],
    ['新合同', selected && [selected.signed_on, `至 ${selected.ends_on}`, ...(selected.number ? [selected.number] : [])]],
  ]
  // What a project has come to, it has passed; the first step that is missing is where it stands.
  const at = found.findIndex(([, lines]) => !lines)
  return found.map(([label, lines], place) => ({
    label,
    past: lines !== undefined,
    now: place === at,
    lines: lines ?? (place === at ? [waitsFor(label, project, rules, day)] : []),
  }))
}

function waitsFor(label: string, project: RecordAnswers, rules: Settings, day: string): string {
  if (label !== '业委会') return '待办'
  const { met, house_percent } = meetingCondition(project, day, rules)
  return met ? '已达到成立条件' : `交付户数 ${house_percent.toFixed(1)}%`
}

/** Who serves the project, and by which contract. */
function serviceSteps(known: Known, rules: Settings, day: string): NextStep[] {
  const { project, facts, street } = known
  const link = serving(facts)
  const { committee } = facts
  const pending = facts.links.find(({ state }) => state === 'pending')
  if (pending)
    return [
      {
        code: 'link',
        owes: [{ role: 'district-clerk' }],
        title: '项目挂接待审核',
        who: '区县主管部门、市局',
        words: `${pending.company}已被选聘，拟于 ${pending.starts_on} 接管；挂接以前它看不到本项目，也不能备案合同。`,
        law: '本市项目挂接规定',
        light: 'yellow',
        kind: 'project-link',
      },
    ]
  if (link) return contractSteps(link, known, rules, day)
  switch (project.stage) {
    case 'divided':
    case 'tendering':
    case 'early':
      return choosingSteps(known, day)
    case 'self-managed':
      return []
    default:
      return [
        {
          code: 'vacant',
          owes: [committee ? { organisation_id: committee.id } : { role: 'street-clerk' }],
          title: committee ? '选聘物业企业并办理项目挂接' : '组织应急服务或指导业主选聘',
          who: committee ? committee.name : `${street}、社区居民委员会`,
          words: '本项目现在没有物业企业服务。选定企业后由新企业申请项目挂接。',
          law: '山东省物业管理条例',
          light: 'red',
          kind: 'project-link',
        },
      ]
  }
}

/** How many days the award may be filed after the opening, and the first contract after the award: signing 30, filing 15. */
const award = { filing: 15, contract: 30 + 15 }

/** Choosing the first company (domain.md §5.2–5.4): tender, opening, award, contract. */
function choosingSteps({ project, facts: { tender }, developer, developer_id }: Known, day: string): NextStep[] {
  const owes = developer_id ? [{ organisation_id: developer_id }] : []
  const one = (step: Omit<NextStep, 'who' | 'owes'> & Partial<NextStep>): NextStep[] => [{ who: developer, owes, ...step }]
  const late = (until: string) =>
    (day > until ? 'red' : addDays(day, 7) >= until ? 'yellow' : 'green') satisfies NextStep['light']
  // Contract filed, service still to begin.
  if (tender?.state === 'settled') return []
  if (tender?.state === 'tendering') {
    const until = tender.bids_until ?? ''
    return one({
      code: 'opening',
      title: '开标并登记结果',
      href: `/desk/tenders/${tender.id}`,
      words:
        `${tender.number ?? ''} ${until ? `${until} 投标截止并开标。` : ''}登记投标人；不足三家的登记流标，重新招标或者申请协议选聘。`.trim(),
      law: '招标投标法第二十八条、第三十四条',
      light: until ? late(until) : 'green',
      ...(until ? { until } : {}),
    })
  }
  if (tender?.state === 'opened' || (tender?.state === 'awarded' && !tender.award_filed_on)) {
    const from = tender.awarded_on ?? tender.opened_on ?? day
    const until = addDays(from, award.filing)
    return one({
      code: 'award',
      title: '中标备案',
      words: `${from} ${tender.awarded_on ? '中标' : '开标'}。确定中标人之日起 ${award.filing} 日内备案，中标通知书发出之日起 30 日内签订合同。`,
      law: '前期物业管理招标投标管理暂行办法第三十七条、第三十八条',
      light: late(until),
      until,
      kind: 'award-filing',
    })
  }
  if (tender?.state === 'awarded' || tender?.state === 'agreed' || (project.stage === 'early' && !tender)) {
    const from = tender?.awarded_on ?? tender?.filed_on
    const until = from ? addDays(from, award.contract) : undefined
    return one({
      code: 'plan-filing',
      owes: [...owes, ...(tender?.winner_id ? [{ organisation_id: tender.winner_id }] : [])],
      who: tender?.winner ? `${developer}、${tender.winner}` : developer,
      title: '签订前期合同，办理前期物业管理备案',
      words: `${tender?.winner ?? '物业企业'}已被选聘。中标通知书发出之日起 30 日内签订合同，签订之日起 15 日内备案，备案后物业企业才与本项目挂接。`,
      law: '前期物业管理招标投标管理暂行办法第三十八条，山东省物业管理条例第十六条',
      light: until ? late(until) : 'yellow',
      ...(until ? { until } : {}),
      kind: 'plan-filing',
    })
  }
  return one({
    code: 'tender',
    title: tender?.state === 'failed' ? '重新招标，或者申请协议选聘' : '前期招标备案',
    words:
      tender?.state === 'failed'
        ? `${tender.failed_on} 流标。重新办理招标备案；投标人少于三个的，可以申请协议选聘。`
        : '发布招标公告或发出投标邀请书 10 日以前备案；预售的，取得商品房预售许可证以前完成招标。',
    law: '前期物业管理招标投标管理暂行办法第十一条、第十九条',
    light: tender?.state === 'failed' ? 'yellow' : 'green',
    kind: 'tender-filing',
  })
}

function contractSteps(link: LinkFact, { facts, developer, developer_id }: Known, rules: Settings, day: string): NextStep[] {
  const { company } = link
  const contract = presentContract(facts)
  const filing = facts.contracts.find(({ shown }) => shown === 'filing')
  const coming = facts.contracts.find(({ shown }) => shown === 'filed')
  const party = facts.committee?.name ?? developer
  const party_id = facts.committee?.id ?? developer_id
  const owes: Debtor[] = [{ organisation_id: link.company_id }]
  const both = party_id ? [...owes, { organisation_id: party_id }] : owes
  const steps: NextStep[] = []
  if (filing)
    steps.push({
      code: 'contract-filing',
      owes: [{ role: 'district-clerk' }],
      title: '合同备案',
      who: `${company}、区县主管部门`,
      words: `${filing.signed_on} 签订，期限 ${filing.starts_on} 至 ${filing.ends_on}，签订之日起 ${rules['contracts.filing-days']} 日内备案。`,
      law: '山东省物业管理条例第五十七条',
      light: day > addDays(filing.signed_on, rules['contracts.filing-days']) ? 'red' : 'yellow',
      until: addDays(filing.signed_on, rules['contracts.filing-days']),
      kind: 'contract-filing',
    })
  if (!contract && !filing && !coming)
    steps.push({
      code: 'no-contract',
      owes: both,
      title: '签订并备案物业服务合同',
      who: `${company}、${party}`,
      words: `${company} ${link.starts_on} 起服务，系统里没有备案的合同。签订之日起 ${rules['contracts.filing-days']} 日内备案。`,
      law: '山东省物业管理条例第五十七条',
      light: 'red',
      kind: 'contract-filing',
    })
  else if (contract?.shown === 'lapsed' && !filing && !coming)
    steps.push({
      code: 'lapsed',
      owes: both,
      title: '合同已到期，续签或重新选聘',
      who: `${party}、${company}`,
      words: `合同 ${contract.ends_on} 到期，没有续签备案。业主没有作出续聘或另聘决定、物业企业继续服务的，原合同继续有效，期限为不定期。`,
      law: '民法典第九百四十八条',
      light: 'red',
      until: contract.ends_on,
      kind: 'contract-filing',
    })
  else if (contract?.shown === 'expiring' && !filing && !coming)
    steps.push({
      code: 'expiring',
      owes: both,
      title: '决定续签或另行选聘',
      who: `${party}、${company}`,
      words: `合同 ${contract.ends_on} 到期。物业企业不同意续聘的，应在 ${addDays(contract.ends_on, -rules['contracts.notice-days'])} 以前书面通知。`,
      law: '民法典第九百四十七条',
      light: 'yellow',
      until: contract.ends_on,
      kind: 'contract-filing',
    })
  const isEarly = contract?.phase === 'early' && (contract.shown === 'running' || contract.shown === 'expiring')
  if (facts.committee?.state === 'in-term' && isEarly)
    steps.push({
      code: 'selection',
      owes: [{ organisation_id: facts.committee.id }],
      title: '由业主大会选聘物业企业',
      who: facts.committee.name,
      words: `现在履行的是前期合同，到 ${contract.ends_on}。业委会与选聘的企业所签合同生效时，前期合同终止。`,
      law: '物业管理条例第二十六条',
      light: 'green',
      until: contract.ends_on,
    })
  return steps
}

/** Who speaks for the owners. */
function ownersSteps({ project, facts, developer, street }: Known, rules: Settings, day: string): NextStep[] {
  const { committee } = facts
  if (committee?.term) return termSteps(committee, committee.term, street, day)
  if (committee)
    return [
      {
        code: 'first-meeting',
        owes: [{ role: 'street-clerk' }, { organisation_id: committee.id }],
        title: '召开首次业主大会',
        who: `${street}、筹备组`,
        words: '筹备组成立之日起 90 日内召开首次业主大会，15 日以前公告会议文件。',
        law: '山东省物业管理条例第二十二条',
        light: 'yellow',
        kind: 'committee-formation',
      },
    ]
  if (Number(project.house_count || 0) <= 1 || project.stage === 'divided' || project.stage === 'tendering') return []
  const { met, words } = meetingCondition(project, day, rules)
  if (!met)
    return [
      {
        code: 'waiting',
        owes: [],
        title: '尚未达到成立业主大会的条件',
        who: `${developer}（交付有变化时申请项目档案变更）`,
        words: `${words}。`,
        law: '山东省物业管理条例第二十条',
        light: 'rest',
        kind: 'project-change',
      },
    ]
  return [
    {
      code: 'preparation',
      owes: [{ role: 'street-clerk' }],
      title: '达到成立业主大会条件，组建筹备组',
      who: street,
      words: `${words}。达到条件后 ${rules['meeting.prepare-days']} 日内由街道办组建首次业主大会筹备组。`,
      law: '山东省物业管理条例第二十条、第二十一条',
      light: 'yellow',
      kind: 'committee-formation',
    },
  ]
}

function termSteps(
  { id, name }: Pick<CommitteeFact, 'id' | 'name'>,
  { ends_on }: { ends_on: string },
  street: string,
  day: string,
): NextStep[] {
  const meeting = addDays(ends_on, -90)
  if (day <= addDays(ends_on, -180)) return []
  const isOver = day > ends_on
  return [
    {
      code: 'reelection',
      owes: isOver ? [{ role: 'street-clerk' }, { organisation_id: id }] : [{ organisation_id: id }],
      title: isOver ? '超期未换届，责令限期换届' : '组织换届选举',
      who: isOver ? `${street}、区县主管部门` : name,
      words: isOver
        ? `本届任期 ${ends_on} 届满，没有换届。逾期仍不换届的，由居民委员会组织。`
        : `本届任期到 ${ends_on}，应在届满 90 日以前（${meeting}）召开业主大会会议换届。`,
      law: '山东省物业管理条例第三十三条',
      light: isOver || day > meeting ? 'red' : 'yellow',
      until: isOver ? ends_on : meeting,
      kind: 'committee-reelection',
    },
  ]
}
