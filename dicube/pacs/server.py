"""PacsServer: where a DICOM server is, and how to call it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

from dicube.exceptions import PacsError

RetrieveBy = Literal["auto", "get", "move", "web"]
_MAX_AE_TITLE: Final = 16  # PS3.5 6.2, VR AE
_LEAST_PDU_BYTES: Final = 4096
_MOST_PDU_BYTES: Final = 1 << 24
_PORTS: Final = range(1, 65536)


@dataclass(frozen=True)
class PacsServer:
    r"""One DICOM server; nothing is connected before a client is opened.

    Attributes
    ----------
    name : str
        What the user calls it.
    host : str
        Name or address; "" for a server that is only reached over DICOMweb.
    port : int
        Of its DIMSE services; 104 and 11112 are registered for DICOM (PS3.8 9.1.1).
    called_aet, calling_aet : str
        AE titles of the server and of us: up to 16 characters, no backslash (PS3.5 6.2).
    calling_port : int, optional
        Where we listen for what a C-MOVE sends; the server has to know it under `calling_aet`.
        Without it C-MOVE is not used.
    calling_host : str
        Address on which the receiver listens; "" is every interface of this machine.
    dicomweb_url : str, optional
        Root of QIDO-RS, WADO-RS and STOW-RS, such as "https://pacs.example/dicom-web".
    retrieve : "auto", "get", "move" or "web"
        How instances are fetched. "auto" is C-GET, or C-MOVE where the server has no C-GET;
        DICOMweb where there is no `host`.
    timeout_s : float
        For a connection and for each answer.
    associations : int
        How many associations (or HTTP requests) one client has open at a time.
    max_pdu_bytes : int
        The longest P-DATA-TF PDU we take (PS3.8 D.1).
    tls : bool
        DIMSE over TLS (PS3.15 B.1); DICOMweb uses it where the address is https.
    tls_ca_file, tls_cert_file, tls_key_file : Path, optional
        Who is trusted instead of the authorities of the system; what we show of ourselves.
    user, password, authorization : str, optional
        For DICOMweb: HTTP Basic, or a whole Authorization header such as "Bearer ...". They never
        show in `repr`, and `load_servers` takes them from the environment only.
    """

    name: str
    host: str = ""
    port: int = 104
    called_aet: str = "ANY-SCP"
    calling_aet: str = "DICUBE"
    calling_port: int | None = None
    calling_host: str = ""
    dicomweb_url: str | None = None
    retrieve: RetrieveBy = "auto"
    timeout_s: float = 30.0
    associations: int = 2
    max_pdu_bytes: int = 1 << 18
    tls: bool = False
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what no server can be reached with.

        Raises
        ------
        PacsError
            A title, port or number is out of range, or there is neither host nor address.
        """
        for what, title in (("called", self.called_aet), ("calling", self.calling_aet)):
            if not 0 < len(title.strip()) <= _MAX_AE_TITLE or not _is_ae_title(title):
                raise self._wrong(
                    f"the {what} AE title is {title!r}; 1 to 16 ASCII characters are allowed,"
                    " no backslash"
                )
        for what, port in (("port", self.port), ("calling_port", self.calling_port)):
            if port is not None and port not in _PORTS:
                raise self._wrong(f"{what} is {port}, ports are 1 to 65535")
        if self.retrieve not in get_args(RetrieveBy):
            raise self._wrong(f"retrieve is {self.retrieve!r}; auto, get, move and web are known")
        if not self.host and not self.dicomweb_url:
            raise self._wrong("neither a host nor a DICOMweb address is given")
        if self.retrieve == "web" and not self.dicomweb_url:
            raise self._wrong('retrieve is "web" and there is no dicomweb_url')
        if self.retrieve == "move" and self.calling_port is None:
            raise self._wrong('retrieve is "move" and there is no calling_port to receive at')
        if self.timeout_s <= 0 or self.associations < 1:
            raise self._wrong("timeout_s and associations have to be above 0")
        if not _LEAST_PDU_BYTES <= self.max_pdu_bytes <= _MOST_PDU_BYTES:
            raise self._wrong(
                f"max_pdu_bytes is {self.max_pdu_bytes}, {_LEAST_PDU_BYTES} to {_MOST_PDU_BYTES}"
                " are allowed"
            )

    @property
    def uses_web(self) -> bool:
        """Whether the server is spoken to over DICOMweb."""
        return self.retrieve == "web" or not self.host

    @property
    def where(self) -> str:
        """The server in messages: its name, and where it is."""
        place = self.dicomweb_url if self.uses_web else f"{self.called_aet}@{self.host}:{self.port}"
        return f"{self.name} ({place})"

    def _wrong(self, what: str) -> PacsError:
        return PacsError(what, where=self.name, hint="correct the settings of this server")


def _is_ae_title(title: str) -> bool:
    return all(" " <= character <= "~" and character != "\\" for character in title)
