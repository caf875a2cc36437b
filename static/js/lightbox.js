// Pictures at full size: all pictures of the day that match the page's filters. The page has the data of its own tiles,
// their position and the total; the other pictures are loaded shortly before they are reached.
import PhotoSwipeLightbox from "../vendor/photoswipe-5.4.4/photoswipe-lightbox.esm.min.js";

const MAX_TRIES = 6;
const RETRY_MS = 2000;
const PREFETCH = 8; // pictures before the end of the loaded range at which more are loaded
const SHAPE_TOLERANCE = 0.01; // relative difference above which a picture's own shape replaces the guessed one
const MAX_ZOOM = 4; // screen pixels for each pixel of the picture
const ZOOM_STEP = 1.5;
const PAN_PX = 80;

const createElement = (name, className, content = "") =>
  Object.assign(document.createElement(name), { className, textContent: content });

/** A page of pictures; null when the station refuses, does not answer, or its answer is cut off. */
async function fetchJson(address) {
  try {
    const answer = await fetch(address);
    // A redirect leads to the sign-in page, which is no JSON.
    return answer.ok && !answer.redirected ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** The pictures of a day by their position; more are loaded on demand. */
class Pictures {
  constructor(tiles) {
    const { before, total, most, here, earlier, later } = tiles.dataset;
    const links = [...tiles.querySelectorAll("a[data-large]")];
    this.known = new Map(links.map((link, index) => [Number(before) + index, pictureOfTile(link, here)]));
    this.base = Number(before); // position of the first picture of this page
    [this.from, this.to] = [this.base, this.base + links.length];
    this.total = Math.max(Number(total), this.to);
    this.isCapped = Number(total) >= Number(most);
    this.addresses = { earlier, later };
    this.loading = new Set();
  }

  at(index) {
    return this.known.get(index) ?? { html: '<p class="pswp__waits">Loading</p>', isUnknown: true };
  }

  /** Loads the pictures around a position. `onLoaded` is called with the range of each loaded page. */
  async loadAround(index, onLoaded) {
    await Promise.all([
      this.loadSide("later", () => index >= this.to - PREFETCH, onLoaded),
      this.loadSide("earlier", () => index < this.from + PREFETCH, onLoaded),
    ]);
  }

  async loadSide(side, isWanted, onLoaded) {
    while (this.addresses[side] && isWanted() && !this.loading.has(side)) {
      this.loading.add(side);
      const body = await fetchJson(this.addresses[side]).finally(() => this.loading.delete(side));
      if (!body) return;
      onLoaded(side === "later" ? this.append(body) : this.prepend(body));
    }
    if (!this.addresses.later) this.total = this.to;
  }

  append({ pictures, later }) {
    this.addresses.later = later;
    const first = this.to;
    for (const [index, picture] of pictures.entries()) this.known.set(first + index, picture);
    this.to += pictures.length;
    this.total = Math.max(this.total, this.to);
    return [first, this.to];
  }

  prepend({ pictures, earlier }) {
    // Pictures may have been added since the page counted them, and PhotoSwipe has no negative positions.
    const fits = pictures.slice(Math.max(0, pictures.length - this.from));
    this.addresses.earlier = this.from > fits.length ? earlier : "";
    const last = this.from;
    this.from -= fits.length;
    for (const [index, picture] of fits.entries()) this.known.set(this.from + index, picture);
    return [this.from, last];
  }
}

function pictureOfTile(link, here) {
  const { large, original, camera, time, pswpWidth, pswpHeight } = link.dataset;
  return {
    id: link.id.slice(2),
    page: link.getAttribute("href"),
    large,
    original,
    camera,
    time,
    gallery: here,
    width: Number(pswpWidth),
    height: Number(pswpHeight),
    simulated: "simulated" in link.dataset,
    thumbnail: link.querySelector("img"),
  };
}

/** The data for PhotoSwipe. The shape is the picture's own where known, else the thumbnail's. */
function slideData(picture) {
  if (picture.isUnknown) return picture;
  const { naturalWidth, naturalHeight } = picture.thumbnail ?? {};
  if (naturalWidth && !picture.isMeasured) picture.height = Math.round((picture.width * naturalHeight) / naturalWidth);
  return {
    ...picture,
    src: picture.large,
    msrc: naturalWidth ? picture.thumbnail.src : undefined,
    alt: `${picture.camera}, ${picture.time}`,
  };
}

/** The panel with a picture's capture details. */
function createDetails(lightbox) {
  const details = createElement("aside", "pswp__facts");
  details.setAttribute("aria-label", "Capture details");
  details.hidden = true;
  const fill = async () => {
    const { page } = lightbox.pswp.currSlide.data;
    if (!page) return;
    const text = await fetch(`${page}details/`)
      .then((answer) => (answer.ok ? answer.text() : ""))
      .catch(() => "");
    // The reader may be at another picture by now.
    if (lightbox.pswp?.currSlide.data.page === page) details.innerHTML = text || "The station did not answer.";
  };
  const toggle = () => {
    details.hidden = !details.hidden;
    if (!details.hidden) fill();
  };
  lightbox.pswp.on("change", () => details.hidden || fill());
  return { details, toggle };
}

function addBar(lightbox, pictures) {
  const { pswp } = lightbox;
  const { details, toggle } = createDetails(lightbox);
  lightbox.toggleFacts = toggle;
  const add = (name, order, tagName, show, { events = ["change", "renewed"], ...more } = {}) =>
    pswp.ui.registerElement({
      name,
      order,
      tagName,
      className: "pswp__action",
      appendTo: "bar",
      ...more,
      onInit: (element) => {
        const update = () => show(element, pswp.currSlide.data);
        for (const event of events) pswp.on(event, update);
      },
    });
  const noUpdate = () => {};
  add(
    "place",
    5,
    "span",
    (element) => {
      element.textContent = `${pswp.currIndex + 1} / ${pictures.total}${pictures.isCapped ? "+" : ""}`;
    },
    { className: "pswp__action pswp__place" },
  );
  add(
    "where",
    5,
    "span",
    (element, { camera = "", time = "" }) => element.replaceChildren(createElement("b", "", camera), ` ${time}`),
    { className: "pswp__action pswp__where" },
  );
  add(
    "simulated",
    6,
    "span",
    (element, data) => {
      element.hidden = !data.simulated;
    },
    { html: "SIMULATED" },
  );
  add(
    "zoom-level",
    6,
    "span",
    (element) => {
      const { currZoomLevel, zoomLevels, content } = pswp.currSlide;
      element.textContent = content.isImageContent() ? `${Math.round(currZoomLevel * 100)} %` : "";
      element.title = currZoomLevel > zoomLevels.initial ? "Zoomed; 0 fits it" : "Zoom with wheel, pinch, + and -";
    },
    { className: "pswp__action pswp__zoom-level", events: ["change", "zoomPanUpdate"] },
  );
  add("details", 7, "button", noUpdate, { html: "Details", onClick: toggle, title: "Capture details (i)" });
  add(
    "page",
    8,
    "a",
    (element, { page = "" }) => {
      element.href = page;
    },
    { html: "Page" },
  );
  add(
    "original",
    9,
    "a",
    (element, { original }) => {
      element.href = `${original}&download=1`;
      element.setAttribute("download", "");
    },
    { html: "Download" },
  );
  add("full", 9, "button", (element) => element.toggleAttribute("data-full", true), {
    html: "Full screen",
    className: "pswp__action pswp__full",
    title: "Full screen (f)",
  });
  pswp.ui.registerElement({
    name: "facts",
    appendTo: "root",
    tagName: "div",
    className: "pswp__facts-place",
    onInit: (element) => element.append(details),
  });
}

// Zoom and pan by keys; wheel, pinch and drag are PhotoSwipe's. While a picture is zoomed, the arrows move it,
// and do not go to the next one.
const zoomBy = (slide, factor) => slide.zoomTo(slide.currZoomLevel * factor);
const panBy = (slide, x, y) => slide.isPannable() && slide.panTo(slide.pan.x + x, slide.pan.y + y);
const ZOOM_KEYS = {
  "+": (slide) => zoomBy(slide, ZOOM_STEP),
  "=": (slide) => zoomBy(slide, ZOOM_STEP), // the key of + without Shift
  "-": (slide) => zoomBy(slide, 1 / ZOOM_STEP),
  0: (slide) => slide.zoomTo(slide.zoomLevels.initial),
};
const PAN_KEYS = {
  ArrowLeft: (slide) => panBy(slide, PAN_PX, 0),
  ArrowRight: (slide) => panBy(slide, -PAN_PX, 0),
  ArrowUp: (slide) => panBy(slide, 0, PAN_PX),
  ArrowDown: (slide) => panBy(slide, 0, -PAN_PX),
};

function zoomByKey(lightbox, event) {
  const { key, ctrlKey, metaKey, altKey } = event.originalEvent;
  const slide = lightbox.pswp.currSlide;
  // An open list of keys has the keys for itself; with Ctrl the browser zooms the page.
  if (document.querySelector("dialog[open]")) return event.preventDefault();
  if (ctrlKey || metaKey || altKey) return;
  const act = ZOOM_KEYS[key] ?? (slide.isPannable() ? PAN_KEYS[key] : undefined);
  if (!act) return;
  event.preventDefault();
  event.originalEvent.preventDefault();
  act(slide);
}

/** Lays out a picture again when its own shape differs from the guessed one. */
function applyOwnShape(lightbox, pictures, { content }) {
  const { naturalWidth, naturalHeight } = content.element ?? {};
  const picture = pictures.known.get(content.index);
  if (!naturalWidth || !picture || picture.isMeasured) return;
  const height = Math.round((picture.width * naturalHeight) / naturalWidth);
  const hasOtherShape = Math.abs(height - picture.height) > SHAPE_TOLERANCE * picture.height;
  Object.assign(picture, { height, isMeasured: true });
  if (hasOtherShape) lightbox.pswp?.refreshSlideContent(content.index);
}

/** Loads a picture again that is still being rendered. */
function retryLater(lightbox, pictures, { content }) {
  const picture = pictures.known.get(content.index);
  if (!picture || picture.tries >= MAX_TRIES) return;
  picture.tries = (picture.tries ?? 0) + 1;
  setTimeout(() => lightbox.pswp?.refreshSlideContent(content.index), RETRY_MS);
}

/** Focuses the tile of the last picture shown, on this page or on its own page of the gallery. */
function focusTile({ id, gallery }) {
  const tile = document.querySelector(`#c-${CSS.escape(id ?? "")}`);
  if (tile) tile.focus();
  else if (gallery) location.assign(`${gallery}#c-${id}`);
}

/** The link of each tile opens its picture at full size. */
export function openAtFullSize(tiles) {
  let pictures = new Pictures(tiles);
  let closedAt = -1; // position of a picture that was closed before its data was loaded
  const lightbox = new PhotoSwipeLightbox({
    gallery: tiles,
    children: "a[data-large]",
    pswpModule: () => import("../vendor/photoswipe-5.4.4/photoswipe.esm.min.js"),
    bgOpacity: 1,
    loop: false,
    counter: false,
    showHideAnimationType: "none",
    returnFocus: false, // it would go to the first picture that was shown, not to the last one
    wheelToZoom: true,
    maxZoomLevel: MAX_ZOOM,
    errorMsg: "The picture is not rendered yet, or cannot be shown now.",
    paddingFn: () => ({ top: 60, bottom: 12, left: 12, right: 12 }),
  });
  const refreshSlides = ([from, to]) => {
    const { pswp } = lightbox;
    if (closedAt >= from && closedAt < to) focusTile(pictures.at(closedAt));
    if (!pswp) return;
    for (let index = pswp.currIndex - 1; index <= pswp.currIndex + 1; index += 1) {
      if (index >= from && index < to) pswp.refreshSlideContent(index);
    }
    pswp.dispatch("renewed");
  };
  const loadNearby = async () => {
    const { pswp } = lightbox;
    await pictures.loadAround(pswp.currIndex, refreshSlides);
    if (lightbox.pswp !== pswp) return;
    const { currIndex } = pswp;
    const target = Math.min(Math.max(currIndex, pictures.addresses.earlier ? 0 : pictures.from), pictures.total - 1);
    if (target !== currIndex) pswp.goTo(target); // pictures were deleted since they were counted
    pswp.dispatch("renewed");
  };
  lightbox.addFilter("clickedIndex", (index) => {
    pictures = new Pictures(tiles); // the tiles change while the reader scrolls
    closedAt = -1;
    return index < 0 ? index : pictures.base + index;
  });
  lightbox.addFilter("numItems", () => pictures.total);
  lightbox.addFilter("itemData", (_, index) => slideData(pictures.at(index)));
  lightbox.on("uiRegister", () => addBar(lightbox, pictures));
  lightbox.on("afterInit", () => lightbox.pswp.element.setAttribute("aria-label", "Picture"));
  lightbox.on("loadComplete", (event) => applyOwnShape(lightbox, pictures, event));
  lightbox.on("loadError", (event) => retryLater(lightbox, pictures, event));
  lightbox.on("change", loadNearby);
  lightbox.on("keydown", (event) => zoomByKey(lightbox, event));
  // At "close", PhotoSwipe still keeps the focus in itself.
  lightbox.on("closingAnimationEnd", () => {
    const index = lightbox.pswp.currIndex;
    if (pictures.at(index).isUnknown) closedAt = index;
    else focusTile(pictures.at(index));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "i" && lightbox.pswp && !event.ctrlKey && !event.metaKey) lightbox.toggleFacts();
  });
  lightbox.init();
}
