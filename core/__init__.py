"""What every app uses: problems of the API, pages, the database and the broker, secrets, times, and the registry by
which a lower app names what a higher one provides."""
