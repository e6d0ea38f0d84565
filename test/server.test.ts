import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import { connect } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Agent, openSchema } from './portal.ts'

/** The real command `npm start`, as a process of its own. */

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-server-'))
let schema: Awaited<ReturnType<typeof openSchema>>
before(async () => {
  schema = await openSchema('server')
})
after(async () => {
  await schema.close()
  fs.rmSync(folder, { recursive: true, force: true })
})

interface Server {
  base: string
  child: ChildProcess
  ended: Promise<number | null>
}

async function startServer(env: Record<string, string> = {}): Promise<Server> {
  const child = spawn(process.execPath, ['src/setup/start.mjs'], {
    env: {
      ...process.env,
      DATABASE_URL: schema.url,
      DATA_DIR: folder,
      PORT: '0',
      HOST: '127.0.0.1',
      DEMO_SIZE: '0',
      NODE_ENV: 'development',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  let said = ''
  const base = await new Promise<string>((resolve, reject) => {
    const listen = (piece: Buffer) => {
      said += piece
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)
      if (found) resolve(found[0])
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    void ended.then(code => reject(new Error(`ended with ${code}: ${said}`)))
  })
  return { base, child, ended }
}

const code = async (n: number) => {
  const { checkSignOfCreditCode } = await import('../src/identifiers.ts')
  const first = `91370100MA3${String(n).padStart(6, '0')}`
  return first + checkSignOfCreditCode(first)
}
const registration = async (n: number) => ({
  code: await code(n),
  name: `济南试水物业服务有限公司${n}`,
  legal_person: '丁一',
  district_code: '370102',
  address: '济南市历下区泉城路 1 号',
  contact: '丁一',
  phone: '19900000001',
  username: `trial-${n}`,
  password: 'Lv-Shu-Cheng-Yin-88',
  again: 'Lv-Shu-Cheng-Yin-88',
  consent: 'on',
})

test('a stop signal lets the running request finish, then ends with 0', async () => {
  const { base, child, ended } = await startServer()
  // A request whose body is still on its way when the signal comes.
  const { port, host } = new URL(base)
  const body = new URLSearchParams(await registration(1)).toString()
  const socket = connect(Number(port), '127.0.0.1')
  let answer = ''
  socket.on('data', piece => (answer += piece))
  const closed = new Promise(resolve => socket.once('close', resolve))
  const head = `POST /register/company HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${base}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n`
  await new Promise<void>(resolve => socket.write(head + body.slice(0, 20), () => resolve()))
  await new Agent(base).get('/health')

  child.kill('SIGTERM')
  socket.write(body.slice(20))

  await closed
  assert.match(answer, /^HTTP\/1\.1 201/)
  assert.equal(await ended, 0)
  const { checkLog } = await import('../src/admin/action-log.ts')
  const open = await schema.db('action_log').where('id', '>', schema.db('log_seals').max('last_id')).first('id')
  assert.equal(open, undefined, 'the log is sealed with the last request in it')
  assert.ok((await checkLog(schema.db)).seals > 0)
  assert.equal(Number((await schema.db('registrations').where({ username: 'trial-1' }).count({ n: '*' }).first())?.n), 1)
})

test('kill -9 under load: what was confirmed is there once, and nothing is there by half', async () => {
  await schema.db('registrations').delete()
  const first = await startServer()
  const confirmed: string[] = []
  const senders = Array.from({ length: 6 }, async (_, sender) => {
    for (let turn = 0; turn < 50; turn++) {
      try {
        const form = await registration(1000 + sender * 100 + turn)
        await schema.db('rate_limits').delete()
        const answer = await new Agent(first.base).post('/register/company', form)
        if (answer.status === 201) confirmed.push(form.username)
        if (confirmed.length === 20) first.child.kill('SIGKILL')
      } catch {
        return
      }
    }
  })
  await Promise.all(senders)
  await first.ended

  const second = await startServer()
  const rows = await schema.db('registrations').select('id', 'username', 'number')
  const logged = await schema
    .db('action_log')
    .where({ action: 'registration.submit' })
    .whereNot({ object_label: '济南试水物业服务有限公司1' })
    .pluck('object_id')
  second.child.kill('SIGTERM')
  assert.equal(await second.ended, 0)

  assert.ok(confirmed.length >= 20)
  for (const username of confirmed) assert.equal(rows.filter(row => row.username === username).length, 1, username)
  assert.deepEqual(
    logged.map(Number).sort((a, b) => a - b),
    rows.map(row => row.id).sort((a, b) => a - b),
  )
  const numbers = rows.map(row => Number(row.number.slice(-4))).sort((a, b) => a - b)
  assert.deepEqual(
    numbers,
    numbers.map((_, at) => (numbers[0] ?? 0) + at),
    'numbers without gaps',
  )
})

test('a taken port is named, with the way out', async () => {
  const first = await startServer()
  const { port } = new URL(first.base)
  await assert.rejects(startServer({ PORT: port }), /已被占用[\s\S]*PORT=/)
  first.child.kill('SIGTERM')
  assert.equal(await first.ended, 0)
})

test('production that lacks its settings says only which', async () => {
  await assert.rejects(startServer({ NODE_ENV: 'production', DATABASE_URL: '' }), (error: Error) => {
    assert.match(error.message, /正式环境必须设置 DATABASE_URL/)
    assert.doesNotMatch(error.message, /\n\s+at |node:internal/)
    return true
  })
})

test('two servers on one database are one portal: sessions and limits count for both', async () => {
  const servers = await Promise.all([startServer(), startServer()])
  try {
    const [one, two] = servers.map(server => new Agent(server.base))
    const guesses = Array.from({ length: 6 }, (_, turn) =>
      (turn % 2 ? one : two)?.post('/login', { username: 'nobody', password: 'wrong' }),
    )
    const answers = await Promise.all(guesses)
    assert.deepEqual(answers.map(answer => answer?.status).sort(), [422, 422, 422, 422, 422, 429])
  } finally {
    for (const server of servers) server.child.kill('SIGTERM')
    assert.deepEqual(await Promise.all(servers.map(server => server.ended)), [0, 0])
  }
})
