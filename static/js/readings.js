// The page of readings: one chart for each quantity, with a shared range and a shared cross-hair. The range is in the
// address. After a zoom the chart shows what it has, until the readings of the new range arrive.
import {
  axes,
  bandFill,
  colour,
  dashOf,
  edgeSeries,
  lineSeries,
  onOneAxis,
  strokeOf,
  withMinus,
  zonedDate,
} from "./chart-lines.js";
import { now, shown, shownOffset } from "./clock.js";

const REFRESH_MS = 10_000;
const ZOOM_PAUSE_MS = 250; // a wheel turns in many steps
const STEP = 0.25; // of the range, for a key or a button
const ZOOM = 0.5;
const MIN_SPAN_S = 5;
const MIN_DRAG_PX = 4;
const MAX_TABLE_ROWS = 500;
const STRIP_PX = 5;
const SYNC = "readings";

const root = document.querySelector("#readings");
const panels = document.querySelector("#reading-charts");
const note = document.querySelector("#readings-note");
const clock = document.querySelector("#readings-at");
const csv = document.querySelector("#readings-csv");
const markList = document.querySelector("#readings-marks");
const marksButton = root?.querySelector("[data-act=marks]");

const charts = new Map(); // quantity -> {panel, plot, channels}
const order = root?.dataset.order.split(",") ?? [];
const home = root && rangeOfPage();
let range = home && { ...home };
let marks = { events: [], sessions: [], captures: [] };
let request = null;
let timer = 0;

/** Seconds since 1970; `named` while the range ends now. */
function rangeOfPage() {
  const { from, to, named } = root.dataset;
  return { from: Date.parse(from) / 1000, to: Date.parse(to) / 1000, named };
}

function moveToNow() {
  if (!range.named) return;
  const span = range.to - range.from;
  range.to = Math.ceil(now() / 1000);
  range.from = range.to - span;
}

const iso = (seconds) => new Date(Math.round(seconds * 1000)).toISOString();
const filters = () =>
  Object.entries({ sensor: root.dataset.sensor, quantity: root.dataset.quantity }).filter(([, value]) => value);
const query = (entries) => new URLSearchParams([...filters(), ...entries]);

/** Show `from` to `to`, now with the readings there are, and soon with those of this range. */
function setRange(from, to) {
  const middle = (from + to) / 2;
  const half = Math.max(to - from, MIN_SPAN_S) / 2;
  const begin = Math.max(0, middle - half);
  range = { from: begin, to: begin + 2 * half, named: "" };
  const entries = [
    ["from", iso(range.from)],
    ["to", iso(range.to)],
  ];
  history.replaceState(null, "", `?${query(entries)}`);
  fillFields();
  showRange();
  clearTimeout(timer);
  timer = setTimeout(load, ZOOM_PAUSE_MS);
}

/** The fields of the form, so that another sensor is shown in the same range. */
function fillFields() {
  for (const name of ["from", "to"]) {
    const text = new Date(range[name] * 1000 + shownOffset()).toISOString().slice(0, 19).replace("T", " ");
    document.querySelector(`#readings-${name}`).value = text;
  }
}

function resetRange() {
  range = { ...home };
  moveToNow();
  const entries = home.named
    ? [["range", home.named]]
    : [
        ["from", iso(home.from)],
        ["to", iso(home.to)],
      ];
  history.replaceState(null, "", `?${query(entries)}`);
  load();
}

function showRange() {
  for (const link of document.querySelectorAll("[data-range]")) {
    if (link.dataset.range === range.named) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  for (const { plot } of charts.values()) plot?.setScale("x", { min: range.from, max: range.to });
}

const moved = (share) =>
  setRange(range.from + share * (range.to - range.from), range.to + share * (range.to - range.from));

/** Zoom around `at`, which stays where it is. */
function zoom(factor, at = (range.from + range.to) / 2) {
  setRange(at - (at - range.from) * factor, at + (range.to - at) * factor);
}

const ACTS = {
  earlier: () => moved(-STEP),
  later: () => moved(STEP),
  "zoom-in": () => zoom(ZOOM),
  "zoom-out": () => zoom(1 / ZOOM),
  reset: resetRange,
  marks: toggleMarks,
};
const KEYS = { ArrowLeft: "earlier", ArrowRight: "later", "+": "zoom-in", "-": "zoom-out", 0: "reset" };

function toggleMarks() {
  marksButton.setAttribute("aria-pressed", String(!areMarksShown()));
  showMarks();
}

function showMarks() {
  fillMarkList();
  for (const { plot } of charts.values()) plot?.redraw();
}

const areMarksShown = () => marksButton.getAttribute("aria-pressed") === "true";

async function fetchJson(url, entries, signal) {
  const answer = await fetch(`${url}?${entries}`, { signal });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** Load the readings and the marks of the range. A newer request replaces this one. The first one is that which the
 * page has preloaded. */
async function load() {
  clearTimeout(timer);
  request?.abort();
  const current = new AbortController();
  request = current;
  panels.setAttribute("aria-busy", "true");
  const ends = [
    ["from", iso(range.from)],
    ["to", iso(range.to)],
  ];
  csv.href = `${root.dataset.export}?${query(ends)}`;
  try {
    const readings = await fetchJson(root.dataset.readings, query(ends), current.signal);
    draw(readings);
    // Not at the same time: the marks would delay the readings.
    marks = await fetchJson(root.dataset.marks, new URLSearchParams(ends), current.signal);
    showMarks();
    scheduleRefresh(readings.bucket_s * 1000);
  } catch (error) {
    if (current.signal.aborted) return;
    note.textContent = `Not updated (${error.message}): the station did not answer as expected. Trying again.`;
    scheduleRefresh(0);
  }
  if (request === current) panels.removeAttribute("aria-busy");
}

/** Only a range that ends now gets new readings; a failed request is repeated. */
function scheduleRefresh(bucketMs) {
  clearTimeout(timer);
  if (range.named || note.textContent.startsWith("Not updated"))
    timer = setTimeout(refresh, Math.max(REFRESH_MS, bucketMs));
}

function refresh() {
  if (document.hidden) return scheduleRefresh(0);
  moveToNow();
  return load();
}

function sentenceOf(readings, drawn) {
  if (!drawn) return "No readings in this range.";
  const source = {
    raw: "readings",
    minute: "minutes",
    ten_minutes: "means of ten minutes",
    hour: "hours",
    day: "days",
  }[readings.source];
  const means = readings.bucket_s
    ? `Means of ${durationOf(readings.bucket_s)}, from ${source}; the bands are the lowest and highest values.`
    : "";
  return readings.complete ? means : `${means} Only the first ${drawn} channels are shown: choose a sensor.`;
}

const durationOf = (seconds) =>
  [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
  ].reduce((text, [size, unit]) => text || (seconds % size ? "" : `${seconds / size} ${unit}`), "") || `${seconds} s`;

function draw(readings) {
  const withPoints = readings.channels.filter((channel) => channel.points.t.length);
  const groups = byQuantity(withPoints);
  for (const [quantity, chart] of charts) {
    if (groups.has(quantity)) continue;
    chart.plot?.destroy();
    chart.panel.remove();
    charts.delete(quantity);
  }
  const quantities = [...groups.keys()].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  for (const quantity of quantities) drawChart(quantity, groups.get(quantity), readings.bucket_s);
  note.textContent = sentenceOf(readings, withPoints.length).trim();
  showRange();
}

function byQuantity(channels) {
  const groups = new Map();
  for (const one of channels) groups.set(one.quantity, [...(groups.get(one.quantity) ?? []), one]);
  return groups;
}

function drawChart(quantity, channels, bucketS) {
  const chart = charts.get(quantity) ?? addPanel(quantity, channels[0]);
  chart.channels = channels;
  chart.bucketS = bucketS;
  const columns = channels.flatMap((one) => columnsOf(one, bucketS));
  chart.data = onOneAxis(columns);
  const signature = JSON.stringify([bucketS > 0, channels.map((one) => [one.sensor, one.channel])]);
  if (chart.plot && chart.signature === signature) chart.plot.setData(chart.data);
  else createPlot(chart);
  chart.signature = signature;
  fillValues(chart, chart.plot.cursor.idx);
  if (chart.details.open) fillTable(chart);
}

/** Mean, and for buckets the lowest and highest values, as [time, value] in the middle of the bucket. */
function columnsOf({ points }, bucketS) {
  const names = bucketS ? ["mean", "min", "max"] : ["mean"];
  return names.map((name) => points.t.map((at, index) => [at + bucketS / 2, points[name][index]]));
}

function addPanel(quantity, { quantity_label: label, unit }) {
  const panel = document.querySelector("#reading-chart").content.firstElementChild.cloneNode(true);
  const heading = panel.querySelector("h2");
  heading.textContent = label;
  heading.id = `readings-of-${quantity}`;
  panel.setAttribute("aria-labelledby", heading.id);
  panel.dataset.quantity = quantity;
  panel.querySelector(".unit").textContent = unit;
  const canvas = panel.querySelector(".chart");
  canvas.setAttribute("aria-label", `${label} over time, as lines; the table below has the values`);
  panel.querySelector(".tw").setAttribute("aria-label", `Table of ${label}`);
  const chart = { panel, canvas, details: panel.querySelector("details"), plot: null, unit };
  chart.details.addEventListener("toggle", () => chart.details.open && fillTable(chart));
  const place = [...charts.keys()].find((other) => order.indexOf(other) > order.indexOf(quantity));
  panels.insertBefore(panel, place ? charts.get(place).panel : null);
  charts.set(quantity, chart);
  new ResizeObserver(() => chart.plot?.setSize(sizeOf(canvas))).observe(canvas);
  return chart;
}

const sizeOf = (canvas) => ({ width: canvas.clientWidth - 16, height: canvas.clientHeight - 8 });
const nameOf = (channel) =>
  channel.sensor_label === channel.label ? channel.label : `${channel.sensor_label}, ${channel.label}`;
const numberOf = (value, digits) => withMinus(value.toFixed(digits));

function options(chart) {
  const { channels, bucketS, canvas } = chart;
  const rows = bucketS ? 3 : 1;
  const series = channels.flatMap((one, index) => {
    const line = lineSeries(nameOf(one), index, () => chart.data[1 + rows * index]);
    return bucketS ? [line, edgeSeries("lowest"), edgeSeries("highest")] : [line];
  });
  const bands = bucketS
    ? channels.map((_, index) => ({ series: [3 * index + 3, 3 * index + 2], fill: bandFill(index) }))
    : [];
  return {
    ...sizeOf(canvas),
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      sync: { key: SYNC, setSeries: false },
      drag: { x: true, y: false, dist: MIN_DRAG_PX, setScale: false },
      bind: { mousedown: selectUnlessPan, dblclick: () => resetRange },
    },
    scales: { x: { time: true, range: () => [range.from, range.to] }, y: { range: verticalRange } },
    tzDate: zonedDate,
    axes: axes((value) => withMinus(String(Number(value.toFixed(6))))),
    series: [{}, ...series],
    bands,
    hooks: {
      draw: [drawMarks],
      setCursor: [(plot) => fillValues(chart, plot.cursor.idx)],
      setSelect: [zoomToSelection],
      ready: [addPointerActions],
    },
  };
}

/** A flat line is in the middle. */
function verticalRange(_plot, least, most) {
  if (least === null) return [0, 1];
  const margin = (most - least || Math.max(1, Math.abs(most) * 0.1)) * 0.08;
  return [least - margin, most + margin];
}

const isPan = (event) => event.button === 1 || (event.button === 0 && event.shiftKey);

/** uPlot selects a range by dragging, unless the drag moves the charts. */
const selectUnlessPan = (_plot, _target, select) => (event) => (isPan(event) ? null : select(event));

/** Shift or the middle button moves the charts. */
const pan = (plot) => (event) => {
  if (!isPan(event)) return;
  event.preventDefault();
  const begin = { ...range };
  const perPixel = (begin.to - begin.from) / plot.over.clientWidth;
  const move = ({ clientX }) => {
    const by = (event.clientX - clientX) * perPixel;
    setRange(begin.from + by, begin.to + by);
  };
  document.addEventListener("mousemove", move);
  document.addEventListener("mouseup", () => document.removeEventListener("mousemove", move), { once: true });
};

function addPointerActions(plot) {
  // Not passive, as uPlot's own: the middle button and the wheel would also scroll the page.
  plot.over.addEventListener("mousedown", pan(plot));
  plot.over.addEventListener("wheel", zoomByWheel(plot), { passive: false });
}

function zoomToSelection(plot) {
  const { left, width } = plot.select;
  if (width < MIN_DRAG_PX) return;
  const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  for (const chart of charts.values()) chart.plot?.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  setRange(from, to);
}

const zoomByWheel = (plot) => (event) => {
  if (event.ctrlKey) return; // the browser's own zoom
  event.preventDefault();
  zoom(event.deltaY < 0 ? 0.8 : 1.25, plot.posToVal(plot.cursor.left, "x"));
};

/** Warnings as vertical lines, sessions as a strip: the more at a time, the darker; captures as ticks on it. */
function drawMarks(plot) {
  if (!areMarksShown()) return;
  const { ctx, bbox } = plot;
  const strip = STRIP_PX * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.globalAlpha = 0.35;
  ctx.fillStyle = colour("--text-3");
  for (const { begin, end } of marks.sessions) {
    const left = plot.valToPos(Date.parse(begin) / 1000, "x", true);
    const right = plot.valToPos(end ? Date.parse(end) / 1000 : now() / 1000, "x", true);
    ctx.fillRect(left, bbox.top + bbox.height - strip, Math.max(1, right - left), strip);
  }
  for (const { at } of marks.captures) {
    const left = Math.round(plot.valToPos(Date.parse(at) / 1000, "x", true));
    ctx.fillRect(left, bbox.top + bbox.height - 2 * strip, Math.max(1, devicePixelRatio), strip);
  }
  ctx.globalAlpha = 0.8;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { at, severity } of marks.events) {
    const left = Math.round(plot.valToPos(Date.parse(at) / 1000, "x", true));
    ctx.strokeStyle = colour(severity === "warning" ? "--warn" : "--bad");
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

const counted = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;

/** The marks as text. */
function fillMarkList() {
  const counts = [
    counted(marks.events.length, "warning"),
    counted(marks.sessions.length, "session"),
    marks.few_captures === false ? "too many captures to mark" : counted(marks.captures.length, "capture"),
  ];
  const number = marks.events.length + marks.sessions.length + marks.captures.length;
  markList.hidden = !(number || marks.few_captures === false) || !areMarksShown();
  const more = marks.complete ? "" : "; only the newest warnings and sessions";
  markList.querySelector("summary").textContent = `Marks: ${counts.join(", ")}${more}`;
  const lines = [
    ...marks.events.map(({ at, message }) => ({ at: Date.parse(at), text: message })),
    ...marks.sessions.map(({ begin, label, url }) => ({ at: Date.parse(begin), text: `Session: ${label}`, url })),
    ...marks.captures.map(({ at, camera, url }) => ({ at: Date.parse(at), text: `Capture: ${camera}`, url })),
  ].sort((a, b) => b.at - a.at);
  markList.querySelector("ul").replaceChildren(...lines.map(markLine));
}

function markLine({ at, text, url }) {
  const line = document.createElement("li");
  const content = url ? Object.assign(document.createElement("a"), { href: url }) : document.createElement("span");
  content.textContent = text;
  line.append(`${shown(at)} `, content);
  return line;
}

/** The values at the cross-hair; without one, the newest value of each channel. */
function fillValues(chart, index) {
  const { channels, bucketS, data, panel, unit } = chart;
  const rows = bucketS ? 3 : 1;
  const at = index ?? null;
  if (at !== null) clock.textContent = `At the cross-hair: ${shown(data[0][at] * 1000)}`;
  else if (clock.textContent) clock.textContent = "";
  panel.querySelector(".values").replaceChildren(
    ...channels.map((one, place) => {
      const row = data[1 + rows * place];
      const value =
        at === null ? row.findLast((known) => known !== undefined) : nearest(row, at, one, data[0], bucketS);
      return valueLine(
        nameOf(one),
        place,
        value == null ? "no value" : `${numberOf(value, one.digits)} ${unit}`.trim(),
      );
    }),
  );
}

/** The channel's value at that place, or the nearest one within an interval: channels are not read at the same time. */
function nearest(row, index, { interval_s: interval }, times, bucketS) {
  const allowed = bucketS || interval;
  for (let step = 0; step < row.length; step += 1) {
    const near = [index - step, index + step].filter(
      (place) => times[place] !== undefined && Math.abs(times[place] - times[index]) <= allowed,
    );
    if (!near.length) return undefined;
    const found = near.find((place) => row[place] !== undefined);
    if (found !== undefined) return row[found];
  }
  return undefined;
}

const SVG = "http://www.w3.org/2000/svg";

function valueLine(name, index, value) {
  const line = document.createElement("li");
  const swatch = document.createElementNS(SVG, "svg");
  for (const [key, text] of Object.entries({ width: 26, height: 8, "aria-hidden": "true" }))
    swatch.setAttribute(key, text);
  const stroke = document.createElementNS(SVG, "line");
  const look = {
    x1: 0,
    x2: 26,
    y1: 4,
    y2: 4,
    stroke: strokeOf(index),
    "stroke-width": 1.75,
    "stroke-dasharray": dashOf(index).join(" "),
  };
  for (const [key, text] of Object.entries(look)) stroke.setAttribute(key, text);
  swatch.append(stroke);
  const number = document.createElement("b");
  number.textContent = value;
  line.append(swatch, name, number);
  return line;
}

/** The newest points as a table, newest first. */
function fillTable({ channels, bucketS, data, panel }) {
  const rows = bucketS ? 3 : 1;
  const places = data[0]
    .map((_, index) => index)
    .slice(-MAX_TABLE_ROWS)
    .reverse();
  panel.querySelector("thead tr").replaceChildren(
    ...["Time", ...channels.map(nameOf)].map((text, index) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      if (index) cell.className = "num";
      cell.textContent = text;
      return cell;
    }),
  );
  const text = (value, digits) => (value === undefined ? "" : value === null ? "gap" : numberOf(value, digits));
  panel.querySelector("tbody").replaceChildren(
    ...places.map((place) => {
      const line = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = shown(data[0][place] * 1000);
      line.append(head);
      for (const [index, one] of channels.entries()) {
        const cell = line.insertCell();
        cell.className = "num";
        cell.textContent = text(data[1 + rows * index][place], one.digits);
      }
      return line;
    }),
  );
  const cut = data[0].length > MAX_TABLE_ROWS ? `As a table: the newest ${MAX_TABLE_ROWS} points` : "As a table";
  panel.querySelector("summary").textContent = cut;
}

function createPlot(chart) {
  chart.plot?.destroy();
  chart.plot = new window.uPlot(options(chart), chart.data, chart.canvas);
}

if (root) {
  root.addEventListener("click", (event) => ACTS[event.target.closest("[data-act]")?.dataset.act]?.());
  root.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
    if (!act || event.target.closest(".tw")) return;
    event.preventDefault();
    ACTS[act]();
  });
  document.addEventListener("visibilitychange", () => document.hidden || !range.named || refresh());
  // A canvas does not follow the style sheet.
  document.addEventListener("themechange", () => {
    for (const chart of charts.values()) {
      createPlot(chart);
      fillValues(chart, null);
    }
  });
  load();
}
