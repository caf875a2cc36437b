// Live pictures off the main thread: socket, decoding and drawing on an OffscreenCanvas.
//
// As a worker it serves all views of a page. Where OffscreenCanvas is missing, live.js imports TRANSPORTS and
// runs them on the main thread with the canvas itself. Nothing here needs a secure context.
//
// Messages to the worker:   {id, do: "open", transport, canvas, url, quality, requests}
//                           {id, do: "pause" | "resume" | "snapshot" | "close"} {id, do: "quality", quality}
// Messages from the worker: {id, ...report}; reports are described at `LiveStream` and `Screen`.

import { ENDED, MjpegStream } from "./live-mjpeg.js";
import { BackOff, LOWERED, Screen, SIMULATED, STALE, steady } from "./live-screen.js";

export const SUBPROTOCOL = "skycam.live.v1";
const HEAD_BYTES = 28;
const MAGIC = 0x534b594c; // SKYL
const OPEN_MS = 5000;
const SILENT_MS = 7000; // the station answers every request within 2 s, so a longer silence means a dead socket
const PING_MS = 10000;
const FIRST_PINGS = 4;
const REFUSED_RETRY_MS = 30000;
const RETRY_MS = 500;
const SLOW_RETRY_MS = 4000; // for reasons that last
const SLOW_REASONS = new Set(["disabled", "capacity"]);

/** Network order `!4sBBHIQQ`, then a JPEG; null for anything else. */
export function unpack(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength <= HEAD_BYTES || view.getUint32(0) !== MAGIC || view.getUint8(4) !== 1) return null;
  const flags = view.getUint8(5);
  return {
    simulated: Boolean(flags & SIMULATED),
    stale: Boolean(flags & STALE),
    lowered: Boolean(flags & LOWERED),
    number: view.getUint32(8),
    stationMs: Number(view.getBigUint64(12)) / 1000,
    jpeg: new Blob([new Uint8Array(buffer, HEAD_BYTES)], { type: "image/jpeg" }),
  };
}

/**
 * How far the station's clock is ahead of ours, in ms, from the recent ping with the shortest round trip. A sample that
 * contradicts it means that a clock was set or a machine slept: older samples are then dropped.
 */
export class ClockOffset {
  constructor() {
    this.samples = [];
  }

  add(sentMs, serverMs, nowMs) {
    const sample = { roundTrip: nowMs - sentMs, offset: serverMs - (sentMs + nowMs) / 2 };
    const difference = Math.abs(sample.offset - this.ms);
    if (this.known && difference > (sample.roundTrip + this.best.roundTrip) / 2 + 1) this.samples = [];
    this.samples = [...this.samples, sample].slice(-8);
  }

  get known() {
    return this.samples.length > 0;
  }

  get best() {
    return this.samples.reduce((a, b) => (b.roundTrip < a.roundTrip ? b : a), { roundTrip: Infinity, offset: 0 });
  }

  get ms() {
    return this.best.offset;
  }
}

/**
 * One camera on one canvas. `report` is called with
 *   {kind: "frame", ...} as Screen does
 *   {kind: "no-frame", reason, message, mentions}    where the message has the camera's ID; absent if it has not
 *   {kind: "limited", message}    why the quality is reduced; empty when it no longer is
 *   {kind: "open"}
 *   {kind: "closed", code, reason, opened, tries}    `opened` is false when the socket never opened
 */
export class LiveStream {
  constructor({ canvas, url, quality, requests, report }) {
    Object.assign(this, { url, quality, requests, report });
    this.screen = new Screen(canvas, report);
    this.offset = new ClockOffset();
    this.backOff = new BackOff();
    this.outstanding = 0;
    this.drawing = Promise.resolve();
    this.paused = false;
    this.ended = false;
    this.connect();
  }

  // The socket

  connect() {
    clearTimeout(this.reconnectTimer);
    this.opened = false;
    const socket = new WebSocket(this.url, [SUBPROTOCOL]);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.onOpen();
    socket.onmessage = (event) => this.onMessage(event.data);
    socket.onclose = (event) => this.onClose(event);
    this.startWatchdog(OPEN_MS);
  }

  /** Give up the socket if nothing arrives within `ms`. */
  startWatchdog(ms) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.giveUp(), ms);
  }

  giveUp() {
    this.dropSocket();
    this.onClose({ code: 1006, reason: "" });
  }

  dropSocket() {
    const { socket } = this;
    // A dead connection fires its close event late, when another socket may be in use.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  onOpen() {
    this.opened = true;
    this.outstanding = 0;
    this.pings = 0;
    this.startWatchdog(SILENT_MS);
    this.report({ kind: "open" });
    this.ping();
    this.requestFrames();
  }

  onClose({ code, reason }) {
    clearTimeout(this.watchdog);
    clearTimeout(this.pingTimer);
    if (this.ended) return;
    this.ended = code === ENDED;
    const refused = code >= 4400 && code < 4500;
    const wait = refused ? REFUSED_RETRY_MS : this.backOff.next();
    this.report({ kind: "closed", code, reason, opened: this.opened, tries: this.backOff.tries });
    clearTimeout(this.reconnectTimer);
    if (!this.paused && !this.ended) this.reconnectTimer = setTimeout(() => this.connect(), wait);
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  ping() {
    if (this.paused) return;
    this.send({ type: "ping", sent: steady() });
    this.pingTimer = setTimeout(() => this.ping(), ++this.pings < FIRST_PINGS ? 300 : PING_MS);
  }

  requestFrames() {
    while (!this.paused && this.isOpen && this.outstanding < this.requests) {
      this.outstanding++;
      this.send({ type: "request_frame", quality: this.quality });
    }
  }

  // Messages from the station

  onMessage(data) {
    if (!this.paused) this.startWatchdog(SILENT_MS);
    if (typeof data !== "string") {
      // createImageBitmap() may finish a later picture first.
      this.drawing = this.drawing.then(() => this.onFrame(unpack(data))); // one at a time
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "pong") this.offset.add(message.sent, message.server_us / 1000, steady());
    else if (message.type === "no_frame") this.onNoFrame(message);
    else if (message.type === "limited") this.onLimited(message);
    else if (message.type === "error") this.onAnswered(RETRY_MS);
  }

  onNoFrame({ reason, message, mentions }) {
    this.report({ kind: "no-frame", reason, message, mentions });
    this.onAnswered(SLOW_REASONS.has(reason) ? SLOW_RETRY_MS : RETRY_MS);
  }

  onLimited({ limits }) {
    this.report({ kind: "limited", message: limits.map(({ message }) => message).join(" ") });
  }

  /** One outstanding request less; request the next frame after `wait` ms. */
  onAnswered(wait) {
    const socket = this.socket;
    const next = () => {
      // A request of an earlier socket does not count on this one.
      if (socket !== this.socket) return;
      this.outstanding = Math.max(0, this.outstanding - 1);
      this.requestFrames();
    };
    if (wait) setTimeout(next, wait);
    else next();
  }

  async onFrame(frame) {
    // Not when the socket opens: a station that accepts sockets and closes them would be tried without a delay.
    this.backOff.reset();
    const drawn = frame && (await this.screen.draw(frame.jpeg));
    // Requested only now that this one is drawn: without this acknowledgement pictures of a fast source queue up in the
    // browser (measured: 252 ms and growing, instead of 15).
    this.onAnswered(drawn ? 0 : RETRY_MS);
    if (drawn && !this.ended)
      this.screen.reportFrame(
        frame,
        this.offset.known ? Math.max(0, steady() + this.offset.ms - frame.stationMs) : null,
      );
  }

  // Calls from the page

  setQuality(quality) {
    this.quality = quality;
  }

  // The socket stays open for a quick return: the station frees the viewer's slot after 10 s without requests.
  pause() {
    this.paused = true;
    clearTimeout(this.watchdog);
    clearTimeout(this.reconnectTimer);
    clearTimeout(this.pingTimer);
  }

  snapshot() {
    this.screen.snapshot();
  }

  resume() {
    if (!this.paused || this.ended) return;
    this.paused = false;
    this.screen.restart();
    this.backOff.reset();
    if (!this.isOpen) {
      this.dropSocket();
      this.connect();
      return;
    }
    this.startWatchdog(SILENT_MS);
    this.pings = 0;
    this.ping();
    this.requestFrames();
  }

  close() {
    this.ended = true;
    this.pause();
    this.dropSocket();
  }
}

export const TRANSPORTS = { socket: LiveStream, mjpeg: MjpegStream };

// As a worker

const streams = new Map();
const COMMANDS = {
  open: ({ id, transport, canvas, url, quality, requests }) => {
    const report = (content) => postMessage({ id, ...content });
    streams.set(id, new TRANSPORTS[transport]({ canvas, url, quality, requests, report }));
  },
  pause: ({ id }) => streams.get(id)?.pause(),
  resume: ({ id }) => streams.get(id)?.resume(),
  snapshot: ({ id }) => streams.get(id)?.snapshot(),
  quality: ({ id, quality }) => streams.get(id)?.setQuality(quality),
  close: ({ id }) => {
    streams.get(id)?.close();
    streams.delete(id);
  },
};

// The main thread imports this module too.
if (typeof DedicatedWorkerGlobalScope !== "undefined" && self instanceof DedicatedWorkerGlobalScope) {
  self.onmessage = ({ data }) => COMMANDS[data.do](data);
}
