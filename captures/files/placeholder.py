"""What a page shows in place of a thumbnail that is still being rendered."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from captures.files.serving import Served
from captures.files.stored_copy import StoredCopy
from core.api.problems import mark_expected

LONGER_SIDE = 16
"""No thumbnail is so small: `static/js/thumbnails.js` knows the placeholder by it."""
DEFAULT_SHAPE = 4, 3
HEADERS = {"Retry-After": "2", "Cache-Control": "no-store"}
# The greys of the surface behind pictures, which is the same in all themes. A picture has no styles of the page.
DRAWING = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width:.2f}" height="{height:.2f}"
  viewBox="0 0 {width:.2f} {height:.2f}">
<rect width="100%" height="100%" fill="#272c35"/>
<text x="50%" y="50%" fill="#9199a6" font-family="sans-serif" font-size="1.5" text-anchor="middle">Being rendered</text>
</svg>
"""


def wants_image(request: Request) -> bool:
    """Whether an `img` of a page asks. Programs get a problem."""
    return "image/" in request.headers.get("Accept", "")


def placeholder_response(file: Served) -> HttpResponse:
    """A grey picture of the file's shape. 503, so that it is kept by no cache and taken for no thumbnail; browsers show
    a picture whatever the status is."""
    content = placeholder(*shape_of(file))
    return mark_expected(HttpResponse(content, content_type="image/svg+xml", status=503, headers=HEADERS))


def placeholder(width: float, height: float) -> str:
    """As SVG; its longer side has LONGER_SIDE pixels."""
    scale = LONGER_SIDE / max(width, height)
    return DRAWING.format(width=width * scale, height=height * scale)


def shape_of(file: Served) -> tuple[float, float]:
    if isinstance(file, StoredCopy) or not file.width or not file.height:
        return DEFAULT_SHAPE
    return file.width, file.height
