"""A horizon as people write it: pairs of azimuth and altitude."""

from __future__ import annotations


def parse_horizon(text: str) -> tuple[tuple[float, float], ...]:
    """The points of `0:5, 90:12, 270:3`: azimuth and altitude in degrees. ValueError with a sentence."""
    points = []
    for pair in text.split(","):
        azimuth, colon, altitude = pair.partition(":")
        try:
            point = (float(azimuth), float(altitude))
        except ValueError:
            point = None
        if not colon or point is None or not (0 <= point[0] < 360 and -5 <= point[1] <= 90):
            raise ValueError(
                f"site.horizon: {pair.strip()!r} is not a pair of azimuth (0 to less than 360) and altitude (-5 to "
                "90), such as 90:12."
            )
        points.append(point)
    if len({azimuth for azimuth, _ in points}) != len(points):
        raise ValueError("site.horizon has an azimuth twice.")
    return tuple(points)
