// Temperatures of the cameras in the last day. Labels are at the ends of the lines; series differ by dash, not only by
// colour. A line ends where a camera reported nothing for longer than usual, so that only measured values are drawn. A
// table shows the same data.
import { now, shownOffset, shown as timeOf } from "./clock.js";

const REFRESH_MS = 30_000;
const MIN_GAP_S = 180; // shorter pauses are not gaps
const GAP_FACTOR = 3; // nor are pauses up to this many times the usual one
const DAY_S = 86400;
const MIN_SPAN_S = 60; // so that a single point has a time axis
const DASHES = [[], [6, 4], [2, 4], [10, 4, 2, 4]];
const COLOURS = ["--accent", "--text-2", "--text-3", "--text-2"];
const RIGHT_PX = 150;

const host = document.querySelector("[data-chart]");
const note = document.querySelector("[data-chart-note]");
const colourProbe = host.appendChild(document.createElement("span"));
const table = document.querySelector("[data-chart-table]");
let plot = null;
let shownSeries = [];

/** A token's colour in the current theme, in a form that the canvas accepts. */
function colour(token) {
  colourProbe.style.color = `var(${token})`;
  return getComputedStyle(colourProbe).color;
}

/** Seconds without a reading that make a gap in a series. */
function gapThreshold({ points }) {
  const pauses = points
    .slice(1)
    .map(([at], index) => at - points[index][0])
    .sort((a, b) => a - b);
  return Math.max(MIN_GAP_S, GAP_FACTOR * (pauses[Math.floor(pauses.length / 2)] ?? 0));
}

/** Times without a reading, from the last reading before to the first after; the last gap may last until now. */
function gapsOf(series) {
  const limit = gapThreshold(series);
  const times = [...series.points.map(([at]) => at), Math.round(now() / 1000)];
  return times
    .slice(1)
    .map((at, index) => [times[index], at])
    .filter(([from, to]) => to - from > limit);
}

/** All series on one time axis: undefined where only another camera has a reading, null in the middle of a gap. */
function mergedSeries(series) {
  const gaps = series.map((one) => gapsOf(one).map(([from, to]) => (from + to) / 2));
  const times = [...new Set([...series.flatMap((one) => one.points.map(([at]) => at)), ...gaps.flat()])].sort(
    (a, b) => a - b,
  );
  const place = new Map(times.map((at, index) => [at, index]));
  const values = series.map((one, index) => {
    const row = new Array(times.length).fill(undefined);
    for (const at of gaps[index]) row[place.get(at)] = null;
    for (const [at, value] of one.points) row[place.get(at)] = value;
    return row;
  });
  return [times, ...values];
}

/** Single readings between two gaps make no line: they are drawn as points. */
function isolatedPoints(row) {
  const readings = row.map((value, index) => [value, index]).filter(([value]) => value !== undefined);
  const isEnd = (entry) => !entry || entry[0] === null;
  return readings
    .filter(([value], at) => value !== null && isEnd(readings[at - 1]) && isEnd(readings[at + 1]))
    .map(([, index]) => index);
}

const clockOf = (at, every) => new Date(at * 1000 + shownOffset()).toISOString().slice(11, every < 60 ? 19 : 16);
const degrees = (value) => value.toFixed(1).replace(/\.0$/, "").replace("-", "\u2212");

function axes() {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const common = { stroke: colour("--text-3"), font, ticks: { show: false }, border: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  return [
    {
      ...common,
      grid: { show: false },
      values: (_chart, splits, _axis, _space, every) => splits.map((at) => clockOf(at, every)),
      space: 70,
      size: 26,
    },
    { ...common, grid, values: (_chart, splits) => splits.map(degrees), size: 44, space: 34 },
  ];
}

function options(series, rows) {
  return {
    width: host.clientWidth - RIGHT_PX / 10,
    height: host.clientHeight - 8,
    padding: [10, RIGHT_PX, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: { x: { time: true }, y: { range: (_, least, most) => [Math.floor(least - 1), Math.ceil(most + 1)] } },
    axes: axes(),
    series: [
      {},
      ...series.map((one, index) => ({
        label: one.name,
        stroke: colour(COLOURS[index % COLOURS.length]),
        dash: DASHES[index % DASHES.length],
        width: 1.75,
        points: {
          show: true,
          size: 5,
          fill: colour(COLOURS[index % COLOURS.length]),
          filter: () => isolatedPoints(rows[index]),
        },
      })),
    ],
    hooks: { draw: [drawLabels] },
  };
}

/** The name and the newest value at the end of each line; labels that would overlap move down. */
function drawLabels(chart) {
  for (const element of host.querySelectorAll(".end")) element.remove();
  const left = (chart.bbox.left + chart.bbox.width) / devicePixelRatio + 8;
  let lowest = -Infinity;
  const ends = shownSeries.map((one) => ({ ...one, top: chart.valToPos(one.points.at(-1)[1], "y") + 2 }));
  for (const one of ends.sort((a, b) => a.top - b.top)) {
    lowest = Math.max(one.top, lowest + 15);
    const element = document.createElement("span");
    const [at, value] = one.points.at(-1);
    const isOld = now() / 1000 - at > gapThreshold(one);
    element.className = isOld ? "end old" : "end";
    element.textContent = `${degrees(value)} ${one.name}${isOld ? `, ${timeOf(at * 1000)}` : ""}`;
    element.style.left = `${left}px`;
    element.style.top = `${lowest}px`;
    element.title = element.textContent;
    host.append(element);
  }
}

const cell = (content, head) => {
  const element = document.createElement(head ? "th" : "td");
  if (head) element.scope = "row";
  element.textContent = content;
  return element;
};

/** The same data as a table, one row per camera. */
function fillTable(series) {
  table.closest("details").hidden = !series.length;
  table.tBodies[0].replaceChildren(
    ...series.map((one) => {
      const values = one.points.map(([, value]) => value);
      const [at, last] = one.points.at(-1);
      const gaps = gapsOf(one).map(([from, to]) => `${timeOf(from * 1000)} to ${timeOf(to * 1000)}`);
      const row = document.createElement("tr");
      const texts = [
        `${degrees(last)} at ${timeOf(at * 1000)}`,
        degrees(Math.min(...values)),
        degrees(Math.max(...values)),
        gaps.join("; ") || "none",
      ];
      row.append(cell(one.name, true), ...texts.map((text) => cell(text)));
      return row;
    }),
  );
}

function draw(series) {
  plot?.destroy();
  plot = null;
  shownSeries = series;
  note.textContent = series.length ? "" : "No camera reports its temperature";
  fillTable(series);
  if (!series.length) return;
  const data = mergedSeries(series);
  plot = new window.uPlot(options(series, data.slice(1)), data, host);
  const last = now() / 1000;
  const first = Math.max(last - DAY_S, Math.min(...series.map((one) => one.points[0][0])));
  plot.setScale("x", { min: Math.min(first, last - MIN_SPAN_S), max: last });
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(host.dataset.chart);
    if (!answer.ok) throw new Error(String(answer.status));
    draw((await answer.json()).series);
  } catch {
    note.textContent = "not updated: the station did not answer";
  }
}

refresh();
setInterval(refresh, REFRESH_MS);
document.addEventListener("visibilitychange", refresh);
document.body.addEventListener("acted", refresh);
// A canvas does not follow the style sheet.
document.addEventListener("themechange", () => draw(shownSeries));
new ResizeObserver(() =>
  plot?.setSize({ width: host.clientWidth - RIGHT_PX / 10, height: host.clientHeight - 8 }),
).observe(host);
