import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPortal, type TestPortal } from './portal.ts'

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(() => portal.stop())

const filled = {
  code: '91370100MA30002210',
  name: '济南听泉物业服务有限公司',
  legal_person: '丁一',
  district_code: '370102',
  address: '济南市历下区泉城路 1 号',
  contact: '𠮷敏',
  phone: '19900000001',
  username: 'tingquan',
  password: 'Lv-Shu-Cheng-Yin-88',
  again: 'Lv-Shu-Cheng-Yin-88',
  consent: 'on',
}
const numberOn = (text: string) => /ZC\d{12}/.exec(text)?.[0] ?? ''
const rowOf = (code: string) => portal.db('registrations').where({ code }).orderBy('id', 'desc').first()

test('a company registers, its district confirms, and the company is at its desk', async () => {
  const sent = await portal.anyone().post('/register/company', filled)
  assert.equal(sent.status, 201)
  const number = numberOn(sent.text)
  const waiting = await portal.anyone().post('/register/status', { number, username: 'TingQuan' })
  assert.match(waiting.text, /待确认/)
  assert.equal((await portal.anyone().post('/login', { username: 'tingquan', password: filled.password })).status, 422)
  const { id, version, phone_cipher } = await rowOf(filled.code)
  assert.doesNotMatch(phone_cipher, /19900000001/)

  const clerk = await portal.as('district-clerk')
  assert.match((await clerk.get('/desk')).text, /济南听泉物业服务有限公司/)
  const page = await clerk.get(`/desk/registrations/${id}`)
  assert.match(page.text, /199\*{4}0001/)
  assert.doesNotMatch(page.text, /19900000001/)
  assert.equal((await clerk.post(`/desk/registrations/${id}/confirm`, { version: String(version) })).status, 303)

  const company = await portal.as('tingquan', filled.password)
  assert.match((await company.get('/desk')).text, /物业企业管理员/)
  assert.match((await portal.anyone().post('/register/status', { number, username: 'tingquan' })).text, /账号已开通/)
})

test('the same registration sent twice is one, also at the same moment', async () => {
  const twice = { ...filled, code: '91350100M000100Y43', username: 'twice-sent' }

  const answers = await Promise.all([0, 1, 2].map(() => portal.anyone().post('/register/company', twice)))
  const later = await portal.anyone().post('/register/company', twice)

  const numbers = new Set([...answers, later].map(answer => numberOn(answer.text)))
  assert.deepEqual(
    [...answers, later].map(answer => answer.status),
    [201, 201, 201, 201],
  )
  assert.equal(numbers.size, 1)
  assert.equal(Number((await portal.db('registrations').where({ code: twice.code }).count({ n: '*' }).first())?.n), 1)
  const stranger = await portal
    .anyone()
    .post('/register/company', { ...twice, username: 'somebody-else', password: 'Other-Words-77x', again: 'Other-Words-77x' })
  assert.equal(stranger.status, 422)
  assert.match(stranger.text, /已有一份注册申请/)
})

test('another district does not find the request, and the city may read but not decide', async () => {
  const { id, version } = await rowOf('91350100M000100Y43')

  const other = await portal.as('district2-clerk')
  assert.equal((await other.get(`/desk/registrations/${id}`)).status, 404)
  assert.equal((await other.post(`/desk/registrations/${id}/confirm`, { version: String(version) })).status, 404)
  const city = await portal.as('city-clerk')
  assert.equal((await city.get(`/desk/registrations/${id}`)).status, 200)
  assert.equal((await city.post(`/desk/registrations/${id}/confirm`, { version: String(version) })).status, 403)
  assert.equal((await (await portal.as('company')).get(`/desk/registrations/${id}`)).status, 403)
})

test('the whole phone number is shown for a reason, which is logged', async () => {
  const { id } = await rowOf('91350100M000100Y43')
  const clerk = await portal.as('district-clerk')

  assert.equal((await clerk.post(`/desk/registrations/${id}/reveal`, { reason: '' })).status, 422)
  const shown = await clerk.post(`/desk/registrations/${id}/reveal`, { reason: '电话核实经营地址' })
  assert.match(shown.text, /19900000001/)
  assert.doesNotMatch((await clerk.get(`/desk/registrations/${id}`)).text, /19900000001/)

  const row = await portal.db('action_log').where({ action: 'personal.reveal' }).orderBy('id', 'desc').first()
  assert.match(row.detail, /电话核实经营地址/)
  assert.equal(
    (await (await portal.as('district2-clerk')).post(`/desk/registrations/${id}/reveal`, { reason: '看看' })).status,
    404,
  )
})

test('sending back needs a reason, which the applicant reads', async () => {
  const { id, version, number } = await rowOf('91350100M000100Y43')
  const clerk = await portal.as('district-clerk')

  const empty = await clerk.post(`/desk/registrations/${id}/refuse`, { version: String(version), opinion: ' ' })
  assert.equal(empty.status, 422)
  assert.match(empty.text, /请填写退回原因/)
  assert.equal(
    (await clerk.post(`/desk/registrations/${id}/refuse`, { version: String(version), opinion: '营业执照地址不在本区' })).status,
    303,
  )

  assert.match((await portal.anyone().post('/register/status', { number, username: 'twice-sent' })).text, /营业执照地址不在本区/)
})

test('of two officers who decide at once one wins, and the other reads who it was', async () => {
  const raced = { ...filled, code: '91370102MA3000001X', username: 'raced' }
  const { checkSignOfCreditCode } = await import('../src/identifiers.ts')
  raced.code = raced.code.slice(0, 17) + checkSignOfCreditCode(raced.code.slice(0, 17))
  assert.equal((await portal.anyone().post('/register/developer', raced)).status, 201)
  const { id, version } = await rowOf(raced.code)
  const [one, two] = [await portal.as('district-clerk'), await portal.as('district-reviewer')]

  const answers = await Promise.all(
    [one, two].map(officer => officer.post(`/desk/registrations/${id}/confirm`, { version: String(version) })),
  )

  assert.deepEqual(answers.map(answer => answer.status).sort(), [303, 409])
  assert.match(answers.find(answer => answer.status === 409)?.text ?? '', /已由.+办理，现在是“已确认”/)
  assert.equal(Number((await portal.db('users').where({ username: 'raced' }).count({ n: '*' }).first())?.n), 1)
})

const bad: [string, Record<string, string | string[]>, RegExp][] = [
  ['code with a wrong check sign', { code: '91370100MA30002211' }, /校验码/],
  ['code of another kind of unit', { code: '' }, /请填写统一社会信用代码/],
  ['name too long', { name: '物'.repeat(101) }, /企业名称最多 100 个字，现有 101 个/],
  ['name with a control character', { name: '济南\u0007物业公司' }, /控制字符/],
  ['district that does not exist', { district_code: '110101' }, /不在可选范围/],
  ['district twice', { district_code: ['370102', '370103'] }, /只能填写一项/],
  ['phone in words', { phone: '一二三' }, /11 位手机号/],
  ['username with blanks', { username: 'two words' }, /以字母开头/],
  ['passwords that differ', { again: 'something else' }, /两次输入的密码不一样/],
  ['password too common', { password: 'Password123!', again: 'Password123!' }, /太常见/],
  ['no consent', { consent: '' }, /勾选同意/],
  ['username taken', { username: 'city-clerk' }, /已有人使用/],
]
for (const [name, change, message] of bad)
  test(`a registration with ${name} comes back with everything kept`, async () => {
    const before = await portal.db('registrations').count({ n: '*' }).first()
    const answer = await portal.anyone().post('/register/company', {
      ...filled,
      code: '91370100MA30002210',
      username: 'not-taken',
      address: `济南市 ${name}`,
      ...change,
      status: 'confirmed',
    })

    assert.equal(answer.status, 422)
    assert.match(answer.text, message)
    assert.match(answer.text, new RegExp(`value="济南市 ${name}"`))
    assert.doesNotMatch(answer.text, /Lv-Shu-Cheng/)
    assert.deepEqual(await portal.db('registrations').count({ n: '*' }).first(), before)
  })

test('a form sent without its fields names each of them', async () => {
  const answer = await portal.anyone().post('/register/company', {})
  assert.equal(answer.status, 422)
  for (const label of ['统一社会信用代码', '企业名称', '法定代表人', '注册地址', '联系人', '联系电话', '登录账号', '密码'])
    assert.match(answer.text, new RegExp(`请填写${label}。`))
  assert.match(answer.text, /请选择注册地所在区县。/)
  assert.doesNotMatch(answer.text, /expected|nonoptional/)
})

test('one address cannot flood the desk', async () => {
  await portal.db('rate_limits').delete()
  let refused = 0
  for (let turn = 0; turn < 22; turn++) {
    const answer = await portal.anyone().post('/register/company', { ...filled, username: 'city-clerk' })
    if (answer.status === 429) refused++
  }
  assert.equal(refused, 2)
})
