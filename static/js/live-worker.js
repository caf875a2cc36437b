// Live pictures off the main thread: socket, decoding and drawing on an OffscreenCanvas.
//
// As a worker it serves all views of a page. Where there is no OffscreenCanvas, live.js imports TRANSPORTS and
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
const SILENT_MS = 7000; // the station answers every request within 2 s: a socket silent for longer is dead
const PING_MS = 10000;
const FIRST_PINGS = 4;
const REFUSED_MS = 30000;
const ASK_AGAIN_MS = 500;
const NO_HURRY_MS = 4000; // where nothing will come soon
const NO_HURRY = new Set(["disabled", "capacity"]);

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
 * How far the station's clock is ahead of ours, in ms: from the ping with the least round trip of the last few. One that
 * cannot be reconciled with it tells of a clock that was set, or of a machine that slept: it counts alone.
 */
export class ClockOffset {
  constructor() {
    this.samples = [];
  }

  add(sentMs, serverMs, nowMs) {
    const sample = { roundTrip: nowMs - sentMs, offset: serverMs - (sentMs + nowMs) / 2 };
    const apart = Math.abs(sample.offset - this.ms);
    if (this.known && apart > (sample.roundTrip + this.best.roundTrip) / 2 + 1) this.samples = [];
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
 *   {kind: "no-frame", reason, message}
 *   {kind: "limited", message}    why there is less than the quality promises; empty when there no longer is
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
    clearTimeout(this.again);
    this.opened = false;
    const socket = new WebSocket(this.url, [SUBPROTOCOL]);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.onOpen();
    socket.onmessage = (event) => this.onMessage(event.data);
    socket.onclose = (event) => this.onClose(event);
    this.expect(OPEN_MS);
  }

  /** Give the socket up if nothing comes within `ms`. */
  expect(ms) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.giveUp(), ms);
  }

  giveUp() {
    this.drop();
    this.onClose({ code: 1006, reason: "" });
  }

  drop() {
    const { socket } = this;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  onOpen() {
    this.opened = true;
    this.outstanding = 0;
    this.pings = 0;
    this.expect(SILENT_MS);
    this.report({ kind: "open" });
    this.ping();
    this.ask();
  }

  onClose({ code, reason }) {
    clearTimeout(this.watchdog);
    clearTimeout(this.pinging);
    if (this.ended) return;
    this.ended = code === ENDED;
    const refused = code >= 4400 && code < 4500;
    const wait = refused ? REFUSED_MS : this.backOff.next();
    this.report({ kind: "closed", code, reason, opened: this.opened, tries: this.backOff.tries });
    clearTimeout(this.again);
    if (!this.paused && !this.ended) this.again = setTimeout(() => this.connect(), wait);
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
    this.pinging = setTimeout(() => this.ping(), ++this.pings < FIRST_PINGS ? 300 : PING_MS);
  }

  ask() {
    while (!this.paused && this.isOpen && this.outstanding < this.requests) {
      this.outstanding++;
      this.send({ type: "request_frame", quality: this.quality });
    }
  }

  // What the station says

  onMessage(data) {
    if (!this.paused) this.expect(SILENT_MS);
    if (typeof data !== "string") {
      this.drawing = this.drawing.then(() => this.onFrame(unpack(data))); // one after the other
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "pong") this.offset.add(message.sent, message.server_us / 1000, steady());
    else if (message.type === "no_frame") this.onNoFrame(message);
    else if (message.type === "limited") this.onLimited(message);
    else if (message.type === "error") this.answered(ASK_AGAIN_MS);
  }

  onNoFrame({ reason, message }) {
    this.report({ kind: "no-frame", reason, message });
    this.answered(NO_HURRY.has(reason) ? NO_HURRY_MS : ASK_AGAIN_MS);
  }

  onLimited({ limits }) {
    this.report({ kind: "limited", message: limits.map(({ message }) => message).join(" ") });
  }

  /** One request less on its way; ask again after `wait` ms. */
  answered(wait) {
    const socket = this.socket;
    const next = () => {
      if (socket !== this.socket) return;
      this.outstanding = Math.max(0, this.outstanding - 1);
      this.ask();
    };
    if (wait) setTimeout(next, wait);
    else next();
  }

  async onFrame(frame) {
    this.backOff.reset();
    const drawn = frame && (await this.screen.draw(frame.jpeg));
    this.answered(drawn ? 0 : ASK_AGAIN_MS);
    if (drawn && !this.ended) this.screen.tell(frame, this.offset.known ? Math.max(0, steady() + this.offset.ms - frame.stationMs) : null);
  }

  // What the page says

  setQuality(quality) {
    this.quality = quality;
  }

  pause() {
    this.paused = true;
    clearTimeout(this.watchdog);
    clearTimeout(this.again);
    clearTimeout(this.pinging);
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
      this.drop();
      this.connect();
      return;
    }
    this.expect(SILENT_MS);
    this.pings = 0;
    this.ping();
    this.ask();
  }

  close() {
    this.ended = true;
    this.pause();
    this.drop();
  }
}

export const TRANSPORTS = { socket: LiveStream, mjpeg: MjpegStream };

// As a worker

const streams = new Map();
const orders = {
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

if (typeof DedicatedWorkerGlobalScope !== "undefined" && self instanceof DedicatedWorkerGlobalScope) {
  self.onmessage = ({ data }) => orders[data.do](data);
}
