import Bowser from 'bowser'

/** A browser as a person would name it, `Chrome 109 · Windows 7`, from what it said of itself. */
export function browserName(agent: string | null | undefined): string {
  if (!agent) return '—'
  const { browser, os } = Bowser.parse(agent)
  const name = [browser.name, browser.version?.split('.')[0]].filter(Boolean).join(' ')
  const system = [os.name, os.versionName ?? (os.name === 'Linux' ? undefined : os.version)].filter(Boolean).join(' ')
  return [name || '未知浏览器', system].filter(Boolean).join(' · ')
}
