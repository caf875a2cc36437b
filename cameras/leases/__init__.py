"""Who controls a camera: leases of users, and the sessions that they started."""
