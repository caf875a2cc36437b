// Draws the pictures of every transport, and reports on those drawn.

export const SIMULATED = 1;
export const STALE = 2;
export const LOWERED = 4;
const REPORT_MS = 200;
const FPS_MS = 3000;
const INTERVALS = 6;

/** Milliseconds since 1970 by the monotonic clock, which does not jump when the browser's clock is set. */
export const steady = () => performance.timeOrigin + performance.now();

/** Delays that double from `min` to `max`, each picked at random from its upper half. */
export class BackOff {
  constructor([min, max] = [250, 15000], random = Math.random) {
    Object.assign(this, { min, max, random, tries: 0 });
  }

  next() {
    const whole = Math.min(this.max, this.min * 2 ** this.tries++);
    return whole * (0.5 + this.random() / 2);
  }

  reset() {
    this.tries = 0;
  }
}

/**
 * One camera on one canvas. `report` is called with
 *   {kind: "frame", number, stationMs (its clock), ageMs (since the capture; null when unknown), intervalMs, fps,
 *    width, height, simulated, stale, lowered}
 *   {kind: "snapshot", jpeg (null before the first), stationMs, number, simulated} after snapshot()
 */
export class Screen {
  constructor(canvas, report) {
    Object.assign(this, { canvas, report, intervals: [], reportedAt: 0 });
    this.context = canvas.getContext("2d", { alpha: false });
    this.restart();
  }

  /** After a pause, which counts neither towards the frame rate nor as an interval. */
  restart() {
    this.drawnAt = [];
    this.previousMs = null;
  }

  /** Returns false when the data are not a picture. */
  async draw(jpeg) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(jpeg);
    } catch {
      return false; // corrupt in transit: wait for the next one
    }
    const { canvas } = this;
    // Setting the size allocates the pixels again, even if it is the same.
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    this.context.drawImage(bitmap, 0, 0);
    // The garbage collector would free the pixels much later.
    bitmap.close();
    this.jpeg = jpeg;
    return true;
  }

  /** Reports a frame that was drawn. */
  reportFrame(frame, ageMs) {
    this.frame = frame;
    const now = performance.now();
    this.drawnAt = [...this.drawnAt.filter((at) => now - at < FPS_MS), now];
    this.addInterval(frame);
    if (now - this.reportedAt < REPORT_MS && frame.stale === this.wasStale) return;
    this.reportedAt = now;
    this.wasStale = frame.stale;
    const { number, stationMs, simulated, stale, lowered } = frame;
    const {
      intervalMs,
      canvas: { width, height },
    } = this;
    const fps = this.fps(now);
    this.report({ kind: "frame", number, stationMs, ageMs, intervalMs, fps, width, height, simulated, stale, lowered });
  }

  /** Reports the shown picture as received. */
  snapshot() {
    const { number, stationMs, simulated } = this.frame ?? {};
    this.report({ kind: "snapshot", jpeg: this.frame ? this.jpeg : null, number, stationMs, simulated });
  }

  addInterval({ stationMs, stale }) {
    if (this.previousMs !== null) this.intervals = [...this.intervals, stationMs - this.previousMs].slice(-INTERVALS);
    // A stale picture may be hours old: the time until the next one is not the camera's interval.
    this.previousMs = stale ? null : stationMs;
  }

  /** The median of the last intervals between pictures: one late picture does not change it. 0 before the first. */
  get intervalMs() {
    return [...this.intervals].sort((a, b) => a - b)[this.intervals.length >> 1] ?? 0;
  }

  fps(now) {
    const count = this.drawnAt.length - 1;
    return count > 0 ? (1000 * count) / (now - this.drawnAt[0]) : 0;
  }
}
