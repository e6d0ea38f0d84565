import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { StartError } from '../errors.ts'

export interface PrivateDatabase {
  /** Address of the schema `portal`, in the form of DATABASE_URL. */
  url: string
  /** Leaves the server; the last one to leave stops it. Close the pool first. */
  stop(): Promise<void>
}

interface Options {
  /** For data that is thrown away: commits are not forced to the disk. */
  test?: boolean
  /** Told in one Chinese sentence when the server died under us and when it is back. */
  report?: (sentence: string) => void
}

/**
 * Starts a MariaDB of our own, or joins the one another process already runs on the same data. It listens on a socket only, so
 * port 3306 is none of its business, and it outlives a portal that is killed. If the server dies while somebody
 * uses it, it is started again.
 * @param dir the portal's data directory; the server keeps everything in `mariadb/` below it
 * @throws StartError when the program is missing or the directory cannot be used, with what to do about it
 */
export async function startPrivateDatabase(
  dir: string,
  { test = false, report = console.error }: Options = {},
): Promise<PrivateDatabase> {
  const place = findPlace(dir)
  const join = () =>
    explained(place, () =>
      alone(place, async () => {
        const seat = await bringUp(place, test)
        await seat.query('create database if not exists portal character set utf8mb4 collate utf8mb4_unicode_520_ci')
        return seat
      }),
    )

  let stopped: Promise<void> | undefined
  let returning = Promise.resolve()
  let seat = watched(await join())

  function watched(taken: Seat) {
    taken.stream.once('close', () => {
      if (!stopped) returning = comeBack()
    })
    return taken
  }

  async function comeBack() {
    report('数据库意外中断，正在恢复。已保存的数据不受影响。')
    for (let pause = 1000; !stopped; pause = Math.min(pause * 2, 10_000)) {
      try {
        seat = watched(await join())
        return report('数据库已恢复。')
      } catch (error) {
        report(`数据库没有恢复，${pause / 1000} 秒后再试。${error instanceof Error ? error.message : error}`)
        await sleep(pause, undefined, { ref: false })
      }
    }
  }

  async function leave() {
    await returning
    await alone(place, () => giveUp(place, seat))
  }

  return {
    url: `mysql://root@localhost/portal?socketPath=${encodeURIComponent(place.socket)}`,
    stop: () => {
      stopped ??= leave()
      return stopped
    },
  }
}

interface Place {
  dir: string
  folder: string
  data: string
  socket: string
  pid: string
  log: string
  /** For the server's temporary tables. */
  scratch: string
}

function findPlace(dir: string): Place {
  if (process.platform === 'win32')
    throw new StartError('Windows 上不能自带数据库。请设置 DATABASE_URL，使用现有的 MySQL 或 MariaDB，再重新启动。')
  try {
    const wanted = path.join(path.resolve(dir), 'mariadb')
    // Making a directory on a read-only disk fails with a misleading ENOENT; its nearest ancestor gives the true reason.
    fs.accessSync(nearest(wanted), fs.constants.W_OK)
    fs.mkdirSync(wanted, { recursive: true, mode: 0o700 })
    // One data directory has one name, however it was reached.
    const folder = fs.realpathSync(wanted)
    // The server's root has no password: the closed directory is its door.
    fs.chmodSync(folder, 0o700)
    const at = (name: string) => path.join(folder, name)
    // Servers that share /tmp clear each other's temporary tables away when they start. A colon would part the option in two.
    const scratch = folder.includes(':') ? os.tmpdir() : at('tmp')
    fs.mkdirSync(scratch, { recursive: true, mode: 0o700 })
    return {
      scratch,
      dir,
      folder,
      data: at('data'),
      socket: findSocket(folder),
      pid: at('mariadbd.pid'),
      log: at('mariadbd.log'),
    }
  } catch (error) {
    throw explain(error, dir)
  }
}

const nearest = (file: string): string => (fs.existsSync(file) ? file : nearest(path.dirname(file)))

/** The address of a socket has room for about 107 bytes; a longer path moves it to the temporary directory. */
function findSocket(folder: string): string {
  const fits = (file: string) => Buffer.byteLength(file) <= 100
  const near = path.join(folder, 'socket')
  if (fits(near)) return near

  const name = `portal-${digest(folder)}`
  const shelter = [os.tmpdir(), '/tmp'].map(base => path.join(base, name)).find(base => fits(path.join(base, 'socket')))
  if (!shelter)
    throw new StartError(
      `数据目录 ${folder} 的路径太长，临时目录 ${os.tmpdir()} 的也是。请用 DATA_DIR 指定一个较短的路径，再重新启动。`,
    )
  fs.mkdirSync(shelter, { recursive: true, mode: 0o700 })
  // Everybody may create this name; only a directory that is ours and closed keeps others from the database.
  const { uid, mode } = fs.lstatSync(shelter)
  if (uid !== process.getuid?.() || (mode & 0o170077) !== fs.constants.S_IFDIR)
    throw new StartError(
      `临时目录 ${shelter} 属于别的用户或对别人开放，数据库不能使用。请删除它，或用 DATA_DIR 指定一个较短的路径，再重新启动。`,
    )
  return path.join(shelter, 'socket')
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

/**
 * Runs `work` while nobody else does so for the same place. The lock is a listening socket: the kernel lets it go
 * when its process ends, however it ends, so there is never a stale one to break.
 */
async function alone<T>(place: Place, work: () => Promise<T>): Promise<T> {
  const name = `portal-lock-${digest(place.folder)}`
  const address = process.platform === 'linux' ? `\0${name}` : path.join('/tmp', name)
  for (const until = Date.now() + 180_000; ; await sleep(25)) {
    const lock = await listen(address)
    if (lock) {
      try {
        return await work()
      } finally {
        lock.close()
      }
    }
    if (Date.now() > until)
      throw new StartError(
        `另一个进程正在启动或停止 ${place.folder} 里的数据库，等了 3 分钟仍未结束。请结束那个进程，再重新启动。`,
      )
    // Only Linux has names without a file; elsewhere the file of a dead process stays and refuses connections.
    if (process.platform !== 'linux' && !(await accepts(address))) fs.rmSync(address, { force: true })
  }
}

function listen(address: string): Promise<net.Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = net.createServer(visitor => visitor.destroy())
    server.once('error', error => ('code' in error && error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen(address, () => resolve(server))
  })
}

function accepts(address: string): Promise<boolean> {
  return new Promise(resolve => {
    const visitor = net.connect(address, () => resolve(true)).once('error', () => resolve(false))
    visitor.once('connect', () => visitor.destroy())
  })
}

/**
 * A connection that stays open as long as its process uses the server. The server counts them: who leaves last is known
 * without asking which processes live, and a process that is killed loses its seat by itself.
 */
type Seat = Connection & { stream: net.Socket }

/** @returns nothing if no server answers on the socket */
async function takeSeat(place: Place): Promise<Seat | undefined> {
  const stream = net.connect(place.socket)
  try {
    const connection = await createConnection({ stream, user: 'root', database: 'mysql', connectTimeout: 5000 })
    connection.on('error', () => stream.destroy())
    await connection.query('set session wait_timeout = 31536000')
    stream.unref()
    return Object.assign(connection, { stream })
  } catch (error) {
    stream.destroy()
    // An answer in the server's own words, such as too many connections, is not the silence of a dead one.
    if (error instanceof Error && 'sqlState' in error && error.sqlState) throw error
    return undefined
  }
}

async function giveUp(place: Place, seat: Seat) {
  // A process that was killed just now may still be counted for a moment.
  const last = (await isLast(seat)) || (await sleep(150).then(() => isLast(seat)))
  if (!last) {
    // Not counted from here on, however long the server takes to notice the end of the connection.
    await seat.query('use information_schema').catch(() => undefined)
    return seat.end().catch(() => undefined)
  }

  seat.destroy()
  const told = new Set<number>()
  // A server that needs longer finishes by itself; the next start waits for it.
  for (const until = Date.now() + 8000; Date.now() < until; await sleep(10)) {
    const running = serverPids(place)
    if (!running.length) return
    for (const pid of running) if (!told.has(pid)) signal(pid, 'SIGTERM')
    for (const pid of running) told.add(pid)
  }
}

function signal(pid: number, name: NodeJS.Signals) {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
}

async function isLast(seat: Seat): Promise<boolean> {
  try {
    const [rows] = await seat.query<RowDataPacket[]>(
      `select 1 from information_schema.processlist where db = 'mysql' and id <> connection_id() limit 1`,
    )
    return rows.length === 0
  } catch {
    return false
  }
}

async function bringUp(place: Place, test: boolean): Promise<Seat> {
  const present = await takeSeat(place)
  if (present) return present

  // A server that runs without answering is still starting or stopping.
  for (const until = Date.now() + 120_000; serverPids(place).length; await sleep(25)) {
    const seat = await takeSeat(place)
    if (seat) return seat
    if (Date.now() > until)
      throw new StartError(
        `数据库进程 ${serverPids(place).join('、')} 在运行，但 2 分钟没有应答。请结束这个进程，再重新启动。日志：${place.log}`,
      )
  }
  await initialise(place)
  return boot(place, test)
}

/**
 * The processes that serve this place: told by their command line, since a number in a file may belong to another program by now,
 * is missing while a server starts and while it ends. A dead process that nobody has collected has no command line.
 */
function serverPids({ data, pid: file }: Place): number[] {
  if (process.platform === 'linux') {
    const serves = (pid: string) => readOrEmpty(`/proc/${pid}/cmdline`).split('\0').includes(`--datadir=${data}`)
    return fs
      .readdirSync('/proc')
      .filter(name => /^\d+$/.test(name) && serves(name))
      .map(Number)
  }
  try {
    const pid = Number(readOrEmpty(file))
    return pid > 1 && process.kill(pid, 0) ? [pid] : []
  } catch {
    return []
  }
}

function readOrEmpty(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

async function initialise(place: Place) {
  const isNew = !fs.existsSync(place.data)
  needSpace(place, isNew ? 200 : 20)
  if (!isNew) return

  clearDrafts(place)
  // A directory of its own, renamed when complete: a half-made one is never used, even if its maker was killed and still writes.
  const draft = `data.${process.pid}.new`
  const options = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve', '--force']
  try {
    await promisify(execFile)(
      findProgram('mariadb-install-db'),
      ['--no-defaults', ...asRoot(), `--datadir=./${draft}`, ...options],
      {
        // The script leaves its paths unquoted; a relative one has no blanks.
        cwd: place.folder,
        // It also asks for its companions by name alone.
        env: { ...process.env, PATH: searched().join(':') },
        maxBuffer: 16 << 20,
      },
    )
  } catch (error) {
    if (!(error instanceof Error) || !('stderr' in error)) throw error
    throw explainOutput(place, `${'stdout' in error ? error.stdout : ''}\n${error.stderr}`)
  }
  fs.renameSync(path.join(place.folder, draft), place.data)
}

function clearDrafts({ folder }: Place) {
  for (const name of fs.readdirSync(folder).filter(name => name.endsWith('.new')))
    try {
      fs.rmSync(path.join(folder, name), { recursive: true, force: true })
    } catch {
      // Its maker was killed, but the program that fills it still runs; the next start on an empty place clears it.
    }
}

async function boot(place: Place, test: boolean, attempts = 3): Promise<Seat> {
  const logged = readOrEmpty(place.log).length
  // Detached, or Ctrl-C in a terminal would reach the server before the portal has finished its requests.
  const child = spawn(findProgram('mariadbd'), serverOptions(place, test), { cwd: '/', detached: true, stdio: 'ignore' })
  let ended = false
  child.once('error', () => (ended = true))
  child.once('exit', () => (ended = true))
  child.unref()

  for (const until = Date.now() + 120_000; ; await sleep(20)) {
    // Another server may have come first: one whose portal was killed in the very moment it started it.
    const over = Date.now() > until || (ended && serverPids(place).length === 0)
    const seat = await takeSeat(place)
    if (seat) return seat
    if (!over) continue
    if (child.signalCode && attempts > 1) return boot(place, test, attempts - 1)
    throw explainOutput(place, readOrEmpty(place.log).slice(logged))
  }
}

function serverOptions({ data, socket, pid, log, scratch }: Place, test: boolean): string[] {
  return [
    // Must come first: the machine's own settings are not ours.
    '--no-defaults',
    ...asRoot(),
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--pid-file=${pid}`,
    `--log-error=${log}`,
    `--tmpdir=${scratch}`,
    '--skip-networking',
    '--skip-name-resolve',
    '--skip-log-bin',
    '--local-infile=0',
    '--max-connections=300',
    '--character-set-server=utf8mb4',
    '--collation-server=utf8mb4_unicode_520_ci',
    '--default-time-zone=+00:00',
    '--sql-mode=ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
    '--innodb-buffer-pool-size=256M',
    '--innodb-log-file-size=64M',
    ...(test
      ? [
          '--innodb-flush-log-at-trx-commit=0',
          '--innodb-flush-method=nosync',
          '--skip-innodb-doublewrite',
          '--innodb-fast-shutdown=2',
        ]
      : []),
  ]
}

/** mariadbd refuses to run as root unless told to; any other user is its own. */
const asRoot = () => (process.getuid?.() === 0 ? ['--user=root'] : [])

// Debian keeps servers in sbin, which a person's PATH lacks; Red Hat keeps them in libexec.
const searched = () => [
  ...(process.env.PATH ?? '').split(':'),
  '/usr/local/sbin',
  '/usr/sbin',
  '/usr/bin',
  '/usr/libexec',
  '/opt/homebrew/bin',
]

function findProgram(name: string): string {
  const found = searched()
    .map(folder => path.join(folder, name))
    .find(file => fs.existsSync(file))
  if (!found)
    throw new StartError(
      `没有找到 MariaDB 的程序 ${name}。请运行：apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core\n或设置 DATABASE_URL，使用现有的 MySQL 或 MariaDB，再重新启动。`,
    )
  return found
}

const kept = '已有的数据没有改动。'

function needSpace({ dir, folder }: Place, megabytes: number) {
  const { bavail, bsize } = fs.statfsSync(folder)
  const free = Math.floor((bavail * bsize) / 2 ** 20)
  if (free < megabytes) throw diskFull(dir, `剩余 ${free} MB，启动需要 ${megabytes} MB`)
}

const diskFull = (dir: string, detail: string) =>
  new StartError(
    `数据目录 ${dir} 所在的磁盘已满（${detail}）。${kept}请清理磁盘，或用 DATA_DIR 指定另一个磁盘上的目录，再重新启动。`,
  )

async function explained<T>({ dir }: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explain(error, dir)
  }
}

/** Says in one sentence why a data directory cannot be used, what is kept and what to do. Errors of other kinds come back as they are. */
export function explain(error: unknown, dir: string): unknown {
  if (error instanceof StartError || !(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error
  const elsewhere = '或用 DATA_DIR 指定另一个目录，再重新启动。'
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(dir, error.code === 'EDQUOT' ? '超出了配额' : '没有剩余空间')
    case 'EROFS':
      return new StartError(`数据目录 ${dir} 所在的磁盘是只读的，数据库不能写入。${kept}请把磁盘改为可写，${elsewhere}`)
    case 'EACCES':
    case 'EPERM':
      return new StartError(`当前用户不能写入数据目录 ${dir}。${kept}请换用目录的所有者启动，或改正目录的权限，${elsewhere}`)
    case 'EEXIST':
    case 'ENOTDIR':
      return new StartError(`数据目录 ${dir} 不能建立：路径中有一段是文件，不是目录。请移开那个文件，${elsewhere}`)
    case 'ENAMETOOLONG':
      return new StartError(`数据目录 ${dir} 的名称太长。请用 DATA_DIR 指定一个较短的路径，再重新启动。`)
    default:
      return new StartError(`数据目录 ${dir} 不能使用（${error.message}）。${kept}请检查这个目录，${elsewhere}`)
  }
}

function explainOutput({ dir, log }: Place, output: string): StartError {
  if (/No space left|(errno|Errcode|error number):? "?28\b/i.test(output)) return diskFull(dir, '没有剩余空间')
  const lines = output
    .split('\n')
    .filter(line => /error/i.test(line))
    .slice(-3)
  return new StartError(
    [`数据库没有启动。${kept}请按下面的原因处理，再重新启动。日志：${log}`, ...lines.map(line => `  ${line.trim()}`)].join('\n'),
  )
}
