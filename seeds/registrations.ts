import { hashPassword } from '../src/accounts/passwords.ts'
import { dayOf } from '../src/clock.ts'
import { encrypt, randomCode } from '../src/crypto.ts'
import type { Ground } from './ground.ts'
import { creditCodeOf, mobileOf } from './identities.ts'
import { personName, roadName } from './names.ts'
import { stamps } from './rows.ts'

/** Credit codes from here on belong to units that are not in the archives yet. */
const firstCode = 90_000
const words = ['听槐', '沁竹', '栖霁', '漱芷', '屿禾', '澄砚', '岫棠', '璟溪', '鹭汀', '榆晴', '芃野', '泠川', '樾庭', '莳光']

/** 单位注册申请 that wait for their districts: six in the first one, where the demo accounts work, and a few elsewhere. */
export async function addRegistrations(ground: Ground): Promise<void> {
  // Nobody knows these passwords: the units are there to be confirmed or sent back, not to be used.
  const password_hash = await hashPassword(randomCode())
  const districts = [...new Map(ground.streets.map(street => [street.district_code, street.district_name]))]
  const places = districts.flatMap(([code, name], n) => Array.from({ length: n === 0 ? 6 : n % 3 }, () => ({ code, name })))
  for (const [n, place] of places.slice(0, words.length).entries()) {
    const kind = n % 4 === 3 ? 'developer' : 'company'
    const code = creditCodeOf(firstCode + n, place.code)
    const phone = mobileOf('user', firstCode + n)
    const username = `new-unit-${n + 1}`
    // The longest waiting first; one of the first district is late already.
    const at = new Date(
      ground.at.getTime() - (n === 0 ? 10 : ground.random.int(0, 5)) * 86_400_000 + ground.random.int(0, 420) * 60_000,
    )
    const prefix = `ZC${dayOf(at).replaceAll('-', '')}`
    const id = ground.newId('registrations')
    const number = `${prefix}${String(ground.next(prefix)).padStart(4, '0')}`
    const name = `济南${words[n]}${kind === 'company' ? '物业服务' : '房地产开发'}有限公司`
    ground.index('registrations', id, [name, code, number])
    ground.add('registrations', {
      id,
      number,
      kind,
      name,
      code,
      district_code: place.code,
      address: `济南市${place.name}${roadName(ground.random)}${ground.random.int(1, 99)}号`,
      legal_person: personName(ground.random, 'male', 1975),
      username,
      contact: personName(ground.random, 'female', 1988),
      phone_cipher: encrypt('registrations.phone', phone),
      phone_last4: phone.slice(-4),
      password_hash,
      consented_at: at,
      open_key: code,
      open_username: username,
      ...stamps(at),
    })
  }
}
