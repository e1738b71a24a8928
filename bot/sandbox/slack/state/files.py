"""Files: the address to which an app uploads, and what people then see in the channel.

Completing an upload that never arrived fails instead of showing an empty file. A file is served as data, never as a
page, so no script in it can run.
"""

from __future__ import annotations

import mimetypes
import uuid
from dataclasses import dataclass
from typing import Any

INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}


@dataclass
class File:
    id: str
    name: str
    length: int
    data: bytes | None = None
    title: str = ""
    complete: bool = False

    @property
    def mimetype(self) -> str:
        guessed = mimetypes.guess_type(self.name)[0] or "text/plain"
        return guessed if guessed in INLINE else "text/plain"

    def api(self, base: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": self.name.rpartition(".")[2] or "text",
            "size": self.length,
            "mode": "hosted",
            "url_private": f"{base}/files/{self.id}",
            "url_private_download": f"{base}/files/{self.id}",
            "permalink": f"{base}/files/{self.id}",
        }


class Files:
    def __init__(self) -> None:
        self.files: dict[str, File] = {}

    def new(self, name: str, length: int) -> File:
        file = File(f"F{uuid.uuid4().hex[:10].upper()}", name, length)
        self.files[file.id] = file
        return file
