// Fields of a date, and of a date and time (templates/components/datetime_field.html): text in one format, `2026-11-21`
// or `2026-11-21 02:07:10`, and a calendar. The browser's own calendar has the browser's language, zone and colours.
// The text field works alone; the button appears where the browser can show the calendar.
import { now, shownOffset } from "./clock.js";

const FORM = /^\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:\s+|T)(\d{1,2}):(\d{2})(?::(\d{2}))?)?/;
const DAY_MS = 86_400_000;
const WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const PARTS = { Hour: [11, 23], Minute: [14, 59], Second: [17, 59] };
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const RANGED = "[data-min], [data-max]";

// Milliseconds in this module are the wall clock of the shown zone, as if it were UTC: Date's local methods would use
// the browser's zone.
const text = (ms) => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
const present = () => now() + shownOffset();
const twoDigits = (number) => String(number).padStart(2, "0");
/** Monday is 0. */
const weekday = (ms) => (new Date(ms).getUTCDay() + 6) % 7;
const element = (name, attributes, ...children) => {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
};
const isDate = (input) => input.dataset.picks === "date";

/** The text in milliseconds, by the clock that the page shows; `otherwise` if it cannot be parsed. */
function parseTime(value, otherwise) {
  const found = FORM.exec(value ?? "");
  const ms = found ? Date.UTC(found[1], found[2] - 1, found[3], found[4] ?? 0, found[5] ?? 0, found[6] ?? 0) : NaN;
  return Number.isNaN(ms) ? otherwise : ms;
}

/** The earliest and the latest time that the field accepts. */
const rangeOf = ({ dataset }) => [parseTime(dataset.min, -Infinity), parseTime(dataset.max, Infinity)];

/** A typed time beyond the range is refused as a typed text of another format is. */
function checkRange(input) {
  const [earliest, latest] = rangeOf(input);
  const at = parseTime(input.value, earliest);
  const early = at < earliest ? `Not before ${input.dataset.min}.` : "";
  input.setCustomValidity(at > latest ? `Not after ${input.dataset.max}.` : early);
}

/** The same day of another month, or that month's last day. */
function addMonths(ms, by) {
  const at = new Date(ms);
  const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + by + 1, 0)).getUTCDate();
  return Date.UTC(
    at.getUTCFullYear(),
    at.getUTCMonth() + by,
    Math.min(at.getUTCDate(), last),
    at.getUTCHours(),
    at.getUTCMinutes(),
    at.getUTCSeconds(),
  );
}

class Picker {
  constructor(button) {
    this.button = button;
    this.input = button.parentElement.querySelector("input");
    this.isDate = isDate(this.input);
    [this.earliest, this.latest] = rangeOf(this.input);
    this.at = this.inRange(parseTime(this.input.value, present()));
    this.title = element("b", { "aria-live": "polite" });
    this.days = element("tbody", {});
    this.parts = this.isDate ? [] : Object.keys(PARTS).map((name) => this.partField(name));
    this.back = this.iconButton("left", "Previous month", () => this.showMonth(-1));
    this.forward = this.iconButton("right", "Next month", () => this.showMonth(1));
    const head = element(
      "tr",
      {},
      ...WEEK.map((name) => element("th", { scope: "col", abbr: name }, name.slice(0, 2))),
    );
    this.box = element(
      "div",
      {
        class: "picker",
        popover: "auto",
        role: "dialog",
        "aria-label": this.isDate ? "Choose a date" : "Choose date and time",
      },
      element("div", { class: "picker-head" }, this.back, this.title, this.forward),
      element("table", { role: "grid", "aria-label": "Days" }, element("thead", {}, head), this.days),
      ...(this.isDate ? [] : [element("div", { class: "picker-time" }, ...this.parts)]),
      element(
        "div",
        { class: "actions-end" },
        this.textButton(this.isDate ? "Today" : "Now", () => this.choose(present())),
        this.textButton("Done", () => this.box.hidePopover()),
      ),
    );
    this.box.addEventListener("keydown", (event) => this.onKey(event));
    this.box.addEventListener("toggle", (event) => {
      if (event.newState === "closed") this.close();
    });
    this.days.addEventListener("click", (event) => {
      const day = event.target.closest("[data-day]:not([aria-disabled])");
      if (!day) return;
      this.choose(Number(day.dataset.day), true);
      if (this.isDate) this.box.hidePopover();
    });
  }

  inRange(at) {
    return Math.min(Math.max(at, this.earliest), this.latest);
  }

  /** Whether the field accepts no time of the days from `begin` on, up to `end`. */
  isOutside(begin, end) {
    return end <= this.earliest || begin > this.latest;
  }

  textButton(name, onClick) {
    const created = element("button", { class: "btn", type: "button" }, name);
    created.addEventListener("click", onClick);
    return created;
  }

  iconButton(glyph, name, onClick) {
    const created = element("button", { class: "btn quiet icon", type: "button", title: name, "aria-label": name });
    const icon = this.button.querySelector("svg").cloneNode(true);
    const use = icon.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${glyph}`));
    created.append(icon);
    created.addEventListener("click", onClick);
    return created;
  }

  partField(name) {
    const [place, most] = PARTS[name];
    const field = element("input", { type: "text", inputmode: "numeric", maxlength: "2", "aria-label": name });
    const setPart = (value) => {
      if (/^\d{1,2}$/.test(value) && Number(value) <= most) {
        const whole = text(this.at);
        this.choose(parseTime(whole.slice(0, place) + twoDigits(value) + whole.slice(place + 2)));
      } else field.value = text(this.at).slice(place, place + 2);
    };
    field.addEventListener("change", () => setPart(field.value));
    field.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      setPart(String((Number(field.value) + by + most + 1) % (most + 1)));
    });
    return element("span", { class: "in" }, field);
  }

  open() {
    this.button.after(this.box);
    this.box.showPopover();
    this.show(this.at);
    this.place();
    this.days.querySelector("[tabindex='0']").focus();
  }

  /** Below the field, else above it, and always within the window. */
  place() {
    const field = this.input.parentElement.getBoundingClientRect();
    const { width, height } = this.box.getBoundingClientRect();
    const below = field.bottom + 4 + height <= innerHeight;
    this.box.style.left = `${Math.max(8, Math.min(field.left, innerWidth - width - 8))}px`;
    this.box.style.top = `${below ? field.bottom + 4 : Math.max(8, field.top - height - 4)}px`;
  }

  close() {
    const isInside = this.box.contains(document.activeElement);
    this.box.remove();
    if (isInside) this.button.focus();
  }

  showMonth(by) {
    this.show(this.inRange(addMonths(this.at, by)));
  }

  show(at) {
    this.at = at;
    const chosen = text(at).slice(0, 10);
    const today = text(present()).slice(0, 10);
    const first = Date.parse(`${chosen.slice(0, 8)}01T00:00:00Z`);
    const next = addMonths(first, 1);
    const begin = first - weekday(first) * DAY_MS;
    this.title.textContent = `${MONTHS[new Date(first).getUTCMonth()]} ${chosen.slice(0, 4)}`;
    this.back.disabled = this.isOutside(first - DAY_MS, first);
    this.forward.disabled = this.isOutside(next, next + DAY_MS);
    this.days.replaceChildren();
    for (let week = begin; week < next; week += 7 * DAY_MS) {
      this.days.append(
        element("tr", {}, ...WEEK.map((name, place) => this.day(week + place * DAY_MS, name, chosen, today))),
      );
    }
    this.parts.forEach((part, index) => {
      const [place] = Object.values(PARTS)[index];
      part.firstElementChild.value = text(at).slice(place, place + 2);
    });
  }

  day(ms, name, chosen, today) {
    const date = text(ms).slice(0, 10);
    const clock = this.at - Date.parse(`${chosen}T00:00:00Z`);
    const button = element(
      "button",
      {
        type: "button",
        tabindex: date === chosen ? "0" : "-1",
        "data-day": ms + clock,
        "aria-label": `${Number(date.slice(8))}, ${name} ${date}`,
      },
      String(Number(date.slice(8))),
    );
    if (date === today) button.setAttribute("aria-current", "date");
    if (date.slice(0, 7) !== chosen.slice(0, 7)) button.className = "other";
    if (this.isOutside(ms, ms + DAY_MS)) button.setAttribute("aria-disabled", "true");
    return element("td", { role: "gridcell", "aria-selected": String(date === chosen) }, button);
  }

  /** Writes the time into the field and fires the events of typing. */
  choose(wanted, focus = false) {
    const at = this.inRange(wanted);
    this.show(at);
    this.input.value = text(at).slice(0, this.isDate ? 10 : 19);
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
    if (focus) this.days.querySelector("[tabindex='0']").focus();
  }

  onKey(event) {
    event.stopPropagation(); // keeps the page's shortcuts from acting
    const isDay = event.target.closest("[data-day]");
    const months = event.shiftKey ? 12 : 1;
    if (event.key === "Enter" && !event.target.closest("button")) {
      event.preventDefault();
      // preventDefault() keeps Enter from sending the form, and also from firing this event.
      event.target.dispatchEvent(new Event("change"));
      this.box.hidePopover();
    } else if (isDay && event.key in STEPS) this.move(event, this.at + STEPS[event.key] * DAY_MS);
    else if (isDay && event.key === "PageUp") this.move(event, addMonths(this.at, -months));
    else if (isDay && event.key === "PageDown") this.move(event, addMonths(this.at, months));
    else if (isDay && event.key === "Home") this.move(event, this.at - weekday(this.at) * DAY_MS);
    else if (isDay && event.key === "End") this.move(event, this.at + (6 - weekday(this.at)) * DAY_MS);
  }

  move(event, at) {
    event.preventDefault();
    this.show(this.inRange(at));
    this.days.querySelector("[tabindex='0']").focus();
  }
}

const HAS_POPOVER = "popover" in HTMLElement.prototype;

/** Also for content that htmx has swapped in. */
function showButtons(root) {
  if (HAS_POPOVER) for (const button of root.querySelectorAll("[data-pick-datetime][hidden]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pick-datetime]");
  if (button) new Picker(button).open();
});
document.addEventListener("input", (event) => {
  if (event.target.matches(RANGED)) checkRange(event.target);
});
document.addEventListener("change", (event) => {
  const { target: input } = event;
  const at = isDate(input) ? parseTime(input.value) : undefined;
  if (at !== undefined) input.value = text(at).slice(0, 10); // the station reads 2026-03-01, not 2026-3-1
});
document.addEventListener("htmx:load", (event) => showButtons(event.target));
showButtons(document);
