// Beside the list of materials: a file pressed is shown in place, and originals are ticked without leaving what is being written.
// Without this file both are ordinary pages.
;(() => {
  const viewer = document.querySelector('[data-viewer]')
  const paper = viewer?.querySelector('[data-paper]')

  const plain = event => event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)

  const show = link => {
    const { view, href, facts } = link.dataset
    const name = link.textContent.trim()
    const made = document.createElement({ image: 'img', pdf: 'iframe' }[view] ?? 'p')
    if (view === 'image') Object.assign(made, { src: href, alt: `${name}的预览` })
    else if (view === 'pdf') Object.assign(made, { src: `${href}#toolbar=0&view=FitH`, title: `${name}的预览` })
    else Object.assign(made, { className: 'mb-0', textContent: '这种文件不能在页面里预览，请下载后查看。' })
    paper.replaceChildren(made)
    viewer.querySelector('[data-name]').textContent = name
    viewer.querySelector('[data-facts]').textContent = facts
    viewer.querySelector('[data-download]').href = `${href}?download=1`
    const open = viewer.querySelector('[data-open]')
    open.href = href
    open.hidden = view === 'none'
    for (const other of document.querySelectorAll('[data-view]')) {
      const on = other === link
      if (on) other.setAttribute('aria-current', 'true')
      else other.removeAttribute('aria-current')
    }
    for (const row of link.closest('tbody').rows) row.classList.toggle('picked', row.contains(link))
    // Where the paper stands below the list, it comes into sight.
    if (viewer.getBoundingClientRect().top > window.innerHeight - 120) viewer.scrollIntoView({ block: 'nearest' })
  }

  document.addEventListener('click', event => {
    const link = event.target.closest?.('[data-view]')
    if (!link || !paper || !plain(event)) return
    event.preventDefault()
    show(link)
  })

  document.addEventListener('submit', async event => {
    const form = event.target
    if (event.defaultPrevented || !form.matches('[data-originals]')) return
    event.preventDefault()
    const said = form.querySelector('[data-originals-said]')
    const say = (words, tint) => {
      said.className = `tiny ${tint}`
      said.textContent = words
    }
    try {
      const answer = await fetch(form.action, {
        method: 'POST',
        body: new URLSearchParams(new FormData(form)),
        headers: { Accept: 'application/json' },
      })
      const told = await answer.json().catch(() => undefined)
      if (!told) return say('登录已到时，没有保存。请在新窗口重新登录后再保存。', 'bad')
      if (!answer.ok) return say(told.message, 'bad')
      say(`${told.sentence}办理记录刷新页面后可见。`, 'ok')
      // The case has a new version now; what is written in the other forms of the page belongs to it.
      for (const field of document.querySelectorAll('input[name=version]')) field.value = told.version
      for (const box of form.querySelectorAll('input[name=seen]'))
        box.parentElement.querySelector('span').firstChild.data = box.checked ? '已核验' : '核验原件'
      document.querySelector('[data-seen]').textContent = form.querySelectorAll('input[name=seen]:checked').length
    } catch {
      say('没有保存：网络断开，请稍后再试。', 'bad')
    }
  })
})()
