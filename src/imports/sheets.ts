import { SaxesParser } from 'saxes'
import { contentOf, type ZipEntry, ZipFault, zipEntries } from '../files/zip.ts'
import { type Cell, type CellFault, columnName, type Look, lookOf, numberText, placeOf } from './cells.ts'

/**
 * Reads the cells of a workbook (ECMA-376) as people see them. It opens the list of sheets, the formats, the shared texts and the
 * sheets themselves, and nothing else: no names, validations, drawings or links. Runs in a thread of its own (`worker.ts`), since
 * a file from outside may be made to take all memory or time there is.
 *
 * Own code over a kept parser of XML, because no library tells what an import must know: `hucre`'s stream of rows says neither
 * which cells are formulas, errors or merged nor which rows are hidden, and holds the shared texts as a tree; `exceljs` breaks
 * Chinese signs in its stream and dies of a merged range (security.md F1).
 */

/** What a workbook may hold. */
export interface Limits {
  /** Rows with content of one sheet, its headings and notes included. */
  rows: number
  columns: number
  /** Characters of all cells together. */
  signs: number
  /** Characters of one cell. */
  cell: number
  /** Bytes and parts after unpacking. */
  unpacked: number
  entries: number
}

/** A row with content: its number as Excel shows it, and its cells from column A on. */
export interface SheetRow {
  row: number
  cells: string[]
  /** Cells that cannot be taken as they stand, by column. */
  faults?: Record<number, CellFault>
}

/** A merged range; rows as Excel numbers them, columns from 0. */
export interface Merged {
  top: number
  bottom: number
  left: number
  right: number
}

/** What is known of a sheet beside its rows. */
export interface SheetFacts {
  name: string
  hiddenRows: number[]
  /** Hidden columns from 0, the first hundred. */
  hiddenColumns: number[]
  merged: Merged[]
}

/** The file cannot be read; the message says why and what to do. */
export class Unreadable extends Error {}

const broken = '文件已损坏，不是完整的 Excel 表格。请用 Excel 或 WPS 打开，另存为 xlsx 后再传。'
const mostSheets = 20
const mostMerged = 1000
/** Excel's last row. */
const lastRow = 1_048_576

/**
 * Reads the sheets of a workbook one after another.
 * @param bytes the file
 * @param skip names of sheets that are not read
 * @param take gets the rows of a sheet in batches
 * @returns what is known of each sheet that was read
 * @throws Unreadable
 */
export async function readSheets(
  bytes: Buffer,
  limits: Limits,
  skip: readonly string[],
  take: (sheet: number, rows: SheetRow[]) => void,
): Promise<SheetFacts[]> {
  try {
    const parts = new Parts(bytes, limits)
    const book = await readBook(parts)
    const wanted = book.sheets.filter(({ name }) => !skip.includes(name.trim()))
    if (!wanted.length) throw new Unreadable('文件里没有可读的工作表。请使用本页的模板填写后再传。')
    if (wanted.length > mostSheets)
      throw new Unreadable(`文件里有 ${wanted.length} 个工作表，最多 ${mostSheets} 个。请删去无关的工作表后再传。`)
    const looks = await readLooks(parts, book.styles)
    const texts = await readTexts(parts, book.texts, limits)
    const room = { signs: limits.signs }
    const facts: SheetFacts[] = []
    for (const [at, sheet] of wanted.entries())
      facts.push(await readSheet(parts, sheet, { looks, texts, from1904: book.from1904, limits, room }, rows => take(at, rows)))
    return facts
  } catch (error) {
    if (error instanceof ZipFault) throw new Unreadable(faults[error.fault](limits))
    throw error
  }
}

const faults: Record<ZipFault['fault'], (limits: Limits) => string> = {
  locked: () => '文件加了打开密码。请在 Excel 或 WPS 里去掉密码，另存后再传。',
  bomb: ({ unpacked, entries }) =>
    `文件解压后超过 ${unpacked / 1024 / 1024} MB 或 ${entries} 个部分。请删去图片和无关的工作表，或拆成几个文件后再传。`,
  broken: () => broken,
}

// ── The parts of the archive ───────────────────────────────────────────────────────────────────────

interface Handlers {
  open?(name: string, attributes: Record<string, string>): void
  text?(text: string): void
  close?(name: string): void
}

class Parts {
  #bytes: Buffer
  #entries: Map<string, ZipEntry>

  constructor(bytes: Buffer, limits: Limits) {
    this.#bytes = bytes
    this.#entries = new Map(zipEntries(bytes, limits).map(entry => [keyOf(entry.name), entry]))
  }

  has(path: string): boolean {
    return this.#entries.has(keyOf(path))
  }

  /** Reads a part, which is XML, from its beginning to its end. @throws Unreadable */
  async read(path: string, handlers: Handlers): Promise<void> {
    const entry = this.#entries.get(keyOf(path))
    if (!entry) throw new Unreadable(broken)
    const parser = new SaxesParser()
    let fault: unknown
    // What a handler throws must not pass through the parser, which would take it for its own.
    const guarded = (work: () => void) => {
      try {
        if (fault === undefined) work()
      } catch (error) {
        fault = error
      }
    }
    parser.on('error', () => guarded(() => fail(broken)))
    // Office writes none; they are how entities are smuggled in.
    parser.on('doctype', () =>
      guarded(() => fail('文件里有外部实体声明，不能读取。请用 Excel 或 WPS 打开，另存为 xlsx 后再传。')),
    )
    const { open, text, close } = handlers
    if (open)
      parser.on('opentag', ({ name, attributes }) => guarded(() => open(localOf(name), attributes as Record<string, string>))) // without `xmlns` values are texts
    if (text) parser.on('text', words => guarded(() => text(words)))
    if (close) parser.on('closetag', ({ name }) => guarded(() => close(localOf(name))))
    const decoder = new TextDecoder('utf-8', { fatal: true })
    try {
      for await (const piece of contentOf(this.#bytes, entry)) {
        parser.write(decoder.decode(piece, { stream: true }))
        if (fault !== undefined) break
      }
      if (fault === undefined) parser.write(decoder.decode()).close()
    } catch (error) {
      if (error instanceof TypeError) throw new Unreadable(broken)
      throw error
    }
    if (fault !== undefined && fault !== enough) throw fault
  }
}

/** Thrown by a handler that needs no more of its part. */
const enough = new Error('enough')

function fail(sentence: string): never {
  throw new Unreadable(sentence)
}

/** Some programs write `\` or begin with `/`, and Windows does not tell capitals apart. */
const keyOf = (path: string) => path.replaceAll('\\', '/').replace(/^\/+/, '').toLowerCase()

function localOf(name: string): string {
  const colon = name.indexOf(':')
  return colon < 0 ? name : name.slice(colon + 1)
}

// ── The book: its sheets, formats and shared texts ─────────────────────────────────────────────────

interface Book {
  sheets: { name: string; path: string }[]
  styles: string | undefined
  texts: string | undefined
  from1904: boolean
}

async function readBook(parts: Parts): Promise<Book> {
  if (!parts.has('[Content_Types].xml') || !parts.has('_rels/.rels'))
    fail('文件不是 Excel 表格。请用本页的模板填写，存成 xlsx 后再传。')
  const main = (await relationsOf(parts, '')).find(({ type }) => type === 'officeDocument')
  if (!main || !parts.has(main.target)) fail('文件不是 Excel 表格。请用本页的模板填写，存成 xlsx 后再传。')
  const relations = await relationsOf(parts, main.target)
  const sheets: { name: string; id: string }[] = []
  let from1904 = false
  await parts.read(main.target, {
    open(name, attributes) {
      if (name === 'workbookPr') from1904 = isTrue(attributes.date1904)
      if (name !== 'sheet') return
      const id = Object.entries(attributes).find(([name]) => name.endsWith(':id'))?.[1]
      sheets.push({ name: attributes.name ?? '', id: id ?? '' })
    },
  })
  const pathOf = (wanted: string) => relations.find(({ type }) => type === wanted)?.target
  return {
    // A sheet that is a chart has no cells.
    sheets: sheets.flatMap(({ name, id }) => {
      const found = relations.find(relation => relation.id === id && relation.type === 'worksheet')
      return found ? [{ name, path: found.target }] : []
    }),
    styles: pathOf('styles'),
    texts: pathOf('sharedStrings'),
    from1904,
  }
}

interface Relation {
  id: string
  /** The last word of its type, which the strict and the usual edition of the norm share. */
  type: string
  target: string
}

/** What a part points to; '' is the archive itself. */
async function relationsOf(parts: Parts, path: string): Promise<Relation[]> {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const file = `${folder}_rels/${path.slice(folder.length)}.rels`
  const relations: Relation[] = []
  if (!parts.has(file)) return relations
  await parts.read(file, {
    open(name, { Id = '', Type = '', Target = '', TargetMode }) {
      if (name !== 'Relationship' || TargetMode === 'External') return
      relations.push({ id: Id, type: Type.slice(Type.lastIndexOf('/') + 1), target: partAt(Target, folder) })
    },
  })
  return relations
}

/** The part an address leads to. The address of the archive is only there to resolve `..` and `/`. */
function partAt(target: string, folder: string): string {
  const address = target.replaceAll('\\', '/')
  const base = `zip://archive/${folder}`
  if (!URL.canParse(address, base)) fail(broken)
  try {
    return decodeURIComponent(new URL(address, base).pathname).slice(1)
  } catch {
    return fail(broken)
  }
}

const isTrue = (value: string | undefined) => value === '1' || value === 'true'

/** How the numbers of each style look. */
async function readLooks(parts: Parts, path: string | undefined): Promise<Look[]> {
  const looks: Look[] = []
  if (!path || !parts.has(path)) return looks
  const own = new Map<number, string>()
  let inCells = false
  await parts.read(path, {
    open(name, attributes) {
      if (name === 'numFmt') own.set(Number(attributes.numFmtId), attributes.formatCode ?? '')
      else if (name === 'cellXfs') inCells = true
      else if (name === 'xf' && inCells) {
        const id = Number(attributes.numFmtId ?? 0)
        looks.push(lookOf(id, own.get(id)))
      }
    },
    close(name) {
      if (name === 'cellXfs') inCells = false
    },
  })
  return looks
}

/** The texts that cells share, each cut where it is longer than a cell may be. */
async function readTexts(parts: Parts, path: string | undefined, limits: Limits): Promise<string[]> {
  const texts: string[] = []
  if (!path || !parts.has(path)) return texts
  const collected = new Collected(limits.cell)
  let room = limits.signs
  await parts.read(path, {
    open(name) {
      if (name === 'si') collected.begin()
      else collected.open(name)
    },
    text: words => collected.add(words),
    close(name) {
      if (name !== 'si') return collected.close(name)
      const text = collected.end()
      room -= text.length
      if (room < 0) throw tooMuchText(limits)
      texts.push(text)
    },
  })
  return texts
}

const tooMuchText = ({ signs }: Limits) =>
  new Unreadable(`文件里的文字超过 ${signs / 10_000} 万字。请删去无关的列和工作表，或拆成几个文件后再传。`)

/** Gathers the runs of a rich text; what tells how to pronounce it is left out. */
class Collected {
  #most: number
  #text = ''
  #inText = false
  #inPhonetic = false

  constructor(most: number) {
    this.#most = most
  }

  begin(): void {
    this.#text = ''
    this.#inText = false
    this.#inPhonetic = false
  }

  open(name: string): void {
    if (name === 't') this.#inText = true
    if (name === 'rPh') this.#inPhonetic = true
  }

  add(words: string): void {
    // One more than is allowed shows that it was cut.
    if (this.#inText && !this.#inPhonetic && this.#text.length <= this.#most) this.#text += words.slice(0, this.#most + 1)
  }

  close(name: string): void {
    if (name === 't') this.#inText = false
    if (name === 'rPh') this.#inPhonetic = false
  }

  end(): string {
    return unescaped(this.#text)
  }
}

/** Signs that XML cannot hold stand in a workbook as _x000D_. */
function unescaped(text: string): string {
  if (!text.includes('_x')) return text
  return text.replace(/_x([0-9A-Fa-f]{4})_/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

// ── A sheet ────────────────────────────────────────────────────────────────────────────────────────

interface Reading {
  looks: Look[]
  texts: string[]
  from1904: boolean
  limits: Limits
  /** What is left of the limit, for all sheets together. */
  room: { signs: number }
}

const batch = 500

async function readSheet(
  parts: Parts,
  { name, path }: { name: string; path: string },
  reading: Reading,
  take: (rows: SheetRow[]) => void,
): Promise<SheetFacts> {
  const { limits, room } = reading
  const facts: SheetFacts = { name, hiddenRows: [], hiddenColumns: [], merged: [] }
  const inline = new Collected(limits.cell)
  let rows: SheetRow[] = []
  let filled = 0
  let row: SheetRow = { row: 0, cells: [] }
  let column = -1
  let open: { type: string; look: Look; value: string; isFormula: boolean; inValue: boolean } | undefined

  const openRow = (attributes: Record<string, string>) => {
    const at = attributes.r === undefined ? row.row + 1 : Number(attributes.r)
    if (!Number.isInteger(at) || at < 1 || at > lastRow) fail(broken)
    row = { row: at, cells: [] }
    column = -1
    if (isTrue(attributes.hidden) && facts.hiddenRows.length < limits.rows) facts.hiddenRows.push(at)
  }
  const openCell = (attributes: Record<string, string>) => {
    const place = attributes.r === undefined ? undefined : placeOf(attributes.r)
    if (attributes.r !== undefined && !place) fail(broken)
    column = place?.column ?? column + 1
    const look = reading.looks[Number(attributes.s ?? 0)] ?? 'plain'
    open = { type: attributes.t ?? 'n', look, value: '', isFormula: false, inValue: false }
    inline.begin()
  }
  const closeCell = () => {
    if (!open) return
    const cell = cellOf(open, inline, reading)
    open = undefined
    if (!cell.text && !cell.fault) return
    if (column >= limits.columns)
      fail(`“${name}”第 ${row.row} 行的 ${columnName(column)} 列有内容，最多 ${limits.columns} 列。请删去多余的列后再传。`)
    room.signs -= cell.text.length
    if (room.signs < 0) throw tooMuchText(limits)
    while (row.cells.length < column) row.cells.push('')
    row.cells[column] = cell.text
    if (cell.fault) row.faults = { ...row.faults, [column]: cell.fault }
  }
  const closeRow = () => {
    if (!row.cells.length) return
    if (++filled > limits.rows) {
      const most = new Intl.NumberFormat('zh-CN').format(limits.rows)
      fail(`“${name}”有内容的行超过 ${most} 行。请拆成几个文件，分几次导入。`)
    }
    rows.push(row)
    row = { row: row.row, cells: [] }
    if (rows.length < batch) return
    take(rows)
    rows = []
  }
  const merge = (reference = '') => {
    const [from = '', to = from] = reference.split(':')
    const [start, end] = [placeOf(from), placeOf(to)]
    if (!start || !end) fail(broken)
    if (facts.merged.length === mostMerged) fail(`“${name}”的合并单元格超过 ${mostMerged} 处。请全部取消合并后再传。`)
    facts.merged.push({ top: start.row + 1, bottom: end.row + 1, left: start.column, right: end.column })
  }

  await parts.read(path, {
    open(tag, attributes) {
      if (tag === 'row') openRow(attributes)
      else if (tag === 'c') openCell(attributes)
      else if (tag === 'col' && isTrue(attributes.hidden)) hideColumns(facts, attributes)
      else if (tag === 'mergeCell') merge(attributes.ref)
      else if (!open) return
      else if (tag === 'v') open.inValue = true
      else if (tag === 'f') open.isFormula = true
      else inline.open(tag)
    },
    text(words) {
      if (!open) return
      if (open.inValue && open.value.length <= limits.cell) open.value += words.slice(0, limits.cell + 1)
      else inline.add(words)
    },
    close(tag) {
      if (tag === 'c') closeCell()
      else if (tag === 'row') closeRow()
      else if (tag === 'v' && open) open.inValue = false
      else if (open) inline.close(tag)
    },
  })
  if (rows.length) take(rows)
  return facts
}

function hideColumns({ hiddenColumns }: SheetFacts, { min, max }: Record<string, string>): void {
  for (let at = Number(min) - 1; at < Number(max) && hiddenColumns.length < 100; at++) hiddenColumns.push(at)
}

interface OpenCell {
  type: string
  look: Look
  value: string
  isFormula: boolean
}

function cellOf(open: OpenCell, inline: Collected, reading: Reading): Cell {
  const cell = plainCell(open, inline, reading)
  if (cell.text.length > reading.limits.cell) return { text: cell.text.slice(0, 20), fault: 'long' }
  return open.isFormula ? { ...cell, fault: 'formula' } : cell
}

function plainCell({ type, look, value }: OpenCell, inline: Collected, { texts, from1904 }: Reading): Cell {
  switch (type) {
    case 's':
      return { text: texts[Number(value)] ?? fail(broken) }
    case 'str':
      return { text: unescaped(value) }
    case 'inlineStr':
      return { text: inline.end() }
    case 'b':
      return { text: value === '' ? '' : isTrue(value) ? 'TRUE' : 'FALSE' }
    case 'e':
      return { text: value, fault: 'error' }
    case 'd':
      return { text: value.replace(/T00:00(:00(\.0+)?)?Z?$/, '').replace('T', ' ') }
    default:
      return value === '' ? { text: '' } : numberText(value, look, from1904)
  }
}
