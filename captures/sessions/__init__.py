"""Programmes, desired state, forecast and ledger of sessions: `SessionService`."""
