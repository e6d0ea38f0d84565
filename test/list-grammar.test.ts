import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, readSearch, smaller } from '../src/lists/grammar.ts'
import { maskId, maskName, maskNumbers, maskPhone } from '../src/lists/masks.ts'
import { terms } from '../src/lists/terms.ts'

for (const [typed, alternatives, inWords] of [
  ['清荷', [['清荷']], '含“清荷”'],
  ['清荷 天桥', [['清荷', '天桥']], '同时含“清荷”和“天桥”'],
  ['清荷　天桥', [['清荷', '天桥']], '同时含“清荷”和“天桥”'],
  ['  清荷 \t 天桥  历下', [['清荷', '天桥', '历下']], '同时含“清荷”、“天桥”和“历下”'],
  ['历下,市中', [['历下'], ['市中']], '含“历下”或“市中”'],
  ['历下，市中、槐荫', [['历下'], ['市中'], ['槐荫']], '含“历下”、“市中”或“槐荫”'],
  ['历下 清荷，市中', [['历下', '清荷'], ['市中']], '同时含“历下”和“清荷”，或含“市中”'],
  ['，，清荷，', [['清荷']], '含“清荷”'],
  ['（清荷）', [['清荷']], '含“清荷”'],
  ['ＡＢＣ１２', [['ABC12']], '含“ABC12”'],
  ['city-clerk', [['city-clerk']], '含“city-clerk”'],
  ['济物合备〔2023〕0118号', [['济物合备〔2023〕0118号']], '含“济物合备〔2023〕0118号”'],
  ['清荷 清荷 QH qh', [['清荷', 'QH']], '同时含“清荷”和“QH”'],
  ['历下 清荷，清荷 历下', [['历下', '清荷']], '同时含“历下”和“清荷”'],
  ['𠮷田', [['𠮷田']], '含“𠮷田”'],
  ['a\u0000b\u200bc', [['a', 'b', 'c']], '同时含“a”、“b”和“c”'],
] as const)
  test(`“${typed.trim()}” is read as ${inWords}`, () => {
    const { search, mistake } = readSearch(typed)

    assert.equal(mistake, undefined)
    assert.deepEqual(search?.alternatives, alternatives)
    assert.equal(search && describe(search), inWords)
  })

test('nothing typed is no search', () => {
  for (const typed of ['', '   ', '\t\n', '\u3000', '\u0000']) assert.deepEqual(readSearch(typed), {})
})

for (const [why, typed, sentence] of [
  ['too long', '物'.repeat(101), '搜索内容最多 100 个字，现有 101 个。请删去一些再搜。'],
  [
    'too many words',
    Array.from({ length: 11 }, (_, n) => `词${n}`).join(' '),
    '一次最多搜 10 个词，现有 11 个。请删去一些再搜。',
  ],
  ['too many alternatives', 'a,b,c,d,e,f', '逗号隔开的条件最多 5 组，现有 6 组。请分几次搜。'],
  ['only signs', '％ __ 、', '“％ __ 、”里没有可搜的字。请输入汉字、字母或数字。'],
  ['ligatures that unfold to more', 'ﷺ'.repeat(20), '搜索内容最多 100 个字，现有 360 个。请删去一些再搜。'],
] as const)
  test(`a search ${why} is answered with a sentence`, () => {
    assert.deepEqual(readSearch(typed), { mistake: sentence })
  })

test('whatever is typed gives a search, a sentence or neither, and never an error', () => {
  const unit = fc.oneof(
    fc.constantFrom(' ', '，', ',', '、', '　', '%', '_', '\\', '清', '𠮷', 'a'),
    fc.string({ unit: 'binary', maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 60 }), units => {
      const { search, mistake } = readSearch(units.join(''))
      assert.ok(!(search && mistake))
      for (const words of search?.alternatives ?? []) {
        assert.ok(words.length > 0)
        for (const word of words) assert.match(word, /^[\p{L}\p{N}](.*[\p{L}\p{N}])?$/u)
      }
    }),
  )
})

test('a smaller search leaves out one word at a time; a single word and alternatives have none', () => {
  const of = (typed: string) => {
    const { search } = readSearch(typed)
    return search ? smaller(search) : []
  }
  assert.deepEqual(of('清荷 天桥'), [
    { text: '天桥', without: '清荷' },
    { text: '清荷', without: '天桥' },
  ])
  assert.deepEqual(of('清荷'), [])
  assert.deepEqual(of('清荷，天桥'), [])
})

test('a name is found by its neighbouring characters, initials and full pinyin from any syllable', () => {
  const found = terms('清荷物业')
  for (const term of ['清荷', '荷物', '物业', '业', 'pqhwy', 'phwy', 'pwy', 'pqinghewuye', 'pwuye'])
    assert.ok(found.includes(term), term)
  assert.ok(!found.includes('py'), 'a single initial would find a tenth of all rows')
})

test('a surname is read as one', () => {
  assert.ok(terms('单丽', true).includes('psl'))
  assert.ok(terms('曾敏', true).includes('pzm'))
  assert.ok(terms('曾经').includes('pcj'))
})

test('codes and usernames are found from every sign, in one width and case', () => {
  const found = terms('ＣＩＴＹ-Clerk 91370100MA')
  for (const term of ['wcity', 'wity', 'wclerk', 'w91370100ma', 'wma']) assert.ok(found.includes(term), term)
})

test('rare characters count as one sign, and terms have a limit', () => {
  assert.deepEqual(
    terms('𠮷').filter(term => !term.startsWith('p')),
    ['𠮷'],
  )
  for (const term of terms(`${'中'.repeat(80)} ${'a1'.repeat(80)}`)) assert.ok([...term].length <= 25)
  assert.deepEqual(terms('——％ '), [])
})

test('of names, phones and ID numbers only the lawful part is shown', () => {
  assert.deepEqual(['张三丰', '𠮷田', ''].map(maskName), ['张*', '𠮷*', ''])
  assert.deepEqual(['13812345678', '0531-88880000', ''].map(maskPhone), ['138****5678', '****0000', ''])
  assert.deepEqual(['370102199001010012', '1234'].map(maskId), ['370***********0012', '****'])
  assert.equal(maskNumbers('王 13812345678 37010219900101001X 2026'), '王 138****5678 370***********001X 2026')
})
