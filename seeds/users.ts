import type { Role } from '../src/accounts/roles.ts'
import { blindIndex, encrypt } from '../src/crypto.ts'
import { demoAccounts } from './accounts.ts'
import type { Ground } from './ground.ts'
import { at } from './random.ts'

interface NewUser {
  name: string
  organisation_id: number
  phone: string
  roles: readonly { role: Role; region_code: string }[]
  /** Since when they have the account and use it; drawn where nothing is said. */
  joined?: Date
}

/**
 * An account of the demo city. Without `demo` nobody knows its password: it is there so that lists have life.
 * @param demo the username of the demo account it is, and the hash of the shared password
 * @returns its id
 */
export function addUser(
  ground: Ground,
  { name, organisation_id, phone, roles, joined: since }: NewUser,
  demo?: { username: string; hash: string },
): number {
  const id = ground.newId('users')
  const row = ground.named(name, true)
  const username = demo?.username ?? `${row.name_key.replace(/[^a-z]/g, '')}${id}`
  // People joined over the last three years, during office hours; the demo accounts are as old as the city.
  const joined = demo
    ? ground.at
    : (since ?? new Date(ground.at.getTime() - ground.random.int(1, 1000) * 86_400_000 + ground.random.int(0, 480) * 60_000))
  // Most people came by in the last weeks; some have left without their account being closed, as in any city.
  const away = since ? 0 : id % 23 === 0 ? ground.random.int(95, 400) : ground.random.int(0, 80)
  const lastSeen = new Date(Math.max(joined.getTime(), ground.at.getTime() - away * 86_400_000))
  ground.add('users', {
    id,
    username,
    ...row,
    organisation_id,
    phone_cipher: encrypt('users.phone', phone),
    phone_index: blindIndex('users.phone', phone),
    phone_last4: phone.slice(-4),
    password_hash: demo?.hash ?? null,
    password_changed_at: demo ? ground.at : null,
    must_change_password: false,
    status: 'active',
    demo: demo !== undefined,
    last_signed_in_at: demo ? null : lastSeen,
    created_at: joined,
    updated_at: joined,
  })
  for (const { role, region_code } of roles) ground.add('user_roles', { user_id: id, role, region_code, granted_at: joined })
  ground.index('users', id, [{ text: name, person: true }, username])
  return id
}

/** The demo account with a username. */
export function demoAccount(username: string) {
  return at(
    demoAccounts.filter(account => account.username === username),
    0,
  )
}
