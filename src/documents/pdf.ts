import PDFDocument from 'pdfkit'
import QRCode from 'qrcode'
import { beijing } from '../clock.ts'
import { type Face, type Faces, standardFaces } from './fonts.ts'
import { breakLines, type Line } from './lines.ts'

/**
 * A paper on A4: what it says comes in from the top, page after page, and every page gets its foot at the end. The file is tagged,
 * so that it can be read aloud; its text can be searched; printed twice in the same second it is the same byte for byte.
 */

const millimetre = 72 / 25.4
const ink = '#16242d'
const faint = '#5b6871'
const line = '#6b7780'
const wash = '#eef2f4'
export const red = '#b3261e'

type Align = 'left' | 'center' | 'right' | 'justify'
type Weight = 'regular' | 'bold'

export interface PaperFacts {
  title: string
  /** What stands left in the foot of every page: the number of the paper, its verification code. */
  foot: string[]
  /** The digest of what is printed, in a line of its own. */
  digest?: string
  printedAt: Date
  landscape?: boolean
  /** Height of the foot over the edge of the page, in millimetres. */
  footAt?: number
  /** In millimetres; that of GB/T 9704 where nothing is said. */
  margins?: { top: number; right: number; bottom: number; left: number }
  faces?: Faces
}

export interface TextStyle {
  size?: number
  /** Distance of lines. */
  leading?: number
  weight?: Weight
  align?: Align
  /** In characters: 2 begins a paragraph of Chinese prose. */
  indent?: number
  colour?: string
  /** Room below. */
  after?: number
  tag?: 'P' | 'H1' | 'H2' | 'H3' | 'Caption'
  /** Where it stands, when not between the margins. */
  x?: number
  width?: number
}

export interface Cell {
  text: string
  /** A heading of its row or column. */
  head?: boolean
  align?: Align
  weight?: Weight
  /** How many columns it takes. */
  span?: number
}

export interface Grid {
  /** Parts of the width. */
  widths: readonly number[]
  head?: readonly Cell[]
  rows: readonly (readonly Cell[])[]
  size?: number
  /** The least height of a row. */
  height?: number
}

/** GB/T 9704-2012: a line of 158 mm holds 28 characters of size 3 (16 pt). */
const official = { top: 37, right: 26, bottom: 35, left: 26 }

export class Paper {
  /** Where the next line begins. */
  y: number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly width: number
  readonly #doc: PDFKit.PDFDocument
  readonly #root: PDFKit.PDFStructureElement
  readonly #faces: Faces
  readonly #facts: PaperFacts

  /** The first of its pages, counted from 0 in the file. */
  readonly #from: number
  readonly #page: { size: 'A4'; layout: 'landscape' | 'portrait'; margin: 0 }

  /** @param before a paper in whose file this one goes on, on pages and with a foot of its own; see `next` */
  constructor(facts: PaperFacts, before?: Paper) {
    const { title, printedAt, landscape = false, margins = official, faces = standardFaces() } = facts
    this.#facts = facts
    this.#faces = faces
    this.#page = { size: 'A4', layout: landscape ? 'landscape' : 'portrait', margin: 0 }
    this.#doc = before ? before.#doc : this.#open(title, printedAt)
    if (before) this.#doc.addPage(this.#page)
    this.#from = before ? this.#end - 1 : 0
    const { width, height } = this.#doc.page
    this.left = margins.left * millimetre
    this.right = width - margins.right * millimetre
    this.top = margins.top * millimetre
    this.bottom = height - margins.bottom * millimetre
    this.width = this.right - this.left
    this.y = this.top
    this.#root = this.#doc.struct('Document')
    this.#doc.addStructure(this.#root)
  }

  #open(title: string, printedAt: Date): PDFKit.PDFDocument {
    const doc = new PDFDocument({
      ...this.#page,
      lang: 'zh-CN',
      tagged: true,
      displayTitle: true,
      pdfVersion: '1.7',
      bufferPages: true,
      font: '',
      info: { Title: title, Creator: '物业行业综合管理系统', Producer: 'PDFKit', CreationDate: printedAt },
    })
    for (const weight of ['regular', 'bold'] as const) doc.registerFont(weight, this.#faces[weight].source)
    return doc
  }

  /** How many pages the file has, those written away already among them. */
  get #end(): number {
    const { start, count } = this.#doc.bufferedPageRange()
    return start + count
  }

  /** The page that is being written, counted from 1. */
  get page(): number {
    return this.#end - this.#from
  }

  newPage(): void {
    this.#doc.addPage(this.#page)
    this.y = this.top
  }

  /** Begins a new page when there is less room than this left. */
  keep(height: number): void {
    if (this.y + height > this.bottom + 0.01 && this.y > this.top) this.newPage()
  }

  space(height: number): void {
    this.y += height
  }

  /** A heading, which never stands alone at the foot of a page. */
  heading(text: string, { size = 14, after = 8, follow = 40, ...style }: TextStyle & { follow?: number } = {}): void {
    const lines = this.#linesOf(text, size, 'bold', style.width ?? this.width, 0)
    this.keep(lines.length * (style.leading ?? size * 1.5) + after + follow)
    this.text(text, { tag: 'H2', weight: 'bold', leading: size * 1.5, size, after, ...style })
  }

  /** A paragraph; it may run on to the next page. */
  text(text: string, style: TextStyle = {}): void {
    const { size = 10.5, leading = size * 1.7, weight = 'regular', align = 'left', indent = 0, colour = ink, after = 0 } = style
    const { x = this.left, width = this.width, tag = 'P' } = style
    const lines = this.#linesOf(text, size, weight, width, indent * size)
    const element = this.#doc.struct(tag)
    this.#root.add(element)
    let chunk: (() => void)[] = []
    const flush = () => {
      const drawn = chunk
      chunk = []
      element.add(() => {
        for (const draw of drawn) draw()
      })
    }
    for (const [n, line] of lines.entries()) {
      if (this.y + leading > this.bottom + 0.01 && this.y > this.top) {
        flush()
        this.newPage()
      }
      const [at, from] = [this.y, n ? x : x + indent * size]
      const room = width - (n ? 0 : indent * size)
      chunk.push(() => this.#line(line, { x: from, y: at, room, size, leading, weight, align, colour }))
      this.y += leading
    }
    flush()
    element.end()
    this.y += after
  }

  /** How high a paragraph will be. */
  heightOf(
    text: string,
    { size = 10.5, leading = size * 1.7, weight = 'regular', indent = 0, width = this.width }: TextStyle = {},
  ): number {
    return this.#linesOf(text, size, weight, width, indent * size).length * leading
  }

  /** Labels and values in a ruled form, two pairs a row; a wide one has the row to itself. */
  facts(
    pairs: readonly { label: string; value: string; wide?: boolean }[],
    { size = 10.5, height = 0 }: { size?: number; height?: number } = {},
  ): void {
    const rows: Cell[][] = []
    let open: Cell[] | undefined
    for (const { label, value, wide } of pairs) {
      const cells: Cell[] = [{ text: label, head: true }, { text: value }]
      if (wide) {
        if (open) widen(open)
        open = undefined
        rows.push(widen(cells))
      } else if (open) {
        open.push(...cells)
        open = undefined
      } else {
        rows.push(cells)
        open = cells
      }
    }
    if (open) widen(open)
    this.grid({ widths: [21, 29, 21, 29], rows, size, height })
  }

  /**
   * A ruled table. Its head is repeated on every page; a row goes to the next page whole if it fits there, and is divided between
   * lines if it does not.
   */
  grid({ widths, head, rows, size = 9.5, height = 0 }: Grid): void {
    const whole = widths.reduce((sum, part) => sum + part, 0)
    const shape: Shape = {
      columns: widths.map(part => (part / whole) * this.width),
      size,
      leading: size * 1.45,
      pad: size * 0.45,
      height,
    }
    const table = this.#doc.struct('Table')
    this.#root.add(table)
    const heading =
      head &&
      this.#layOut(
        head.map(cell => ({ align: 'center', weight: 'bold', ...cell, head: true }) satisfies Cell),
        shape,
      )
    const laid = rows.map(row => this.#layOut(row, shape))
    const headHeight = heading ? heightOf(shape, heading.lines) : 0
    this.keep(headHeight + heightOf(shape, Math.min(laid[0]?.lines ?? 1, 4)))
    if (heading) this.#wholeRow(table, heading, shape, 'Column')
    for (const row of laid) {
      const { element, pens } = this.#rowElement(table, row, 'Row')
      const fits = heightOf(shape, row.lines) <= this.bottom - this.top - headHeight
      for (let from = 0; from < row.lines; ) {
        const room = Math.floor((this.bottom - this.y - 2 * shape.pad + 0.01) / shape.leading)
        const left = row.lines - from
        if (this.y > this.top + headHeight + 0.01 && room < left && (fits || room < 3)) {
          this.newPage()
          // A repeated head is for the eye; who listens has heard it.
          if (heading)
            this.#drawRow(
              heading,
              shape,
              heading.cells.map(() => draw => this.#artifact('Layout', draw)),
            )
          continue
        }
        const to = from + Math.max(1, Math.min(room, left))
        this.#drawRow(row, shape, pens, from, to)
        from = to
      }
      element.end()
    }
    table.end()
  }

  #layOut(row: readonly Cell[], { columns, size, pad }: Shape): Laid {
    let x = this.left
    let column = 0
    const cells = row.map((cell): Laid['cells'][number] => {
      const width = columns.slice(column, column + (cell.span ?? 1)).reduce((sum, one) => sum + one, 0)
      const laid = { cell, x, width, lines: this.#linesOf(cell.text, size, cell.weight ?? 'regular', width - 2 * pad, 0) }
      x += width
      column += cell.span ?? 1
      return laid
    })
    return { cells, lines: Math.max(1, ...cells.map(({ lines }) => lines.length)) }
  }

  #wholeRow(table: PDFKit.PDFStructureElement, row: Laid, shape: Shape, scope: 'Row' | 'Column'): void {
    const { element, pens } = this.#rowElement(table, row, scope)
    this.#drawRow(row, shape, pens)
    element.end()
  }

  #rowElement(
    table: PDFKit.PDFStructureElement,
    { cells }: Laid,
    scope: 'Row' | 'Column',
  ): { element: PDFKit.PDFStructureElement; pens: Pen[] } {
    const element = this.#doc.struct('TR')
    table.add(element)
    const options: PDFKit.Mixins.StructureElementOptions & { scope: string } = { scope } // newer than the types
    const pens = cells.map(({ cell }): Pen => {
      const field = cell.head ? this.#doc.struct('TH', options) : this.#doc.struct('TD')
      element.add(field)
      return draw => field.add(draw)
    })
    return { element, pens }
  }

  /** Draws some lines of a row with a pen for each cell, and moves on below it. */
  #drawRow({ cells, lines }: Laid, shape: Shape, pens: readonly Pen[], from = 0, to = lines): void {
    const { size, leading, pad } = shape
    const tall = heightOf(shape, to - from)
    for (const [n, { cell, x, width, lines }] of cells.entries()) {
      this.#box(x, this.y, width, tall, cell.head ? wash : undefined)
      const shown = lines.slice(from, to)
      const top = this.y + (cell.head || to - from <= 3 ? (tall - shown.length * leading) / 2 : pad)
      const { align = 'left', weight = 'regular' } = cell
      const style = { room: width - 2 * pad, size, leading, weight, align, colour: ink }
      pens[n]?.(() => {
        for (const [row, line] of shown.entries()) this.#line(line, { x: x + pad, y: top + row * leading, ...style })
      })
    }
    this.y += tall
  }

  /** A QR code drawn as vectors, with a quiet zone of four modules, at a place of its own. */
  qr(address: string, x: number, y: number, size: number): void {
    const { modules } = QRCode.create(address, { errorCorrectionLevel: 'M' })
    const side = size / (modules.size + 8)
    this.#figure(`二维码：${address}`, [x, y, x + size, y + size], doc => {
      doc.rect(x, y, size, size).fill('#fff')
      for (let row = 0; row < modules.size; row++)
        for (let column = 0; column < modules.size; column++) {
          if (!modules.get(row, column)) continue
          // Neighbours in a row are one rectangle, so that no hairline shows between them.
          let run = 1
          while (column + run < modules.size && modules.get(row, column + run)) run++
          doc.rect(x + (column + 4) * side, y + (row + 4) * side, run * side, side)
          column += run
        }
      doc.fill('#000')
    })
  }

  /** The place of the seal, drawn as what it is: a sample. The name goes round, so that the size of the real one is seen (42 mm). */
  sealPlace(bureau: string, x: number, y: number): void {
    const radius = 21 * millimetre
    this.#figure('印章位置（样式）', [x - radius, y - radius, x + radius, y + radius], doc => {
      doc
        .save()
        .lineWidth(1.6)
        .dash(4, { space: 3 })
        .strokeColor(red)
        .strokeOpacity(0.7)
        .circle(x, y, radius - 1)
        .stroke()
        .undash()
        .restore()
      const signs = [...bureau]
      const step = Math.min(18, 250 / Math.max(1, signs.length - 1))
      for (const [n, sign] of signs.entries()) {
        const angle = (n - (signs.length - 1) / 2) * step
        doc.save().rotate(angle, { origin: [x, y] })
        this.#draw(sign, x - 5.5, y - radius + 6, { size: 11, leading: 14, weight: 'regular', colour: red })
        doc.restore()
      }
      const words = '印章位置（样式）'
      this.#draw(words, x - this.widthOf(words, 8) / 2, y + 36, { size: 8, leading: 11, weight: 'regular', colour: red })
    })
  }

  /** Large words across every page written so far, for a paper that no longer holds. */
  watermark(words: string): void {
    for (let page = this.#from; page < this.#end; page++) {
      this.#doc.switchToPage(page)
      const { width, height } = this.#doc.page
      const size = Math.min(110, (Math.hypot(width, height) * 0.6) / [...words].length)
      this.#artifact('Page', () => {
        this.#doc
          .save()
          .rotate(-28, { origin: [width / 2, height / 2] })
          .fillOpacity(0.16)
        this.#draw(words, width / 2 - this.widthOf(words, size, 'bold') / 2, height / 2 - size * 0.7, {
          size,
          leading: size * 1.4,
          weight: 'bold',
          colour: red,
        })
        this.#doc.fillOpacity(1).restore()
      })
    }
    this.#doc.switchToPage(this.#end - 1)
  }

  /** Lines that are drawn and mean nothing: a frame, a rule. */
  ornament(draw: (doc: PDFKit.PDFDocument) => void): void {
    this.#artifact('Layout', () => {
      this.#doc.save()
      draw(this.#doc)
      this.#doc.restore()
    })
  }

  widthOf(text: string, size: number, weight: Weight = 'regular'): number {
    return [...text].reduce((sum, sign) => sum + this.#faceOf(sign, weight).widthOf(sign.codePointAt(0) ?? 0) * size, 0)
  }

  /** Closes this paper and begins another one in the same file; what is closed no longer takes the memory of its pages. */
  next(facts: PaperFacts): Paper {
    this.#close()
    this.#doc.flushPages()
    return new Paper(facts, this)
  }

  /** Writes the foot of every page. */
  #close(): void {
    const count = this.page
    for (let page = 0; page < count; page++) {
      this.#doc.switchToPage(this.#from + page)
      this.#foot(page + 1, count)
    }
    this.#root.end()
  }

  /** Writes the foot of every page and closes the file. */
  async finish(): Promise<Buffer> {
    const doc = this.#doc
    this.#close()
    const parts: Buffer[] = []
    const done = new Promise<void>((resolve, reject) =>
      doc
        .on('data', part => parts.push(part))
        .on('end', resolve)
        .on('error', reject),
    )
    doc.end()
    await done
    return Buffer.concat(parts)
  }

  #foot(page: number, count: number): void {
    const { foot, digest, printedAt, footAt = 17 } = this.#facts
    const { height, width } = this.#doc.page
    const style = { size: 8, leading: 12, weight: 'regular', colour: faint } as const
    const left = Math.min(this.left, 26 * millimetre)
    const right = width - left
    const base = height - footAt * millimetre
    this.#artifact('Pagination', () => {
      this.#doc
        .moveTo(left, base - 4)
        .lineTo(right, base - 4)
        .lineWidth(0.4)
        .strokeColor('#b8c2c8')
        .stroke()
      const pages = `第 ${page} 页，共 ${count} 页`
      const printed = `打印时间 ${beijing(printedAt)}`
      this.#draw(foot.join('　'), left, base, style)
      this.#draw(pages, right - this.widthOf(pages, style.size), base, style)
      this.#draw(digest ? `内容摘要 SHA-256 ${digest}` : '', left, base + 12, { ...style, size: 6.5 })
      this.#draw(printed, right - this.widthOf(printed, style.size), base + 12, style)
    })
  }

  #artifact(type: 'Layout' | 'Page' | 'Pagination', draw: () => void): void {
    this.#doc.markContent('Artifact', { type })
    draw()
    this.#doc.endMarkedContent()
  }

  #figure(alt: string, bbox: [number, number, number, number], draw: (doc: PDFKit.PDFDocument) => void): void {
    const options: PDFKit.Mixins.StructureElementOptions & { bbox: number[] } = { alt, bbox } // newer than the types
    const element = this.#doc.struct('Figure', options, () => {
      this.#doc.save()
      draw(this.#doc)
      this.#doc.restore()
    })
    this.#root.add(element)
  }

  #box(x: number, y: number, width: number, height: number, fill: string | undefined): void {
    this.#artifact('Layout', () => {
      this.#doc.save().lineWidth(0.6)
      if (fill) this.#doc.rect(x, y, width, height).fillAndStroke(fill, line)
      else this.#doc.rect(x, y, width, height).stroke(line)
      this.#doc.restore()
    })
  }

  #linesOf(text: string, size: number, weight: Weight, width: number, indent: number): Line[] {
    return breakLines(text, {
      width,
      indent,
      widthOf: sign => this.#faceOf(sign, weight).widthOf(sign.codePointAt(0) ?? 0) * size,
    })
  }

  #line(
    { text, width, last }: Line,
    at: { x: number; y: number; room: number; size: number; leading: number; weight: Weight; align: Align; colour: string },
  ): void {
    const { x, room, align, size } = at
    const slack = Math.max(0, room - width)
    const gaps = [...text].length - 1
    // A line that a long word left half empty is not pulled apart.
    const spacing = align === 'justify' && !last && gaps > 0 && slack < gaps * size * 0.25 ? slack / gaps : 0
    const from = align === 'right' ? x + slack : align === 'center' ? x + slack / 2 : x
    this.#draw(text, from, at.y, { ...at, spacing })
  }

  /** Draws one line: runs of the weight's own face, of the one with rare characters, and a box for what neither has. */
  #draw(
    text: string,
    x: number,
    y: number,
    {
      size,
      leading,
      weight,
      colour,
      spacing = 0,
    }: { size: number; leading: number; weight: Weight; colour: string; spacing?: number },
  ): void {
    const doc = this.#doc
    doc.fontSize(size).fillColor(colour)
    // Han characters fill their square, whose foot lies 12 % below the base line.
    const base = y + (leading - size) / 2 + size * 0.88
    const put = (words: string) =>
      doc.text(words, x, base, { lineBreak: false, baseline: 'alphabetic', characterSpacing: spacing })
    for (const { face, words, name } of this.#runsOf(text, weight)) {
      doc.font(name)
      if (face) put(words)
      else {
        doc.markContent('Span', { actual: words })
        put('□'.repeat([...words].length))
        doc.endMarkedContent()
      }
      for (const sign of words)
        x += (face ?? this.#faces[weight]).widthOf((face ? sign : '□').codePointAt(0) ?? 0) * size + spacing
    }
  }

  #runsOf(text: string, weight: Weight): { face: Face | undefined; words: string; name: string }[] {
    const runs: { face: Face | undefined; words: string; name: string }[] = []
    for (const sign of text) {
      const found = this.#faceOf(sign, weight)
      const missing = !found.covers(sign.codePointAt(0) ?? 0)
      const face = missing ? undefined : found
      const name = found === this.#faces[weight] ? weight : 'rare'
      const last = runs.at(-1)
      if (last && last.face === face && last.name === (missing ? weight : name)) last.words += sign
      else runs.push({ face, words: sign, name: missing ? weight : name })
    }
    return runs
  }

  /** The face that has a character; the weight's own where none has. */
  #faceOf(sign: string, weight: Weight): Face {
    const own = this.#faces[weight]
    const codePoint = sign.codePointAt(0) ?? 0
    if (own.covers(codePoint)) return own
    const rare = this.#faces.rare?.()
    if (!rare?.covers(codePoint)) return own
    if (!this.#hasRare) {
      this.#doc.registerFont('rare', rare.source)
      this.#hasRare = true
    }
    return rare
  }
  #hasRare = false
}

/** What all rows of a table have in common. */
interface Shape {
  columns: number[]
  size: number
  leading: number
  pad: number
  height: number
}
interface Laid {
  cells: { cell: Cell; x: number; width: number; lines: Line[] }[]
  lines: number
}
/** Draws into an element of the structure, or past it. */
type Pen = (draw: () => void) => void

function heightOf({ leading, pad, height }: Shape, lines: number): number {
  return Math.max(lines * leading + 2 * pad, height)
}

/** Lets the last cell of a row reach its end. */
function widen(cells: Cell[]): Cell[] {
  const last = cells.at(-1)
  if (last) last.span = 3
  return cells
}
