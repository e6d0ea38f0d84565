import { roleCodes } from '../accounts/roles.ts'
import { defineList } from '../lists/list.ts'

const states = { unread: '未读', read: '已读' }

/** 全部消息: everything the portal has told this person, to search and to narrow. */
export const messages = defineList({
  code: 'messages',
  label: '全部消息',
  roles: roleCodes,
  from: (db, user) => db('messages').where({ 'messages.user_id': user.id }),
  key: 'messages.id',
  columns: [
    { name: 'title', label: '消息', source: 'messages.title' },
    {
      name: 'state',
      label: '状态',
      type: 'state',
      source: db => db.raw("case when messages.read_at is null then 'unread' else 'read' end"),
      words: states,
      tones: { unread: 'you', read: 'rest' },
    },
    { name: 'created_at', label: '时间', type: 'moment', source: 'messages.created_at', sort: true },
    { name: 'read_at', label: '阅读时间', type: 'moment', source: 'messages.read_at', shown: false },
  ],
  heading: 'title',
  sort: '-created_at',
  filters: [
    {
      name: 'unread',
      label: '阅读情况',
      type: 'flag',
      words: ['未读', '已读'],
      where: (query, yes) => void (yes ? query.whereNull('messages.read_at') : query.whereNotNull('messages.read_at')),
    },
    { name: 'created', label: '时间', type: 'period', of: 'moment', where: 'messages.created_at' },
  ],
  search: { about: '消息的标题', contains: ['messages.title'] },
  href: row => `/desk/messages/${row.key}`,
  actions: () => [{ href: '/desk/messages', label: '收件箱', icon: 'bell' }],
  empty: { title: '还没有消息', text: '办件有进展、轮到您办理或有人催办时，消息会出现在这里。' },
})
