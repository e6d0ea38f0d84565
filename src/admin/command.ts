import { parseArgs } from 'node:util'
import type { Knex } from 'knex'
import { z } from 'zod'
import { hashPassword, initialPassword, initialPasswordExpiry } from '../accounts/passwords.ts'
import { administrators, isRole, type Role, roleConflict, roles } from '../accounts/roles.ts'
import { endOtherSessions } from '../accounts/sessions.ts'
import { isUsername, normaliseUsername, usernamePattern, usernameRule } from '../accounts/users.ts'
import { checkHistory } from '../cases/check-history.ts'
import { now } from '../clock.ts'
import { config } from '../config.ts'
import { migrateToLatest } from '../database/migrate.ts'
import { startPrivateDatabase } from '../database/private.ts'
import { connect, inTransaction, isDatabaseAway } from '../db.ts'
import { StartError } from '../errors.ts'
import { rebuildTerms } from '../lists/rebuild.ts'
import { termSources } from '../lists/terms.ts'
import { checkLog, portalItself, record, sealLog } from './action-log.ts'
import { bureauOf } from './organisations.ts'
import { settingsNow } from './settings.ts'
import { insertAccount } from './users.ts'

/** `npm run admin -- …`: what somebody does at the console of the server. It never starts the portal. */

const help = `管理命令，在服务器上由运维人员使用：

  npm run admin -- create-admin --role 角色 --username 账号 --name 姓名
      新建一名管理员，给出只显示一次的初始密码。角色为：
${administrators.map(role => `        ${role.padEnd(16)}${roles[role].label}`).join('\n')}
      三员分立，同一人只能担任其中一种。

  npm run admin -- reset-admin --username 账号
      三员之一忘记密码或丢失动态验证码时用：给出新的初始密码，去掉动态验证码，退出全部登录。

  npm run admin -- check-log [--expect 摘要]
      核对操作日志有没有被改动、删除或插入；发现问题时退出码为 1。
      --expect 填以前抄录的封印摘要，核对它是否仍在封印之中。

  npm run admin -- check-history
      核对全部办件的办理记录有没有被改动、删除或插入；发现问题时退出码为 1。

  npm run admin -- seal-log
      把还没有封印的操作日志立即封印（平时系统每分钟自动封印）。

  npm run admin -- rebuild-search [范围]
      按档案和办件重建搜索词，系统可以照常使用；中断后再执行一次，会从中断的地方接着做。
      不写范围就依次重建全部；范围写错时会列出可用的。

  npm run admin -- help
      显示这段说明。`

const word = (label: string, example: string) => z.string(`请用 ${label} 给出${example}`).trim().min(1, `${label} 后面没有内容`)

const commands = {
  'create-admin': z.strictObject({
    role: word('--role', `角色：${administrators.join('、')}`).refine(
      role => isRole(role) && administrators.includes(role),
      `--role 只能是 ${administrators.join('、')}`,
    ),
    username: word('--username', '账号，如 houliyan')
      .transform(normaliseUsername)
      .refine(name => usernamePattern.test(name), `--username 为 ${usernameRule}`),
    name: word('--name', '姓名').refine(
      name => [...name].length <= 30 && /^[\p{L}\p{M}\p{N} .·•（）()－-]+$/u.test(name),
      '--name 请填 30 个字以内的姓名，只用文字、间隔点和括号',
    ),
  }),
  'reset-admin': z.strictObject({ username: word('--username', '账号').transform(normaliseUsername) }),
  'check-log': z.strictObject({ expect: word('--expect', '摘要').optional() }),
  'check-history': z.strictObject({}),
  'rebuild-search': z.strictObject({ scope: z.string().optional() }),
  'seal-log': z.strictObject({}),
}
type Command = keyof typeof commands

const isCommand = (name: string): name is Command => Object.hasOwn(commands, name)

/** Something wrong with what was typed; its sentence is all that is shown. */
class Usage extends Error {}

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Reads the command line and does what it asks. @returns the exit code */
async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words)
  const [name = 'help', ...more] = positionals
  if (name === 'help' || values.help) {
    say(help)
    return 0
  }
  if (!isCommand(name)) throw new Usage(`没有“${name}”这个命令。\n\n${help}`)
  const scope = name === 'rebuild-search' ? more.shift() : undefined
  const read = commands[name].safeParse(scope === undefined ? values : { ...values, scope })
  if (!read.success)
    throw new Usage([`${name} 的参数有误：`, ...read.error.issues.map(issue => `  · ${sentenceOf(issue)}`)].join('\n'))
  if (more.length) throw new Usage(`“${more.join(' ')}”是多余的。姓名里有空格时请加引号：--name "阿依古丽 买买提"`)
  return await withDatabase(db => work(db, name, read.data))
}

function readWords(words: string[]) {
  const { values, positionals } = parseArgs({
    args: words,
    strict: false,
    allowPositionals: true,
    options: { role: text, username: text, name: text, expect: text },
  })
  return { values, positionals }
}

const text = { type: 'string' } as const

function sentenceOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'unrecognized_keys' ? `没有 ${issue.keys.map(key => `--${key}`).join('、')} 这个参数` : issue.message
}

/** The database of the settings or the private one, with its tables up to date; closed again whatever happens. */
async function withDatabase(use: (db: Knex) => Promise<number>): Promise<number> {
  const own = config.databaseUrl ? undefined : await startPrivateDatabase(config.dataDir)
  try {
    const db = connect(config.databaseUrl ?? own?.url ?? '')
    try {
      await migrateToLatest(db)
      return await use(db)
    } finally {
      await db.destroy()
    }
  } finally {
    await own?.stop()
  }
}

async function work(db: Knex, name: Command, form: object): Promise<number> {
  // Each form has just been read by the schema of its command.
  if (name === 'create-admin') return await createAdmin(db, form as z.infer<(typeof commands)['create-admin']> & { role: Role })
  if (name === 'reset-admin') return await resetAdmin(form as z.infer<(typeof commands)['reset-admin']>)
  if (name === 'check-log') return await check(db, form as z.infer<(typeof commands)['check-log']>)
  if (name === 'check-history') return await checkCases(db)
  if (name === 'rebuild-search') return await rebuildSearch(form as z.infer<(typeof commands)['rebuild-search']>)
  const rows = await sealLog(db, now())
  say(rows ? `已封印 ${rows} 条记录。` : '没有需要封印的记录。')
  return 0
}

async function createAdmin(db: Knex, { role, username, name }: { role: Role; username: string; name: string }): Promise<number> {
  const password = initialPassword()
  const password_hash = await hashPassword(password)
  const { 'city.bureau': bureauName } = await settingsNow(db)
  const bureau = await inTransaction(async trx => {
    await refuseSecondOffice(trx, { role, username, name })
    const organisation = await bureauOf(trx, portalItself, bureauName)
    const user_id = await insertAccount(trx, portalItself, { username, name, organisation, phone: null, password_hash })
    await trx('user_roles').insert({ user_id, role, region_code: config.city, granted_at: now() })
    await record(trx, portalItself, {
      action: 'role.grant',
      object: { type: 'user', id: user_id, label: name },
      detail: { role, jurisdiction: '全市' },
    })
    return organisation.name
  })
  say(`已建立${roles[role].label}：${name}（账号 ${username}，${bureau}）`)
  say(`初始密码：${password}`)
  say('初始密码只显示这一次，72 小时内有效，首次登录须修改。请当面交给本人，并清除屏幕。')
  return 0
}

/** Whether every 办理记录 is whole. Nothing is written: a check must not change what it checks. */
async function checkCases(db: Knex): Promise<number> {
  const { cases, lines, erased, faults } = await checkHistory(db)
  say(`核对了 ${cases} 件办件、${lines} 条办理记录${erased ? `，其中 ${erased} 段内容已依法删除` : ''}。`)
  for (const fault of faults) say(`  · ${fault}`)
  say(faults.length ? `发现 ${faults.length} 处问题。` : '没有发现改动、删除或插入。')
  return faults.length ? 1 : 0
}

/** The terms of one scope or of all, made anew from the rows. */
async function rebuildSearch({ scope }: { scope?: string | undefined }): Promise<number> {
  // The modules say what there is; no other command needs them.
  await import('../modules/index.ts')
  const all = [...termSources()]
  const chosen = all.filter(([name]) => scope === undefined || name === scope)
  if (!chosen.length)
    throw new Usage(`没有“${scope}”这个范围。可用的有：${all.map(([name, { label }]) => `${name}（${label}）`).join('、')}`)
  for (const [name, source] of chosen) {
    let told = 0
    const { docs, changed } = await rebuildTerms(name, source, ({ docs }) => {
      if (docs - told < 2000) return
      told = docs
      say(`${source.label}：已核对 ${docs} 条`)
    })
    say(`${source.label}（${name}）：核对了 ${docs} 条，改正了 ${changed} 条。`)
  }
  return 0
}

/** A new initial password for one of the three, without the second factor. In the portal nobody can do this to them. */
async function resetAdmin({ username }: { username: string }): Promise<number> {
  const password = initialPassword()
  const password_hash = await hashPassword(password)
  const name = await inTransaction(async trx => {
    const account: { id: number; name: string } | undefined = await trx('users')
      .join('user_roles', 'user_roles.user_id', 'users.id')
      .where({ username: isUsername(username) ? username : '' })
      .whereIn('user_roles.role', administrators)
      .first('users.id', 'users.name')
    if (!account) throw new Usage(`没有找到账号为 ${username} 的系统、安全或审计管理员。其他人的密码由系统管理员在系统里重置。`)
    const object = { type: 'user', id: account.id, label: account.name }
    await trx('users').where({ id: account.id }).update({
      password_hash,
      password_changed_at: now(),
      password_expires_at: initialPasswordExpiry(),
      must_change_password: true,
      totp_secret: null,
      totp_confirmed_at: null,
      totp_last_step: 0,
      updated_at: now(),
    })
    await trx('recovery_codes').where({ user_id: account.id }).delete()
    await endOtherSessions(trx, account.id)
    await record(trx, portalItself, { action: 'password.reset', object })
    await record(trx, portalItself, { action: 'second-factor.reset', object, detail: { reason: '在服务器上重置' } })
    return account.name
  })
  say(`已重置：${name}（账号 ${username}）`)
  say(`初始密码：${password}`)
  say('初始密码只显示这一次，72 小时内有效，首次登录须修改。请当面交给本人，并清除屏幕。')
  return 0
}

/** One person, one account, one of the three offices. */
async function refuseSecondOffice(
  trx: Knex.Transaction,
  { role, username, name }: { role: Role; username: string; name: string },
): Promise<void> {
  const rows: { username: string; name: string; role: string | null }[] = await trx('users')
    .leftJoin('user_roles', 'user_roles.user_id', 'users.id')
    .where('users.username', username)
    .orWhere(same => same.where('users.name', name).whereIn('user_roles.role', administrators))
    .select('users.username', 'users.name', 'user_roles.role')
  const same = rows.filter(row => row.username === username)
  const held = same.flatMap(row => (row.role && isRole(row.role) ? [row.role] : []))
  const conflict = roleConflict(held, role)
  if (conflict) throw new Usage(conflict)
  if (same.length) throw new Usage(`账号 ${username} 已有人使用，请换一个；要给现有的人授予角色，请由安全管理员在系统里办理。`)
  const other = rows.find(row => row.role !== null)
  if (other?.role && isRole(other.role))
    throw new Usage(
      `${name}已是${roles[other.role].label}（账号 ${other.username}），不能再建管理员账号：三员分立，一人一号。\n确是同名的另一人，请在姓名后注明，如 --name "${name}（信息科）"。`,
    )
}

async function check(db: Knex, { expect }: { expect?: string | undefined }): Promise<number> {
  const { rows, seals, faults, newest } = await checkLog(db, expect)
  say(`操作日志 ${rows} 条，封印 ${seals} 个。`)
  if (newest) say(`最新封印的摘要：${newest}\n请抄到系统之外保存，以后用 check-log --expect 核对。`)
  if (!faults.length) {
    say(`没有发现问题${expect ? '，抄录的摘要仍在封印之中' : ''}。`)
    return 0
  }
  say(`发现 ${faults.length} 处问题：`)
  for (const fault of faults) say(`  · ${fault}`)
  return 1
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  process.exitCode = 1
  const isSentence = error instanceof Usage || error instanceof StartError
  if (isSentence) process.stderr.write(`${error.message}\n`)
  else if (isDatabaseAway(error))
    process.stderr.write(`连不上数据库，什么都没有改动。请检查 DATABASE_URL 和数据库是否在运行，再试一次。\n`)
  else process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
}
