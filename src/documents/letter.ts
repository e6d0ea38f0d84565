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

const prose = { size: 16, leading: 28, align: 'justify' } as const
/** Room of the last block: authority, day and seal beside the QR code. */
const blockHeight = 128

/** The letter of an issued paper. */
export function letterOf({ facts }: Document): Letter {
  return JSON.parse(facts) as Letter // written by issuePapers; callers check the signature first
}

/** Prints an issued letter. One that another took the place of carries that across the page. */
export async function printLetter(document: Document, printing: Printing & { standing: Standing }): Promise<Buffer> {
  const letter = letterOf(document)
  const { issuer, title, number, to, parts, contact } = letter
  const paper = new Paper({
    title: `${title} ${number}`,
    foot: [number, `核验码 ${shownCode(document.code)}`],
    digest: document.digest,
    printedAt: printing.printedAt,
    ...(printing.faces ? { faces: printing.faces } : {}),
  })
  paper.text(issuer, { size: 20, leading: 32, weight: 'bold', align: 'center' })
  paper.text(title, { tag: 'H1', size: 22, leading: 38, weight: 'bold', align: 'center' })
  paper.text(number, { size: 14, leading: 26, align: 'center', after: 18 })
  if (to) paper.text(`${to}：`, { ...prose, align: 'left' })
  for (const [n, part] of parts.entries()) {
    // Authority and day never stand on a page without a line of the text they close.
    if (n === parts.length - 1)
      paper.keep(Math.min(heightOf(paper, part), 3 * prose.leading) + (contact ? prose.leading : 0) + blockHeight)
    write(paper, part)
  }
  if (contact) paper.text(contact, { ...prose, indent: 2 })
  close(paper, document, letter, printing)
  if (!printing.standing.good) paper.watermark(printing.standing.label)
  return await paper.finish()
}

function heightOf(paper: Paper, part: LetterPart): number {
  if (part.sort === 'text') return paper.heightOf(part.text, { ...prose, indent: 2 })
  return part.sort === 'items' ? paper.heightOf(part.items.at(-1) ?? '', { ...prose, indent: 2 }) : 3 * prose.leading
}

function write(paper: Paper, part: LetterPart): void {
  const cells = (row: string[]): Cell[] => row.map(text => ({ text }))
  switch (part.sort) {
    case 'text':
      paper.text(part.text, { ...prose, indent: 2 })
      break
    case 'heading':
      paper.heading(part.text, { ...prose, align: 'left', indent: 2, after: 0 })
      break
    case 'items':
      for (const item of part.items) paper.text(item, { ...prose, indent: 2 })
      break
    case 'facts':
      paper.facts(part.facts, { size: 11, height: 26 })
      paper.space(12)
      break
    case 'table':
      paper.space(4)
      paper.grid({ widths: part.widths, head: cells(part.head), rows: part.rows.map(cells), size: 10.5, height: 24 })
      paper.space(12)
  }
}

/** The QR code at the left; the authority over the day at the right, four characters from the edge, the seal over both. */
function close(paper: Paper, { code }: Document, { issuer, on }: Letter, printing: Printing): void {
  paper.keep(blockHeight)
  const top = paper.y + 16
  const side = 76
  const address = verifyAddress(code)
  paper.qr(address, paper.left, top, side)
  paper.y = top + side + 2
  const beside = { x: paper.left, width: paper.width / 2 - 20, size: 8, leading: 12 }
  paper.text(`核验码 ${shownCode(code)}`, { ...beside, weight: 'bold' })
  paper.text(address, beside)
  const day = onPaper(on)
  const centre = Math.min(
    paper.right - 4 * prose.size - paper.widthOf(day, prose.size) / 2,
    paper.right - paper.widthOf(issuer, prose.size) / 2,
  )
  const room = Math.min(centre - paper.left - side, paper.right - centre) * 2
  const signature = { ...prose, align: 'center', x: centre - room / 2, width: room } as const
  paper.y = top + 22
  paper.text(issuer, signature)
  paper.text(day, signature)
  if (printing.seal === 'placeholder') paper.sealPlace(issuer, centre, top + 44)
  paper.y = top + blockHeight - 16
}
