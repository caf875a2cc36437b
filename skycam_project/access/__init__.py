"""Users with roles, their tokens and sign-ins: for API, pages, WebSockets and command line."""
