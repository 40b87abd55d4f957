"""Personas: how a brand speaks and looks."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from interfaces.api.answers import Answer
from interfaces.api.bodies import check_text
from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from library import (
    StoredPersona,
    find_persona,
    list_personas,
    remove_persona,
    save_persona,
)
from studio.operations import read_persona

router = APIRouter(route_class=KeyFirst, tags=["personas"], prefix="/personas")

_Name = Annotated[str, Path(max_length=60, examples=["acme"])]


class PersonaRequest(BaseModel):
    """What a persona says."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"tone": "calm and bold", "avoid": ["cheap"]}},
    )

    tone: str = Field(default="", max_length=1_000, description="How it sounds, in a few words.")
    palette: str = Field(default="", max_length=1_000, description="Up to six colours: #rrggbb.")
    vocabulary: list[str] = Field(
        default_factory=list, max_length=100, description="Words that join every prompt."
    )
    avoid: list[str] = Field(
        default_factory=list, max_length=100, description="Words that no prompt may have."
    )
    style: str = Field(default="", max_length=1_000, description="Where a request names none.")


class Persona(Answer):
    """A persona."""

    name: str
    tone: str
    palette: str
    vocabulary: list[str]
    avoid: list[str]
    style: str
    updated_at: datetime

    @classmethod
    def of(cls, stored: StoredPersona) -> Persona:
        """Return a persona as an answer."""
        return cls(**stored.persona.model_dump(mode="json"), updated_at=stored.updated_at)


class Personas(Answer):
    """The workspace's personas."""

    personas: list[Persona]


@router.get("", operation_id="list_personas", summary="List personas", responses=refuses())
def list_all(who: Reader, studio: StudioHere) -> Personas:
    """List the workspace's personas by name."""
    with studio.database.read() as connection:
        found = list_personas(connection, who.owner)
    return Personas(personas=[Persona.of(each) for each in found])


@router.get("/{name}", operation_id="get_persona", summary="Show a persona", responses=refuses(404))
def show(who: Reader, studio: StudioHere, name: _Name) -> Persona:
    """Show a persona."""
    with studio.database.read() as connection:
        return Persona.of(find_persona(connection, who.owner, name))


@router.put("/{name}", operation_id="set_persona", summary="Store a persona", responses=refuses())
def store(who: Runner, studio: StudioHere, name: _Name, wanted: PersonaRequest) -> Persona:
    """Store a persona, in the place of one of that name."""
    values = wanted.model_dump()
    check_text(values)
    persona = read_persona({**values, "name": name})

    def save(connection: Connection) -> StoredPersona:
        save_persona(connection, who.owner, persona)
        return find_persona(connection, who.owner, persona.name)

    return Persona.of(studio.database.write(save))


@router.delete(
    "/{name}",
    operation_id="remove_persona",
    summary="Forget a persona",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refuses(404),
)
def remove(who: Runner, studio: StudioHere, name: _Name) -> None:
    """Forget a persona; pictures that were made with it keep its words."""
    studio.database.write(lambda connection: remove_persona(connection, who.owner, name))
