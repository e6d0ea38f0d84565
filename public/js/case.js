// Comfort on a case page: opinions at a press, and an item of a correction opens its box when it is ticked.
for (const chip of document.querySelectorAll('[data-insert]'))
  chip.addEventListener('click', () => {
    const box = document.getElementById(chip.dataset.into)
    const text = chip.dataset.insert
    if (box.value.includes(text)) return
    box.value = box.value.trim() ? `${box.value.trim()}\n${text}` : text
    box.focus()
  })

for (const item of document.querySelectorAll('.pick-item')) {
  const [box, words] = [item.querySelector('[type=checkbox]'), item.querySelector('.words')]
  // A browser that cannot hide the words of what is not ticked.
  words.addEventListener('input', () => {
    if (words.value.trim()) box.checked = true
  })
}
