import assert from 'node:assert/strict'
import { test } from 'node:test'
import { impossibleVotes, judgeVotes, voteFinding } from '../src/modules/filings/votes.ts'

/** 业主共同决定 (domain.md §8.3; 民法典 第二百七十八条). */

const same = (total: number, joined: number, agreed: number) => {
  const tally = { total: BigInt(total), joined: BigInt(joined), agreed: BigInt(agreed) }
  return { owners: tally, area: tally }
}

const cases: [matter: 'ordinary' | 'special', on: string, total: number, joined: number, agreed: number, isMet: boolean][] = [
  // Two thirds take part, exactly and one short; 100 owners need 67.
  ['ordinary', '2021-01-01', 300, 200, 101, true],
  ['ordinary', '2021-01-01', 300, 199, 199, false],
  ['ordinary', '2026-05-01', 100, 67, 67, true],
  ['ordinary', '2026-05-01', 100, 66, 66, false],
  // More than half of those who take part: exactly half is not enough.
  ['ordinary', '2026-05-01', 300, 200, 100, false],
  ['ordinary', '2026-05-01', 300, 201, 100, false],
  ['ordinary', '2026-05-01', 300, 201, 101, true],
  // Three quarters for special matters.
  ['special', '2026-05-01', 300, 200, 150, true],
  ['special', '2026-05-01', 300, 200, 149, false],
  ['special', '2026-05-01', 300, 201, 150, false],
  ['special', '2026-05-01', 300, 201, 151, true],
  // Before 2021 all owners counted, and there was no quorum.
  ['ordinary', '2020-12-31', 300, 200, 101, false],
  ['ordinary', '2020-12-31', 300, 160, 150, false],
  ['ordinary', '2020-12-31', 300, 160, 151, true],
  ['ordinary', '2021-01-01', 300, 160, 151, false],
  ['special', '2020-12-31', 300, 200, 200, true],
  ['special', '2020-12-31', 300, 200, 199, false],
]

for (const [matter, on, total, joined, agreed, isMet] of cases)
  test(`${matter} on ${on}: ${agreed} of ${joined} of ${total} is ${isMet ? 'enough' : 'not enough'}`, () => {
    assert.equal(judgeVotes(same(total, joined, agreed), { matter, on }).isMet, isMet)
  })

test('number and area must both be reached', () => {
  const [many, few] = [same(300, 200, 101).owners, same(300, 200, 100).owners]
  const rule = { matter: 'ordinary', on: '2026-05-01' } as const
  assert.equal(judgeVotes({ owners: many, area: few }, rule).isMet, false)
  assert.equal(judgeVotes({ owners: few, area: many }, rule).isMet, false)
  assert.equal(judgeVotes({ owners: many, area: many }, rule).isMet, true)
})

const answers = {
  owners_total: '480',
  owners_joined: '320',
  owners_agreed: '161',
  area_total: '50000.00',
  area_joined: '33333.34',
  area_agreed: '16666.68',
}

test('areas are compared to the hundredth, and the finding shows the sum', () => {
  const rule = { matter: 'ordinary', on: '2026-05-01' } as const
  assert.equal(voteFinding(answers, rule)?.verdict, 'ok')
  assert.match(
    voteFinding(answers, rule)?.detail ?? '',
    /参加面积 33333\.34 ㎡，50000\.00 ㎡的三分之二以上须不少于 33333\.34 ㎡，达到/,
  )
  assert.equal(voteFinding({ ...answers, area_agreed: '16666.67' }, rule)?.verdict, 'bad', 'exactly half')
  assert.equal(voteFinding({ ...answers, area_joined: '33333.33' }, rule)?.verdict, 'bad', 'a hundredth short')
  assert.equal(voteFinding({ ...answers, area_total: '' }, rule), undefined)
  assert.equal(voteFinding(answers, { ...rule, on: '2026-02-30' }), undefined)
})

test('more votes than owners, and no owners at all, cannot be', () => {
  assert.deepEqual(impossibleVotes(answers), {})
  assert.match(impossibleVotes({ ...answers, owners_joined: '481' }).owners_joined ?? '', /481 人，多于业主总人数 480 人/)
  assert.match(impossibleVotes({ ...answers, area_agreed: '33333.35' }).area_agreed ?? '', /多于参加表决面积/)
  assert.match(impossibleVotes({ ...answers, owners_total: '0' }).owners_total ?? '', /是 0/)
  const impossible = { ...answers, owners_joined: '481' }
  assert.equal(voteFinding(impossible, { matter: 'ordinary', on: '2026-05-01' }), undefined)
})
