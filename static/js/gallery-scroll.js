// The gallery of a night as one scroll: pages of tiles are loaded before the reader reaches them, and removed when they
// are far away, so that the page stays small however long the night is. A scrubber leads to any time of the night.
// Without a script, links lead from page to page.

const AHEAD_PX = 1600; // pages nearer than this to the window are loaded
const FAR_PX = 3200; // pages further than this may be removed
const MAX_PAGES = 8; // unless they are nearer: a large screen shows more
const RETRY_MS = 4000;
const SETTLED_MS = 250;
const SIDES = ["earlier", "later"];
const root = document.documentElement;
const twoDigits = (number) => String(number).padStart(2, "0");

/** A page of tiles, from its element: its tiles, and the addresses of its neighbours, of tiles and of pictures. */
function pageOf(element) {
  const { before, earlier, later, tilesEarlier, tilesLater } = element.dataset;
  return {
    tiles: [...element.children],
    before: Number(before),
    pictures: element.querySelectorAll("a[data-large]").length,
    addresses: { earlier: tilesEarlier, later: tilesLater },
    pictureAddresses: { earlier, later },
  };
}

/** Null when the station refuses, does not answer, or its answer is cut off. */
async function fetchPage(address) {
  try {
    const answer = await fetch(address);
    // A redirect leads to the sign-in page, which has no tiles.
    if (!answer.ok || answer.redirected) return null;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#tiles");
    return found && pageOf(found);
  } catch {
    return null;
  }
}

class GalleryScroll {
  constructor(tiles) {
    this.tiles = tiles;
    this.pages = [pageOf(tiles)];
    this.loading = new Set();
    this.visit = 0; // changes with each jump: what an earlier visit has requested is dropped
    this.shift = 0; // tiles that were removed before the first one, less those that were put there
    this.onMoved = () => {};
    // This module keeps the visible tiles in their place; the browser would do it a second time.
    root.style.overflowAnchor = "none";
    let isDue = false;
    const checkSoon = () => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        this.check();
      });
    };
    addEventListener("scroll", checkSoon, { passive: true });
    addEventListener("resize", () => {
      this.alignColumns();
      checkSoon();
    });
    checkSoon();
  }

  get first() {
    return this.pages[0];
  }

  get last() {
    return this.pages.at(-1);
  }

  /** The height at which the tiles disappear under the bars. */
  get edge() {
    return parseFloat(getComputedStyle(root).scrollPaddingTop) || 0;
  }

  /** Loads what the reader is about to reach. Earlier tiles are put above the window, so they wait until the head of
   * the page is above it, too. */
  check() {
    const { top, bottom } = this.tiles.getBoundingClientRect();
    if (bottom < innerHeight + AHEAD_PX) this.load("later");
    if (top < this.edge && top > -AHEAD_PX) this.load("earlier");
    this.onMoved(this.firstVisible());
  }

  firstVisible() {
    const { edge } = this;
    return [...this.tiles.children].find((tile) => tile.getBoundingClientRect().bottom > edge);
  }

  async load(side) {
    const { visit } = this;
    const next = side === "later" ? this.last : this.first;
    const address = next.addresses[side];
    if (!address || this.loading.has(side)) return;
    this.loading.add(side);
    const page = await fetchPage(address);
    if (visit !== this.visit) return;
    this.say(side, page ? "" : "The station does not answer. It is asked again.");
    if (!page) {
      setTimeout(() => visit === this.visit && this.retry(side), RETRY_MS);
      return;
    }
    this.loading.delete(side);
    if (page.tiles.length) this.insert(side, page);
    else next.addresses[side] = next.pictureAddresses[side] = undefined;
    this.show();
    this.check();
  }

  retry(side) {
    this.loading.delete(side);
    this.check();
  }

  insert(side, page) {
    this.keepInPlace(() => {
      if (side === "later") {
        this.tiles.append(...page.tiles);
        this.pages.push(page);
      } else {
        page.before = Math.max(0, this.first.before - page.pictures);
        this.tiles.prepend(...page.tiles);
        this.pages.unshift(page);
        this.shift -= page.tiles.length;
      }
      this.alignColumns();
    });
    this.keepInPlace(() => {
      while (this.pages.length > MAX_PAGES && this.isFar(this.first)) this.shift += this.remove(this.pages.shift());
      while (this.pages.length > MAX_PAGES && this.isFar(this.last)) this.remove(this.pages.pop());
      this.alignColumns();
    });
  }

  isFar({ tiles }) {
    const above = -tiles.at(-1).getBoundingClientRect().bottom;
    return Math.max(above, tiles[0].getBoundingClientRect().top - innerHeight) > FAR_PX;
  }

  /** Returns how many tiles that were. A tile that has the focus gives it to the list. */
  remove({ tiles }) {
    if (tiles.includes(document.activeElement)) this.tiles.focus({ preventScroll: true });
    for (const tile of tiles) tile.remove();
    return tiles.length;
  }

  /** Tiles stay in their columns while whole pages before them come and go. */
  alignColumns() {
    if (!this.first.addresses.earlier) this.shift = 0;
    const columns = getComputedStyle(this.tiles).gridTemplateColumns.split(" ").length;
    this.indented?.style.removeProperty("grid-column-start");
    this.indented = this.tiles.firstElementChild;
    this.indented?.style.setProperty("grid-column-start", (((this.shift % columns) + columns) % columns) + 1);
  }

  keepInPlace(change) {
    const seen = this.firstVisible();
    const before = seen?.getBoundingClientRect().top;
    change();
    if (seen?.isConnected) scrollBy({ top: seen.getBoundingClientRect().top - before, behavior: "instant" });
  }

  /** Goes to the first tile at or after a time (seconds since 1970), or to the last one, and returns it. Null without
   * an answer; undefined when another jump came before the answer. */
  async jump(seconds, address) {
    this.visit += 1;
    this.loading.clear();
    if (!this.covers(seconds)) {
      const { visit } = this;
      this.tiles.setAttribute("aria-busy", "true");
      const page = await fetchPage(address);
      if (visit !== this.visit) return undefined;
      this.tiles.removeAttribute("aria-busy");
      if (!page) return null;
      this.pages = [page];
      this.shift = 0;
      this.tiles.replaceChildren(...page.tiles);
      this.alignColumns();
      this.show();
    }
    const all = [...this.tiles.children];
    const found = all.find((tile) => Number(tile.dataset.at) >= seconds) ?? all.at(-1);
    // A pixel further, so that the head of the page is above the window.
    if (found) scrollBy({ top: found.getBoundingClientRect().top - this.edge + 1, behavior: "instant" });
    this.check();
    return found;
  }

  /** Whether the tiles of that time are in the page. */
  covers(seconds) {
    const { first, last } = this;
    const begins = Number(first.tiles[0]?.dataset.at) <= seconds || !first.addresses.earlier;
    return begins && (Number(last.tiles.at(-1)?.dataset.at) >= seconds || !last.addresses.later);
  }

  /** What the full-size viewer reads from the list, and the links for readers who reach an end before its page. */
  show() {
    const { first, last, tiles } = this;
    tiles.dataset.before = first.before;
    tiles.dataset.earlier = first.pictureAddresses.earlier ?? "";
    tiles.dataset.later = last.pictureAddresses.later ?? "";
    for (const side of SIDES) {
      const address = (side === "later" ? last : first).addresses[side];
      const more = document.querySelector(`[data-more=${side}]`);
      more.hidden = !address;
      if (address) more.querySelector("a").search = new URL(address, location).search;
    }
  }

  say(side, sentence) {
    document.querySelector(`[data-more=${side}] [role=status]`).textContent = sentence;
  }
}

/** A slider over the hours of the night that have captures. Its values are seconds since 1970. */
class Scrubber {
  constructor(element, scroll) {
    this.element = element;
    this.scroll = scroll;
    this.slider = element.querySelector("input");
    this.output = element.querySelector("output");
    this.hours = [...element.querySelectorAll("[data-at]")].map((hour) => ({
      element: hour,
      at: Number(hour.dataset.at),
      label: hour.textContent.trim(),
    }));
    this.placeHours();
    this.slider.addEventListener("input", () => {
      this.isMoving = true;
      this.show(Number(this.slider.value));
    });
    this.slider.addEventListener("change", () => {
      clearTimeout(this.timer); // held keys change it many times
      this.timer = setTimeout(() => this.jump(), SETTLED_MS);
    });
    scroll.onMoved = (tile) => this.follow(tile);
    element.hidden = false;
    root.classList.add("scrubbed");
  }

  placeHours() {
    const [least, most] = [Number(this.slider.min), Number(this.slider.max)];
    for (const { element, at } of this.hours) element.style.left = `${(100 * (at - least)) / (most - least)}%`;
  }

  /** HH:MM by the clock that the page shows, also on a night when that changes: from the hour before. */
  clock(seconds) {
    const hour = this.hours.findLast(({ at }) => at <= seconds) ?? this.hours[0];
    const minutes = Math.max(0, Math.floor((seconds - hour.at) / 60));
    return `${twoDigits((Number(hour.label) + Math.floor(minutes / 60)) % 24)}:${twoDigits(minutes % 60)}`;
  }

  show(seconds) {
    this.output.textContent = this.clock(seconds);
    this.slider.setAttribute("aria-valuetext", this.clock(seconds));
  }

  async jump() {
    const seconds = Number(this.slider.value);
    const to = encodeURIComponent(`${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`);
    const found = await this.scroll.jump(seconds, `${this.element.dataset.tiles}&to=${to}`);
    if (found === undefined) return;
    this.isMoving = false;
    this.chosen = found && { tile: found, seconds };
    if (!found) this.output.textContent = "No answer";
  }

  /** Shows the time of the first visible tile, also in the address: a reload, and the way back from a capture's page,
   * begin there. A chosen time stays while its tile is in the first visible row. */
  follow(tile) {
    if (!tile || this.isMoving) return;
    if (this.chosen?.tile.offsetTop !== tile.offsetTop || !this.chosen.tile.isConnected) this.chosen = null;
    const seconds = this.chosen?.seconds ?? Number(tile.dataset.at);
    this.slider.value = seconds;
    this.show(seconds);
    clearTimeout(this.addressTimer);
    this.addressTimer = setTimeout(() => this.keepAddress(seconds), SETTLED_MS);
  }

  keepAddress(seconds) {
    if (this.scroll.tiles.getBoundingClientRect().top >= this.scroll.edge) return;
    history.scrollRestoration = "manual"; // it would restore the height of another window of the night
    history.replaceState(null, "", `${this.element.dataset.gallery}&at=${encodeURIComponent(this.clock(seconds))}`);
  }
}

/** Makes one scroll of the page's tiles, if there are more than the page has. */
export function scrollThrough(tiles) {
  const element = document.querySelector("#scrubber");
  if (!element) return;
  const scroll = new GalleryScroll(tiles);
  new Scrubber(element, scroll);
}
