// Runs before anything is installed: Node alone, and syntax that an old one can still read, so that it hears why it will not do.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))))

// At once: what follows an import of this file may use what Node has.
checkNode()

const mariadb = {
  isThere: () => ['mariadbd', 'mariadb-install-db', 'my_print_defaults'].every(find),
  label: '数据库 MariaDB',
  names: { apt: ['mariadb-server-core', 'mariadb-client-core'], dnf: ['mariadb-server'] },
  instead: '也可以设置 DATABASE_URL，使用现有的 MySQL 或 MariaDB。',
}
const chromium = {
  isThere: () =>
    Boolean(process.env.CHROMIUM) || ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'].some(find),
  label: '浏览器 Chromium',
  names: { apt: ['chromium'], dnf: ['chromium'] },
  instead: '也可以用 CHROMIUM 指出现有 Chromium 或 Chrome 程序的路径。',
}
const chineseFont = {
  isThere: () => process.platform !== 'linux' || hasChineseFont(),
  label: '中文字体',
  names: { apt: ['fonts-noto-cjk'], dnf: ['google-noto-sans-cjk-fonts'] },
  instead: '',
}

/**
 * Makes this machine ready: brings node_modules to what package-lock.json says, installs missing programs with the
 * system's packages where that is allowed. Ends the process with what to type where it is not.
 * @param {{ database: boolean, checks: boolean }} wants the database server; what only the checks need (their packages, a browser, a font)
 */
export async function prepare({ database, checks }) {
  await installModules(checks)
  await installPrograms([...(database ? [mariadb] : []), ...(checks ? [chromium, chineseFont] : [])])
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    stop(`需要 Node.js 20.19 或更高版本，现为 ${process.versions.node}。请从 https://nodejs.org/zh-cn 安装新版本，再重新运行。`)
}

async function installModules(checks) {
  if (modulesMatch(checks)) return
  await alone(`modules-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`, async () => {
    // Another start may have done it while this one waited.
    if (modulesMatch(checks)) return
    await step('正在安装程序包，约需 1 分钟', async () => {
      const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(checks ? ['--include=dev'] : [])]
      // Under npm its own script is known; otherwise it is looked up by name.
      const script = process.env.npm_execpath || ''
      const [command, args] = /npm-cli\.[cm]?js$/.test(script) ? [process.execPath, [script, ...options]] : ['npm', options]
      const { code, said } = await run(command, args)
      // npm's manual follows the cause; twelve lines are enough.
      if (code !== 0)
        stop(
          [
            ...said.split('\n').slice(0, 12),
            `程序包没有装好，原因见上。请检查网络后重新运行；全部输出请在 ${root} 运行 npm ci 查看。`,
          ].join('\n'),
        )
    })
  })
}

/** npm keeps a list of what it installed, written last; packages for other systems are missing from it, and so may be those of the checks. */
function modulesMatch(checks) {
  const wanted = readPackages('package-lock.json')
  const present = readPackages('node_modules/.package-lock.json')
  return Object.entries(wanted).every(([where, { version, integrity, optional, dev }]) => {
    if (where === '') return true
    const found = present[where]
    if (!found) return optional || (dev && !checks)
    return found.version === version && found.integrity === integrity && fs.existsSync(path.join(root, where, 'package.json'))
  })
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')).packages
  } catch {
    return {}
  }
}

async function installPrograms(wanted) {
  if (wanted.every(isThere)) return
  // Two starts at once: the second waits for the first, not for apt's lock, which covers only half of apt's work.
  await alone('programs', async () => {
    const missing = wanted.filter(each => !isThere(each))
    if (!missing.length) return
    const labels = missing.map(({ label }) => label).join('、')
    if (!find('apt-get') || process.getuid?.() !== 0) stop(howTo(missing, `缺少${labels}。`))

    const packages = missing.flatMap(({ names }) => names.apt)
    await step(`正在安装${labels}（${packages.join(' ')}）`, async () => {
      if ((await install(packages)).code === 0) return
      // Usually the list of packages is missing or old.
      const updated = await apt(['update'])
      const again = await install(packages)
      if (again.code !== 0) console.error(`${updated.said}${again.said}`.trim())
    })
    const still = missing.filter(each => !isThere(each))
    if (still.length) stop(howTo(still, `${still.map(({ label }) => label).join('、')}没有装好，原因见上。`))
  })
}

const isThere = each => each.isThere()
const install = packages => apt(['install', '-y', '--no-install-recommends', ...packages])
const apt = args => run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=180', ...args])

/** The exact line to type, and the way around it. */
function howTo(missing, reason) {
  const packages = tool => missing.flatMap(({ names }) => names[tool]).join(' ')
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  const line = find('apt-get')
    ? `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${packages('apt')}`
    : find('dnf') && `${sudo}dnf install -y ${packages('dnf')}`
  const remedy = line ? `请运行下面一行，再重新启动：\n\n  ${line}\n` : '请用系统的软件管理工具安装，再重新启动。'
  return [reason + remedy, ...missing.map(({ instead }) => instead)].filter(Boolean).join('\n')
}

function find(name) {
  // Debian keeps servers in sbin, which a person's PATH lacks; Red Hat keeps them in libexec.
  return [
    ...(process.env.PATH || '').split(':'),
    '/usr/local/sbin',
    '/usr/sbin',
    '/usr/bin',
    '/usr/libexec',
    '/opt/homebrew/bin',
  ].some(folder => fs.existsSync(path.join(folder, name)))
}

function hasChineseFont() {
  const listed = spawnSync('fc-list', [':lang=zh-cn'], { encoding: 'utf8' })
  if (!listed.error) return listed.stdout.trim() !== ''
  return ['opentype', 'truetype'].some(kind => fs.existsSync(`/usr/share/fonts/${kind}/noto/NotoSansCJK-Regular.ttc`))
}

async function step(sentence, work) {
  const began = Date.now()
  console.log(`${sentence}……`)
  await work()
  console.log(`已完成，用时 ${Math.ceil((Date.now() - began) / 1000)} 秒。`)
}

function run(command, args) {
  return new Promise(resolve => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      said += text
    })
    child.once('error', error => resolve({ code: 1, said: `${error.message}\n` }))
    child.once('close', code => resolve({ code, said }))
  })
}

/**
 * Runs `work` while no other start on this machine runs the same. The lock is a listening socket: the kernel lets it go when its
 * process ends, however it ends.
 */
async function alone(subject, work) {
  const name = `portal-setup-${subject}`
  const address =
    process.platform === 'linux' ? `\0${name}` : process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : `/tmp/${name}`
  for (let told = false; ; told = true) {
    const lock = await listen(address)
    if (lock) {
      await work()
      return lock.close()
    }
    if (!told) console.log('另一个启动正在安装，请稍候……')
    // Only on other Unix systems does the name of a dead process stay behind, as a file that refuses connections.
    if (address[0] === '/' && !(await accepts(address))) fs.rmSync(address, { force: true })
    await new Promise(resolve => setTimeout(resolve, 300))
  }
}

function listen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer(visitor => visitor.destroy())
    server.once('error', error => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen(address, () => resolve(server))
  })
}

function accepts(address) {
  return new Promise(resolve => {
    const visitor = connect(address, () => resolve(Boolean(visitor.destroy()))).once('error', () => resolve(false))
  })
}

function stop(sentence) {
  console.error(sentence)
  process.exit(1)
}
