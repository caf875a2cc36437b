// A page's streams when a worker runs them, and the empty stream.

let worker = null;
let workersFail = !("OffscreenCanvas" in window && "transferControlToOffscreen" in HTMLCanvasElement.prototype);

/** The page's one worker; null where workers are not available, and the main thread draws the pictures. */
export function sharedWorker(onMessage, onWorkerFailed) {
  if (worker || workersFail) return worker;
  worker = new Worker(new URL("./live-worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => onMessage(data);
  worker.onerror = () => {
    workersFail = true; // old browsers have workers, but no module workers
    worker = null;
    onWorkerFailed();
  };
  return worker;
}

/** The methods of a LiveStream, as messages to the worker. */
export class RemoteStream {
  constructor(streamWorker, { id, transport, canvas, url, quality, requests }) {
    Object.assign(this, { worker: streamWorker, id });
    const offscreen = canvas.transferControlToOffscreen();
    streamWorker.postMessage({ id, do: "open", transport, canvas: offscreen, url, quality, requests }, [offscreen]);
  }

  setQuality(quality) {
    this.worker.postMessage({ id: this.id, do: "quality", quality });
  }

  pause() {
    this.worker.postMessage({ id: this.id, do: "pause" });
  }

  snapshot() {
    this.worker.postMessage({ id: this.id, do: "snapshot" });
  }

  resume() {
    this.worker.postMessage({ id: this.id, do: "resume" });
  }

  close() {
    this.worker.postMessage({ id: this.id, do: "close" });
  }
}

/** Used while other views hold the browser's connections: it shows nothing. */
export const NO_STREAM = { setQuality() {}, pause() {}, resume() {}, snapshot() {}, close() {} };
