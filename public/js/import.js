// Draws the progress of an import anew, and opens its page again when it has come to its end. Without this file a link does it.
;(() => {
  const place = document.querySelector('[data-import]')
  if (!place) return
  const bar = place.querySelector('progress')
  const words = place.querySelector('[data-percent]')

  const look = async () => {
    try {
      const answer = await fetch(`${place.dataset.import}/progress`, { headers: { 'X-Background': '1' }, redirect: 'manual' })
      if (answer.ok) {
        const { state, percent } = await answer.json()
        if (state !== place.dataset.state) return location.reload()
        bar.value = percent
        words.textContent = percent
      } else if (answer.status < 500) return location.reload()
    } catch {
      // Without a network the next look tries again.
    }
    setTimeout(look, 1500)
  }
  setTimeout(look, 800)
})()
