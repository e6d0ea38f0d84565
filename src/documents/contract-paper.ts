import { beijing } from '../clock.ts'
import { type Document, type Standing, shownCode } from './documents.ts'
import type { Letter } from './letter.ts'
import { Paper } from './pdf.ts'
import { onPaper, type Printing, verifyAddress } from './printing.ts'

/**
 * 在线签订的合同 as a PDF: the text both sides confirmed, to the letter; its digest; who confirmed it for whom, when and by what means;
 * and the QR code of the verification page. It carries no seal, because nobody sealed it.
 */

/** What the papers are filed as. */
export const contractPaper = 'signing'

export interface Confirmation {
  side: string
  organisation: string
  person: string
  means: string
  /** A moment, in ISO form. */
  at: string
}

/** The facts of the paper. Those of a letter come along, because the verification page reads them of every paper. */
export interface SignedContract extends Letter {
  /** The text that was confirmed. */
  body: string
  /** Its SHA-256. */
  text_digest: string
  confirmations: Confirmation[]
}

/** The chapters of a text: a line that begins with 第…章 is a heading, the lines before the first one are its head. */
export function chaptersIn(body: string): { title: string; lines: string[] }[] {
  const chapters: { title: string; lines: string[] }[] = [{ title: '', lines: [] }]
  for (const line of body.split('\n')) {
    if (/^第[一二三四五六七八九十]+章 /.test(line)) chapters.push({ title: line, lines: [] })
    else chapters.at(-1)?.lines.push(line)
  }
  return chapters
}

/** 64 digits in groups of eight, which two people can read to each other. */
export function groupedDigest(digest: string): string {
  return digest.replace(/(.{8})(?=.)/g, '$1 ')
}

/** Prints a signed contract. One that was ended carries that across the page. */
export async function printContract(document: Document, printing: Printing & { standing: Standing }): Promise<Buffer> {
  const contract = JSON.parse(document.facts) as SignedContract // written by the signing; callers check the signature first
  const paper = new Paper({
    title: `${contract.title} ${contract.number}`,
    foot: [contract.number, `核验码 ${shownCode(document.code)}`],
    digest: document.digest,
    printedAt: printing.printedAt,
    margins: { top: 28, right: 26, bottom: 30, left: 26 },
    ...(printing.faces ? { faces: printing.faces } : {}),
  })
  const prose = { size: 12, leading: 21 } as const
  for (const [at, { title, lines }] of chaptersIn(contract.body).entries()) {
    if (title) paper.heading(title, { size: 13, after: 4, follow: 42 })
    for (const [n, line] of lines.entries()) {
      if (at === 0 && n === 0) paper.text(line, { tag: 'H1', size: 20, leading: 34, weight: 'bold', align: 'center', after: 8 })
      else if (at === 0) paper.text(line, { ...prose, size: 10.5, leading: 18 })
      else paper.text(line, { ...prose, align: 'justify', indent: 2 })
    }
    paper.space(6)
  }
  writeConfirmations(paper, document, contract)
  if (!printing.standing.good) paper.watermark(printing.standing.label)
  return await paper.finish()
}

const side = 76

function writeConfirmations(paper: Paper, { code }: Document, contract: SignedContract): void {
  paper.keep(260)
  paper.heading('双方确认', { size: 13, after: 4 })
  paper.text(`双方确认的文本，SHA-256 摘要：${groupedDigest(contract.text_digest)}`, { size: 10.5, after: 6 })
  paper.grid({
    widths: [10, 32, 16, 20, 22],
    head: ['', '单位', '确认人', '再次验证', '时间（北京时间）'].map(text => ({ text })),
    rows: contract.confirmations.map(({ side, organisation, person, means, at }) =>
      [side, organisation, person, means, beijing(new Date(at))].map(text => ({ text })),
    ),
    size: 10,
    height: 26,
  })
  paper.space(8)
  paper.text(
    `本合同于${onPaper(contract.on)}在线签订。双方以本单位账号登录并再次验证身份后，确认同一份文本，由本系统记录。没有加盖印章，也没有使用第三方电子认证证书。`,
    { size: 9.5, leading: 16, after: 4 },
  )
  paper.keep(side + 40)
  const top = paper.y + 6
  const address = verifyAddress(code)
  paper.qr(address, paper.left, top, side)
  paper.y = top + side + 2
  paper.text(`核验码 ${shownCode(code)}`, { size: 8, leading: 12, weight: 'bold' })
  paper.text(address, { size: 8, leading: 12 })
}
