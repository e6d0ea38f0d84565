// 项目分布: draws the points of the list's question. Without this file the table by district and the list say the same.
const drawMap = async () => {
  const room = document.querySelector('[data-map]')
  const told = document.querySelector('[data-map-told]')
  if (!room || !window.Chart) return

  const say = text => {
    told.textContent = text
  }
  say('正在画图。')
  const answer = await fetch(room.dataset.map, { headers: { accept: 'application/json', 'x-background': '1' } }).catch(
    () => undefined,
  )
  if (!answer?.ok) {
    say('分布图没有画出来：网络断开或已退出登录。下面的表和列表仍然可用，刷新页面再试。')
    return
  }
  const { districts, points } = await answer.json()
  if (!points.length) {
    say('符合条件的项目都没有坐标，画不出来。坐标在项目的“修改档案”里填写。')
    return
  }
  say('')
  room.hidden = false

  const canvas = room.querySelector('canvas')
  const ink = getComputedStyle(document.body)
  const most = Math.max(...points.map(point => point.n))
  const isNarrow = window.matchMedia('(max-width: 640px)').matches
  // A point that stands for many grows with the root of their number, so that its area tells it.
  const sizeOf = ({ n }) => (most === 1 ? (isNarrow ? 4 : 5) : 4 + 16 * Math.sqrt(n / most))
  // A triangle of the same radius looks smaller than a disc.
  const looks = { circle: 1, rect: 1.1, triangle: 1.35 }

  const spread = key => {
    const all = points.map(point => point[key])
    const [from, to] = [Math.min(...all), Math.max(...all)]
    const margin = Math.max((to - from) * 0.06, 0.004)
    return [from - margin, to + margin]
  }
  // A degree of longitude is shorter than one of latitude: both axes show as many metres to the pixel.
  const frame = () => {
    const [west, east] = spread('x')
    const [south, north] = spread('y')
    const narrowing = Math.cos((((south + north) / 2) * Math.PI) / 180)
    const wanted = (room.clientWidth - 80) / (room.clientHeight - 60)
    const width = Math.max((east - west) * narrowing, (north - south) * wanted)
    const [x, y] = [(west + east) / 2, (south + north) / 2]
    return {
      x: [x - width / narrowing / 2, x + width / narrowing / 2],
      y: [y - width / wanted / 2, y + width / wanted / 2],
    }
  }
  const axis = (title, [min, max]) => ({
    min,
    max,
    title: { display: !isNarrow, text: title },
    ticks: { callback: value => `${value.toFixed(2)}°`, maxTicksLimit: isNarrow ? 4 : 8, includeBounds: false },
    grid: { color: '#e6ebee' },
  })

  const { x, y } = frame()
  const chart = new window.Chart(canvas, {
    type: 'scatter',
    data: {
      datasets: districts
        .map(({ code, name, colour, shape }) => {
          const data = points.filter(point => point.district === code)
          const radius = data.map(point => sizeOf(point) * looks[shape])
          return {
            label: name,
            data,
            backgroundColor: `${colour}cc`,
            borderColor: '#ffffff',
            borderWidth: 1,
            pointStyle: shape,
            pointRadius: radius,
            pointHoverRadius: radius.map(size => size + 2),
          }
        })
        .filter(({ data }) => data.length),
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      font: { family: ink.fontFamily },
      scales: { x: axis('经度', x), y: axis('纬度', y) },
      plugins: {
        // On a phone the table beneath says it, with the same shapes.
        legend: {
          display: !isNarrow,
          position: 'bottom',
          labels: { usePointStyle: true, boxHeight: 7, font: { family: ink.fontFamily } },
        },
        tooltip: {
          callbacks: {
            label: ({ raw, dataset }) => `${raw.name}（${dataset.label}${raw.n > 1 ? `，${raw.n} 个项目` : ''}）`,
          },
        },
      },
      onHover: (_event, found) => {
        canvas.style.cursor = found.length ? 'pointer' : ''
      },
      onClick: (_event, found) => {
        const [hit] = found
        if (!hit) return
        // A link that is pressed opens as links do in the workspace.
        const link = document.createElement('a')
        link.href = chart.data.datasets[hit.datasetIndex].data[hit.index].href
        document.body.append(link)
        link.click()
        link.remove()
      },
    },
  })
  window.addEventListener('resize', () => {
    const now = frame()
    for (const key of ['x', 'y']) [chart.options.scales[key].min, chart.options.scales[key].max] = now[key]
    chart.update()
  })
}

void drawMap()
