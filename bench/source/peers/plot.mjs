// A plot of queries a second over recall as SVG, readable on light and dark pages.
const WIDTH = 880
const HEIGHT = 520
const AREA = { left: 76, right: 690, top: 48, bottom: 456 }
const RECALL_TICKS = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999]
const LOWEST_RECALL = 0.8
const HIGHEST_RECALL = 0.9995
/** Hues that keep a contrast of 3 to 1 on white and on near-black, and differ in lightness for those who see few hues. */
const COLOURS = ['#d9480f', '#1c7ed6', '#5f8dd3', '#2b8a3e', '#9c36b5', '#997404', '#868e96', '#0c8599']
const MARKERS = ['circle', 'square', 'diamond', 'triangle']

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .tick { font-size: 12px; fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .frame { stroke: #8c959f; stroke-width: 1; fill: none }
  .curve { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .tick { fill: #9198a1 }
    .grid { stroke: #30363d }
    .frame { stroke: #6e7681 }
  }`

/**
 * @param {{ name: string, look: number, points: { recall: number, qps: number }[] }[]} series points by rising recall; a lone one is
 *   only marked; `look` numbers colours and markers, so that an engine looks the same in every plot
 */
export function plotRecallQps(title, series) {
  const shown = series.map((one) => ({ ...one, points: one.points.filter(({ recall }) => recall >= LOWEST_RECALL) }))
  const drawn = shown.filter(({ points }) => points.length > 0)
  const allQps = drawn.flatMap(({ points }) => points.map(({ qps }) => qps))
  const decades = { low: Math.floor(Math.log10(Math.min(...allQps))), high: Math.ceil(Math.log10(Math.max(...allQps))) }
  const yOf = (qps) => AREA.bottom - ((Math.log10(qps) - decades.low) / (decades.high - decades.low)) * areaHeight()
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="${AREA.left}" y="26">${escapeText(title)}</text>`,
    ...recallAxis(),
    ...qpsAxis(decades, yOf),
    `<rect class="frame" x="${AREA.left}" y="${AREA.top}" width="${AREA.right - AREA.left}" height="${areaHeight()}"/>`,
    ...drawn.flatMap((one) => drawSeries(one, yOf)),
    ...drawn.flatMap((one, index) => drawLegend(one, index)),
    '</svg>',
    '',
  ].join('\n')
}

function areaHeight() {
  return AREA.bottom - AREA.top
}

/** The axis is logarithmic in the share missed, so that .99 is as far from .9 as .999 is from .99. */
function xOf(recall) {
  const missed = (value) => Math.log10(1 - Math.min(value, HIGHEST_RECALL))
  const share = (missed(LOWEST_RECALL) - missed(recall)) / (missed(LOWEST_RECALL) - missed(HIGHEST_RECALL))
  return AREA.left + share * (AREA.right - AREA.left)
}

function recallAxis() {
  const middle = (AREA.left + AREA.right) / 2
  return [
    ...RECALL_TICKS.flatMap((recall) => {
      const x = xOf(recall).toFixed(1)
      return [
        `<line class="grid" x1="${x}" y1="${AREA.top}" x2="${x}" y2="${AREA.bottom}"/>`,
        `<text class="tick" x="${x}" y="${AREA.bottom + 18}" text-anchor="middle">${recall}</text>`,
      ]
    }),
    `<text class="tick" x="${AREA.right}" y="${AREA.bottom + 18}" text-anchor="middle">1</text>`,
    `<text x="${middle}" y="${AREA.bottom + 44}" text-anchor="middle">recall@10 (right is better)</text>`,
  ]
}

function qpsAxis({ low, high }, yOf) {
  const values = []
  for (let decade = low; decade <= high; decade += 1)
    for (const step of decade === high ? [1] : [1, 2, 5]) values.push(step * 10 ** decade)
  const middle = (AREA.top + AREA.bottom) / 2
  return [
    ...values.flatMap((qps) => {
      const y = yOf(qps).toFixed(1)
      return [
        `<line class="grid" x1="${AREA.left}" y1="${y}" x2="${AREA.right}" y2="${y}"/>`,
        `<text class="tick" x="${AREA.left - 8}" y="${Number(y) + 4}" text-anchor="end">${qps.toLocaleString('en-US')}</text>`,
      ]
    }),
    `<text x="20" y="${middle}" text-anchor="middle" transform="rotate(-90 20 ${middle})">queries a second, one thread (up is better)</text>`,
  ]
}

function drawSeries({ points, look }, yOf) {
  const colour = COLOURS[look % COLOURS.length]
  const places = points.map(({ recall, qps }) => [xOf(recall), yOf(qps)])
  const path = places.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('')
  return [
    `<path class="curve" stroke="${colour}" d="${path}"/>`,
    ...places.map(([x, y]) => marker(MARKERS[look % MARKERS.length], x, y, colour)),
  ]
}

function drawLegend({ name, look }, index) {
  const y = AREA.top + 14 + index * 24
  const colour = COLOURS[look % COLOURS.length]
  const x = AREA.right + 16
  return [
    `<line x1="${x}" y1="${y}" x2="${x + 22}" y2="${y}" stroke="${colour}" stroke-width="2"/>`,
    marker(MARKERS[look % MARKERS.length], x + 11, y, colour),
    `<text x="${x + 30}" y="${y + 4}">${escapeText(name)}</text>`,
  ]
}

function marker(shape, x, y, colour) {
  const [at, to] = [x.toFixed(1), y.toFixed(1)]
  if (shape === 'circle') return `<circle cx="${at}" cy="${to}" r="3.6" fill="${colour}"/>`
  const corners = {
    square: 'M-3.4 -3.4H3.4V3.4H-3.4Z',
    diamond: 'M0 -4.6L4.6 0L0 4.6L-4.6 0Z',
    triangle: 'M0 -4.4L4.2 3.4H-4.2Z',
  }
  return `<path d="${corners[shape]}" transform="translate(${at} ${to})" fill="${colour}"/>`
}

function escapeText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
