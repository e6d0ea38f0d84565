import type { ShownField, ShownSection, ShownTable } from '../forms/answers.ts'
import type { Paper } from './pdf.ts'

/** Parts that printed forms and dossiers are made of, set smaller than letters. */
export type Sheet =
  | { sort: 'heading'; text: string }
  | { sort: 'text'; text: string }
  | { sort: 'facts'; facts: { label: string; value: string; wide?: boolean }[] }
  | { sort: 'table'; widths: number[]; head: string[]; rows: string[][]; size?: number }

/** 20 mm all round, so that a list of people finds room. */
export const formMargins = { top: 22, right: 20, bottom: 28, left: 20 }

/** Writes parts one under the other. */
export function writeSheets(paper: Paper, sheets: readonly Sheet[]): void {
  for (const sheet of sheets) {
    if (sheet.sort === 'heading') paper.heading(sheet.text, { tag: 'H3', size: 11.5, after: 4 })
    else if (sheet.sort === 'text') paper.text(sheet.text, { size: 10, after: 6 })
    else if (sheet.sort === 'facts') {
      paper.facts(sheet.facts, { size: 10, height: 22 })
      paper.space(8)
    } else {
      const { widths, head, rows, size = 9 } = sheet
      paper.grid({ widths, head: head.map(text => ({ text })), rows: rows.map(row => row.map(text => ({ text }))), size })
      paper.space(8)
    }
  }
}

/** A filled-in form as parts: each section with its fields, then its tables. @param count how sections are counted */
export function sheetsOf(sections: readonly ShownSection[], count: (n: string) => string = n => `${n}、`): Sheet[] {
  return sections.flatMap(({ title, fields, tables }, n): Sheet[] => {
    const isPledge = ({ label, text }: ShownField) => [...label].length > 16 && /^[是否]$/.test(text)
    const facts = fields
      .filter(field => !isPledge(field))
      .map(({ label, text, unit, wide }) => ({ label, value: unit ? `${text} ${unit}` : text, wide: wide || text.length > 40 }))
    const pledges = fields
      .filter(isPledge)
      .map(({ label, text }): Sheet => ({ sort: 'text', text: `${text === '是' ? '√' : '□'} ${label}` }))
    return [
      { sort: 'heading', text: `${count(chineseNumber(n + 1))}${title || '申请内容'}` },
      ...(facts.length ? [{ sort: 'facts' as const, facts }] : []),
      ...tables.map(tableSheet),
      ...pledges,
    ]
  })
}

function tableSheet({ label, columns, rows }: ShownTable): Sheet {
  if (!rows.length) return { sort: 'text', text: `${label}：无` }
  const head = ['序号', ...columns.map(column => (column.unit ? `${column.label}（${column.unit}）` : column.label))]
  const body = rows.map((row, n) => [String(n + 1), ...row.map(cell => cell.text)])
  return { sort: 'table', widths: widthsFor(head, body), head, rows: body, size: columns.length > 6 ? 7.5 : 9 }
}

/** Parts of the width by what stands in the columns: none starved, none greedy. Han characters count twice. */
function widthsFor(head: readonly string[], rows: readonly (readonly string[])[]): number[] {
  const wide = (text: string) => [...text].reduce((sum, sign) => sum + (sign > 'ÿ' ? 2 : 1.1), 0)
  return head.map((label, n) => {
    const longest = Math.max(...rows.map(row => wide(row[n] ?? '')))
    return 2 + Math.min(28, Math.max(Math.min(wide(label), 8), longest))
  })
}

/** 一, 十二, 二十: how parts of a paper are counted. */
export function chineseNumber(n: number): string {
  const digits = ['', '一', '二', '三', '四', '五', '六', '七', '八', '九']
  const tens = Math.floor(n / 10)
  return `${tens > 1 ? digits[tens] : ''}${tens ? '十' : ''}${digits[n % 10]}`
}
