// Modules of every page: ages, clock, shortcuts, theme, updates, and the loss of the connection to the station.
import "./htmx-swap.js";
import "./ages.js";
import "./theme.js";
import "./brightness.js";
import "./keys.js";
import "./connection.js";
import "./dialogs.js";
import "./datetime-field.js";
import "./picture.js";
import "./updates.js";
