// Updates the page as soon as the station reports something, over `ws/status/`. While the socket is open, the page asks
// less often by itself. While it is closed, silent or without a broker, the page asks every two seconds, as without it.
import { now as stationTime } from "./clock.js";
import { isLost, noteAnswer } from "./connection.js";
import { readMissed } from "./missed-notices.js";
import { notify } from "./notifications.js";
import { closeToast, sentenceOf, showToast } from "./toasts.js";

/** The station sends the status each second. */
const SILENT_MS = 3000;
const POLL_MS = 15_000;
const REFRESH_MS = 1000;
/** For values that change all the time, such as the size of a clip. */
const SLOW_REFRESH_MS = 5000;
const RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** What a page shows in words and colours. */
const STATE = ["desired", "observed", "reason", "recording", "last_capture", "held_by", "faults", "lowered", "gates"];
/** What no page shows beside its own counting ages. */
const IGNORED = { last_frame: undefined, fps: undefined };
const ENDED = ["session.finished", "session.stopped"];
/** After a broken socket is open again, the station itself may still be subscribing to its notices. */
const SETTLE_MS = 1000;
/** A status may arrive although notices are already lost. */
const MARGIN_MS = 10_000;

const now = document.querySelector("#now");
let socket = null;
let failures = 0;
let retryTimer = null;
let heardAt = -Infinity;
let pushed = false;
let pollFailed = false;
let updatedAt = performance.now();
let known = { state: null, values: null };
/** When the page was requested: what it shows may be as old. */
const loadedAt = stationTime() - performance.now();
/** The station's time of the last status. */
let completeTo = loadedAt;
/** From when on notices may be missing; null while none is. Those before the first status are. */
let missedSince = loadedAt;
let isReadingMissed = false;
/** Id of each announced alert -> what was said of it. */
const announcedAlerts = new Map();
const announcedEvents = new Set();
/** Ids of alerts of which a notice came after the page had asked for what it missed: the answer may be older. */
const noticed = new Set();

const isPushed = () => pushed && !pollFailed && !isLost() && performance.now() - heardAt < SILENT_MS;

function connect() {
  clearTimeout(retryTimer);
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/status/`);
  socket = opened;
  heardAt = performance.now();
  opened.addEventListener("message", (event) => {
    if (opened === socket) receive(JSON.parse(event.data));
  });
  opened.addEventListener("close", () => {
    if (opened === socket) retryLater();
  });
}

function retryLater() {
  socket = null;
  pushed = false;
  noteMissed();
  const pause = Math.min(RETRY_MS * 2 ** failures, MAX_RETRY_MS);
  failures += 1;
  // Pages that lost the station together must not all come back at the same moment.
  retryTimer = setTimeout(connect, pause * (0.75 + Math.random() / 2));
}

/** A connection that a router has forgotten never closes by itself. */
function replaceSilent() {
  if (!socket || performance.now() - heardAt < 2 * SILENT_MS) return;
  const silent = socket;
  retryLater();
  silent.close();
}

const HANDLERS = {
  status: receiveStatus,
  no_status: () => {
    pushed = false;
    noteMissed();
  },
  events: receiveEvents,
  missed: () => {
    noteMissed();
    refresh();
  },
};

function receive(message) {
  heardAt = performance.now();
  failures = 0;
  if (!pollFailed) noteAnswer();
  HANDLERS[message.type]?.(message);
}

function receiveStatus({ cameras }) {
  pushed = true;
  if (missedSince !== null) announceMissed();
  else completeTo = stationTime();
  const state = JSON.stringify(cameras.map((camera) => [camera.camera, ...STATE.map((name) => camera[name])]));
  const values = JSON.stringify(cameras.map((camera) => ({ ...camera, ...IGNORED })));
  if (known.state !== null && known.state !== state) refresh();
  else if (known.values !== null && known.values !== values) refresh(SLOW_REFRESH_MS);
  known = { state, values };
}

function receiveEvents({ events, alerts }) {
  for (const alert of alerts) {
    if (isReadingMissed) noticed.add(alert.id);
    if (alert.state === "open") announceAlert(alert);
    else forget(alert.id);
  }
  for (const event of events) announceEnd(event);
  refresh();
}

function noteMissed() {
  missedSince ??= Math.max(loadedAt, completeTo - MARGIN_MS);
}

/** Announces what came while no notice did. Without an answer, and when the socket was cut before, the next
 * status leads here again. */
async function announceMissed() {
  if (isReadingMissed) return;
  isReadingMissed = true;
  const opened = socket;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  if (opened !== socket || !pushed) {
    isReadingMissed = false;
    return;
  }
  const since = missedSince;
  missedSince = null;
  noticed.clear();
  try {
    const { alerts, events } = await readMissed(since);
    const open = new Set(alerts.map((alert) => alert.id));
    for (const id of announcedAlerts.keys()) if (!open.has(id) && !noticed.has(id)) forget(id);
    for (const alert of alerts) if (Date.parse(alert.opened) >= since && !noticed.has(alert.id)) announceAlert(alert);
    for (const event of events) announceEnd(event);
  } catch {
    missedSince = since;
  } finally {
    isReadingMissed = false;
  }
}

/** Once, and again when something else is said of it: the notice of what was read as missed may still arrive. */
function announceAlert(alert) {
  const said = JSON.stringify([alert.severity, alert.message, alert.mentions]);
  if (announcedAlerts.get(alert.id) === said) return;
  announcedAlerts.set(alert.id, said);
  announce(alert.id, alert, "/events/");
}

/** An alert that is over. */
function forget(id) {
  announcedAlerts.delete(id);
  closeToast(id);
}

function announceEnd(event) {
  if (!ENDED.includes(event.kind) || announcedEvents.has(event.id)) return;
  announcedEvents.add(event.id);
  announce(event.id, event, `/sessions/${event.subject}/`);
}

function announce(id, one, address) {
  const { severity } = one;
  const text = sentenceOf(one);
  showToast({ id, severity, text, address });
  notify({ id, title: severity === "info" ? "Skycam" : `Skycam: ${severity}`, text, address });
}

let refreshTimer = null;
let refreshAt = Infinity;

/** Updates the page, at most once in `everyMs`. */
function refresh(everyMs = REFRESH_MS) {
  if (document.hidden) return; // it is updated when it becomes visible
  const due = Math.max(performance.now(), updatedAt + everyMs);
  if (due >= refreshAt) return;
  clearTimeout(refreshTimer);
  refreshAt = due;
  refreshTimer = setTimeout(() => {
    refreshAt = Infinity;
    window.htmx.trigger(document.body, "acted");
  }, due - performance.now());
}

const isNow = (event) => event.detail.elt === now;
document.addEventListener("htmx:beforeRequest", (event) => {
  // Only a request by the timer has no event. Pages whose content the socket does not report have no `data-pushed`.
  const isTimed = isNow(event) && !event.detail.requestConfig.triggeringEvent;
  if (isTimed && now.hasAttribute("data-pushed") && isPushed() && performance.now() - updatedAt < POLL_MS)
    event.preventDefault();
});
document.addEventListener("htmx:beforeSend", (event) => {
  if (isNow(event)) updatedAt = performance.now();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (isNow(event)) pollFailed = !event.detail.successful;
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden || socket) return;
  failures = 0;
  connect();
});

if (now) {
  connect();
  setInterval(replaceSilent, 1000);
}
