// What all charts of lines share: the colours of the theme, axes in the page's time zone, and how gaps are drawn.
// Series differ by dash, not only by colour. Data are rows on one time axis: undefined where only another series has a
// value, null in a gap.
import { shownOffset } from "./clock.js";

const DASHES = [[], [6, 4], [2, 4], [10, 4, 2, 4], [14, 4], [1, 3], [6, 2, 2, 2, 2, 2], [12, 3, 6, 3]];
const COLOURS = ["--accent", "--text-2", "--text-3", "--text-2"];
const WIDTH = 1.75;
const DAY_S = 86400;
const BAND_ALPHA = 0.16;

const probe = document.createElement("span");
probe.hidden = true;

/** A token's colour in the current theme, in a form that the canvas accepts. */
export function colour(token) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}

export const dashOf = (index) => DASHES[index % DASHES.length];
export const strokeOf = (index) => colour(COLOURS[index % COLOURS.length]);

/** Rows on one time axis from [time, value] points, of which those in a gap have no value. */
export function onOneAxis(series) {
  const times = [...new Set(series.flatMap((points) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const rows = series.map((points) => {
    const row = new Array(times.length).fill(undefined);
    for (const [at, value] of points) row[place.get(at)] = value;
    return row;
  });
  return [times, ...rows];
}

/** Single values between two gaps make no line: they are drawn as points. */
function isolatedPoints(row) {
  const known = row.map((value, index) => [value, index]).filter(([value]) => value !== undefined);
  const isEnd = (entry) => !entry || entry[0] === null;
  return known
    .filter(([value], at) => value !== null && isEnd(known[at - 1]) && isEnd(known[at + 1]))
    .map(([, index]) => index);
}

/** `row`: gives the series' present row. */
export function lineSeries(label, index, row) {
  const stroke = strokeOf(index);
  const points = { show: true, size: 5, fill: stroke, filter: () => isolatedPoints(row()) };
  return { label, stroke, dash: dashOf(index), width: WIDTH, points };
}

/** The edge of a band: it has no line of its own. */
export const edgeSeries = (label) => ({ label, stroke: "transparent", width: 0, points: { show: false } });

export function bandFill(index) {
  return strokeOf(index).replace(/^rgba?\(([^)]+)\)$/, (_, parts) => {
    const [red, green, blue] = parts.split(",");
    return `rgba(${red},${green},${blue},${BAND_ALPHA})`;
  });
}

function timeText(at, every) {
  const text = new Date(at * 1000 + shownOffset()).toISOString();
  if (every >= DAY_S || text.startsWith("00:00:00", 11)) return text.slice(5, 10);
  return text.slice(11, every < 60 ? 19 : 16);
}

/** A Date whose local fields are those of the page's zone, so that ticks are at its hours and days. */
export function zonedDate(at) {
  const shifted = at * 1000 + shownOffset();
  return new Date(shifted + new Date(shifted).getTimezoneOffset() * 60_000);
}

export const withMinus = (text) => text.replace("-", "\u2212");

/** `format`: a value -> the text at the vertical axis. */
export function axes(format) {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const common = { stroke: colour("--text-3"), font, ticks: { show: false }, border: { show: false } };
  return [
    {
      ...common,
      grid: { show: false },
      values: (_chart, splits, _axis, _space, every) => splits.map((at) => timeText(at, every)),
      space: 70,
      size: 26,
    },
    {
      ...common,
      grid: { stroke: colour("--line"), width: 1 },
      values: (_chart, splits) => splits.map(format),
      size: 52,
      space: 34,
    },
  ];
}
