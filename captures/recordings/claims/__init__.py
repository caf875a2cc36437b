"""Who wants a camera recorded, and which clips belong to an experiment."""
