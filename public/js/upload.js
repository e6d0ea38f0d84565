// Uploads with progress, one file after another; the list of each material is brought up to date in place. All of it works without
// this file: each material is a form.
;(() => {
  const megabyte = 1024 * 1024
  const queue = []
  let current
  let kept = 0

  const inMegabytes = bytes => (Math.ceil((bytes / megabyte) * 10) / 10).toFixed(1)
  const wordsOf = { signedOut: '登录已到时，没有保存。请在新窗口重新登录，再回到这里重传。' }

  const make = (parent, tag, { words, ...more } = {}) => {
    const made = parent.appendChild(document.createElement(tag))
    Object.assign(made, more)
    if (words) made.textContent = words
    return made
  }

  const picture = (mat, name, tint = '') => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
    svg.setAttribute('class', `icon ${tint}`)
    svg.setAttribute('aria-hidden', 'true')
    svg
      .appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'use'))
      .setAttribute('href', `${mat.dataset.icons}#${name}`)
    return svg
  }

  const say = (mat, words) => {
    mat.querySelector('[data-said]').textContent = words
  }

  // ── One file on its way ────────────────────────────────────────────────────────────────────────

  /** A line for the file below those that are there. `replaces` is the id of the one that goes when it has come. */
  const enqueue = (mat, file, replaces) => {
    const list = mat.querySelector('[data-sending]')
    list.hidden = false
    const job = { mat, file, replaces, line: make(list, 'li') }
    const mistake = mistakeOf(mat, file)
    if (mistake) return refuse(job, mistake)
    wait(job)
  }

  const wait = job => {
    draw(job, '等待上传', { button: '取消', press: () => drop(job) })
    queue.push(job)
    void next()
  }

  /** What need not be sent to be refused. The server says the same, and more. */
  const mistakeOf = (mat, file) => {
    const { most, extensions } = mat.querySelector('[data-upload]').dataset
    const extension = /\.([a-z0-9]+)$/i.exec(file.name)?.[1].toLowerCase() ?? ''
    if (!extensions.split(' ').includes(extension))
      return `“${file.name}”不是可接受的格式，请转成 pdf、jpg、png、docx 或 xlsx 再传。`
    if (file.size > most)
      return `“${file.name}”有 ${inMegabytes(file.size)} MB，超过 ${most / megabyte} MB。请压缩或拆成几个文件后上传。`
  }

  const draw = (job, words, { button, press, tint = '', icon = 'upload' } = {}) => {
    const { mat, file, line } = job
    line.replaceChildren(picture(mat, icon, tint))
    const text = make(line, 'span', { className: `grow small ${tint}` })
    // A refusal names the file itself.
    if (tint !== 'bad') make(text, 'span', { words: `${file.name}　` })
    job.state = make(text, 'span', { className: tint ? tint : 'soft num', words })
    if (!button) return
    const made = make(line, 'button', { type: 'button', className: 'btn btn-quiet btn-sm', words: button })
    make(made, 'span', { className: 'visually-hidden', words: `：${file.name}` })
    made.addEventListener('click', press)
    return made
  }

  const drop = job => {
    const at = queue.indexOf(job)
    if (at >= 0) queue.splice(at, 1)
    remove(job)
  }

  const remove = ({ mat, line }) => {
    const list = mat.querySelector('[data-sending]')
    if (line.contains(document.activeElement)) mat.querySelector('[data-upload] input[type=file]')?.focus()
    line.remove()
    list.hidden = !list.children.length
  }

  const refuse = (job, sentence) => {
    draw(job, sentence, { tint: 'bad', icon: 'alert-circle', button: '知道了', press: () => remove(job) })
    say(job.mat, sentence)
  }

  /** Nothing of the file was kept, and it may go through next time. */
  const offer = (job, sentence) => {
    draw(job, sentence, { tint: 'bad', icon: 'alert-circle', button: '重传', press: () => wait(job) })
    const give = make(job.line, 'button', { type: 'button', className: 'btn btn-quiet btn-sm', words: '不传了' })
    make(give, 'span', { className: 'visually-hidden', words: `：${job.file.name}` })
    give.addEventListener('click', () => remove(job))
    say(job.mat, sentence)
  }

  const next = async () => {
    if (current || !queue.length) return
    current = queue.shift()
    const job = current
    try {
      await send(job)
    } finally {
      current = undefined
      void next()
    }
  }

  /** Sends one file and settles when its fate is known. */
  const send = job =>
    new Promise(done => {
      const { mat, file, replaces } = job
      const request = new XMLHttpRequest()
      draw(job, '', { button: '取消', press: () => request.abort() })
      const bar = make(job.line, 'progress', { max: 100, value: 0 })
      bar.setAttribute('aria-label', `${file.name}上传进度`)
      say(mat, `开始上传${file.name}`)
      request.upload.addEventListener('progress', ({ loaded, total }) => {
        const share = Math.min(100, Math.floor((loaded / total) * 100))
        bar.value = share
        const done = Math.min(file.size, loaded)
        job.state.textContent =
          share === 100 ? '已传完，正在核对内容' : `${share}%　${inMegabytes(done)} / ${inMegabytes(file.size)} MB`
      })
      request.addEventListener('load', async () => {
        await settle(job, request)
        done()
      })
      request.addEventListener('error', () => {
        offer(job, `“${file.name}”没有传完：网络断开。${kept ? `已传的 ${kept} 个都在，` : ''}请重传这一个。`)
        done()
      })
      request.addEventListener('abort', () => {
        say(mat, `已取消上传${file.name}`)
        remove(job)
        done()
      })
      request.open('POST', mat.querySelector('[data-upload]').action)
      request.setRequestHeader('Accept', 'application/json')
      const body = new FormData()
      // Fields come before the file they speak of.
      if (replaces) body.append('replaces', replaces)
      // A control character in the name would break the body.
      body.append('files', file, file.name.replace(/\p{Cc}/gu, ''))
      request.send(body)
    })

  const settle = async (job, request) => {
    const { mat, file } = job
    const answer = answerOf(request)
    if (!answer) return offer(job, `“${file.name}”没有保存。${wordsOf.signedOut}`)
    const fate = answer.files?.[0]
    if (fate?.ok) {
      kept++
      remove(job)
      await refresh(mat)
      return say(mat, `${fate.name}${fate.sentence}`)
    }
    if (fate) return refuse(job, fate.sentence)
    const sentence = answer.message || '没有保存，请稍后再传。'
    if (request.status >= 500) offer(job, `“${file.name}”：${sentence}`)
    else refuse(job, `“${file.name}”：${sentence}`)
  }

  /** The answer of the server; nothing where a page came instead, which is that of signing in. */
  const answerOf = request => {
    try {
      return JSON.parse(request.responseText)
    } catch {
      return request.status >= 500 ? {} : undefined
    }
  }

  // ── The page after a change ────────────────────────────────────────────────────────────────────

  /** Reads the page again and takes over what belongs to the material. What is typed elsewhere stays. */
  const refresh = async mat => {
    const code = mat.dataset.material
    try {
      const answer = await fetch(mat.dataset.page, { headers: { Accept: 'text/html' } })
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const fresh = page.querySelector(`[data-material="${CSS.escape(code)}"]`)
      if (!fresh) throw new Error('another page came')
      for (const part of ['[data-mark]', '[data-files]']) {
        const [old, made] = [mat.querySelector(part), fresh.querySelector(part)]
        if (old && made) old.replaceWith(document.importNode(made, true))
      }
      const [sum, newSum] = [document, page].map(place => place.querySelector('[data-materials-sum]'))
      if (sum && newSum && sum.textContent !== newSum.textContent) {
        sum.textContent = newSum.textContent
        sum.className = newSum.className
      }
      if (mat.querySelector('[data-files] li')) {
        mat.classList.remove('wrong')
        mat.querySelector('.mistake')?.remove()
      }
      showReplace(mat)
    } catch {
      // The file is there; only the list cannot be read now.
      say(mat, '已保存，刷新页面后可见。')
    }
    // Whoever checks or saves the page while it is filled in learns that something changed.
    mat.dispatchEvent(new Event('change', { bubbles: true }))
  }

  const showReplace = place => {
    for (const label of place.querySelectorAll('[data-replace]')) label.hidden = false
  }

  /** Sends a small form and reads the material again. @returns the sentence of the server */
  const post = async form => {
    const answer = await fetch(form.action, {
      method: 'POST',
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: 'application/json' },
    })
    const told = await answer.json().catch(() => undefined)
    if (!told) return { ok: false, sentence: wordsOf.signedOut }
    return { ok: answer.ok, sentence: told.sentence ?? told.message ?? '' }
  }

  // ── What a person does ─────────────────────────────────────────────────────────────────────────

  const matOf = place => place.closest('[data-material]')

  for (const form of document.querySelectorAll('[data-upload]')) {
    const label = form.querySelector('.choose')
    const isZone = label.textContent.includes('拖到')
    label.classList.add(...(isZone ? ['dropzone'] : ['btn', 'btn-sm']))
    form.querySelector('input[type=file]').classList.add('visually-hidden')
    form.querySelector('button').hidden = true
  }
  for (const form of document.querySelectorAll('[data-expiry]')) form.querySelector('button').hidden = true
  showReplace(document)

  document.addEventListener('change', async event => {
    const { target } = event
    if (!(target instanceof HTMLInputElement)) return
    const mat = matOf(target)
    if (!mat) return
    if (target.type === 'file') {
      const replaces = target.closest('[data-replace]')?.dataset.replace
      for (const [at, file] of [...target.files].entries()) enqueue(mat, file, at === 0 ? replaces : undefined)
      // The same file can be chosen again.
      target.value = ''
      return
    }
    const form = target.closest('[data-expiry]')
    if (!form) return
    const { expires_on: day, lasting } = form.elements
    if (target === day && day.value) lasting.checked = false
    if (target === lasting && lasting.checked) day.value = ''
    const said = form.querySelector('[data-expiry-said]')
    try {
      const told = await post(form)
      said.className = told.ok ? 'soft' : 'bad'
      said.textContent = told.ok ? '已保存' : told.sentence
    } catch {
      said.className = 'bad'
      said.textContent = '没有保存：网络断开。网络恢复后请再选一次。'
    }
  })

  document.addEventListener('submit', async event => {
    const form = event.target
    // The question whether to delete has been asked and answered before this runs.
    if (event.defaultPrevented || !form.matches('[data-remove], [data-expiry]')) return
    event.preventDefault()
    const mat = matOf(form)
    if (form.matches('[data-expiry]')) return form.elements.expires_on.dispatchEvent(new Event('change', { bubbles: true }))
    try {
      const told = await post(form)
      if (!told.ok) return say(mat, told.sentence)
      await refresh(mat)
      mat.querySelector('[data-upload] input[type=file]')?.focus()
      say(mat, '已删除。')
    } catch {
      say(mat, '没有删除：网络断开，请稍后再试。')
    }
  })

  for (const kind of ['dragover', 'dragleave', 'drop'])
    document.addEventListener(kind, event => {
      const mat = event.target.closest?.('[data-material]')
      const isOpen = mat?.querySelector('[data-upload]') && event.dataTransfer?.types.includes('Files')
      if (mat) mat.classList.toggle('over', Boolean(isOpen) && kind === 'dragover')
      // A file dropped beside its place would open in the window and take the page away.
      if (kind !== 'dragleave' && event.dataTransfer?.types.includes('Files')) event.preventDefault()
      if (kind === 'drop' && isOpen) for (const file of event.dataTransfer.files) enqueue(mat, file)
    })

  window.addEventListener('beforeunload', event => {
    if (!current && !queue.length) return
    event.preventDefault()
    // Chromium before 119 asks only for this.
    event.returnValue = ''
  })
})()
