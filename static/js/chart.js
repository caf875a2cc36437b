// The cameras' temperatures of the last day. Labels stand at the lines' ends; series differ by dash, not by colour alone.
import { now, shownOffset } from "./clock.js";

const EVERY_MS = 60_000;
const DAY_S = 86400;
const LEAST_S = 60; // so that one point alone has an axis of times
const DASHES = [[], [6, 4], [2, 4], [10, 4, 2, 4]];
const COLOURS = ["--accent", "--text-2", "--text-3", "--text-2"];
const RIGHT_PX = 150;

const host = document.querySelector("[data-chart]");
const said = document.querySelector("[data-chart-said]");
const probe = host.appendChild(document.createElement("span"));
let plot = null;
let shown = [];

/** A token's colour as the canvas takes it, whatever theme holds. */
function colour(token) {
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}

/** All series on one axis of times, with gaps where a camera said nothing. */
function joined(series) {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const values = series.map((one) => {
    const row = new Array(times.length).fill(undefined);
    for (const [at, value] of one.points) row[place.get(at)] = value;
    return row;
  });
  return [times, ...values];
}

const clockOf = (at, every) => new Date(at * 1000 + shownOffset()).toISOString().slice(11, every < 60 ? 19 : 16);
const degrees = (value) => value.toFixed(1).replace(/\.0$/, "").replace("-", "\u2212");

function axes() {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const common = { stroke: colour("--text-3"), font, ticks: { show: false }, border: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  return [
    { ...common, grid: { show: false }, values: (_, splits, axis, space, every) => splits.map((at) => clockOf(at, every)), space: 70, size: 26 },
    { ...common, grid, values: (_, splits) => splits.map(degrees), size: 44, space: 34 },
  ];
}

function options(series) {
  return {
    width: host.clientWidth - RIGHT_PX / 10,
    height: host.clientHeight - 8,
    padding: [10, RIGHT_PX, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: { x: { time: true }, y: { range: (_, least, most) => [Math.floor(least - 1), Math.ceil(most + 1)] } },
    axes: axes(),
    series: [{}, ...series.map((one, index) => ({
      label: one.name,
      stroke: colour(COLOURS[index % COLOURS.length]),
      dash: DASHES[index % DASHES.length],
      width: 1.75,
      spanGaps: true,
      points: { show: one.points.length < 3, size: 4, fill: colour(COLOURS[index % COLOURS.length]) },
    }))],
    hooks: { draw: [label] },
  };
}

/** The name and the newest value at the end of each line; those that would overlap move down. */
function label(chart) {
  host.querySelectorAll(".end").forEach((element) => element.remove());
  const left = (chart.bbox.left + chart.bbox.width) / devicePixelRatio + 8;
  let lowest = -Infinity;
  const ends = shown.map((one) => ({ ...one, top: chart.valToPos(one.points.at(-1)[1], "y") + 2 }));
  for (const one of ends.sort((a, b) => a.top - b.top)) {
    lowest = Math.max(one.top, lowest + 15);
    const element = document.createElement("span");
    element.className = "end";
    element.textContent = `${degrees(one.points.at(-1)[1])} ${one.name}`;
    element.style.left = `${left}px`;
    element.style.top = `${lowest}px`;
    element.title = one.name;
    host.append(element);
  }
}

function draw(series) {
  plot?.destroy();
  plot = null;
  shown = series;
  said.textContent = series.length ? "" : "No camera tells its temperature";
  if (!series.length) return;
  plot = new window.uPlot(options(series), joined(series), host);
  const last = now() / 1000;
  const first = Math.max(last - DAY_S, Math.min(...series.map((one) => one.points[0][0])));
  plot.setScale("x", { min: Math.min(first, last - LEAST_S), max: last });
}

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(host.dataset.chart);
    if (!answer.ok) throw new Error(String(answer.status));
    draw((await answer.json()).series);
  } catch {
    said.textContent = "not renewed: the station did not answer";
  }
}

look();
setInterval(look, EVERY_MS);
document.addEventListener("themechange", () => draw(shown));
new ResizeObserver(() => plot?.setSize({ width: host.clientWidth - RIGHT_PX / 10, height: host.clientHeight - 8 })).observe(host);
