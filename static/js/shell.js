// What every page does by itself: counting ages, the clock, keys, theme, and telling when the station is lost.
import "./htmx-swap.js";
import "./ages.js";
import "./theme.js";
import "./brightness.js";
import "./keys.js";
import "./connection.js";
import "./dialogs.js";
import "./datetime-field.js";
import "./picture.js";
