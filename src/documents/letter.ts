import { setImmediate as pause } from 'node:timers/promises'
import { type Document, type Standing, shownCode } from './documents.ts'
import { type Cell, Paper } from './pdf.ts'
import { onPaper, type Printing, verifyAddress } from './printing.ts'

/**
 * A paper of a case, as it was sent: all its words, so that printed again it never says anything else. Set as official papers are
 * (GB/T 9704-2012): title in the middle, its number below, the addressee, text of size 3, authority and day at the right.
 */
export interface Letter {
  issuer: string
  title: string
  /** 文号 */
  number: string
  /** What the case is about: the kind's name, for the verification page. */
  matter: string
  /** To whom; nobody on a slip that stays in the file. */
  to?: string
  parts: LetterPart[]
  /** The day under it. */
  on: string
  contact?: string
}

export type LetterPart =
  | { sort: 'text'; text: string }
  | { sort: 'heading'; text: string }
  | { sort: 'items'; items: string[] }
  | { sort: 'facts'; facts: { label: string; value: string; wide?: boolean }[] }
  | { sort: 'table'; widths: number[]; head: string[]; rows: string[][] }

/** Ways to set a letter, from roomy to tight. GB/T 9704 lets the distance of lines give way so that a paper closes on its page. */
interface Setting {
  size: number
  leading: number
  /** Of the page, in millimetres. */
  top: number
  bottom: number
  /** The least height of a row. */
  row: number
}
const settings: readonly [Setting, ...Setting[]] = [
  { size: 16, leading: 28, top: 37, bottom: 35, row: 25 },
  { size: 16, leading: 26, top: 32, bottom: 32, row: 22 },
  { size: 15, leading: 24, top: 28, bottom: 30, row: 20 },
  { size: 14, leading: 21, top: 22, bottom: 28, row: 18 },
]

/** Room of the last block: authority, day and seal beside the QR code. */
const blockHeight = 124

/** The letter of an issued paper. */
export function letterOf({ facts }: Document): Letter {
  return JSON.parse(facts) as Letter // written by issuePapers; callers check the signature first
}

/** Prints an issued letter. One that another took the place of carries that across the page. */
export async function printLetter(document: Document, printing: Printing & { standing: Standing }): Promise<Buffer> {
  const { standing, ...rest } = printing
  return await printLetters([{ document, standing }], rest)
}

/** A letter to print, with what it is worth now. */
export interface LetterPrint {
  document: Document
  standing: Standing
}

/**
 * Prints several letters into one file, each on pages of its own. Other requests go on between them.
 * @throws Error when there is none
 */
export async function printLetters(prints: readonly LetterPrint[], printing: Printing): Promise<Buffer> {
  let paper: Paper | undefined
  const title = prints.length > 1 ? { title: `证明 ${prints.length} 份` } : {}
  for (const { document, standing } of prints) {
    paper = compose(document, printing, settingFor(document, printing), { before: paper, ...title })
    if (!standing.good) paper.watermark(standing.label)
    await pause()
  }
  if (!paper) throw new Error('no paper to print')
  return await paper.finish()
}

/** The roomiest setting that needs no more pages than the tightest. */
function settingFor(document: Document, printing: Printing): Setting {
  const pages = (setting: Setting) => compose(document, printing, setting).page
  const [roomy, ...others] = settings
  if (pages(roomy) === 1) return roomy
  const tried = settings.map(setting => ({ setting, pages: pages(setting) }))
  const fewest = Math.min(...tried.map(one => one.pages))
  return tried.find(one => one.pages === fewest)?.setting ?? others.at(-1) ?? roomy
}

function compose(
  document: Document,
  printing: Printing,
  setting: Setting,
  { before, title: file }: { before?: Paper | undefined; title?: string } = {},
): Paper {
  const letter = letterOf(document)
  const { issuer, title, number, to, parts, contact } = letter
  const { size, leading, top, bottom } = setting
  const sheet = {
    title: file ?? `${title} ${number}`,
    foot: [number, `核验码 ${shownCode(document.code)}`],
    digest: document.digest,
    printedAt: printing.printedAt,
    margins: { top, right: 26, bottom, left: 26 },
    ...(printing.faces ? { faces: printing.faces } : {}),
  }
  const paper = before ? before.next(sheet) : new Paper(sheet)
  paper.text(issuer, { size: 20, leading: 32, weight: 'bold', align: 'center' })
  paper.text(title, { tag: 'H1', size: 22, leading: 36, weight: 'bold', align: 'center' })
  paper.text(number, { size: 14, leading: 24, align: 'center', after: leading / 2 })
  if (to) paper.text(`${to}：`, { size, leading })
  const last = (contact ? leading : 0) + blockHeight
  for (const [n, part] of parts.entries()) {
    paper.keep(roomFor(paper, parts.slice(n), setting, last))
    write(paper, part, setting)
  }
  if (contact) paper.text(contact, { size, leading, indent: 2 })
  close(paper, document, letter, printing, setting)
  return paper
}

/** What must fit on the page with the beginning of a part: a heading keeps to its text, the last lines to authority and day. */
function roomFor(paper: Paper, [part, ...rest]: readonly LetterPart[], setting: Setting, last: number): number {
  const { leading } = setting
  if (!part) return last
  if (part.sort === 'heading') return leading + roomFor(paper, rest, setting, last)
  if (rest.length || part.sort === 'items') return leading
  if (part.sort === 'text') return Math.min(paper.heightOf(part.text, { ...setting, indent: 2 }), 3 * leading) + last
  const rows = part.sort === 'table' ? part.rows.length + 1 : part.facts.length
  return Math.min(rows * setting.row, 6 * setting.row)
}

function write(paper: Paper, part: LetterPart, { size, leading, row }: Setting): void {
  const prose = { size, leading, align: 'justify', indent: 2 } as const
  const cells = (texts: string[]): Cell[] => texts.map(text => ({ text }))
  switch (part.sort) {
    case 'text':
      paper.text(part.text, prose)
      break
    case 'heading':
      paper.text(part.text, { ...prose, tag: 'H2', weight: 'bold' })
      break
    case 'items':
      for (const item of part.items) paper.text(item, prose)
      break
    case 'facts':
      paper.facts(part.facts, { size: 11, height: row })
      paper.space(12)
      break
    case 'table':
      paper.space(4)
      paper.grid({ widths: part.widths, head: cells(part.head), rows: part.rows.map(cells), size: 10.5, height: row })
      paper.space(12)
  }
}

/** The QR code at the left; the authority over the day at the right, four characters from the edge, the seal over both. */
function close(paper: Paper, { code }: Document, { issuer, on }: Letter, printing: Printing, { size, leading }: Setting): void {
  paper.keep(blockHeight)
  const top = paper.y + 12
  const side = 76
  const address = verifyAddress(code)
  paper.qr(address, paper.left, top, side)
  paper.y = top + side + 2
  const beside = { x: paper.left, width: paper.width / 2 - 20, size: 8, leading: 12 }
  paper.text(`核验码 ${shownCode(code)}`, { ...beside, weight: 'bold' })
  paper.text(address, beside)
  const day = onPaper(on)
  const centre = Math.min(paper.right - 4 * size - paper.widthOf(day, size) / 2, paper.right - paper.widthOf(issuer, size) / 2)
  const room = Math.min(centre - paper.left - side, paper.right - centre) * 2
  const signature = { size, leading, align: 'center', x: centre - room / 2, width: room } as const
  paper.y = top + 20
  paper.text(issuer, signature)
  paper.text(day, signature)
  if (printing.seal === 'placeholder') paper.sealPlace(issuer, centre, top + 44)
  paper.y = top + blockHeight - 12
}
