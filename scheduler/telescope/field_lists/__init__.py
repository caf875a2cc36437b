"""Field lists of telescopes and what was observed from them, in the database."""
