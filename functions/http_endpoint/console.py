"""The page for people: which tasks there are, what became of one, what an event would do. It holds no data itself."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Final

from http_endpoint.answers import Answer

_FOLDER: Final = Path(__file__).parent


def page() -> Answer:
    """One HTML document; the browser runs this very script and style and asks nobody but this endpoint."""
    script = (_FOLDER / "console.js").read_text("utf-8")
    html = (_FOLDER / "console.html").read_text("utf-8").replace("$script", script)
    style = html.partition("<style>")[2].partition("</style>")[0]
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return Answer(200, "text/html", html, headers=headers)


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
