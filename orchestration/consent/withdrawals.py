"""Withdrawals of consent, as the ledger keeps them: whose data may not be here, without saying who they are.

A withdrawal is entered as a keyed digest (HMAC) of the study and the participant. Whoever delivers that
participant again is recognised; whoever reads the ledger learns nothing. The key is a random salt beside the
ledger, which keeps apart who has the ledger only from who has the warehouse: the latter can try identifiers,
as they can look for the gap that a row left. It is not the key of the pseudonyms, so that one which leaked
can be changed; withdrawals that earlier versions entered under that key take it for ever.
"""

import hmac
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orchestration.ledger import Entry
from orchestration.release.durable import make_folder, sync_folder
from orchestration.settings import Settings
from schemas.errors import StudyPackageError

PSEUDONYM_KEY = "pseudonym_key"
SALT = "salt"
_SALT_BYTES = 32
_CHECK_CHARACTERS = 16
FORM: Final = "NFC"
"""How an identifier is written before its digest is taken; entries of earlier versions do not say."""


class WithdrawalKeyError(StudyPackageError):
    """Who has withdrawn cannot be recognised: the key of their digests is not at hand."""


@dataclass(frozen=True)
class Key:
    """A key of digests; `kind` says where it comes from, and `check` tells it from others."""

    kind: str
    secret: bytes = field(repr=False)

    @property
    def check(self) -> str:
        """What tells this key from another, and nothing else of it."""
        return hmac.digest(self.secret, b"cohortmart withdrawal key", "sha256").hex()[:_CHECK_CHARACTERS]

    def digest(self, study_id: str, what: str, identifier: str) -> str:
        """Return the digest of an identifier; `what` is participant or sample."""
        text = "\0".join(("cohortmart withdrawal", study_id, what, identifier))
        return hmac.digest(self.secret, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def bare(identifier: str) -> str:
    """Return an identifier in one form, without the blanks and invisible characters around it.

    Those inside stay: they make another identifier.
    """
    text = unicodedata.normalize(FORM, identifier)
    seen = [place for place, c in enumerate(text) if c.isprintable() and not c.isspace()]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def _bare_before(identifier: str) -> str:
    """Return an identifier as earlier versions took its digest: without anything invisible, in any form."""
    return "".join(c for c in identifier if c.isprintable()).strip()


@dataclass(frozen=True)
class Withdrawn:
    """Everybody who has withdrawn from a study: the digests of participants and of their samples.

    Each lot of them with its key, and with how identifiers were written for it.
    """

    study_id: str
    keys: tuple[tuple[Key, Callable[[str], str], frozenset[str]], ...]

    def __bool__(self) -> bool:
        """Whether anybody has withdrawn."""
        return bool(self.keys)

    def has(self, identifier: str, what: str = "participant") -> bool:
        """Whether an identifier of the study, as a file writes it, is that of somebody who has withdrawn."""
        return any(
            key.digest(self.study_id, what, written(identifier)) in digests
            for key, written, digests in self.keys
        )


def new_key(settings: Settings) -> Key:
    """Return the key of new withdrawals, the salt; it is made when it is needed first, for its owner only."""
    path = _salt(settings)
    if not path.exists():
        make_folder(path.parent)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.unlink(missing_ok=True)
        opened = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_SALT_BYTES))
            file.flush()
            os.fsync(opened)
        partial.rename(path)
        sync_folder(path.parent)
    return Key(SALT, path.read_bytes())


def asked(entries: Iterable[Entry], study_id: str | None = None) -> list[Entry]:
    """Return the withdrawals that the ledger holds, of one study or of all."""
    return [
        entry
        for entry in entries
        if entry["kind"] == "withdrawal"
        and entry.get("step") == "asked"
        and study_id in (None, entry["study_id"])
    ]


def withdrawn_from(settings: Settings, entries: Iterable[Entry], study_id: str) -> Withdrawn:
    """Return everybody who has withdrawn from a study, recognisable.

    Raises:
        WithdrawalKeyError: a withdrawal was entered with a key that is not set, or a salt that is gone.
    """
    digests: dict[tuple[str, str, bool], set[str]] = {}
    for entry in asked(entries, study_id):
        lot = (entry["keyed_by"], entry["key_check"], entry.get("form") == FORM)
        found = digests.setdefault(lot, set())
        found |= {entry["participant_digest"], *entry["other_digests"], *entry["sample_digests"]}
    keys = []
    for (kind, check, is_new), found in digests.items():
        key = _read_key(settings, kind)
        if key is None or key.check != check:
            raise WithdrawalKeyError([_no_key(settings, study_id, kind)])
        keys.append((key, bare if is_new else _bare_before, frozenset(found)))
    return Withdrawn(study_id, tuple(keys))


def pending(entries: Iterable[Entry]) -> list[str]:
    """Return the studies of which a withdrawal was entered, but not yet carried out in the kept packages."""
    entries = list(entries)
    done = {
        digest
        for entry in entries
        if entry["kind"] == "withdrawal" and entry.get("step") == "cleaned"
        for digest in entry["participant_digests"]
    }
    return list(dict.fromkeys(e["study_id"] for e in asked(entries) if e["participant_digest"] not in done))


def digests_of(key: Key, study_id: str, identifiers: Iterable[str], what: str) -> list[str]:
    """Return the digests of identifiers, sorted, so that their order says nothing."""
    return sorted({key.digest(study_id, what, bare(identifier)) for identifier in identifiers})


def is_called(settings: Settings, study_id: str, name: str) -> Callable[[str], bool]:
    """Return whether an identifier is the one that somebody names, by itself or by its pseudonym."""
    from orchestration.privacy.pseudonyms import pseudonym  # noqa: PLC0415 - polars and duckdb

    wanted = bare(name)
    secret = settings.pseudonym_key
    if secret is None or not is_pseudonymous(settings, name):
        return lambda identifier: bare(identifier) == wanted
    # What landed is released under the pseudonym of the form in which it is written.
    return lambda identifier: (
        bare(identifier) == wanted
        or wanted in {pseudonym(secret, study_id, form) for form in {bare(identifier), identifier.strip()}}
    )


def is_pseudonymous(settings: Settings, name: str) -> bool:
    """Whether what somebody is called may be their pseudonym in a release."""
    from orchestration.privacy.pseudonyms import is_pseudonym  # noqa: PLC0415 - polars and duckdb

    return settings.pseudonym_key is not None and is_pseudonym(bare(name))


def pseudonym_of(settings: Settings, study_id: str, participant: str) -> list[str]:
    """Return the pseudonym of a participant, if there is a key of pseudonyms."""
    from orchestration.privacy.pseudonyms import pseudonym  # noqa: PLC0415 - duckdb

    key = settings.pseudonym_key
    return [pseudonym(key, study_id, participant)] if key else []


def _salt(settings: Settings) -> Path:
    return settings.ledger.with_name("withdrawal.salt")


def _pseudonym_key(settings: Settings) -> bytes:
    key = settings.pseudonym_key
    return key.get_secret_value().encode("utf-8", "surrogateescape") if key else b""


def _read_key(settings: Settings, kind: str) -> Key | None:
    if kind == PSEUDONYM_KEY:
        secret = _pseudonym_key(settings)
    else:
        path = _salt(settings)
        secret = path.read_bytes() if path.exists() else b""
    return Key(kind, secret) if secret else None


def _no_key(settings: Settings, study_id: str, kind: str) -> str:
    which = (
        "COHORTMART_PSEUDONYM_KEY as it was when their withdrawal was entered: set it"
        if kind == PSEUDONYM_KEY
        else f"{_salt(settings)} as it was when their withdrawal was entered: restore it from a backup"
    )
    return f"{study_id}: participants have withdrawn, and to recognise them takes {which}"
