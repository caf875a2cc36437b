// Modules of every page: ages, clock, shortcuts, theme, thumbnails, updates, and the loss of the connection.
import "./htmx-swap.js";
import "./ages.js";
import "./theme.js";
import "./thumbnails.js";
import "./brightness.js";
import "./keys.js";
import "./connection.js";
import "./dialogs.js";
import "./datetime-field.js";
import "./picture.js";
import "./updates.js";
