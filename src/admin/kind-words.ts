import { roles } from '../accounts/roles.ts'
import { clockInWords, limitInWords } from '../cases/catalogue.ts'
import { type Kind, type KindSettings, type Material, type Place, partyRoles } from '../cases/kind.ts'
import { stepLabel } from '../cases/lifecycle.ts'
import type { Change } from './changes.ts'

/** Settings of a kind in words: to be read, and to say what changed. */

/** The sorts of places, as the pages name them. */
export const sorts: Record<Place['sort'], string> = {
  desk: '审核岗位',
  party: '当事人答复',
  external: '市外机关',
  wait: '公示、等待',
}

/** What a threshold is called. */
export function thresholdName(kind: Kind, code: string): { label: string; unit?: string } {
  return kind.thresholds?.[code] ?? { label: code }
}

/** One thing that can change. */
export interface Item {
  key: string
  section: string
  label: string
  value: string
}

/** All that is set, to be read. */
export function tellSettings(settings: KindSettings, kind: Kind): Item[] {
  const item = (section: string, code: string, label: string, value: string): Item => ({
    key: `${section} ${code}`,
    section,
    label,
    value,
  })
  return [
    item('流程', '', '环节', settings.chain.map(({ label }) => label).join(' → ')),
    ...settings.chain.map(place => item('流程', place.code, `环节“${place.label}”`, placeInWords(place))),
    ...settings.clocks.map(clock => item('时限', clock.code, `时限“${clock.label}”`, `${clockInWords(clock)}；${clock.law}`)),
    ...settings.consults.map(({ code, label, role, limit }) =>
      item('征求意见', code, `征求意见“${label}”`, `${roles[role].label}，${limitInWords(limit)}`),
    ),
    ...settings.materials.map(material => item('材料', material.code, `材料“${material.label}”`, materialInWords(material))),
    item('编号和条件', 'number', '编号规则', settings.number),
    item('编号和条件', 'corrections', '补正次数', `${settings.corrections} 次`),
    ...Object.entries(settings.thresholds).map(([code, value]) => {
      const { label, unit } = thresholdName(kind, code)
      return item('编号和条件', `threshold-${code}`, label, unit ? `${value} ${unit}` : String(value))
    }),
    ...settings.templates.map(({ step, label, text }) =>
      item('常用意见', `${step} ${label}`, `常用意见“${stepLabel(step)}：${label}”`, text),
    ),
  ]
}

function placeInWords(place: Place): string {
  const limit = place.sort !== 'external' && place.limit ? `限 ${limitInWords(place.limit)}` : ''
  return [sorts[place.sort], `叫“${place.state}”`, ...natureOf(place), limit].filter(Boolean).join('，')
}

function natureOf(place: Place): string[] {
  switch (place.sort) {
    case 'desk':
      return [roles[place.role].label, place.visit ? '登记实地核查' : '']
    case 'party':
      return [partyRoles[place.party]]
    case 'external':
      return [place.authority, `${roles[place.role].label}录入`]
    case 'wait':
      return [place.public ? '对外公示' : '不对外', `${roles[place.role].label}处理异议`]
  }
}

function materialInWords({ required, original, copies, hint, expires }: Material): string {
  return [required ? '必需' : '选交', original ? '核验原件' : '', `${copies} 份`, expires ? '填写有效期' : '', hint ?? '']
    .filter(Boolean)
    .join('，')
}

/** What differs between two settings; what is not there is —. */
export function settingsChanges(before: KindSettings, after: KindSettings, kind: Kind): Change[] {
  const was = new Map(tellSettings(before, kind).map(item => [item.key, item]))
  const is = new Map(tellSettings(after, kind).map(item => [item.key, item]))
  return [...new Set([...is.keys(), ...was.keys()])].flatMap(key => {
    const [one, other] = [was.get(key), is.get(key)]
    const isRenamed = one && other && one.label !== other.label
    if (one?.value === other?.value && !isRenamed) return []
    const words = (item: Item | undefined) => (isRenamed && item ? `${item.label}，${item.value}` : item?.value || '—')
    return [{ label: one?.label ?? other?.label ?? '', before: words(one), after: words(other) }]
  })
}
