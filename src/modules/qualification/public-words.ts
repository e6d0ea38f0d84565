/** What the public will read of a certificate names no person: reasons and legal bases of its end. */

const hanDigits = '〇零一二三四五六七八九'
const values = '00123456789'
const formalDigits = '壹贰叁肆伍陆柒捌玖'

/** An ID number (15 or 18 signs) or a telephone number, however it is written. */
const personal = /(?<!\d)(\d{17}[\dx]|\d{15}|1[3-9]\d{9}|0\d{9,11})(?!\d)/

/** Digits as digits, and nothing between them: full width, Han numerals, blanks, dashes, brackets. */
function bare(text: string): string {
  return [...text.normalize('NFKC').toLowerCase()]
    .map(sign => {
      const han = hanDigits.indexOf(sign)
      if (han >= 0) return values[han] ?? ''
      const formal = formalDigits.indexOf(sign)
      return formal >= 0 ? String(formal + 1) : sign
    })
    .join('')
    .replace(/[\p{P}\p{S}\p{Z}\s]/gu, '')
}

/** A rule for texts that go public: the sentence where one holds an ID or telephone number. */
export const publicly = (label: string) => (value: string) =>
  personal.test(bare(value)) ? `${label}会向社会公开，不能写身份证号和电话号码。请改写，个人情况写在不公开的材料里。` : undefined
