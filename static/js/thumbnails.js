// Thumbnails that are still being rendered: until then the station gives a small placeholder, or 503 to a script.
const MAX_TRIES = 6;
const RETRY_MS = 2000;
const PLACEHOLDER = 16; // pixels of its longer side: LONGER_SIDE in captures/files/thumbnails.py
const attempts = new WeakMap();

async function retry(image) {
  if (image.closest(".pswp")) return; // a picture at full size shows its own state
  const tile = image.closest(".th, .well");
  const tries = (attempts.get(image) ?? 0) + 1;
  attempts.set(image, tries);
  // The events of an image do not say why it failed, or whether it is a placeholder.
  const status = await fetch(image.src).then(
    (answer) => answer.status,
    () => 0,
  );
  if (status === 200) {
    image.setAttribute("src", image.getAttribute("src")); // setting it, even to the same value, loads it again
    show(tile, "");
  } else if (status === 503 && tries < MAX_TRIES) {
    show(tile, "Being rendered");
    setTimeout(() => retry(image), RETRY_MS);
  } else {
    show(tile, status === 404 ? "No picture" : "Not available now");
  }
}

function show(tile, text) {
  if (!tile) return; // the placeholder says enough
  if (text) tile.dataset.waits = text;
  else delete tile.dataset.waits;
}

const isPending = ({ naturalWidth, naturalHeight }) => Math.max(naturalWidth, naturalHeight) <= PLACEHOLDER;
const isPicture = (image) => /\/(thumbnail|poster)\//.test(image.src) || image.closest(".th, .well");
const consider = (image) =>
  image instanceof HTMLImageElement && isPicture(image) && !attempts.has(image) && isPending(image) && retry(image);
// Captured: the events of images do not bubble.
for (const event of ["load", "error"]) document.addEventListener(event, ({ target }) => consider(target), true);
// Images that came, or failed, before this module ran.
for (const image of document.images) if (image.complete) consider(image);
