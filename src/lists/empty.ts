import type { Knex } from 'knex'
import { inWords, narrowingOf } from './filters.ts'
import { describe, readSearch, smaller } from './grammar.ts'
import type { Link } from './list.ts'
import { sealWords } from './private-words.ts'
import { type Asked, addressWith, withoutConditions } from './question.ts'
import { type Count, countInWords, countRows } from './rows.ts'

interface Empty {
  icon: string
  title: string
  text?: string
  /** Where to go from here, in the words of `partials/empty`. */
  ways: Link[]
}

/**
 * Why there is no row, and the next useful place: never a bare "no data".
 * @param start how many rows lie before the page
 */
export async function whyEmpty(db: Knex, asked: Asked, start: number): Promise<Empty> {
  const { question, conditions, given } = asked
  const { list, user, search } = question
  if (start > 0)
    return {
      icon: 'inbox',
      title: '这一页已经没有内容',
      text: '原来在这里的行已被移走或修改，前面的还在。',
      ways: [{ label: '回到第一页', href: addressWith(list, given) }],
    }
  if (!conditions.length) {
    const action = list.empty?.action?.(user)
    return {
      icon: 'inbox',
      title: list.empty?.title ?? `还没有${list.label}`,
      ...(list.empty?.text ? { text: list.empty.text } : {}),
      ways: action ? [action] : [],
    }
  }
  const found = (await lesserWays(db, asked)).filter(way => way.count.n > 0)
  const filters = conditions
    .filter(({ narrow }) => narrow)
    .map(condition => `“${inWords(condition)}”`)
    .join('、')
  return {
    icon: 'search',
    title: search ? `${filters && `在${filters}里`}没有${describe(search)}的${list.label}` : `没有符合${filters}的${list.label}`,
    text: found.length
      ? `${found.map(({ doing, count }) => `${doing}，有 ${countInWords(count)} 条`).join('；')}。`
      : '换一个词，或少用几个条件再试。',
    ways: [
      ...found.map(({ doing, href }) => ({ label: doing, href })),
      { label: '清除全部条件', href: withoutConditions(list, given) },
    ],
  }
}

const mostOffered = 4

/** Questions that ask for one thing less and may find something: without one word, without one filter. Few, because each is counted. */
async function lesserWays(
  db: Knex,
  { question, conditions, given }: Asked,
): Promise<{ doing: string; href: string; count: Count }[]> {
  const { list, search } = question
  const filters = conditions.length > 1 ? conditions.filter(({ narrow }) => narrow) : []
  const wider = filters.map(dropped => ({
    doing: `去掉“${dropped.text}”再查`,
    given: without(given, dropped.names),
    question: { ...question, narrowing: narrowingOf(conditions.filter(condition => condition !== dropped)) },
  }))
  const shorter = (search ? smaller(search) : []).flatMap(({ text, without: word }) => {
    const less = readSearch(text).search
    return less
      ? [
          {
            doing: `去掉“${word}”再搜`,
            given: { ...given, q: sealWords(question.user, [list], text) },
            question: { ...question, search: less },
          },
        ]
      : []
  })
  const ways = [...shorter, ...wider].slice(0, mostOffered).map(async ({ doing, given, question }) => ({
    doing,
    href: addressWith(list, given),
    count: await countRows(db, question),
  }))
  return Promise.all(ways)
}

function without(given: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)))
}
