// Modules of every page: ages, clock, shortcuts, theme, thumbnails, updates, questions, and the loss of the connection
// to the station.
import "./htmx-swap.js";
import "./ages.js";
import "./theme.js";
import "./thumbnails.js";
import "./brightness.js";
import "./keys.js";
import "./menu.js";
import "./connection.js";
import "./dialogs.js";
import "./questions.js";
import "./datetime-field.js";
import "./field-errors.js";
import "./picture.js";
import "./updates.js";
