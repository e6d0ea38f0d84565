import type { Knex } from 'knex'
import { organisationKinds, type Role, roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import type { Limit } from '../calendar.ts'
import { today } from '../clock.ts'
import { type Diagram, drawDiagram, type Under } from './diagram.ts'
import { checksInUse } from './findings.ts'
import {
  allKinds,
  type Clock,
  isExOfficio,
  type Kind,
  type KindSettings,
  modules,
  type Place,
  partyRoles,
  variantsOf,
} from './kind.ts'
import { closedStates, type State, stateCodes } from './lifecycle.ts'
import { sampleNumber } from './numbers.ts'
import { visibleCases } from './queries.ts'
import { editionsOf, inForce, settingsById, upcoming } from './settings.ts'

/** 事项目录 and 办事指南: what a kind is, told from its definition and the settings in force. Nothing here is written by hand for one kind. */

/** 5 个工作日, 10 天. */
export function limitInWords({ limit, unit }: Limit): string {
  return `${limit} ${unit === 'working-day' ? '个工作日' : '天'}`
}

const begins: Record<Clock['from'], string> = {
  submitted: '自收到申请起',
  accepted: '自受理起',
  corrected: '自告知补正起',
  decided: '自作出决定起',
}
const ends: Record<Clock['until'], string> = {
  accepted: '受理或一次性告知补正',
  resubmitted: '补正提交',
  decided: '作出决定',
  done: '办结',
}
const pauses: Record<Clock['pauses'][number], string> = { supplement: '补正', waiting: '公示', external: '市外机关办理' }

/** 自受理起 20 个工作日内作出决定，补正、公示的时间不计入. */
export function clockInWords(clock: Clock): string {
  const rest = clock.pauses.map(pause => pauses[pause]).join('、')
  return `${begins[clock.from]} ${limitInWords(clock)}内${ends[clock.until]}${rest && `，${rest}的时间不计入`}`
}

/** The limit a person asks for first: until the decision, else until the end. */
export function mainClock({ clocks }: Pick<KindSettings, 'clocks'>): Clock | undefined {
  const kept = clocks.filter(({ keeper }) => keeper === 'desk')
  const [first] = ['decided', 'done']
    .map(until => kept.filter(clock => clock.until === until))
    .filter(found => found.length)
    .map(found => found.reduce((least, one) => (one.unit === least.unit && one.limit < least.limit ? one : least)))
  return first ?? kept[0]
}

/** Who applies, by the kinds of their organisations: 物业企业. */
export function applicantsOf({ startedBy }: Pick<Kind, 'startedBy'>): string {
  return [...new Set(startedBy.map(role => (roles[role].staff ? roles[role].label : organisationKinds[roles[role].kind])))].join(
    '、',
  )
}

/** Whether anybody outside the offices can apply, so that it belongs among the public guides. */
export function isPublic(kind: Pick<Kind, 'startedBy'>): boolean {
  return !isExOfficio(kind)
}

/** One place of the chain in words. */
export interface Stage {
  label: string
  who: string
  limit: string
  /** What happens there, in one sentence. */
  about: string
}

function stageOf(place: Place, index: number): Stage {
  const limit = place.sort === 'external' || !place.limit ? '' : limitInWords(place.limit)
  switch (place.sort) {
    case 'desk':
      return {
        label: place.label,
        who: roles[place.role].label,
        limit,
        about: `${index === 0 ? '决定是否受理，审核材料' : '审核'}${place.visit ? '，实地核查不少于 2 人' : ''}。`,
      }
    case 'party':
      return { label: place.label, who: partyRoles[place.party], limit, about: '答复后继续办理，逾期没有答复的也继续办理。' }
    case 'external':
      return {
        label: place.label,
        who: place.authority,
        limit: '由该机关定',
        about: `${roles[place.role].label}录入结果和文号，时间不计入本市时限。`,
      }
    case 'wait':
      return {
        label: place.label,
        who: place.public ? '社会公众' : roles[place.role].label,
        limit,
        about: place.public ? '在公共平台公示，任何人可提出异议；没有异议的期满继续办理。' : '期满继续办理。',
      }
  }
}

const refusals: Record<Kind['refusedTo'], string> = {
  draft: '附意见退回申请人，办件回到未提交，改好后可再次提交。',
  rejected: '附理由驳回，可在原办件上修改后再次提交，以前的版本都保留。',
  refused: '作出不予通过的书面决定，说明理由，并告知申请行政复议或者提起行政诉讼的权利（《行政许可法》第三十八条）。',
}

/** Everything a page tells of a kind under the settings of one variant. */
export interface Told {
  kind: Kind
  /** Why it is out of use. */
  suspended: string | undefined
  variant: string
  variants: { code: string; label: string }[]
  rules: KindSettings
  /** Since when these settings hold; nothing where they came with the portal. */
  since: string | undefined
  /** When the next ones begin to hold. */
  next: string | undefined
  module: string
  applicants: string
  clocks: { label: string; words: string; law: string; silence: string }[]
  /** 20 个工作日, and the same with its beginning: 自受理起 20 个工作日. */
  limit: string
  span: string
  stages: Stage[]
  consults: string[]
  corrections: string
  refusal: string
  numbering: { sample: string; about: string } | undefined
  papers: string[]
  required: number
  checks: string[]
  wide: Diagram
  tall: Diagram
}

/** @throws Error when the variant is not one of the kind's */
export async function tellKind(db: Knex, kind: Kind, variant: string, under: (settings: KindSettings) => Under): Promise<Told> {
  const editions = await editionsOf(db, kind, variant)
  const present = inForce(editions, today())
  if (!present) throw new Error(`no settings for ${kind.code} ${variant}`)
  const settings = await settingsById(db, present.id)
  const main = mainClock(settings)
  const { number } = settings
  const [next] = await upcoming(db, editions, today())
  return {
    kind,
    suspended: await kind.suspended?.(db),
    variant,
    variants: Object.entries(variantsOf(kind)).map(([code, label]) => ({ code, label })),
    // A page knows `settings` as those of Express.
    rules: settings,
    since: present.created_by === null ? undefined : present.effective_on,
    next: next?.effective_on,
    module: modules[kind.module],
    applicants: applicantsOf(kind),
    clocks: settings.clocks.map(clock => ({
      label: clock.label,
      words: clockInWords(clock),
      law: clock.law,
      silence: clock.silence ?? '',
    })),
    limit: main ? limitInWords(main) : '',
    span: main ? `${begins[main.from]} ${limitInWords(main)}` : '',
    stages: settings.chain.map(stageOf),
    consults: settings.consults.map(({ label, role, limit }) => `${label}（${roles[role].label}，${limitInWords(limit)}）`),
    corrections:
      settings.corrections > 0
        ? `材料不齐全或不符合法定形式的，一次性告知全部需要补正的内容，最多 ${settings.corrections} 次。`
        : '不退回补正。',
    refusal: isExOfficio(kind) ? '不作处理，理由记入办理记录。' : refusals[kind.refusedTo],
    numbering: number ? { sample: sampleNumber(number), about: countedBy(number) } : undefined,
    papers: kind.proof?.papers.map(({ label }) => label) ?? [],
    required: settings.materials.filter(material => material.required).length,
    checks: (await checksInUse(db, kind)).map(({ about }) => about),
    wide: drawDiagram(kind, settings, 'wide', under(settings)),
    tall: drawDiagram(kind, settings, 'tall', under(settings)),
  }
}

function countedBy(rule: string): string {
  const before = rule.slice(0, rule.indexOf('{seq'))
  const [year, region] = [before.includes('{yyyy}'), before.includes('{region}')]
  return year && region ? '每个区县每年从 1 起连续编号' : year ? '每年从 1 起连续编号' : region ? '每个区县连续编号' : '连续编号'
}

/** What stands in the boxes of a guide: what a case is called there. */
export function wordUnder(): Under {
  return ({ id, label, word, state }) =>
    state === 'withdrawn' ? '决定前可撤回' : id.startsWith('at:') && word !== label ? word : ''
}

// ── Running counts ─────────────────────────────────────────────────────────────────────────────

const liveStates = stateCodes.filter(state => !closedStates.includes(state))
/** States in which a case is with somebody who works on it, not with an applicant who may never send it again. */
const running: readonly State[] = ['submitted', 'supplement', 'reviewing', 'waiting']

/** 在办件数 of all kinds within somebody's scope. */
export async function openByKind(db: Knex, user: User): Promise<Map<string, number>> {
  const rows: { kind: string; n: number }[] = await visibleCases(db, user)
    .whereIn('cases.state', running)
    .groupBy('cases.kind')
    .select('cases.kind')
    .count({ n: '*' })
  return new Map(rows.map(({ kind, n }) => [kind, Number(n)]))
}

export interface Counts {
  /** Cases by state, and by place while they are at one (`reviewing:district`). */
  of: ReadonlyMap<string, number>
  open: number
  /** Done since 1 January: 86, or 10,000+. */
  done: string
}

/** Finished cases are counted so far; nobody compares larger numbers in a box. */
const most = 10_000

/** How many cases of a kind stand where, within somebody's scope. */
export async function countsOf(db: Knex, user: User, kind: Kind, variant: string): Promise<Counts> {
  const mine = () => visibleCases(db, user).where({ 'cases.kind': kind.code, 'cases.variant': variant })
  const newYear = new Date(`${today().slice(0, 4)}-01-01T00:00:00+08:00`)
  const [rows, finished] = await Promise.all([
    mine()
      .whereIn('cases.state', liveStates)
      .groupBy('cases.state', 'cases.place')
      .select('cases.state', 'cases.place')
      .count({ n: '*' }) as Promise<{ state: State; place: string | null; n: number }[]>, // as selected
    db
      .from(
        mine()
          .where({ 'cases.state': 'done' })
          // The index holds this day; what was closed this year was also touched this year.
          .where('cases.updated_at', '>=', newYear)
          .where('cases.closed_at', '>=', newYear)
          .select('cases.id')
          .limit(most + 1)
          .as('done'),
      )
      .count({ n: '*' })
      .first(),
  ])
  const of = new Map<string, number>()
  const add = (key: string, n: number) => of.set(key, (of.get(key) ?? 0) + n)
  for (const { state, place, n } of rows) {
    add(state, Number(n))
    if (place && (state === 'reviewing' || state === 'waiting')) add(`${state}:${place}`, Number(n))
  }
  const done = Number(finished?.n ?? 0)
  return {
    of,
    open: running.reduce((sum, state) => sum + (of.get(state) ?? 0), 0),
    done: done > most ? `${most.toLocaleString('en')}+` : done.toLocaleString('en'),
  }
}

/** What stands in the boxes of the desk's picture: how many are there. Offices see drafts only where they came back from them. */
export function countUnder({ of, done }: Counts, kind: Kind, staff: boolean): Under {
  const pieces = (n: number) => `${n.toLocaleString('en')} 件`
  return ({ id, state }) => {
    const n = of.get(id.startsWith('at:') ? `${state}:${id.slice(3)}` : state) ?? 0
    switch (state) {
      case 'draft':
        return staff ? (kind.refusedTo === 'draft' ? `退回在改 ${pieces(n)}` : '') : `草稿 ${pieces(n)}`
      case 'done':
        return `今年 ${done} 件`
      case 'withdrawn':
        return '决定前可撤回'
      case 'refused':
      case 'declined':
        return ''
      default:
        return pieces(n)
    }
  }
}

/** How many stand at places the present chain no longer has: they go on under the settings they were submitted with. */
export function elsewhere({ of }: Counts, { chain }: Pick<KindSettings, 'chain'>): number {
  const known = new Set(chain.map(({ code }) => code))
  return [...of].reduce((sum, [key, n]) => {
    const place = /^(?:reviewing|waiting):(.+)$/.exec(key)?.[1]
    return place === undefined || known.has(place) ? sum : sum + n
  }, 0)
}

// ── All kinds ──────────────────────────────────────────────────────────────────────────────────

export interface Entry {
  kind: Kind
  applicants: string
  limit: string
  mine: boolean
  /** Why it is out of use. */
  suspended: string | undefined
}

/** The catalogue by module. With a role, the kinds it may start come first; `only` narrows it. */
export async function catalogueFor(
  db: Knex,
  { role, only = () => true }: { role?: Role; only?: (kind: Kind) => boolean } = {},
): Promise<{ label: string; entries: Entry[] }[]> {
  const entries = await Promise.all(
    allKinds()
      .filter(only)
      .map(async kind => {
        const suspended = await kind.suspended?.(db)
        const mine = !suspended && isMine(kind, role)
        return { kind, applicants: applicantsOf(kind), limit: await limitOf(db, kind), mine, suspended }
      }),
  )
  const groups = Object.entries(modules).map(([module, label]) => ({
    label,
    entries: entries.filter(entry => entry.kind.module === module).sort((a, b) => order(a) - order(b)),
  }))
  const first = ({ entries }: { entries: Entry[] }) => Number(entries.some(entry => entry.mine))
  return groups.filter(group => group.entries.length).sort((a, b) => first(b) - first(a))
}

/** One's own first, what is out of use last. */
const order = ({ mine, suspended }: Entry) => (suspended ? 2 : mine ? 0 : 1)
const isMine = (kind: Kind, role: Role | undefined) => role !== undefined && kind.startedBy.includes(role)

/** 20 个工作日, or the span over the variants. */
async function limitOf(db: Knex, kind: Kind): Promise<string> {
  const found = await Promise.all(
    Object.keys(variantsOf(kind)).map(async variant => {
      const present = inForce(await editionsOf(db, kind, variant), today())
      const main = present && mainClock(await settingsById(db, present.id))
      return main ? limitInWords(main) : ''
    }),
  )
  return [...new Set(found.filter(Boolean))].join('、')
}
