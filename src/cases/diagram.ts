import { type Kind, type KindSettings, type Place, partyRoles } from './kind.ts'
import { type State, states, steps } from './lifecycle.ts'

/**
 * 状态图: what the two tables of the lifecycle make of one kind and its chain. `graphOf` says what leads where; `drawDiagram` gives
 * everything a place on paper, from left to right for wide windows, from top to bottom for phones. Both are pure.
 */

/** `core` is with an office, `you` with a party, `wait` before everyone, `outside` with an authority outside the city, `no` and `end` are over. */
export type Look = 'start' | 'core' | 'you' | 'wait' | 'outside' | 'no' | 'end' | 'over'

export interface GraphNode {
  /** The state, or the code of the place behind `at:`. */
  id: string
  state: State
  label: string
  /** 初审中: what a case is called here. */
  word: string
  look: Look
}
export interface GraphEdge {
  from: string
  to: string
  label: string
  back: boolean
}
export interface Graph {
  nodes: GraphNode[]
  edges: GraphEdge[]
}

type Drawn = Pick<Kind, 'label' | 'refusedTo' | 'states' | 'proof'>
type Laid = Pick<KindSettings, 'chain' | 'clocks' | 'corrections' | 'number'>

const at = (place: Place) => `at:${place.code}`
const decides = (place: Place) => place.sort === 'desk' || place.sort === 'external'
const looks: Record<Place['sort'], Look> = { desk: 'core', external: 'outside', party: 'you', wait: 'wait' }

/** What letting a case through is called at a place. */
const onward: Record<Place['sort'], string> = {
  desk: steps.pass.label,
  external: steps.pass.label,
  party: '答复或逾期',
  wait: steps.expire.label,
}

/** What leads where, in the words of the lifecycle. */
export function graphOf(kind: Drawn, { chain, corrections }: Pick<Laid, 'chain' | 'corrections'>): Graph {
  const name = (state: State) => kind.states?.[state] ?? states[state].label
  const node = (state: State, look: Look): GraphNode => ({ id: state, state, label: name(state), word: name(state), look })
  const hasCorrections = corrections > 0
  const nodes: GraphNode[] = [
    node('draft', 'start'),
    node('submitted', 'core'),
    ...chain.map(place => ({
      id: at(place),
      state: place.sort === 'wait' ? ('waiting' as const) : ('reviewing' as const),
      label: place.label,
      word: place.state,
      look: looks[place.sort],
    })),
    node('done', 'end'),
    ...(hasCorrections ? [node('supplement', 'you')] : []),
    node('withdrawn', 'over'),
    node('declined', 'no'),
    ...(kind.refusedTo === 'draft' ? [] : [node(kind.refusedTo, 'no')]),
  ]
  const edges: GraphEdge[] = [{ from: 'draft', to: 'submitted', label: steps.submit.label, back: false }]
  const add = (from: string, to: string, label: string, back = true) => edges.push({ from, to, label, back })
  add('submitted', chain[0] ? at(chain[0]) : 'done', steps.accept.label, false)
  chain.forEach((place, index) => {
    const next = chain[index + 1]
    add(at(place), next ? at(next) : 'done', onward[place.sort], false)
  })
  add('submitted', 'declined', steps.decline.label)
  add('submitted', 'withdrawn', steps.withdraw.label)
  if (hasCorrections) {
    add('submitted', 'supplement', steps.correct.label)
    add('supplement', 'submitted', steps.resubmit.label)
    add('supplement', 'withdrawn', steps.withdraw.label)
  }
  if (kind.refusedTo === 'rejected') add('rejected', 'submitted', '修改后提交', false)
  chain.forEach((place, index) => {
    const before = chain.slice(0, index).findLast(decides)
    if (before && place.sort === 'desk') add(at(place), at(before), steps.sendBack.label)
    if (before && place.sort === 'wait') add(at(place), at(before), steps.uphold.label)
    if (decides(place)) add(at(place), kind.refusedTo, steps.refuse.label)
    if (hasCorrections && place.sort === 'desk') {
      add(at(place), 'supplement', steps.correct.label)
      add('supplement', at(place), steps.resubmit.label)
    }
  })
  return { nodes, edges }
}

/** What stands under the label of a node: a count, or the word of the state. */
export type Under = (node: GraphNode) => string

export interface Box extends GraphNode {
  /** The label in one line or two. */
  lines: string[]
  under: string
  x: number
  y: number
  width: number
  height: number
}
export interface Line {
  path: string
  back: boolean
  arrow: boolean
}
export interface Words {
  text: string
  /** The middle, and the line the letters stand on. */
  x: number
  y: number
  width: number
}
export interface Diagram {
  width: number
  height: number
  boxes: Box[]
  lines: Line[]
  words: Words[]
  title: string
  /** The whole picture in sentences. */
  description: string
}

/** The state diagram of a kind, `wide` or `tall`. */
export function drawDiagram(kind: Drawn, settings: Laid, shape: 'wide' | 'tall', under: Under): Diagram {
  const graph = graphOf(kind, settings)
  const told = { title: `${kind.label}状态图`, description: describe(kind, settings) }
  const notes = {
    starts: settings.clocks.some(clock => clock.from === 'accepted') ? '时限起算' : '',
    ends: settings.number && kind.proof ? '取号出证' : settings.number ? '取号' : kind.proof ? '出证' : '',
  }
  const sheet =
    shape === 'wide' ? drawWide(graph, kind, settings.chain, notes, under) : drawTall(graph, kind, settings.chain, notes, under)
  return { ...sheet, ...told }
}

interface Notes {
  starts: string
  ends: string
}
type Sheet = Pick<Diagram, 'width' | 'height' | 'boxes' | 'lines' | 'words'>

const consequence: Record<Kind['refusedTo'], string> = {
  draft: '不通过：附意见退回，可改后再交',
  rejected: '不通过：附理由驳回，可改后再交',
  refused: '不通过：说明理由，告知复议和诉讼途径',
}

// ── From left to right ─────────────────────────────────────────────────────────────────────────

const edge = 8
const least = { box: 84, gap: 46 }
const top = 108
const side = { height: 36, y: 38 }

function drawWide({ nodes }: Graph, kind: Drawn, chain: readonly Place[], notes: Notes, under: Under): Sheet {
  const drawing = new Drawing(nodes, under)
  const way = ['draft', 'submitted', ...chain.map(at), 'done']
  const below: Record<number, string[]> = { 0: ['withdrawn'], 1: ['declined', 'supplement'] }
  if (kind.refusedTo === 'rejected') below[0]?.push('rejected')
  if (kind.refusedTo === 'refused') below[way.length - 1] = ['refused']
  const links = [steps.submit.label, steps.accept.label, ...chain.map(place => onward[place.sort])]
  const seconds = ['', notes.starts, ...chain.map((_, index) => (index === chain.length - 1 ? notes.ends : ''))]
  const height = way.some(id => drawing.linesOf(id).length > 1) ? 68 : 52
  const [middle, bottom] = [top + height / 2, top + height]

  // The way itself: a column each, with as much between them as the words need.
  let x = edge
  way.forEach((id, index) => {
    const width = Math.max(least.box, ...[id, ...(below[index] ?? [])].map(each => drawing.widthOf(each)))
    drawing.box(id, { x, y: top, width, height })
    const gap = Math.max(least.gap, 22 + Math.max(widthOf(links[index] ?? '', 12), widthOf(seconds[index] ?? '', 12)))
    if (index < way.length - 1) {
      drawing.line(`M${x + width} ${middle}h${gap - 2}`)
      drawing.say(links[index] ?? '', x + width + gap / 2 - 3, middle - 9)
      drawing.say(seconds[index] ?? '', x + width + gap / 2 - 3, middle + 19)
      x += width + gap
    } else x += width
  })
  const width = x + edge
  const [draft, submitted, last] = [drawing.at('draft'), drawing.at('submitted'), drawing.at('done')]
  const places = chain.map(place => ({ place, box: drawing.at(at(place)) }))
  const deciding = places.filter(({ place }) => decides(place)).map(({ box }) => box)

  // 不予受理 above, 已驳回 or 不予通过 above the end it is.
  drawing.box('declined', { ...submitted, y: side.y, height: side.height })
  drawing.line(`M${centre(submitted)} ${top}V${side.y + side.height + 2}`, { back: true })
  const [first, final] = [deciding[0], deciding.at(-1)]
  if (first && final && kind.refusedTo === 'refused') {
    const rail = side.y + side.height / 2
    drawing.box('refused', { ...last, y: side.y, height: side.height })
    for (const box of deciding) drawing.line(`M${centre(box)} ${top}V${rail}`, { back: true, arrow: false })
    drawing.line(`M${centre(first)} ${rail}H${last.x - 2}`, { back: true })
    const text = consequence.refused
    const half = widthOf(text, 12) / 2
    drawing.say(text, Math.min((centre(first) + last.x) / 2, width - edge - half), side.y - 10)
  } else if (first && final) {
    const rail = 20
    if (kind.refusedTo === 'rejected') {
      drawing.box('rejected', { ...draft, y: side.y, height: side.height })
      const turn = (side.y + side.height + top) / 2
      drawing.line(`M${centre(draft)} ${side.y + side.height}V${turn}H${submitted.x + 16}V${top - 2}`)
      drawing.say('修改后提交', (centre(draft) + submitted.x + 16) / 2, turn + 4)
    }
    for (const box of deciding) drawing.line(`M${centre(box)} ${top}V${rail}`, { back: true, arrow: false })
    const end = kind.refusedTo === 'rejected' ? side.y : top
    drawing.line(`M${centre(final)} ${rail}H${centre(draft)}V${end - 2}`, { back: true })
    drawing.say(consequence[kind.refusedTo], (centre(draft) + centre(first)) / 2, rail - 6)
  }

  // Back to the desk before, beneath the way: deeper where something lies between.
  let depth = 0
  for (const { from, to, label, level } of returns(chain)) {
    const [start, end] = [drawing.at(from), drawing.at(to)]
    const [out, into] = [start.x + start.width / 4, end.x + (end.width * 3) / 4]
    const drop = 6 + 26 * level
    depth = Math.max(depth, drop)
    drawing.line(`M${out} ${bottom}C${out} ${bottom + drop / 0.75} ${into} ${bottom + drop / 0.75} ${into} ${bottom + 2}`, {
      back: true,
    })
    drawing.say(label, (out + into) / 2, bottom + drop + 4)
  }

  // 待补正 and 已撤回 beneath the beginning.
  const low = bottom + Math.max(82, depth + 34)
  const half = 22
  const between = (draft.x + draft.width + submitted.x) / 2
  drawing.box('withdrawn', { ...draft, y: low - half, height: half * 2 })
  const leave = top + height * 0.75
  drawing.line(`M${submitted.x} ${leave}H${between}V${low}`, { back: true, arrow: false })
  if (drawing.has('supplement')) {
    drawing.box('supplement', { ...submitted, y: low - half, height: half * 2 })
    const [down, up] = [centre(submitted) - 8, centre(submitted) + 14]
    drawing.line(`M${down} ${bottom}V${low - half - 2}`, { back: true })
    drawing.line(`M${up} ${low - half}V${bottom + 2}`, { back: true })
    const line = (bottom + low - half) / 2 + 2
    drawing.say(steps.correct.label, down - 7 - widthOf(steps.correct.label, 12) / 2, line)
    drawing.say(steps.resubmit.label, up + 7 + widthOf(steps.resubmit.label, 12) / 2, line)
    drawing.line(`M${submitted.x} ${low}H${draft.x + draft.width + 2}`, { back: true })
    const desks = places.filter(({ place }) => place.sort === 'desk').map(({ box }) => box)
    const far = desks.at(-1)
    if (far) {
      for (const box of desks) drawing.line(`M${centre(box)} ${bottom}V${low}`, { back: true, arrow: false })
      drawing.line(`M${centre(far)} ${low}H${submitted.x + submitted.width + 2}`, { back: true })
      const text = '审核中也可退回补正，补正后回到原处'
      drawing.say(text, submitted.x + submitted.width + 14 + widthOf(text, 12) / 2, low + 20)
    }
  } else drawing.line(`M${between} ${low}H${draft.x + draft.width + 2}`, { back: true })
  drawing.say(steps.withdraw.label, between, low - 10)
  return drawing.sheet(width, low + half + edge)
}

// ── From top to bottom ─────────────────────────────────────────────────────────────────────────

const paper = 360
const main = { x: 116, width: 124 }
const left = { x: 4, width: 88 }
const right = { x: 264, width: 82 }

function drawTall({ nodes }: Graph, kind: Drawn, chain: readonly Place[], notes: Notes, under: Under): Sheet {
  const drawing = new Drawing(nodes, under)
  const way = ['draft', 'submitted', ...chain.map(at), 'done']
  const links = [steps.submit.label, steps.accept.label, ...chain.map(place => onward[place.sort])]
  const height = way.some(id => drawing.linesOf(id).length > 1) ? 68 : 52
  const gap = 46
  const middle = main.x + main.width / 2
  const edgeRight = main.x + main.width
  const rowAt = (index: number) => edge + index * (height + gap)

  way.forEach((id, index) => {
    drawing.box(id, { ...main, y: rowAt(index), height })
    if (index === way.length - 1) return
    const from = rowAt(index) + height
    drawing.line(`M${middle} ${from}v${gap - 2}`)
    const label = links[index] ?? ''
    drawing.say(label, middle + 10 + widthOf(label, 12) / 2, from + gap / 2 + 3)
    const second = index === 1 ? notes.starts : index === way.length - 2 ? notes.ends : ''
    drawing.say(second, middle - 10 - widthOf(second, 12) / 2, from + gap / 2 + 3)
  })
  const [draft, submitted, last] = [drawing.at('draft'), drawing.at('submitted'), drawing.at('done')]

  drawing.box('withdrawn', { ...left, y: submitted.y + (height - 44) / 2, height: 44 })
  drawing.line(`M${main.x} ${submitted.y + height / 2}H${left.x + left.width + 2}`, { back: true })
  drawing.box('declined', { ...right, y: submitted.y - 6, height: 34 })
  drawing.line(`M${edgeRight} ${submitted.y + 11}H${right.x - 2}`, { back: true })
  if (drawing.has('supplement')) {
    const box = { ...right, y: submitted.y + height - 14, height: 42 }
    drawing.box('supplement', box)
    drawing.line(`M${edgeRight} ${box.y + 8}H${right.x - 2}`, { back: true })
    drawing.line(`M${right.x} ${box.y + 30}H${edgeRight - 14}V${submitted.y + height + 2}`, { back: true })
    drawing.say('审核中也可退回', right.x + right.width / 2, box.y + box.height + 17)
  }

  for (const { from, to, label, level } of returns(chain)) {
    const [start, end] = [drawing.at(from), drawing.at(to)]
    const [out, into] = [start.y + 14, end.y + height - 12]
    const reach = Math.min(8 + 20 * level, 108)
    drawing.line(`M${main.x} ${out}C${main.x - reach / 0.75} ${out} ${main.x - reach / 0.75} ${into} ${main.x - 2} ${into}`, {
      back: true,
    })
    const half = widthOf(label, 12) / 2
    drawing.say(label, Math.max(half + 2, main.x - reach - 5 - half), (out + into) / 2 + 4)
  }

  const deciding = chain.filter(decides).map(place => drawing.at(at(place)))
  const [first, final] = [deciding[0], deciding.at(-1)]
  if (first && final) {
    const stub = (box: Box) => box.y + height - 16
    const rail = kind.refusedTo === 'refused' ? right.x + right.width / 2 : paper - 6
    for (const box of deciding) drawing.line(`M${edgeRight} ${stub(box)}H${rail}`, { back: true, arrow: false })
    drawing.say(steps.refuse.label, edgeRight + 10 + widthOf(steps.refuse.label, 12) / 2, stub(first) - 6)
    if (kind.refusedTo === 'refused') {
      drawing.box('refused', { ...right, y: last.y + (height - 36) / 2, height: 36 })
      drawing.line(`M${rail} ${stub(first)}V${last.y + (height - 36) / 2 - 2}`, { back: true })
    } else if (kind.refusedTo === 'rejected') {
      const box = { ...right, y: draft.y, height: 36 }
      drawing.box('rejected', box)
      drawing.line(`M${rail} ${stub(final)}V${box.y + 18}H${right.x + right.width + 2}`, { back: true })
      drawing.line(`M${right.x + 14} ${box.y + box.height}V${box.y + 54}H${edgeRight - 14}V${submitted.y - 2}`)
      drawing.say('修改后提交', right.x + 22, box.y + 73)
    } else drawing.line(`M${rail} ${stub(final)}V${draft.y + height / 2}H${edgeRight + 2}`, { back: true })
  }
  return drawing.sheet(paper, rowAt(way.length - 1) + height + edge)
}

/**
 * Who sends back to whom. The desk before is the nearest that decides, so two such ways are apart or one lies inside the other; `level`
 * counts how many lie inside.
 */
function returns(chain: readonly Place[]): { from: string; to: string; label: string; level: number }[] {
  const found: { from: string; to: string; label: string; level: number; span: [number, number] }[] = []
  chain.forEach((place, index) => {
    const before = chain.slice(0, index).findLastIndex(decides)
    const to = chain[before]
    if (!to || (place.sort !== 'desk' && place.sort !== 'wait')) return
    const inside = found.filter(other => other.span[0] >= before && other.span[1] <= index)
    const label = place.sort === 'wait' ? steps.uphold.label : steps.sendBack.label
    const level = 1 + Math.max(0, ...inside.map(other => other.level))
    found.push({ from: at(place), to: at(to), label, level, span: [before, index] })
  })
  return found
}

// ── Ink ────────────────────────────────────────────────────────────────────────────────────────

type Frame = Pick<Box, 'x' | 'y' | 'width' | 'height'>
const centre = ({ x, width }: Frame) => x + width / 2

/** A sheet that knows which nodes there are, and what has been drawn. */
class Drawing {
  readonly #nodes: Map<string, GraphNode>
  readonly #under: Under
  readonly #boxes = new Map<string, Box>()
  readonly #lines: Line[] = []
  readonly #words: Words[] = []

  constructor(nodes: readonly GraphNode[], under: Under) {
    this.#nodes = new Map(nodes.map(node => [node.id, node]))
    this.#under = under
  }

  has(id: string): boolean {
    return this.#nodes.has(id)
  }

  linesOf(id: string): string[] {
    return broken(this.#node(id).label)
  }

  /** How wide the box of a node must be for its texts. */
  widthOf(id: string): number {
    const node = this.#nodes.get(id)
    return node ? 18 + Math.max(...broken(node.label).map(line => widthOf(line, 13)), widthOf(this.#under(node), 12)) : 0
  }

  box(id: string, { x, y, width, height }: Frame): void {
    const node = this.#node(id)
    this.#boxes.set(id, { ...node, lines: broken(node.label), under: this.#under(node), x, y, width, height })
  }

  /** A box that is drawn already. */
  at(id: string): Box {
    const box = this.#boxes.get(id)
    if (!box) throw new Error(`diagram: ${id} is not drawn yet`)
    return box
  }

  line(path: string, { back = false, arrow = true } = {}): void {
    this.#lines.push({ path: path.replace(/\d+\.\d+/g, number => String(Math.round(Number(number)))), back, arrow })
  }

  say(text: string, x: number, y: number): void {
    if (text) this.#words.push({ text, x: Math.round(x), y: Math.round(y), width: widthOf(text, 12) })
  }

  sheet(width: number, height: number): Sheet {
    return {
      width: Math.ceil(width),
      height: Math.ceil(height),
      boxes: [...this.#boxes.values()],
      lines: this.#lines,
      words: this.#words,
    }
  }

  #node(id: string): GraphNode {
    const node = this.#nodes.get(id)
    if (!node) throw new Error(`diagram: no ${id}`)
    return node
  }
}

/** How wide a text is at a size: Chinese letters are square, Latin ones and digits a little over half. */
function widthOf(text: string, size: number): number {
  return [...text].reduce((sum, sign) => sum + (sign.charCodeAt(0) < 0x2000 ? 0.58 : 1), 0) * size
}

/** A label in lines of at most eight letters; what does not fit in two is cut, and stands whole in the tooltip. */
function broken(label: string): string[] {
  const signs = [...label]
  if (signs.length <= 8) return [label]
  const half = Math.min(8, Math.ceil(signs.length / 2))
  const rest = signs.slice(half)
  return [signs.slice(0, half).join(''), rest.length > 8 ? `${rest.slice(0, 7).join('')}…` : rest.join('')]
}

/** The picture in sentences, for whoever does not see it. */
function describe(kind: Drawn, { chain, corrections }: Laid): string {
  const name = (state: State) => kind.states?.[state] ?? states[state].label
  const way = chain.map(place => (place.sort === 'party' ? `${place.label}（${partyRoles[place.party]}）` : place.label))
  const wait = chain.filter(place => place.sort === 'wait').map(place => place.label)
  return [
    `${name('draft')}，提交后${name('submitted')}；受理后依次为${way.join('、')}，最后${name('done')}。`,
    `${name('submitted')}时可不予受理。`,
    corrections > 0 ? `受理前和审核中可退回补正，最多 ${corrections} 次，补正提交后回到退回的环节。` : '',
    chain.filter(decides).length > 1 ? '审核岗位可退回上一步。' : '',
    wait.length ? `${wait.join('、')}期间异议成立的，回到前一个审核岗位。` : '',
    kind.refusedTo === 'draft'
      ? `审核不通过退回，变为${name('draft')}，可改后再交。`
      : kind.refusedTo === 'rejected'
        ? `审核不通过为${name('rejected')}，修改后可再提交。`
        : `审核不通过为${name('refused')}。`,
    '决定作出前申请人可撤回。',
  ].join('')
}
