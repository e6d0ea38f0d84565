import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { migrateToLatest, migrations } from '../src/database/migrate.ts'
import { explain, type PrivateDatabase, startPrivateDatabase } from '../src/database/private.ts'
import { openPool } from '../src/db.ts'
import { openSchema } from './portal.ts'

/** The private database under everything that may happen to a process, and migrations under two instances. */

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'portal-database-')))
const helpers = new Set<ChildProcess>()
after(() => {
  for (const helper of helpers) helper.kill('SIGKILL')
  for (const pid of serversIn(folder)) process.kill(pid, 'SIGKILL')
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

const onMariadb = {
  skip: spawnSync('sh', ['-c', 'PATH="$PATH:/usr/sbin" command -v mariadbd']).status !== 0 && '这台机器没有安装 MariaDB',
}

test('two starts at once share one server, and the last to leave stops it', onMariadb, async () => {
  const dir = path.join(folder, 'two')

  const [first, second] = await Promise.all([startElsewhere(dir), startElsewhere(dir)])
  const [pid, ...others] = serversIn(dir)

  assert.ok(pid)
  assert.deepEqual(others, [])
  assert.equal(first.url, second.url)

  await first.stop()
  assert.deepEqual(serversIn(dir), [pid])
  assert.equal(await ask(second.url, 'select 1'), 1)

  await second.stop()
  assert.deepEqual(serversIn(dir), [])
})

test('four starts and stops in any order never leave nobody or two', onMariadb, async () => {
  const dir = path.join(folder, 'four')

  for (let round = 0; round < 2; round++) {
    const all = await Promise.all([1, 2, 3, 4].map(() => startPrivateDatabase(dir)))
    assert.equal(serversIn(dir).length, 1)
    const [last, ...early] = all.reverse()
    await Promise.all([...early.map(one => one.stop()), startPrivateDatabase(dir).then(late => late.stop())])
    assert.equal(await ask(last?.url, 'select 1'), 1)
    await last?.stop()
    assert.deepEqual(serversIn(dir), [])
  }
})

test('a server whose portal was killed is taken over as it is', onMariadb, async () => {
  const dir = path.join(folder, 'killed')
  const first = await startElsewhere(dir)
  const [pid] = serversIn(dir)

  await first.kill()
  assert.deepEqual(serversIn(dir), [pid])
  const second = await startPrivateDatabase(dir)

  assert.deepEqual(serversIn(dir), [pid])
  await second.stop()
  assert.deepEqual(serversIn(dir), [])
})

test('a portal killed while the server is still starting leaves nothing in the way', onMariadb, async () => {
  const dir = path.join(folder, 'early')

  for (const pause of [200, 450, 700]) {
    const first = spawnHelper(dir)
    await sleep(pause)
    first.kill('SIGKILL')
    const second = await startPrivateDatabase(dir)
    assert.equal(await ask(second.url, 'select 1'), 1)
    assert.equal(serversIn(dir).length, 1)
    await second.stop()
    assert.deepEqual(serversIn(dir), [])
  }
})

test('a server that is killed comes back by itself, with every row that was confirmed', onMariadb, async () => {
  const dir = path.join(folder, 'crash')
  const said: string[] = []
  const database = await startPrivateDatabase(dir, { report: sentence => said.push(sentence) })
  const companion = await startElsewhere(dir)
  await ask(database.url, 'create table confirmed (id int primary key)')
  for (let id = 1; id <= 50; id++) await ask(database.url, `insert into confirmed values (${id})`)
  const [pid = 0] = serversIn(dir)

  const died = Date.now()
  process.kill(pid, 'SIGKILL')
  await until(() => said.length === 2)

  assert.deepEqual(said, ['数据库意外中断，正在恢复。已保存的数据不受影响。', '数据库已恢复。'])
  assert.ok(Date.now() - died < 15_000)
  assert.equal(await ask(database.url, 'select count(*) from confirmed'), 50)
  assert.equal(serversIn(dir).length, 1)
  assert.notEqual(serversIn(dir)[0], pid)

  // The companion has to notice too before it can be left alone with the server.
  await until(
    async () => (await ask(database.url, `select count(*) from information_schema.processlist where db = 'mysql'`)) === 2,
  )
  await database.stop()
  assert.equal(await ask(companion.url, 'select count(*) from confirmed'), 50)
  await companion.stop()
  assert.deepEqual(serversIn(dir), [])
})

test('killed together, portal and server start again with what was confirmed', onMariadb, async () => {
  const dir = path.join(folder, 'both')
  const first = await startElsewhere(dir)
  await ask(first.url, 'create table confirmed (id int primary key)')
  await ask(first.url, 'insert into confirmed values (7)')

  await Promise.all([first.kill(), ...serversIn(dir).map(pid => process.kill(pid, 'SIGKILL'))])
  const second = await startPrivateDatabase(dir)

  assert.equal(await ask(second.url, 'select id from confirmed'), 7)
  await second.stop()
})

test('a process number that belongs to another program by now is not taken for the server', onMariadb, async () => {
  const dir = path.join(folder, 'reuse')
  const before = await startPrivateDatabase(dir)
  await before.stop()
  fs.writeFileSync(path.join(dir, 'mariadb/mariadbd.pid'), String(process.pid))

  const database = await startPrivateDatabase(dir)

  assert.equal(await ask(database.url, 'select 1'), 1)
  await database.stop()
})

test('a path may have blanks, quotes and Chinese characters', onMariadb, async () => {
  const database = await startPrivateDatabase(path.join(folder, `济南 物业's "数据" 100%`))

  assert.equal(await ask(database.url, `select '泉城𠮷'`), '泉城𠮷')
  assert.equal(await ask(database.url, 'select @@collation_database'), 'utf8mb4_unicode_520_ci')
  assert.match(String(await ask(database.url, 'select @@global.sql_mode')), /ONLY_FULL_GROUP_BY.*STRICT_TRANS_TABLES/)
  await database.stop()
})

test('a path too long for a socket moves the socket to a closed temporary directory', onMariadb, async () => {
  const dir = path.join(folder, '很长的目录名称'.repeat(4), '再长一些'.repeat(5))
  const database = await startPrivateDatabase(dir)
  const socket = socketOf(database)

  assert.ok(!socket.startsWith(dir) && Buffer.byteLength(socket) <= 100)
  assert.equal(fs.statSync(path.dirname(socket)).mode & 0o777, 0o700)
  assert.equal(await ask(database.url, 'select 1'), 1)
  await database.stop()

  fs.chmodSync(path.dirname(socket), 0o777)
  await assert.rejects(startPrivateDatabase(dir), refusal(/临时目录 .* 属于别的用户或对别人开放/))
  fs.rmSync(path.dirname(socket), { recursive: true })
})

test('nobody else on the machine can open the directory of the database', onMariadb, async () => {
  const dir = path.join(folder, 'open')
  fs.mkdirSync(path.join(dir, 'mariadb'), { recursive: true, mode: 0o755 })

  const database = await startPrivateDatabase(dir)

  assert.equal(fs.statSync(path.join(dir, 'mariadb')).mode & 0o777, 0o700)
  await database.stop()
})

test('a file in the way of the data directory is named', onMariadb, async () => {
  const file = path.join(folder, 'file')
  fs.writeFileSync(file, '')

  await assert.rejects(startPrivateDatabase(path.join(file, 'data')), refusal(/file\/data 不能建立：路径中有一段是文件/))
})

for (const [code, expected] of [
  ['ENOSPC', /磁盘已满（没有剩余空间）.*请清理磁盘/],
  ['EDQUOT', /磁盘已满（超出了配额）.*请清理磁盘/],
  ['EROFS', /磁盘是只读的.*已有的数据没有改动/],
  ['EACCES', /当前用户不能写入数据目录 \/srv\/portal.*权限/],
  ['ENAMETOOLONG', /名称太长.*DATA_DIR/],
  ['EIO', /不能使用（.*EIO.*）.*DATA_DIR/],
] as const)
  test(`${code} is told in words a person can act on`, () => {
    const error = Object.assign(new Error(`${code}: mkdir`), { code, syscall: 'mkdir' })

    assert.ok(refusal(expected)(explain(error, '/srv/portal')))
  })

const canMount = spawnSync('unshare', [...unshared(), 'mount', '-t', 'tmpfs', 'tmpfs', folder]).status === 0
const onMounts = { skip: onMariadb.skip || (!canMount && '这里不允许挂载，磁盘已满和只读由上面的逐条测试代替') }

test('a full disk is told before anything is written', onMounts, () => {
  const said = startOn('mount -t tmpfs -o size=30m tmpfs "$1"')

  assert.match(said, /^StartError 数据目录 .* 所在的磁盘已满（剩余 \d+ MB，启动需要 200 MB）。已有的数据没有改动。请清理磁盘/)
})

test('a disk that fills up while the server is made is told too', onMounts, () => {
  // Blocks are free, but no more than twenty files fit.
  const said = startOn('mount -t tmpfs -o size=300m,nr_inodes=20 tmpfs "$1"')

  assert.match(said, /^StartError 数据目录 .* 所在的磁盘已满（没有剩余空间）/)
})

test('a read-only disk is told', onMounts, () => {
  const said = startOn('mount -t tmpfs -o ro tmpfs "$1"')

  assert.match(said, /^StartError 数据目录 .* 所在的磁盘是只读的/)
})

test('two instances migrate one schema at once: one does it, the other finds it done', async () => {
  const { db, url, close } = await openSchema('migrate')
  await db.migrate.rollback(migrations, true)
  const other = openPool(url, 1)

  const ran = await Promise.all([migrateToLatest(db), migrateToLatest(other)])

  assert.deepEqual(ran.filter(count => count > 0).length, 1)
  assert.equal(await migrateToLatest(db), 0)
  const [{ name }] = await db('knex_migrations').orderBy('id').limit(1)
  assert.equal(name, '0001_regions')
  await other.destroy()
  await close()
})

test('a migration lock left by a killed process does not keep the next one out', async () => {
  const { db, close } = await openSchema('locked')
  await db('knex_migrations_lock').update({ is_locked: 1 })

  assert.equal(await migrateToLatest(db), 0)
  await close()
})

test('a schema that a newer version has migrated still serves the older one', async () => {
  const { db, close } = await openSchema('newer')
  await db('knex_migrations').insert({ name: '9999_of_tomorrow', batch: 2, migration_time: new Date() })

  assert.equal(await migrateToLatest(db), 0)
  await close()
})

interface Helper {
  url: string
  stop(): Promise<void>
  kill(): Promise<void>
}

/** A portal that only holds the database, in a process of its own. */
async function startElsewhere(dir: string): Promise<Helper> {
  const helper = spawnHelper(dir)
  let said = ''
  helper.stdout?.on('data', piece => {
    said += piece
  })
  const ended = once(helper, 'exit')
  await Promise.race([until(() => said.includes('\n')), ended])
  const end = async (signal: NodeJS.Signals) => {
    helper.kill(signal)
    await ended
  }
  return { url: said.trim(), stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

const module = JSON.stringify(new URL('../src/database/private.ts', import.meta.url).href)
const node = ['--import', 'tsx', '--input-type=module', '-e']

function spawnHelper(dir: string): ChildProcess {
  const script = `
    const { startPrivateDatabase } = await import(${module})
    const database = await startPrivateDatabase(process.argv[1], { report() {} })
    process.on('SIGTERM', () => database.stop().then(() => process.exit()))
    console.log(database.url)
    setInterval(() => {}, 60_000)`
  const helper = spawn(process.execPath, [...node, script, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
  helpers.add(helper)
  return helper
}

/** What a start says whose data directory is a file system mounted for it alone; it vanishes with the process. */
function startOn(mount: string): string {
  const dir = fs.mkdtempSync(path.join(folder, 'mount-'))
  const script = `
    const { startPrivateDatabase } = await import(${module})
    const database = await startPrivateDatabase(process.argv[1] + '/data').catch(error => console.log(error.name, error.message))
    await database?.stop()`
  const shell = ['sh', '-c', `${mount} && exec "$2" ${node.join(' ')} "$3" "$1"`, 'sh', dir, process.execPath, script]
  return spawnSync('unshare', [...unshared(), ...shell], { encoding: 'utf8' }).stdout
}

function unshared(): string[] {
  return process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--mount']
}

/** The process numbers of the servers whose data lie below `dir`. */
function serversIn(dir: string): number[] {
  return fs
    .readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && commandLine(name).some(word => word.startsWith(`--datadir=${dir}/`)))
    .map(Number)
}

function commandLine(pid: string): string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return [] // It has ended meanwhile.
  }
}

const socketOf = ({ url }: PrivateDatabase) => new URL(url).searchParams.get('socketPath') ?? ''

/** The first value of the first row. */
async function ask(url: string | undefined, sql: string): Promise<unknown> {
  const connection = await createConnection({ uri: url, charset: 'utf8mb4' })
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql)
    return Array.isArray(rows) && rows[0] ? Object.values(rows[0])[0] : undefined
  } finally {
    await connection.end()
  }
}

async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  const began = Date.now()
  while (!(await claim())) {
    assert.ok(Date.now() - began < 20_000, `still waiting after 20 s: ${claim}`)
    await sleep(10)
  }
}

/** An error that shows itself as a sentence, without a stack. */
const refusal = (expected: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Error && error.name === 'StartError', String(error))
  assert.match(error.message, expected)
  assert.equal(error.stack, error.message)
  return true
}
