"""A logo as it may be kept: small, raster, and nothing left of the file that was uploaded."""

import base64
import io
import warnings
from typing import Any, Final

from django.utils.translation import gettext as _
from PIL import Image, ImageFile, ImageOps

from invoicing.errors import ValidationFailed

MAX_BYTES: Final = 1024 * 1024
MAX_PIXELS: Final = 12_000_000
MAX_WIDTH, MAX_HEIGHT = 640, 240
# SVG is no image but a document, with scripts and addresses in it.
FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")


def read_logo(file: Any) -> str:
    """An uploaded image, drawn anew as a small PNG, as a data URI. Raises ValidationFailed."""
    if file.size > MAX_BYTES:
        raise _refused(_("The file is larger than 1 MB."))
    content = file.read(MAX_BYTES + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Other libraries in this process may have told Pillow to fill what is cut off.
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                # Known before anything is unpacked: a small file can hold a huge picture.
                if image.width * image.height > MAX_PIXELS:
                    raise _refused(_("The picture has more than 12 million pixels."))
                drawn = ImageOps.exif_transpose(image).convert("RGBA")
    except ValidationFailed:
        raise
    except Exception as trouble:  # whatever a broken file does to the decoder
        raise _refused(_("This is not a PNG, JPEG, GIF or WebP picture.")) from trouble
    drawn.thumbnail((MAX_WIDTH, MAX_HEIGHT), Image.Resampling.LANCZOS)
    png = io.BytesIO()
    drawn.save(png, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode("ascii")


def _refused(message: str) -> ValidationFailed:
    return ValidationFailed([("logo", message)])
