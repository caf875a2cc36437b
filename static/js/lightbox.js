// Pictures at full size. It goes on over all pictures of the day by the filters of the page: the page brings those of its
// own tiles and says how many come before and how many there are; the others are asked for as one comes near them.
import PhotoSwipeLightbox from "../vendor/photoswipe-5.4.4/photoswipe-lightbox.esm.min.js";

const MOST_TRIES = 6;
const AGAIN_MS = 2000;
const NEAR = 8; // pictures from the end of what is known at which more are asked for
const ADOPTED = 0.01; // a shape that differs by more than this is the picture's own, and not what was guessed

const made = (name, className, content = "") => Object.assign(document.createElement(name), { className, textContent: content });

/** A page of pictures; null where the station does not give it. */
async function bodyOf(address) {
  const answer = await fetch(address).catch(() => null);
  return answer?.ok && !answer.redirected ? answer.json() : null;
}

/** The pictures of a day, by their place in it; those that are not known yet are asked for. */
class Pictures {
  constructor(tiles) {
    const { before, total, most, here, earlier, later } = tiles.dataset;
    const links = [...tiles.querySelectorAll("a[data-large]")];
    this.known = new Map(links.map((link, index) => [Number(before) + index, ofTile(link, here)]));
    this.base = Number(before); // where the first of this page stands
    [this.from, this.to] = [this.base, this.base + links.length];
    this.total = Math.max(Number(total), this.to);
    this.isMost = Number(total) >= Number(most);
    this.addresses = { earlier, later };
    this.asking = new Set();
  }

  at(index) {
    return this.known.get(index) ?? { html: '<p class="pswp__waits">Loading</p>', isUnknown: true };
  }

  /** Asks for what lies around a place, until it is known. `seen` is called with the places that became known. */
  async near(index, seen) {
    await Promise.all([
      this.ask("later", () => index >= this.to - NEAR, seen),
      this.ask("earlier", () => index < this.from + NEAR, seen),
    ]);
  }

  async ask(side, isWanted, seen) {
    while (this.addresses[side] && isWanted() && !this.asking.has(side)) {
      this.asking.add(side);
      const body = await bodyOf(this.addresses[side]).finally(() => this.asking.delete(side));
      if (!body) return;
      seen(side === "later" ? this.append(body) : this.prepend(body));
    }
    if (!this.addresses.later) this.total = this.to;
  }

  append({ pictures, later }) {
    this.addresses.later = later;
    const first = this.to;
    pictures.forEach((picture, index) => this.known.set(first + index, picture));
    this.to += pictures.length;
    this.total = Math.max(this.total, this.to);
    return [first, this.to];
  }

  prepend({ pictures, earlier }) {
    const fits = pictures.slice(Math.max(0, pictures.length - this.from));
    this.addresses.earlier = this.from > fits.length ? earlier : "";
    const last = this.from;
    this.from -= fits.length;
    fits.forEach((picture, index) => this.known.set(this.from + index, picture));
    return [this.from, last];
  }
}

function ofTile(link, here) {
  const { large, original, camera, time, pswpWidth, pswpHeight } = link.dataset;
  return {
    id: link.id.slice(2), page: link.getAttribute("href"), large, original, camera, time, gallery: here,
    width: Number(pswpWidth), height: Number(pswpHeight), simulated: "simulated" in link.dataset, thumbnail: link.querySelector("img"),
  };
}

/** As PhotoSwipe takes it. The shape is the thumbnail's or the picture's own, where it is known. */
function dataOf(picture) {
  if (picture.isUnknown) return picture;
  const { naturalWidth, naturalHeight } = picture.thumbnail ?? {};
  if (naturalWidth && !picture.isMeasured) picture.height = Math.round((picture.width * naturalHeight) / naturalWidth);
  return { ...picture, src: picture.large, msrc: naturalWidth ? picture.thumbnail.src : undefined, alt: `${picture.camera}, ${picture.time}` };
}

/** How a picture was taken, beside it. */
function factsOf(lightbox) {
  const facts = made("aside", "pswp__facts");
  facts.setAttribute("aria-label", "Capture details");
  facts.hidden = true;
  const fill = async () => {
    const { page } = lightbox.pswp.currSlide.data;
    if (!page) return;
    const answer = await fetch(`${page}details/`).catch(() => null);
    const text = answer?.ok ? await answer.text() : "";
    if (lightbox.pswp?.currSlide.data.page === page) facts.innerHTML = text || "The station did not answer.";
  };
  const toggle = () => {
    facts.hidden = !facts.hidden;
    if (!facts.hidden) fill();
  };
  lightbox.pswp.on("change", () => facts.hidden || fill());
  return { facts, toggle };
}

function addBar(lightbox, pictures) {
  const { pswp } = lightbox;
  const { facts, toggle } = factsOf(lightbox);
  lightbox.toggleFacts = toggle;
  const add = (name, order, tagName, show, more = {}) => pswp.ui.registerElement({
    name, order, tagName, className: "pswp__action", appendTo: "bar", ...more,
    onInit: (element) => {
      const tell = () => show(element, pswp.currSlide.data);
      pswp.on("change", tell);
      pswp.on("renewed", tell);
    },
  });
  const nothing = () => {};
  add("place", 5, "span", (element) => {
    element.textContent = `${pswp.currIndex + 1} / ${pictures.total}${pictures.isMost ? "+" : ""}`;
  }, { className: "pswp__action pswp__place" });
  add("where", 5, "span", (element, { camera = "", time = "" }) => element.replaceChildren(made("b", "", camera), ` ${time}`), { className: "pswp__action pswp__where" });
  add("said", 6, "span", (element, data) => { element.hidden = !data.simulated; }, { html: "SIMULATED" });
  add("details", 7, "button", nothing, { html: "Details", onClick: toggle, title: "Capture details (i)" });
  add("page", 8, "a", (element, { page = "" }) => { element.href = page; }, { html: "Page" });
  add("original", 9, "a", (element, { original }) => {
    element.href = `${original}&download=1`;
    element.setAttribute("download", "");
  }, { html: "Download" });
  add("full", 9, "button", (element) => element.toggleAttribute("data-full", true), { html: "Full screen", className: "pswp__action pswp__full", title: "Full screen (f)" });
  pswp.ui.registerElement({ name: "facts", appendTo: "root", tagName: "div", className: "pswp__facts-place", onInit: (element) => element.append(facts) });
}

/** A picture whose own shape is another than was guessed is laid out anew. */
function adopt(lightbox, pictures, { content }) {
  const { naturalWidth, naturalHeight } = content.element ?? {};
  const picture = pictures.known.get(content.index);
  if (!naturalWidth || !picture || picture.isMeasured) return;
  const height = Math.round((picture.width * naturalHeight) / naturalWidth);
  const isOther = Math.abs(height - picture.height) > ADOPTED * picture.height;
  Object.assign(picture, { height, isMeasured: true });
  if (isOther) lightbox.pswp?.refreshSlideContent(content.index);
}

/** A picture that its host is still drawing is asked for again. */
function tryAgain(lightbox, pictures, { content }) {
  const picture = pictures.known.get(content.index);
  if (!picture || picture.tries >= MOST_TRIES) return;
  picture.tries = (picture.tries ?? 0) + 1;
  setTimeout(() => lightbox.pswp?.refreshSlideContent(content.index), AGAIN_MS);
}

/** To the tile of the picture that was shown last, on this page or on its own page of the gallery. */
function leave({ id, gallery }) {
  const tile = document.querySelector(`#c-${CSS.escape(id ?? "")}`);
  if (tile) tile.focus();
  else if (gallery) location.assign(`${gallery}#c-${id}`);
}

/** The link of each tile opens its picture at full size. */
export function openAtFullSize(tiles) {
  const pictures = new Pictures(tiles);
  const lightbox = new PhotoSwipeLightbox({
    gallery: tiles,
    children: "a[data-large]",
    pswpModule: () => import("../vendor/photoswipe-5.4.4/photoswipe.esm.min.js"),
    bgOpacity: 1,
    loop: false,
    counter: false,
    showHideAnimationType: "none",
    errorMsg: "The picture is not rendered yet, or cannot be shown now.",
    paddingFn: () => ({ top: 60, bottom: 12, left: 12, right: 12 }),
  });
  const renew = ([from, to]) => {
    const { pswp } = lightbox;
    if (!pswp) return;
    for (let index = pswp.currIndex - 1; index <= pswp.currIndex + 1; index += 1) {
      if (index >= from && index < to) pswp.refreshSlideContent(index);
    }
    pswp.dispatch("renewed");
  };
  const look = async () => {
    const { pswp } = lightbox;
    await pictures.near(pswp.currIndex, renew);
    if (lightbox.pswp !== pswp) return;
    const { currIndex } = pswp;
    const there = Math.min(Math.max(currIndex, pictures.addresses.earlier ? 0 : pictures.from), pictures.total - 1);
    if (there !== currIndex) pswp.goTo(there); // what was counted has gone meanwhile
    pswp.dispatch("renewed");
  };
  lightbox.addFilter("clickedIndex", (index) => (index < 0 ? index : pictures.base + index));
  lightbox.addFilter("numItems", () => pictures.total);
  lightbox.addFilter("itemData", (_, index) => dataOf(pictures.at(index)));
  lightbox.on("uiRegister", () => addBar(lightbox, pictures));
  lightbox.on("afterInit", () => lightbox.pswp.element.setAttribute("aria-label", "Picture"));
  lightbox.on("loadComplete", (event) => adopt(lightbox, pictures, event));
  lightbox.on("loadError", (event) => tryAgain(lightbox, pictures, event));
  lightbox.on("change", look);
  lightbox.on("close", () => leave(lightbox.pswp.currSlide.data));
  document.addEventListener("keydown", (event) => {
    if (event.key === "i" && lightbox.pswp && !event.ctrlKey && !event.metaKey) lightbox.toggleFacts();
  });
  lightbox.init();
}
