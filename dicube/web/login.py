"""The page that asks for the token; plain, because no file is given out before it is known."""

from typing import Final

from starlette.responses import HTMLResponse

_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>DiCube</title></head>
<body>
<main>
<h1>DiCube</h1>
<form method="post" action="/login">
<p>{message}</p>
<p><label>Token <input type="password" name="token" autocomplete="current-password" required
autofocus></label> <button>Log in</button></p>
</form>
</main>
</body>
</html>
"""


def login_page(*, wrong: bool) -> HTMLResponse:
    """The form; status 403 after a wrong token."""
    message = "That is not the token." if wrong else "The token was shown when the server started."
    return HTMLResponse(_PAGE.format(message=message), 403 if wrong else 200)
