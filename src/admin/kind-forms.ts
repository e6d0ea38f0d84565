import { z } from 'zod'
import { administrators, deskRoles, isRole, type Role, roles } from '../accounts/roles.ts'
import type { Limit } from '../calendar.ts'
import { limitInWords } from '../cases/catalogue.ts'
import {
  type Clock,
  type Consult,
  type Kind,
  type KindSettings,
  type Material,
  type PartyRole,
  type Place,
  partyRoles,
  standardOf,
} from '../cases/kind.ts'
import { type StepCode, steps } from '../cases/lifecycle.ts'
import { ruleFault } from '../cases/numbers.ts'
import { today } from '../clock.ts'
import {
  checkbox,
  choice,
  date,
  type Field,
  type Form,
  fieldsOf,
  integer,
  type Mistakes,
  optionalInteger,
  optionalText,
  readForm,
  text,
  type Values,
} from '../forms/form.ts'
import { sorts, thresholdName } from './kind-words.ts'

/**
 * 事项设置 as a form: rows of places, clocks, consulted desks, materials and opinions, and single fields. Reading it is where a chain
 * that cannot work is refused.
 */

export const parts = ['places', 'clocks', 'consults', 'materials', 'templates'] as const
export type Part = (typeof parts)[number]

/** What stands in the inputs: rows by part, and the single fields. */
export type Typed = Record<Part, Values[]> & { single: Values }

/** Enough for any business; more would be a mistake of the hand, and the picture would not be read. */
const most: Record<Part, number> = { places: 8, clocks: 12, consults: 6, materials: 40, templates: 40 }
const names: Record<Part, string> = {
  places: '环节',
  clocks: '时限',
  consults: '征求意见',
  materials: '材料',
  templates: '常用意见',
}

// ── What stands there ──────────────────────────────────────────────────────────────────────────

/** The inputs that show some settings. */
export function typedFrom(settings: KindSettings, effective_on: string): Typed {
  return {
    places: settings.chain.map(placeValues),
    clocks: settings.clocks.map(({ code, label, from, until, limit, unit, law }) => ({
      code,
      label,
      from,
      until,
      limit: String(limit),
      unit,
      law,
    })),
    consults: settings.consults.map(({ code, label, role, limit }) => ({ code, label, role, ...limitValues(limit) })),
    materials: settings.materials.map(({ code, label, required, original, copies, hint, expires }) => ({
      code,
      label,
      copies: String(copies),
      hint: hint ?? '',
      required: required ? 'on' : '',
      original: original ? 'on' : '',
      expires: expires ? 'on' : '',
    })),
    templates: settings.templates.map(({ step, label, text }) => ({ step, label, text })),
    single: {
      number: settings.number,
      corrections: String(settings.corrections),
      effective_on,
      ...Object.fromEntries(Object.entries(settings.thresholds).map(([code, value]) => [`threshold-${code}`, String(value)])),
    },
  }
}

const limitValues = (limit: Limit | undefined): Values => ({
  limit: limit ? String(limit.limit) : '',
  unit: limit?.unit ?? 'working-day',
})

function placeValues(place: Place): Values {
  const { code, sort, label, state } = place
  const common = { code, sort, label, state }
  switch (place.sort) {
    case 'desk':
      return { ...common, role: place.role, ...limitValues(place.limit), visit: place.visit ? 'on' : '' }
    case 'party':
      return { ...common, party: place.party, ...limitValues(place.limit) }
    case 'external':
      return { ...common, authority: place.authority, role: place.role }
    case 'wait':
      return { ...common, role: place.role, ...limitValues(place.limit), public: place.public ? 'on' : '' }
  }
}

/** The inputs as they were posted: `places.0.label=…`. */
export function typedPosted(body: unknown): Typed {
  const typed: Typed = { places: [], clocks: [], consults: [], materials: [], templates: [], single: {} }
  const found = new Map<Part, Map<number, Values>>(parts.map(part => [part, new Map()]))
  for (const [name, value] of Object.entries(typeof body === 'object' && body !== null ? body : {})) {
    const [, part = '', index = '', field = ''] = /^([a-z]+)\.(\d{1,3})\.([a-z]{1,20})$/.exec(name) ?? []
    const words = String(Array.isArray(value) ? value[0] : value).slice(0, 5000)
    const rows = found.get(part as Part) // undefined for another word
    if (rows) rows.set(Number(index), { ...rows.get(Number(index)), [field]: words })
    else if (/^(number|corrections|effective_on|threshold-[\w-]{1,40})$/.test(name)) typed.single[name] = words
  }
  for (const [part, rows] of found) typed[part] = [...rows].sort(([a], [b]) => a - b).map(([, row]) => row)
  return typed
}

const fresh: Record<Part, (typed: Typed, sort: string) => Values> = {
  places: (typed, sort) => ({ code: free(typed.places, sort), sort, unit: 'working-day', public: sort === 'wait' ? 'on' : '' }),
  clocks: typed => ({ code: free(typed.clocks, 'promise'), unit: 'working-day' }),
  consults: typed => ({ code: free(typed.consults, 'consult'), unit: 'working-day' }),
  materials: typed => ({ code: free(typed.materials, 'paper'), copies: '1', required: 'on' }),
  templates: () => ({}),
}

function free(rows: readonly Values[], stem: string): string {
  for (let n = 1; ; n++) if (!rows.some(row => row.code === `${stem}-${n}`)) return `${stem}-${n}`
}

/**
 * What a button among the rows does, without script: `add:places:desk`, `remove:materials:2`, `up:places:1`, `down:places:1`.
 * Anything else leaves the inputs as they are.
 */
export function changeRows(typed: Typed, command: string): Typed {
  const [verb, word, more = ''] = command.split(':')
  const part = parts.find(part => part === word)
  if (!part) return typed
  const rows = [...typed[part]]
  const at = Number(more)
  const known = part !== 'places' || Object.hasOwn(sorts, more)
  if (verb === 'add' && known && rows.length < most[part]) rows.push(fresh[part](typed, more))
  else if (verb === 'remove' && at in rows) rows.splice(at, 1)
  else if (verb === 'up' && at > 0 && at in rows) rows.splice(at - 1, 2, rows[at] ?? {}, rows[at - 1] ?? {})
  else if (verb === 'down' && at + 1 in rows) rows.splice(at, 2, rows[at + 1] ?? {}, rows[at] ?? {})
  return { ...typed, [part]: rows }
}

// ── The fields of a row ────────────────────────────────────────────────────────────────────────

/** Why a role cannot take a place, or nothing. An outcome from outside is keyed in by the city. */
function roleFault(role: string, sort: Place['sort'] | 'consult'): string | undefined {
  if (!isRole(role)) return `没有“${role}”这个角色，请从列表里选。`
  const { label, staff, scope } = roles[role]
  if (administrators.includes(role)) return `${label}只管系统，不办业务，请换一个角色。`
  if (!staff) return `${label}是申请单位的人，不能当审核岗位，请换一个角色。`
  if (!deskRoles.includes(role)) return `${label}不审核办件，请换一个角色。`
  if (sort === 'external' && scope !== 'city') return `市外机关的结果由市局录入，${label}不能录入，请选市局的角色。`
  return undefined
}

const roleField = (label: string, sort: Place['sort'] | 'consult') =>
  text({ label, type: 'select', rule: role => roleFault(role, sort) })

const codeField = () =>
  text({
    label: '代码',
    max: 40,
    hint: '系统内部用，保存后不能再改。',
    pattern: /^[a-z][a-z0-9-]*$/,
    patternHint: '代码只用小写字母、数字和短横线，以字母开头，如 street-review。',
  })
const unitField = () =>
  choice({
    label: '单位',
    options: [
      { value: 'working-day', label: '工作日' },
      { value: 'calendar-day', label: '自然日' },
    ],
  })
const daysField = (label: string) => integer({ label, min: 1, max: 365 })

const named = {
  label: text({ label: '名称', max: 20 }),
  state: text({ label: '办理中的叫法', max: 10 }),
}
const optionalDays = { limit: optionalInteger({ label: '环节时限', min: 1, max: 365 }), unit: unitField() }
const days = { limit: daysField('时限'), unit: unitField() }

const placeForms = {
  desk: z.object({
    ...named,
    role: roleField('办理人', 'desk'),
    ...optionalDays,
    visit: checkbox({ label: '通过时须登记实地核查（不少于 2 人）' }),
  }),
  party: z.object({
    ...named,
    party: choice<PartyRole>({
      label: '答复人',
      // The applicant asks, and whoever is only informed has nothing to answer.
      options: (['respondent', 'complainant', 'applicant'] as const).map(value => ({ value, label: partyRoles[value] })),
    }),
    ...days,
  }),
  external: z.object({ ...named, authority: text({ label: '机关名称', max: 40 }), role: roleField('结果录入人', 'external') }),
  wait: z.object({
    ...named,
    role: roleField('异议处理人', 'wait'),
    ...days,
    public: checkbox({ label: '在公共平台公示，接受异议' }),
  }),
} satisfies Record<Place['sort'], Form>

const froms: Record<Clock['from'], string> = {
  submitted: '收到申请',
  accepted: '受理',
  corrected: '告知补正',
  decided: '作出决定',
}
const untils: Record<Clock['until'], string> = {
  accepted: '受理或告知补正',
  resubmitted: '补正提交',
  decided: '作出决定',
  done: '办结',
}
/** Which ends lie behind a beginning. */
const behind: Record<Clock['from'], readonly Clock['until'][]> = {
  submitted: ['accepted', 'decided', 'done'],
  accepted: ['decided', 'done'],
  corrected: ['resubmitted'],
  decided: ['done'],
}
const optionsOf = <T extends string>(words: Record<T, string>) =>
  Object.entries<string>(words).map(([value, label]) => ({ value: value as T, label })) // Object.entries forgets the literal types

const clockForm = z.object({
  label: text({ label: '名称', max: 20 }),
  limit: daysField('时限'),
  unit: unitField(),
  law: text({ label: '依据', max: 100 }),
})
const newClockForm = clockForm.extend({
  from: choice({ label: '从何时起算', options: optionsOf(froms) }),
  until: choice({ label: '到何时为止', options: optionsOf(untils) }),
})
const consultForm = z.object({ label: text({ label: '名称', max: 20 }), role: roleField('征求对象', 'consult'), ...days })
const materialForm = z.object({
  label: text({ label: '材料名称', max: 60 }),
  copies: integer({ label: '份数', min: 1, max: 20 }),
  hint: optionalText({ label: '提示', max: 100 }),
  required: checkbox({ label: '必需' }),
  original: checkbox({ label: '核验原件' }),
  expires: checkbox({ label: '填写有效期' }),
})

/** Steps at which somebody writes an opinion that is often the same. */
const opinions = ['pass', 'sendBack', 'refuse', 'correct', 'decline', 'accept', 'uphold'] as const satisfies readonly StepCode[]
const templateForm = z.object({
  step: choice({ label: '用于', options: opinions.map(value => ({ value, label: steps[value].label })) }),
  label: text({ label: '简称', max: 12 }),
  text: text({ label: '意见', type: 'textarea', max: 500 }),
})

/** What the form of a row depends on: what was there before keeps its code and its nature. */
interface Ground {
  kind: Kind
  variant: string
  /** The settings the form was opened with. */
  base: KindSettings
}

const isParty = (text: string): text is PartyRole => Object.hasOwn(partyRoles, text)
const isSort = (text: string | undefined): text is Place['sort'] => text !== undefined && Object.hasOwn(sorts, text)

/** The sort of a place: as it was created, else as it was asked for. */
function sortOf(row: Values, base: KindSettings): Place['sort'] {
  const before = base.chain.find(({ code }) => code === row.code)
  return before?.sort ?? (isSort(row.sort) ? row.sort : 'desk')
}

function isNew(part: Part, row: Values, base: KindSettings): boolean {
  const before = { places: base.chain, clocks: base.clocks, consults: base.consults, materials: base.materials }
  return part !== 'templates' && !before[part].some(({ code }) => code === row.code)
}

function rowForm(part: Part, row: Values, { base }: Ground): Form {
  const form = {
    places: () => placeForms[sortOf(row, base)],
    clocks: () => (isNew('clocks', row, base) ? newClockForm : clockForm),
    consults: () => consultForm,
    materials: () => materialForm,
    templates: () => templateForm,
  }[part]()
  return isNew(part, row, base) ? form.extend({ code: codeField() }) : form
}

function singleForm({ kind, variant, base }: Ground) {
  const rule = { label: '编号规则', max: 80, rule: ruleFault, hint: '可用 {yyyy} 年份、{region} 区县代码、{seq:4} 四位流水号。' }
  const standard = standardOf(kind, variant)
  return z.object({
    // A kind whose number comes from elsewhere has no rule to ask for.
    number: standard.number ? text(rule) : optionalText(rule),
    corrections: integer({ label: '补正次数', min: 0, max: 5, unit: '次', hint: '0 为不退回补正。行政许可一次性告知，填 1。' }),
    ...Object.fromEntries(
      Object.keys({ ...standard.thresholds, ...base.thresholds }).map(code => {
        const { label, unit } = thresholdName(kind, code)
        return [`threshold-${code}`, integer({ label, ...(unit ? { unit } : {}), min: 0, max: 10_000_000 })]
      }),
    ),
    effective_on: date({ label: '生效日期', hint: '今天或以后。到这一天零时起，新提交的办件按这次的设置办。' }),
  })
}

/** What the page draws of a row. */
export interface DrawnRow {
  /** The place among its rows, from 0. */
  at: number
  title: string
  /** What is fixed, in words. */
  fixed: string
  hidden: { name: string; value: string }[]
  fields: (Field & { value: string; mistake?: string; row: number })[]
  removable: boolean
}
export interface DrawnForm {
  rows: Record<Part, DrawnRow[]>
  full: Record<Part, boolean>
  single: (Field & { value: string; mistake?: string })[]
  /** All fields in their order, for the summary of mistakes. */
  order: { name: string }[]
}

const roleOptions = deskRoles.map(value => ({ value, label: roles[value].label }))

/** What a field is chosen from: of a place only what cases of the kind can come to, and what stands there. */
function offered({ name, options }: Field, part: Part, value: string, kind: Kind): Field['options'] {
  const all = name === 'role' ? roleOptions : options
  if (part !== 'places') return all
  const isFit = (code: string) =>
    name === 'role' ? !isRole(code) || isReached(kind, code) : name !== 'party' || hasParty(kind, code)
  return all?.filter(option => option.value === value || isFit(option.value))
}

/** The whole form as the page draws it. */
export function drawForm(typed: Typed, mistakes: Mistakes, ground: Ground): DrawnForm {
  const { base, kind, variant } = ground
  const filled = <F extends Field>(field: F, name: string, value: string) => ({
    ...field,
    name,
    value,
    ...(mistakes[name] ? { mistake: mistakes[name] } : {}),
  })
  const legal = new Set(standardOf(kind, variant).clocks.map(({ code }) => code))
  const draw = (part: Part) =>
    typed[part].map((row, at): DrawnRow => {
      const code = row.code ?? ''
      const fields = fieldsOf(rowForm(part, row, ground))
        .map(field => {
          const options = offered(field, part, row[field.name] ?? '', kind)
          return options ? { ...field, options } : field
        })
        .map(field => ({ ...filled(field, `${part}.${at}.${field.name}`, row[field.name] ?? ''), row: at + 1 }))
      const shown = new Set(fields.map(({ name }) => name))
      const sort = part === 'places' ? sortOf(row, base) : undefined
      const clock = part === 'clocks' ? base.clocks.find(clock => clock.code === code) : undefined
      return {
        at,
        title: sort ? sorts[sort] : names[part],
        fixed: clock ? `${froms[clock.from]}至${untils[clock.until]}${clock.keeper === 'applicant' ? '，由申请人遵守' : ''}` : '',
        hidden: Object.entries({ code, ...(sort ? { sort } : {}) })
          .map(([name, value]) => ({ name: `${part}.${at}.${name}`, value }))
          .filter(({ name }) => part !== 'templates' && !shown.has(name)),
        fields,
        removable: part !== 'clocks' || !legal.has(code),
      }
    })
  const rows = Object.fromEntries(parts.map(part => [part, draw(part)])) as Record<Part, DrawnRow[]> // one entry for each part
  const single = fieldsOf(singleForm(ground)).map(field => filled(field, field.name, typed.single[field.name] ?? ''))
  return {
    rows,
    full: Object.fromEntries(parts.map(part => [part, typed[part].length >= most[part]])) as Record<Part, boolean>, // likewise
    single,
    order: [...parts.flatMap(part => [{ name: part }, ...rows[part].flatMap(row => row.fields)]), ...single],
  }
}

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

export type ReadSettings = { ok: true; settings: KindSettings; effective_on: string } | { ok: false; mistakes: Mistakes }

/** Reads the inputs into settings, or says what is wrong, each at its field. */
export function readSettings(typed: Typed, ground: Ground): ReadSettings {
  const { base, kind, variant } = ground
  const mistakes: Mistakes = {}
  const wrong = (name: string, sentence: string) => {
    mistakes[name] ??= sentence
  }
  const read = (part: Part) =>
    typed[part].map((row, at): Record<string, unknown> => {
      const found = readForm(rowForm(part, row, ground), row)
      const said = `第 ${at + 1} 个${names[part]}：`
      if (!found.ok)
        for (const [field, sentence] of Object.entries(found.mistakes)) wrong(`${part}.${at}.${field}`, said + sentence)
      return { code: row.code ?? '', ...(found.ok ? found.data : {}) }
    })
  for (const part of parts)
    if (typed[part].length > most[part])
      wrong(part, `${names[part]}最多 ${most[part]} 个，现有 ${typed[part].length} 个，请删去多余的。`)

  const single = readForm(singleForm(ground), typed.single)
  if (!single.ok) for (const [name, sentence] of Object.entries(single.mistakes)) wrong(name, sentence)
  const rows = Object.fromEntries(parts.map(part => [part, read(part)])) as Record<Part, Record<string, unknown>[]> // one entry for each part
  for (const part of ['places', 'clocks', 'consults', 'materials'] as const) twice(part, typed[part], base, wrong)
  chainFaults(typed.places, ground, wrong)
  for (const [at, { code }] of typed.materials.entries())
    if (code === 'outcome' || code === 'answer') wrong(`materials.${at}.code`, `代码“${code}”留给办理中的文件，请换一个。`)
  const opinionsSeen = new Set<string>()
  for (const [at, { step, label }] of typed.templates.entries()) {
    const key = `${step} ${label?.trim()}`
    if (opinionsSeen.has(key))
      wrong(`templates.${at}.label`, `第 ${at + 1} 个常用意见：这一步已有简称“${label?.trim()}”，请换一个。`)
    opinionsSeen.add(key)
  }
  const legal = standardOf(kind, variant).clocks
  for (const clock of legal)
    if (!typed.clocks.some(({ code }) => code === clock.code)) wrong('clocks', `法定时限“${clock.label}”不能删除，请加回来。`)

  // What is wrong by itself is said first; the rest compares fields that are right.
  if (Object.keys(mistakes).length || !single.ok) return { ok: false, mistakes }
  const { number, corrections, effective_on, ...levels } = single.data as {
    number: string | null
    corrections: number
    effective_on: string
  } & Record<string, number> // the fields of `singleForm`
  if (effective_on < today())
    wrong('effective_on', `生效日期不能早于今天（${today()}）。已提交的办件按提交时的设置办理，改不到过去。`)
  const settings: KindSettings = {
    chain: rows.places.map((data, at) => placeFrom(data, sortOf(typed.places[at] ?? {}, base))),
    clocks: rows.clocks.map(data => clockFrom(data, base)),
    consults: rows.consults.map(consultFrom),
    materials: rows.materials.map(materialFrom),
    number: number ?? '',
    corrections,
    thresholds: Object.fromEntries(Object.entries(levels).map(([name, value]) => [name.replace('threshold-', ''), value])),
    templates: rows.templates.map(({ step, label, text }) => ({ step: String(step), label: String(label), text: String(text) })),
  }
  clockFaults(settings.clocks, base, legal, wrong)
  return Object.keys(mistakes).length ? { ok: false, mistakes } : { ok: true, settings, effective_on }
}

type Wrong = (name: string, sentence: string) => void

/** Codes name places in the history and materials in the files, so each is there once; names are what people go by. */
function twice(part: Exclude<Part, 'templates'>, rows: readonly Values[], base: KindSettings, wrong: Wrong): void {
  const seen = { code: new Set<string>(), label: new Set<string>() }
  for (const [at, row] of rows.entries())
    for (const field of ['code', 'label'] as const) {
      const value = (row[field] ?? '').trim()
      if (value && seen[field].has(value))
        wrong(
          // A code that is fixed has no field to stand at.
          `${part}.${at}.${isNew(part, row, base) ? field : 'label'}`,
          `第 ${at + 1} 个${names[part]}：${field === 'code' ? '代码' : '名称'}“${value}”已经用过，请换一个。`,
        )
      seen[field].add(value)
    }
}

const reachesOf = ({ reaches = ['city', 'district'] }: Kind): readonly string[] => reaches
/** Whether every case of a kind has an office of its own where the role sits. */
const isReached = (kind: Kind, role: Role) => reachesOf(kind).includes(roles[role].scope)
/** Whether cases of a kind have this party. */
const hasParty = ({ parties = [] }: Kind, party: string) => ['applicant', ...parties].includes(party)

const offices: Readonly<Record<string, string>> = { city: '市局', district: '区县', street: '街道办' }
const decides = (sort: Place['sort']) => sort === 'desk' || sort === 'external'

/** A chain that no case could go through, or where one person could decide alone, or out of the public's sight against the law. */
function chainFaults(rows: readonly Values[], { kind, variant, base }: Ground, wrong: Wrong): void {
  const order = rows.map(row => sortOf(row, base))
  if (!order.includes('desk')) {
    wrong('places', '流程里没有审核岗位。至少要有一个审核岗位来受理和审核，请加上。')
    return
  }
  if (order[0] !== 'desk') wrong('places.0.label', `第 1 个环节要是审核岗位，由它受理；${sorts[order[0] ?? 'desk']}请移到后面。`)
  const last = order.length - 1
  if (order[last] === 'party')
    wrong(`places.${last}.label`, '最后一个环节不能是当事人答复：答复之后要有岗位作出决定，请在后面加一个审核岗位。')

  const { chain } = standardOf(kind, variant)
  // Nobody decides a case at two places, so two places are two people.
  const eyes = Math.min(2, chain.filter(({ sort }) => decides(sort)).length)
  const isPublic = rows.some((row, at) => order[at] === 'wait' && placeForms.wait.shape.public.parse(row.public))
  const missing = [
    order.filter(decides).length < eyes ? '至少要有两个审核环节，由不同的人办理（不得自审）。请加上。' : '',
    chain.some(place => place.sort === 'wait' && place.public) && !isPublic
      ? '这个事项依法要公示，公示环节不能去掉。请加回来。'
      : '',
  ].join('')
  if (missing) wrong('places', missing)

  for (const [at, { role = '', party = '' }] of rows.entries()) {
    const said = `第 ${at + 1} 个环节：这个事项的办件`
    if (order[at] === 'party') {
      if (isParty(party) && !hasParty(kind, party))
        wrong(`places.${at}.party`, `${said}没有${partyRoles[party]}，到这里没有人答复。请换一个答复人，或去掉这个环节。`)
    } else if (isRole(role) && !isReached(kind, role)) {
      const others = reachesOf(kind).map(level => offices[level])
      wrong(
        `places.${at}.role`,
        `${said}不一定有所属${offices[roles[role].scope]}，到这里会没有人办。请换${others.join('或')}的角色。`,
      )
    }
  }
}

/** An end before its beginning, and a promise longer than the law allows. */
function clockFaults(clocks: readonly Clock[], base: KindSettings, legal: readonly Clock[], wrong: Wrong): void {
  const lawful = new Set(legal.map(({ code }) => code))
  for (const [at, clock] of clocks.entries()) {
    if (isNew('clocks', { code: clock.code }, base) && !behind[clock.from].includes(clock.until))
      wrong(
        `clocks.${at}.until`,
        `第 ${at + 1} 个时限：从${froms[clock.from]}起算的，只能到${behind[clock.from].map(until => untils[until]).join('、')}为止。`,
      )
    const law = clocks.find(
      other => lawful.has(other.code) && other.from === clock.from && other.until === clock.until && other.unit === clock.unit,
    )
    if (!lawful.has(clock.code) && law && clock.limit > law.limit)
      wrong(`clocks.${at}.limit`, `第 ${at + 1} 个时限：承诺的 ${limitInWords(clock)}长于法定的 ${limitInWords(law)}，请改短。`)
  }
}

// What the forms above have read has these types; zod's own inference ends at the choice of a form by row.
type Data = Record<string, unknown>
const limitFrom = ({ limit, unit }: Data): Limit => ({ limit: Number(limit), unit: unit as Limit['unit'] })

function placeFrom(data: Data, sort: Place['sort']): Place {
  const common = { code: String(data.code), label: String(data.label), state: String(data.state) }
  const role = data.role as Role
  switch (sort) {
    case 'desk':
      return {
        sort,
        ...common,
        role,
        ...(data.limit === null ? {} : { limit: limitFrom(data) }),
        ...(data.visit ? { visit: true } : {}),
      }
    case 'party':
      return { sort, ...common, party: data.party as PartyRole, limit: limitFrom(data) }
    case 'external':
      return { sort, ...common, authority: String(data.authority), role }
    case 'wait':
      return { sort, ...common, role, limit: limitFrom(data), public: data.public === true }
  }
}

function clockFrom(data: Data, base: KindSettings): Clock {
  const code = String(data.code)
  const before: Clock = base.clocks.find(clock => clock.code === code) ?? {
    code,
    label: '',
    from: data.from as Clock['from'],
    until: data.until as Clock['until'],
    limit: 0,
    unit: 'working-day',
    pauses: ['supplement', 'waiting', 'external'],
    law: '',
    keeper: data.from === 'corrected' ? 'applicant' : 'desk',
  }
  return { ...before, label: String(data.label), ...limitFrom(data), law: String(data.law) }
}

function consultFrom(data: Data): Consult {
  return { code: String(data.code), label: String(data.label), role: data.role as Role, limit: limitFrom(data) }
}

function materialFrom({ code, label, required, original, copies, hint, expires }: Data): Material {
  return {
    code: String(code),
    label: String(label),
    required: required === true,
    original: original === true,
    copies: Number(copies),
    ...(hint ? { hint: String(hint) } : {}),
    ...(expires ? { expires: true } : {}),
  }
}
