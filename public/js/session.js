// Says in time that the session is about to end. The server decides; this only counts from the last request of any page of this
// browser. A key or a press is a person at work and keeps the session; a page that merely lies open does not.
;(() => {
  const minutes = Number(document.body.dataset.idleMinutes)
  if (!minutes) return
  const minute = 60_000
  const limit = minutes * minute
  const ahead = Math.max(1, Math.round(minutes / 6)) * minute
  const top = window.top === window.self
  let place
  let seen = 0
  let asking = false
  let shown = ''

  // Other tabs and windows count too. Nothing but a moment is kept; without storage each page counts for itself.
  const lastSeen = () => {
    try {
      return Math.max(seen, Number(localStorage.getItem('desk-seen')))
    } catch {
      return seen
    }
  }
  const markSeen = () => {
    seen = Date.now()
    try {
      localStorage.setItem('desk-seen', seen)
    } catch {}
  }

  const stay = async () => {
    if (asking) return
    asking = true
    try {
      const answer = await fetch('/desk/alive', { method: 'POST', redirect: 'manual', headers: { 'X-Background': '1' } })
      if (answer.ok) markSeen()
      else if (answer.status === 401 || answer.type === 'opaqueredirect') show('ended')
      if (answer.ok) show('')
    } catch {
      // Without a network the next key or press tries again.
    } finally {
      asking = false
    }
  }

  const show = what => {
    if (!top || shown === what) return
    shown = what
    place?.remove()
    if (!what) return
    place = document.body.appendChild(document.createElement('div'))
    place.className = 'idle'
    place.setAttribute('role', 'alert')
    const note = place.appendChild(document.createElement('div'))
    note.className = 'note note-warn'
    const line = note.appendChild(document.createElement('p'))
    if (what === 'soon') {
      const end = new Date(lastSeen() + limit).toLocaleTimeString('zh-CN', { hour: '2-digit', minute: '2-digit', hour12: false })
      line.textContent = `您已 ${minutes - ahead / minute} 分钟没有操作，${ahead / minute} 分钟后（${end}）将退出。`
      const button = line.appendChild(document.createElement('button'))
      button.type = 'button'
      button.className = 'btn btn-sm'
      button.textContent = '继续使用'
      button.addEventListener('click', stay)
    } else {
      line.textContent = '登录已到时，系统已退出。页面上填写的内容还在，重新登录后可以接着提交。'
      const link = line.appendChild(document.createElement('a'))
      link.href = '/login'
      link.target = '_blank'
      link.rel = 'noopener'
      link.className = 'btn btn-sm'
      link.textContent = '重新登录'
    }
  }

  const look = () => {
    const idle = Date.now() - lastSeen()
    show(idle >= limit ? 'ended' : idle >= limit - ahead ? 'soon' : '')
  }
  const work = () => {
    const idle = Date.now() - lastSeen()
    if (idle > ahead && idle < limit) void stay()
  }

  markSeen()
  for (const event of ['keydown', 'pointerdown']) document.addEventListener(event, work, { passive: true })
  if (top) setInterval(look, 15_000)
  document.addEventListener('visibilitychange', look)
})()
