import { pinyin } from 'pinyin-pro'
import { fold, isHan, runs } from './terms.ts'

/** A piece of a text; `hit` where it is what was searched for. */
export interface Piece {
  text: string
  hit: boolean
}

/**
 * A text in pieces, with what the words of a search found in it marked: as it was typed, in either case and width, or by pinyin.
 * @param words as they were typed
 */
export function markWords(text: string, words: readonly string[]): Piece[] {
  const signs = [...text]
  const hits = signs.map(() => false)
  const hit = (from: number, to: number) => hits.fill(true, from, to)
  // A sign may fold into several, so each folded letter knows which sign it came from.
  const folded = signs.flatMap((sign, at) => [...fold(sign)].map(letter => ({ letter, at })))
  const plain = folded.map(({ letter }) => letter).join('')
  const places = folded.flatMap(({ letter, at }) => [...letter].map(() => at))
  for (const word of words.map(fold)) {
    for (let at = plain.indexOf(word); at >= 0; at = plain.indexOf(word, at + word.length))
      hit(places[at] ?? 0, (places[at + word.length - 1] ?? 0) + 1)
    if (/^[a-z]{2,}$/.test(word)) for (const [from, to] of pinyinPlaces(text, word)) hit(from, to)
  }
  return piecesOf(signs, hits)
}

/** Where Han characters of a text read as these letters, in full or by their initials. */
function pinyinPlaces(text: string, word: string): [from: number, to: number][] {
  let start = 0
  return runs(text).flatMap(run => {
    // Runs come in order, so each is looked for behind the one before.
    const at = fold(text).indexOf(run, start)
    start = at + run.length
    if (!isHan(run)) return []
    const from = [...fold(text).slice(0, at)].length
    const syllables = pinyin(run, { toneType: 'none', type: 'array', v: true })
    const initials = syllables.map(syllable => syllable[0] ?? '').join('')
    return syllables.flatMap((_syllable, first): [number, number][] => {
      if (initials.startsWith(word, first)) return [[from + first, from + first + word.length]]
      const last = syllables.findIndex((_one, at) => at >= first && syllables.slice(first, at + 1).join('').length >= word.length)
      const isRead =
        last >= 0 &&
        syllables
          .slice(first, last + 1)
          .join('')
          .startsWith(word)
      return isRead ? [[from + first, from + last + 1]] : []
    })
  })
}

function piecesOf(signs: string[], hits: boolean[]): Piece[] {
  const pieces: Piece[] = []
  for (const [at, text] of signs.entries()) {
    const hit = hits[at] ?? false
    const last = pieces.at(-1)
    if (last?.hit === hit) last.text += text
    else pieces.push({ text, hit })
  }
  return pieces
}
