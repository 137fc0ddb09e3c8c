"""Files: evidence for disputes, uploaded by multipart."""

from pathlib import PurePath

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import DAY, World

_TYPES = {"png": "png", "jpg": "jpg", "jpeg": "jpg", "pdf": "pdf"}
_MOST_BYTES = 5 * 1024 * 1024


def create(world: World, params: Object) -> Object:
    """Take a file; only its size and kind are remembered."""
    given = params["file"]
    if not isinstance(given, tuple):
        raise ApiError("Invalid file: send it as multipart/form-data.", param="file")
    name, _, content = given
    kind = _TYPES.get(PurePath(name).suffix.lower().lstrip("."))
    if params["purpose"] == "dispute_evidence":
        if kind is None:
            raise ApiError(
                "Evidence must be a PDF, JPEG or PNG file.",
                code="file_type_not_supported",
                param="file",
            )
        if len(content) > _MOST_BYTES:
            raise ApiError("Evidence may have at most 5 MB.", param="file")
    found = world.made(
        "file",
        "file_",
        expires_at=world.now + 730 * DAY,
        filename=name,
        links={"object": "list", "data": [], "has_more": False, "url": None},
        purpose=params["purpose"],
        size=len(content),
        title=None,
        type=kind,
        url=None,
    )
    del found["livemode"]
    found["links"]["url"] = f"/v1/file_links?file={found['id']}"
    found["url"] = f"{world.public_url}/v1/files/{found['id']}/contents"
    return world.save(found)
