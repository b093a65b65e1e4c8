"""`dicube pacs receive`: a storage SCP that keeps what it is sent."""

import time
from pathlib import Path

import typer

from dicube.cli.text import count_text, printable, size_text
from dicube.exceptions import PacsError
from dicube.pacs.inbox import Inbox
from dicube.pacs.receiver import Receiver
from dicube.pacs.server import PacsServer

_LOOKS_EVERY_S = 0.5


def listen(server: PacsServer, folder: Path) -> None:
    """Receive until interrupted, and say what arrived."""
    if server.calling_port is None:
        raise PacsError("no port to listen at", hint="give --calling-port")
    with (
        Inbox(folder, None) as inbox,
        Receiver(
            server.calling_aet,
            server.calling_port,
            host=server.calling_host,
            timeout_s=server.timeout_s,
            max_pdu_bytes=server.max_pdu_bytes,
        ) as receiver,
        receiver.expecting(inbox),
    ):
        typer.echo(f"{printable(server.calling_aet)} listens at port {receiver.port}", err=True)
        try:
            while inbox.failure is None:
                time.sleep(_LOOKS_EVERY_S)
            raise inbox.failure
        finally:
            received = count_text(inbox.received, "instance")
            typer.echo(f"{received} received, {size_text(inbox.bytes)}")
            for finding in inbox.findings:
                typer.echo(f"  {printable(finding)}")
