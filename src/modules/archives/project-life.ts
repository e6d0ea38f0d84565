import type { Settings } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import type { RecordAnswers } from './archive.ts'
import { type ProjectFacts, presentContract, serving } from './project-facts.ts'
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

export interface NextStep {
  title: string
  /** Who must act. */
  who: string
  words: string
  law: string
  light: 'red' | 'yellow' | 'green' | 'rest'
  /** The last lawful day, where it can be told. */
  until?: string
  /** The kind of case that does it. */
  kind?: string
}

export interface Life {
  stages: LifeStage[]
  next: NextStep[]
}

interface Known {
  /** The project as it is on the day. */
  project: RecordAnswers
  facts: ProjectFacts
  developer: string
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
  const { links, contracts, committee } = facts
  const first = links.findLast(({ state }) => state !== 'pending')
  const early = contracts.findLast(({ shown }) => shown !== 'filing')
  const selected = contracts.find(({ phase, shown }) => phase === 'selected' && shown !== 'filing')
  const lineOf = (kind: string) => {
    const done = facts.done.findLast(one => one.kind === kind)
    return done && [done.on, ...(done.number ? [done.number] : [])]
  }
  const method = first && selectionMethods[first.method as keyof typeof selectionMethods] // undefined for a word of another version
  const found: [label: string, lines: string[] | undefined][] = [
    ['区域划分', lineOf('area-division') ?? ['建档以前办理']],
    ['招标', lineOf('tender-filing') ?? (first && [method ?? first.method])],
    ['中标', lineOf('award-filing') ?? (first && [first.decided_on ?? first.starts_on, first.company])],
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
function serviceSteps({ project, facts, developer, street }: Known, rules: Settings, day: string): NextStep[] {
  const link = serving(facts)
  const { committee } = facts
  const pending = facts.links.find(({ state }) => state === 'pending')
  if (pending)
    return [
      {
        title: '项目挂接待审核',
        who: '区县主管部门、市局',
        words: `${pending.company}已被选聘，拟于 ${pending.starts_on} 接管；挂接以前它看不到本项目，也不能备案合同。`,
        law: '本市项目挂接规定',
        light: 'yellow',
        kind: 'project-link',
      },
    ]
  if (link) return contractSteps({ link, company: link.company }, { facts, developer }, rules, day)
  switch (project.stage) {
    case 'divided':
      return [
        {
          title: '前期招标备案',
          who: developer,
          words: '发布招标公告或发出投标邀请书 10 日以前备案；预售的，取得商品房预售许可证以前完成招标。',
          law: '前期物业管理招标投标管理暂行办法第十一条、第十九条',
          light: 'green',
          kind: 'tender-filing',
        },
      ]
    case 'tendering':
      return [
        {
          title: '中标备案',
          who: developer,
          words: '确定中标人之日起 15 日内备案，中标通知书发出之日起 30 日内签订合同。',
          law: '前期物业管理招标投标管理暂行办法第三十七条、第三十八条',
          light: 'green',
          kind: 'award-filing',
        },
      ]
    case 'early':
      return [
        {
          title: '前期物业管理备案',
          who: developer,
          words: '签订前期物业服务合同之日起 15 日内备案，备案后物业企业才与本项目挂接。',
          law: '山东省物业管理条例第十六条',
          light: 'yellow',
          kind: 'plan-filing',
        },
      ]
    case 'self-managed':
      return []
    default:
      return [
        {
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

function contractSteps(
  { link, company }: { link: { phase: string; starts_on: string }; company: string },
  { facts, developer }: Pick<Known, 'facts' | 'developer'>,
  rules: Settings,
  day: string,
): NextStep[] {
  const contract = presentContract(facts)
  const filing = facts.contracts.find(({ shown }) => shown === 'filing')
  const coming = facts.contracts.find(({ shown }) => shown === 'filed')
  const party = facts.committee?.name ?? developer
  const steps: NextStep[] = []
  if (filing)
    steps.push({
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
      title: '签订并备案物业服务合同',
      who: `${company}、${party}`,
      words: `${company} ${link.starts_on} 起服务，系统里没有备案的合同。签订之日起 ${rules['contracts.filing-days']} 日内备案。`,
      law: '山东省物业管理条例第五十七条',
      light: 'red',
      kind: 'contract-filing',
    })
  else if (contract?.shown === 'lapsed' && !filing && !coming)
    steps.push({
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
  if (committee?.term) return termSteps(committee.name, committee.term, street, day)
  if (committee)
    return [
      {
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
      title: '达到成立业主大会条件，组建筹备组',
      who: street,
      words: `${words}。达到条件后 ${rules['meeting.prepare-days']} 日内由街道办组建首次业主大会筹备组。`,
      law: '山东省物业管理条例第二十条、第二十一条',
      light: 'yellow',
      kind: 'committee-formation',
    },
  ]
}

function termSteps(committee: string, { ends_on }: { ends_on: string }, street: string, day: string): NextStep[] {
  const meeting = addDays(ends_on, -90)
  if (day <= addDays(ends_on, -180)) return []
  const isOver = day > ends_on
  return [
    {
      title: isOver ? '超期未换届，责令限期换届' : '组织换届选举',
      who: isOver ? `${street}、区县主管部门` : committee,
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
