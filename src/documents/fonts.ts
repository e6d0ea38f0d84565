import fs from 'node:fs'
import { createRequire } from 'node:module'
import * as fontkit from 'fontkit'

/** A face as papers use it. Widths are parts of the type size. */
export interface Face {
  /** What pdfkit takes in place of a font file: a parsed font, so that no paper parses 10 MB again. */
  source: Uint8Array
  covers(codePoint: number): boolean
  widthOf(codePoint: number): number
}

export interface Faces {
  regular: Face
  bold: Face
  /** For characters of names that the portal's own fonts lack, if the machine has such a font. */
  rare?: () => Face
}

/** Where systems keep the Noto CJK collection, which holds about twice the characters of the package. */
const systemFonts = [
  '/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc',
  '/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc',
  '/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc',
  '/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc',
]
const systemFace = 'NotoSansCJKsc-Regular'

let loaded: Faces | undefined

/** The faces of all papers, read when the first one is printed and kept: 20 MB once a process. */
export function standardFaces(): Faces {
  loaded ??= loadFaces(systemFonts.find(file => fs.existsSync(file)))
  return loaded
}

/** Reads the faces. @param system the collection with rare characters; without one they are printed as □ */
export function loadFaces(system?: string): Faces {
  let rare: Face | undefined
  const openRare = (file: string) => {
    rare ??= faceOf(open(file, systemFace))
    return rare
  }
  return {
    regular: faceOf(open(packaged('400Regular'))),
    bold: faceOf(open(packaged('700Bold'))),
    ...(system ? { rare: () => openRare(system) } : {}),
  }
}

function packaged(weight: string): string {
  return createRequire(import.meta.url).resolve(`@expo-google-fonts/noto-sans-sc/${weight}/NotoSansSC_${weight}.ttf`)
}

function open(file: string, name?: string): fontkit.Font {
  const font = fontkit.create(fs.readFileSync(file), name)
  if (!('glyphForCodePoint' in font)) throw new Error(`${file} holds no face ${name ?? ''}`)
  return font
}

/**
 * Chinese needs no shaping: a glyph for each character, set side by side. That is forty times faster than asking fontkit, measures
 * exactly what is drawn, and says of each glyph which character was meant, so that the text can be searched and copied.
 */
function faceOf(font: fontkit.Font): Face {
  const known = new Map<number, { id: number; advanceWidth: number }>()
  const glyphOf = (codePoint: number) => {
    const found = known.get(codePoint)
    if (found) return found
    const { id, advanceWidth } = font.glyphForCodePoint(codePoint)
    const glyph = { id, advanceWidth }
    known.set(codePoint, glyph)
    return glyph
  }
  const layout = (text: string) => {
    const glyphs = [...text].map(sign => {
      const codePoint = sign.codePointAt(0) ?? 0
      return { ...glyphOf(codePoint), codePoints: [codePoint] }
    })
    const positions = glyphs.map(({ advanceWidth }) => ({ xAdvance: advanceWidth, yAdvance: 0, xOffset: 0, yOffset: 0 }))
    return { glyphs, positions, advanceWidth: glyphs.reduce((sum, glyph) => sum + glyph.advanceWidth, 0) }
  }
  return {
    source: Object.create(font, { layout: { value: layout } }) as Uint8Array, // pdfkit also takes whatever has a `layout`; its types do not say so
    covers: codePoint => font.hasGlyphForCodePoint(codePoint),
    widthOf: codePoint => glyphOf(codePoint).advanceWidth / font.unitsPerEm,
  }
}
