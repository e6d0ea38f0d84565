/** Signs that may not begin a line, and those that may not end one (GB/T 15834, 避头尾). */
const neverFirst = new Set('、，。．；：？！）〕］｝》〉」』】”’…—～·％‰℃°㎡,.;:?!)]}%')
const neverLast = new Set('（〔［｛《〈「『【“‘￥([{')

export interface Line {
  text: string
  width: number
  /** The last line of its paragraph, which is never stretched. */
  last: boolean
}

interface Measure {
  /** Room of a line, and how much less the first one has. */
  width: number
  indent?: number
  widthOf(sign: string): number
}

/**
 * Breaks text into lines the way Chinese is set: between any two characters, except before closing and after opening marks; words,
 * numbers and addresses in Latin letters stay whole unless they are longer than a line. `\n` ends a line.
 */
export function breakLines(text: string, { width, indent = 0, widthOf }: Measure): Line[] {
  const lines: Line[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    let used = 0
    let room = width - (lines.length ? 0 : indent)
    const end = (last: boolean) => {
      const kept = line.trimEnd()
      lines.push({ text: kept, width: used - widthOfAll(line.slice(kept.length), widthOf), last })
      line = ''
      used = 0
      room = width
    }
    const put = (piece: string, wide: number) => {
      if (line && used + wide > room + 0.01) end(false)
      if (!line && !piece.trim() && lines.length) return
      line += piece
      used += wide
    }
    for (const piece of piecesOf(paragraph)) {
      const wide = widthOfAll(piece, widthOf)
      if (wide <= width) put(piece, wide)
      else for (const sign of piece) put(sign, widthOf(sign))
    }
    end(true)
  }
  return lines
}

/** The parts of a text that no line end may divide. */
function piecesOf(text: string): string[] {
  const pieces: string[] = []
  for (const [piece] of text.matchAll(/[!-~À-ɏ]+|[^\S\n]+|./gsu)) {
    const before = pieces.at(-1)
    const joined = before?.trim() && (neverLast.has(before.at(-1) ?? '') || (piece.trim() && neverFirst.has(piece[0] ?? '')))
    if (joined) pieces[pieces.length - 1] = before + piece
    else pieces.push(piece)
  }
  return pieces
}

function widthOfAll(text: string, widthOf: (sign: string) => number): number {
  let sum = 0
  for (const sign of text) sum += widthOf(sign)
  return sum
}
