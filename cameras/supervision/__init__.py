"""The Supervisor of a camera host: it starts and watches the camera processes, routes commands to them and brings
their records into the database."""
