// Where pictures are drawn, whichever way they come, and what is known of those that were.

export const SIMULATED = 1;
export const STALE = 2;
export const LOWERED = 4;
const REPORT_MS = 200;
const FPS_MS = 3000;
const INTERVALS = 6;

/** Milliseconds since 1970 by a clock that does not jump when the browser's is set. */
export const steady = () => performance.timeOrigin + performance.now();

/** Delays that double from the least to the most, each drawn at random from its upper half. */
export class BackOff {
  constructor([least, most] = [250, 15000], random = Math.random) {
    Object.assign(this, { least, most, random, tries: 0 });
  }

  next() {
    const whole = Math.min(this.most, this.least * 2 ** this.tries++);
    return whole * (0.5 + this.random() / 2);
  }

  reset() {
    this.tries = 0;
  }
}

/**
 * One camera on one canvas. `report` is called with
 *   {kind: "frame", number, stationMs (its clock), ageMs (since the capture; null when nobody knows), intervalMs, fps,
 *    width, height, simulated, stale, lowered}
 *   {kind: "snapshot", jpeg (null before the first), stationMs, number, simulated} when one is asked for
 */
export class Screen {
  constructor(canvas, report) {
    Object.assign(this, { canvas, report, captured: [], reportedAt: 0 });
    this.context = canvas.getContext("2d", { alpha: false });
    this.restart();
  }

  /** After a pause: it is not part of the pace. */
  restart() {
    this.drawnAt = [];
  }

  /** Whether it is a picture. */
  async draw(jpeg) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(jpeg);
    } catch {
      return false; // broken on its way: the next one comes
    }
    const { canvas } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.jpeg = jpeg;
    return true;
  }

  /** Of a frame that was drawn. */
  tell(frame, ageMs) {
    this.frame = frame;
    const now = performance.now();
    this.drawnAt = [...this.drawnAt.filter((at) => now - at < FPS_MS), now];
    this.captured = [...this.captured, frame.stationMs].slice(-INTERVALS - 1);
    if (now - this.reportedAt < REPORT_MS && frame.stale === this.wasStale) return;
    this.reportedAt = now;
    this.wasStale = frame.stale;
    const { number, stationMs, simulated, stale, lowered } = frame;
    const { intervalMs, canvas: { width, height } } = this;
    const fps = this.fps(now);
    this.report({ kind: "frame", number, stationMs, ageMs, intervalMs, fps, width, height, simulated, stale, lowered });
  }

  /** The picture that is shown, as it came. */
  snapshot() {
    const { number, stationMs, simulated } = this.frame ?? {};
    this.report({ kind: "snapshot", jpeg: this.frame ? this.jpeg : null, number, stationMs, simulated });
  }

  /** The median of the last few: one pause, or a slow start, is not the camera's pace. */
  get intervalMs() {
    const gaps = this.captured.slice(1).map((at, place) => at - this.captured[place]);
    return gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 0;
  }

  fps(now) {
    const count = this.drawnAt.length - 1;
    return count > 0 ? (1000 * count) / (now - this.drawnAt[0]) : 0;
  }
}
