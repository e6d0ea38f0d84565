import type { Finding } from '../../cases/kind.ts'
import { type Answers, textOf } from '../../forms/answers.ts'
import type { Mistakes } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'

/**
 * 业主共同决定 (domain.md §8.3; 民法典 第二百七十八条). Owners and hundredths of a square metre are whole numbers, so every share is
 * compared exactly and nothing is rounded before it is judged.
 */

/** Before this day a decision counted against all owners (物权法 第七十六条); since then against those who take part. */
export const newRule = '2021-01-01'

/** 一般事项 and 特别事项. */
export type Matter = 'ordinary' | 'special'

/** Owners, or hundredths of a square metre. */
export interface Tally {
  total: bigint
  joined: bigint
  agreed: bigint
}

/** What one share has to reach: `least` of `of`. */
export interface Share {
  code: 'quorum' | 'majority'
  by: 'owners' | 'area'
  actual: bigint
  of: bigint
  /** The smallest number that is enough. */
  least: bigint
  words: string
  isMet: boolean
}

interface Fraction {
  words: string
  least(of: bigint): bigint
}
const twoThirds: Fraction = { words: '三分之二以上', least: of => (of * 2n + 2n) / 3n }
const threeQuarters: Fraction = { words: '四分之三以上', least: of => (of * 3n + 3n) / 4n }
const overHalf: Fraction = { words: '过半数', least: of => of / 2n + 1n }

/**
 * What a decision of the owners had to reach, by number and by area.
 * @param on the day of the meeting, which tells the rule
 */
export function judgeVotes(
  tallies: Record<'owners' | 'area', Tally>,
  { matter, on }: { matter: Matter; on: string },
): { isMet: boolean; shares: Share[] } {
  const isNew = on >= newRule
  const fraction = matter === 'ordinary' ? overHalf : isNew ? threeQuarters : twoThirds
  const sides = ['owners', 'area'] as const
  const share = (code: Share['code'], by: Share['by'], actual: bigint, of: bigint, { words, least }: Fraction): Share => ({
    code,
    by,
    actual,
    of,
    least: least(of),
    words,
    isMet: actual >= least(of),
  })
  const quorum = sides.map(by => share('quorum', by, tallies[by].joined, tallies[by].total, twoThirds))
  const majority = sides.map(by =>
    share('majority', by, tallies[by].agreed, isNew ? tallies[by].joined : tallies[by].total, fraction),
  )
  const shares = isNew ? [...quorum, ...majority] : majority
  return { isMet: shares.every(({ isMet }) => isMet), shares }
}

const digits = /^\d{1,9}(\.\d{1,2})?$/

/** 1234.5 as 123450n; nothing where it is no number. */
function hundredthsOf(text: string): bigint | undefined {
  if (!digits.test(text)) return undefined
  const [whole = '0', part = ''] = text.split('.')
  return BigInt(whole) * 100n + BigInt(part.padEnd(2, '0'))
}

const wholeOf = (text: string) => (/^\d{1,9}$/.test(text) ? BigInt(text) : undefined)
const numberOf = (by: Share['by'], text: string) => (by === 'owners' ? wholeOf(text) : hundredthsOf(text))

/** The six figures as fields of a form name them (`voteFields`); nothing while one is missing. */
export function talliesIn(answers: Answers): Record<'owners' | 'area', Tally> | undefined {
  const tally = (by: Share['by']): Tally | undefined => {
    const [total, joined, agreed] = ['total', 'joined', 'agreed'].map(name => numberOf(by, textOf(answers, `${by}_${name}`)))
    return total === undefined || joined === undefined || agreed === undefined ? undefined : { total, joined, agreed }
  }
  const [owners, area] = [tally('owners'), tally('area')]
  return owners && area && { owners, area }
}

const shown = (by: Share['by'], number: bigint) =>
  by === 'owners' ? `${number} 人` : `${number / 100n}.${String(number % 100n).padStart(2, '0')} ㎡`

/** Counts that cannot be: nobody there, more took part than there are, more agreed than took part. */
export function impossibleVotes(answers: Answers): Mistakes {
  const mistakes: Mistakes = {}
  const labels = {
    owners: { total: '业主总人数', joined: '参加表决人数', agreed: '同意人数' },
    area: { total: '专有部分总面积', joined: '参加表决面积', agreed: '同意面积' },
  } as const
  for (const by of ['owners', 'area'] as const) {
    const said = (name: 'total' | 'joined' | 'agreed') => numberOf(by, textOf(answers, `${by}_${name}`))
    if (said('total') === 0n) mistakes[`${by}_total`] = `${labels[by].total}是 0，请照业主名册填写（民法典第二百七十八条）。`
    for (const [part, whole] of [
      ['joined', 'total'],
      ['agreed', 'joined'],
    ] as const) {
      const [less, more] = [said(part), said(whole)]
      if (less !== undefined && more !== undefined && less > more)
        mistakes[`${by}_${part}`] =
          `${labels[by][part]} ${shown(by, less)}，多于${labels[by][whole]} ${shown(by, more)}。请对照业主大会决议改正（民法典第二百七十八条）。`
    }
  }
  return mistakes
}

/**
 * The line of the self-check, with the arithmetic.
 * @param on the day of the meeting
 * @returns nothing while figures are missing or cannot be
 */
export function voteFinding(answers: Answers, { matter, on }: { matter: Matter; on: string }): Finding | undefined {
  const tallies = talliesIn(answers)
  if (!tallies || !isDay(on) || Object.keys(impossibleVotes(answers)).length) return undefined
  const { isMet, shares } = judgeVotes(tallies, { matter, on })
  const isNew = on >= newRule
  const fraction = shares.at(-1)?.words ?? ''
  return {
    code: 'votes',
    requirement: isNew
      ? `人数、面积都有三分之二以上参加表决，参加者人数、面积都${fraction}同意`
      : `占总人数${fraction}、专有部分总面积${fraction}的业主同意`,
    actual: isMet ? '达到' : '没有达到',
    verdict: isMet ? 'ok' : 'bad',
    law: isNew ? '民法典第二百七十八条' : '物权法第七十六条（2021 年以前的决定）',
    detail: `${shares.map(sentence).join('；')}。`,
  }
}

/** 参加人数 320 人，480 人的三分之二以上，须不少于 320 人，达到. */
function sentence({ code, by, actual, of, least, words, isMet }: Share): string {
  const what = `${code === 'quorum' ? '参加' : '同意'}${by === 'owners' ? '人数' : '面积'}`
  return `${what} ${shown(by, actual)}，${shown(by, of)}的${words}须不少于 ${shown(by, least)}，${isMet ? '达到' : '没有达到'}`
}
