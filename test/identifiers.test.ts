import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import fc from 'fast-check'
import { now, shiftClock } from '../src/clock.ts'
import {
  checkSignOfCreditCode,
  checkSignOfOrganisationCode,
  checkSignOfResidentId,
  normaliseCode,
  residentIdMistake,
  socialCreditCodeMistake,
} from '../src/identifiers.ts'

afterEach(() => shiftClock(0))

const signs = [...'0123456789ABCDEFGHJKLMNPQRTUWXY']
const creditCodes = fc
  .tuple(
    fc.constantFrom('91', '92', '93', '51', '11', 'N1', 'Y1'),
    fc.stringMatching(/^[1-6]\d{5}$/),
    fc.array(fc.constantFrom(...signs), { minLength: 9, maxLength: 9 }),
  )
  .map(([department, region, body]) => department + region + body.join(''))
  .map(first17 => first17 + checkSignOfCreditCode(first17))

const residentIds = fc
  .tuple(
    fc.integer({ min: 11, max: 83 }),
    fc.stringMatching(/^\d{4}$/),
    fc.date({ min: new Date('1900-01-01'), max: new Date('2020-12-31'), noInvalidDate: true }),
    fc.stringMatching(/^\d{3}$/),
  )
  .map(
    ([province, region, born, sequence]) =>
      `${province}${region}${born.toISOString().slice(0, 10).replaceAll('-', '')}${sequence}`,
  )
  .map(first17 => first17 + checkSignOfResidentId(first17))

const replaced = (text: string, at: number, sign: string) => text.slice(0, at) + sign + text.slice(at + 1)
const swapped = (text: string, at: number) => text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2)

test('the worked examples of the standards are good', () => {
  assert.equal(socialCreditCodeMistake('91350100M000100Y43'), undefined)
  assert.equal(residentIdMistake('11010519491231002X'), undefined)
  assert.equal(checkSignOfOrganisationCode('M000100Y'), '4')
})

test('a sum that 31 divides gives the check sign 0', () => {
  assert.equal(checkSignOfCreditCode('91370100MA3000221'), '0')
  assert.equal(socialCreditCodeMistake('91370100MA30002210'), undefined)
})

test('an organisation code whose check value is 10 ends in X, and in 0 when it is 11', () => {
  assert.equal(checkSignOfOrganisationCode('00000004'), '3')
  assert.equal(checkSignOfOrganisationCode('00000006'), 'X')
  assert.equal(checkSignOfOrganisationCode('00000000'), '0')
})

test('blanks, full-width signs and small letters are put right before checking', () => {
  assert.equal(normaliseCode(' 1101 0519491231００2x\u3000'), '11010519491231002X')
  assert.equal(residentIdMistake(' 11010519491231002x '), undefined)
  assert.equal(socialCreditCodeMistake('91350100m000100y43'), undefined)
})

for (const [code, mistake] of [
  ['', /^请填写统一社会信用代码。$/],
  ['370102200012345', /旧的 15 位营业执照注册号/],
  ['M000100Y-4', /旧的 9 位组织机构代码/],
  ['91350100M000100Y4', /为 18 位，现为 17 位/],
  ['91350100M000100Y433', /现为 19 位/],
  ['9135O100M000100Y43', /第 5 位“O”不会出现/],
  ['91350100M000100𠮷43', /第 16 位“𠮷”不会出现/],
  ['913501A0M000100Y43', /第 3 至 8 位/],
  ['91350100M000100Y44', /校验码不符/],
] as const)
  test(`the credit code “${code}” is refused with a sentence`, () => assert.match(socialCreditCodeMistake(code) ?? '', mistake))

for (const [id, mistake] of [
  ['', /^请填写身份证号。$/],
  ['110105491231002', /15 位身份证号已经停用/],
  ['1101051949123100', /为 18 位，现为 16 位/],
  ['11010519491231X02X', /X 只能在末位/],
  ['11010519491231002Y', /只有数字/],
  ['84010519491231002X', /“84”不是省级行政区代码/],
  ['11010519490230002X', /1949-02-30 不存在/],
  ['11010518991231002X', /1899-12-31 不存在/],
  ['110105194912310021', /校验码不符/],
] as const)
  test(`the resident ID “${id}” is refused with a sentence`, () => assert.match(residentIdMistake(id) ?? '', mistake))

test('nobody is born tomorrow, by the clock of the portal', () => {
  const first17 = '37010020300101001'
  const id = first17 + checkSignOfResidentId(first17)
  shiftClock(Date.UTC(2029, 11, 31, 12) - now().getTime())

  assert.match(residentIdMistake(id) ?? '', /2030-01-01 还没有到/)

  shiftClock(Date.UTC(2029, 11, 31, 17) - Date.now()) // 1 January 2030 in Beijing
  assert.equal(residentIdMistake(id), undefined)
})

test('a changed sign in a credit code is noticed, wherever it is', () => {
  fc.assert(
    fc.property(creditCodes, fc.nat(17), fc.constantFrom(...signs), (code, at, sign) => {
      fc.pre(code.charAt(at) !== sign)
      assert.equal(socialCreditCodeMistake(code), undefined)
      assert.notEqual(socialCreditCodeMistake(replaced(code, at, sign)), undefined)
    }),
  )
})

test('two neighbours that changed places in a credit code are noticed', () => {
  fc.assert(
    fc.property(creditCodes, fc.nat(16), (code, at) => {
      fc.pre(code.charAt(at) !== code.charAt(at + 1))
      assert.notEqual(socialCreditCodeMistake(swapped(code, at)), undefined)
    }),
  )
})

test('a changed sign in a resident ID is noticed, wherever it is', () => {
  fc.assert(
    fc.property(residentIds, fc.nat(17), fc.constantFrom(...'0123456789X'), (id, at, sign) => {
      fc.pre(id.charAt(at) !== sign)
      assert.equal(residentIdMistake(id), undefined)
      assert.notEqual(residentIdMistake(replaced(id, at, sign)), undefined)
    }),
  )
})

test('two neighbours that changed places in a resident ID are noticed', () => {
  fc.assert(
    fc.property(residentIds, fc.nat(16), (id, at) => {
      fc.pre(id.charAt(at) !== id.charAt(at + 1))
      assert.notEqual(residentIdMistake(swapped(id, at)), undefined)
    }),
  )
})

test('whatever is typed gets an answer and never an error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      socialCreditCodeMistake(text)
      residentIdMistake(text)
    }),
  )
})
