// Temperatures of cameras and sensors in the last day. Labels are at the ends of the lines; series differ by dash, not
// only by colour. A line ends where one of them reported nothing for longer than usual, so that only what was measured
// is drawn. A table shows the same data.
import { axes, lineSeries, onOneAxis, withMinus, zonedDate } from "./chart-lines.js";
import { now, shown as timeOf } from "./clock.js";

const REFRESH_MS = 30_000;
const MIN_GAP_S = 180; // shorter pauses are not gaps
const GAP_FACTOR = 3; // nor are pauses up to this many times the usual one
const DAY_S = 86400;
const MIN_SPAN_S = 60; // so that a single point has a time axis
const RIGHT_PX = 150;

const host = document.querySelector("[data-chart]");
const note = document.querySelector("[data-chart-note]");
const table = document.querySelector("[data-chart-table]");
let plot = null;
let shownSeries = [];

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

/** All series on one time axis, with a null in the middle of each gap. */
const mergedSeries = (series) =>
  onOneAxis(series.map((one) => [...one.points, ...gapsOf(one).map(([from, to]) => [(from + to) / 2, null])]));

const degrees = (value) => withMinus(value.toFixed(1).replace(/\.0$/, ""));

function options(series, rows) {
  return {
    width: host.clientWidth - RIGHT_PX / 10,
    height: host.clientHeight - 8,
    padding: [10, RIGHT_PX, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: { x: { time: true }, y: { range: (_, least, most) => [Math.floor(least - 1), Math.ceil(most + 1)] } },
    tzDate: zonedDate,
    axes: axes(degrees),
    series: [{}, ...series.map((one, index) => lineSeries(one.name, index, () => rows[index]))],
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

/** The same data as a table, one row for each. */
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
  note.textContent = series.length ? "" : "Nothing reports a temperature";
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
