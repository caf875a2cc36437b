// Notifications of the browser, for a page that no one looks at. They are off until the user allows them on the page
// Your account; each browser has its own choice.
const KEY = "notifications";
const REASONS = {
  insecure:
    "This page came over plain HTTP. Browsers allow notifications only over HTTPS, or on the station's own machine. " +
    "Alerts still appear on each open page.",
  missing: "This browser has no notifications. Alerts still appear on each open page.",
  denied: "This browser blocks the notifications of this station. Allow them in its settings for this site.",
  off: "Off. Alerts appear on each open page.",
  on: "On: an alert or a session that has ended notifies you while a page of the station is open in the background.",
};
const section = document.querySelector("[data-notifications]");

/** What this browser does: a key of REASONS. */
function state() {
  if (!window.isSecureContext) return "insecure";
  if (!("Notification" in window) || read() === "missing") return "missing";
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && read() === "on" ? "on" : "off";
}

// A browser may refuse to store anything.
function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(value) {
  try {
    localStorage.setItem(KEY, value);
  } catch {
    section.querySelector("[data-notifications-state]").textContent = "This browser stores no choice for this station.";
  }
}

/** Notify the user, if they allowed it and do not look at this page. Several open pages notify once: by `id`. */
export function notify({ id, title, text, address }) {
  if (state() !== "on" || (document.visibilityState === "visible" && document.hasFocus())) return;
  show(id, title, text, address);
}

function show(id, title, text, address) {
  try {
    const shown = new Notification(title, { body: text, tag: id });
    shown.addEventListener("click", () => {
      window.focus();
      location.assign(address);
      shown.close();
    });
  } catch {
    store("missing"); // Chrome on phones has the name, but no notifications of a page
    showState();
  }
}

function showState() {
  if (!section) return;
  const found = state();
  section.querySelector("[data-notifications-state]").textContent = REASONS[found];
  for (const button of section.querySelectorAll("button")) button.hidden = button.dataset.when !== found;
}

section?.addEventListener("click", async (event) => {
  const action = event.target.closest("button")?.dataset.notificationsAction;
  if (!action) return;
  if (action === "allow" && (await Notification.requestPermission()) === "granted") store("on");
  if (action === "stop") store("off");
  if (action === "test") show("test", "Skycam", "Notifications of this station work in this browser.", location.href);
  showState();
});
showState();
