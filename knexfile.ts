import type { Knex } from 'knex'
import { migrations } from './src/database/migrate.ts'

// For `node --import tsx node_modules/.bin/knex migrate:status` and its like; the portal itself migrates when it starts.
if (!process.env.DATABASE_URL) throw new Error('请先设置 DATABASE_URL，例如 mysql://用户:密码@主机:3306/库名。')

export default { client: 'mysql2', connection: process.env.DATABASE_URL, migrations } satisfies Knex.Config
