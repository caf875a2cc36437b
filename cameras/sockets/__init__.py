"""WebSockets: who may open them, their messages and limits, and the notices that they pass on."""
