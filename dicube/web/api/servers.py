"""Routes of the configured servers: which there are, and searching them.

A search is a POST, so that names and numbers of patients stay out of addresses, and with them out
of histories and logs.
"""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from dicube.exceptions import PacsError
from dicube.pacs import PacsServer, Query, open_client
from dicube.web.services import Services, services_of

router = APIRouter(prefix="/api/servers")
Given = Annotated[Services, Depends(services_of)]

_MOST_ANSWERS = 500
Key = Annotated[str | None, Field(max_length=200)]


class Search(BaseModel):
    """Matching keys; see `dicube.pacs.Query`."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["patient", "study", "series"]
    patient_id: Key = None
    patient_name: Key = None
    study_uid: Key = None
    accession_number: Key = None
    study_date: Key = None
    modality: Key = None
    study_description: Key = None


@router.get("")
def listed(services: Given) -> dict[str, Any]:
    """The servers by name; addresses and secrets stay here."""
    return {"servers": list(services.settings.servers)}


@router.post("/{name}/echo")
def echo(name: str, services: Given) -> dict[str, bool]:
    """Whether a server answers; if not, the error says why."""
    with open_client(_server(services, name)) as client:
        client.echo()
    return {"ok": True}


@router.post("/{name}/search")
def search(name: str, asked: Search, services: Given) -> dict[str, Any]:
    """Patients, studies or series; `isCut` says whether there may be more of them."""
    keys = {key: value for key, value in asked.model_dump(exclude={"level"}).items() if value}
    query = Query(**keys, limit=_MOST_ANSWERS)
    with open_client(_server(services, name)) as client:
        found: list[Any]
        if asked.level == "patient":
            found = [*client.find_patients(query)]
        elif asked.level == "study":
            found = [*client.find_studies(query)]
        else:
            found = [*client.find_series(query)]
    return {"matches": [asdict(match) for match in found], "isCut": len(found) >= _MOST_ANSWERS}


def _server(services: Services, name: str) -> PacsServer:
    server = services.settings.servers.get(name)
    if server is None:
        raise PacsError("there is no server of this name", hint="see the configuration")
    return server
