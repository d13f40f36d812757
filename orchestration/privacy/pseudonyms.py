"""Keyed pseudonyms: who holds the key can say whose rows they are, nobody else can.

A pseudonym is an HMAC (RFC 2104) under the key, so it is the same in every build and another in every study,
and an identifier cannot be found by trying all of them, as it could with a hash that has no key.
"""

import hmac
import re
from collections.abc import Iterable

import duckdb
import numpy as np
import pyarrow as pa
from pydantic import SecretStr

from schemas.records import RECORDS

# What a column's pseudonyms begin with: participant, sample, bout, exercise session.
LETTERS = {"participant_id": "P", "sample_id": "S", "bout_id": "B", "session_id": "E"}
WITHHELD = "(withheld)"
# NIST SP 800-107: a key of an HMAC has the strength of its bits, and 112 are the least that is held safe.
STRONG_KEY_BYTES = 16

# 80 bits: among a million participants two meet with a chance of 4 in 10^13, and the build would stop.
_DIGEST_BYTES = 10
_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", dtype=np.uint8)
_PSEUDONYM = re.compile(f"[{''.join(LETTERS.values())}][A-Z2-7]{{16}}")


class PseudonymCollisionError(RuntimeError):
    """Two identifiers have one pseudonym; nothing can be released that mixes two people up."""


def weakness(key: str | SecretStr) -> str:
    """Say why a key is weak, in a sentence for the terminal without the key; "" when it is not."""
    n_bytes = len(_secret(key))
    if n_bytes >= STRONG_KEY_BYTES:
        return ""
    return (
        f"COHORTMART_PSEUDONYM_KEY has {n_bytes} bytes: whoever has a release could find it by trying, and"
        f" with it who is who. Better: {STRONG_KEY_BYTES} random bytes or more, as `openssl rand -base64 32`"
        " writes them."
    )


def pseudonym(key: str | SecretStr, study_id: str, identifier: str, column: str = "participant_id") -> str:
    """Return the pseudonym of one identifier: a letter for what it names, and 16 characters of base32.

    Args:
        key: the key of the warehouse.
        study_id: the study; the same identifier in another study has another pseudonym.
        identifier: as the study package writes it.
        column: the column of the contract it stands in, one of `LETTERS`.
    """
    return _pseudonyms(key, column, [study_id], [identifier])[0]


def is_pseudonym(text: str) -> bool:
    """Whether a text has the form of a pseudonym."""
    return _PSEUDONYM.fullmatch(text) is not None


def pseudonymise(con: duckdb.DuckDBPyConnection, key: str | SecretStr) -> None:
    """Put pseudonyms in the place of every direct identifier of a build database.

    Every column of `raw` that the contract calls a direct identifier, in every study, and the keys of
    quarantined rows. An identifier may stand in any column of a row that was set aside, so every value of
    `audit.quarantine` and every row as written is withheld, and its reason only names column and rule.

    Args:
        con: a build database whose studies have landed, and whose rules across records have been applied.
        key: the key of the warehouse.

    Raises:
        PseudonymCollisionError: two identifiers have one pseudonym; nothing was changed.
    """
    con.begin()
    try:
        for column in LETTERS:
            _replace(con, key, column)
        _mask_quarantine(con)
        con.commit()
    except BaseException:
        con.rollback()
        raise
    finally:
        con.execute("drop table if exists temp.pseudonyms")


def _secret(key: str | SecretStr) -> bytes:
    text = key.get_secret_value() if isinstance(key, SecretStr) else key
    # A variable of the environment may hold any bytes; those that are no text stand for themselves.
    return text.encode("utf-8", "surrogateescape")


def _pseudonyms(
    key: str | SecretStr, column: str, study_ids: Iterable[str], identifiers: Iterable[str]
) -> list[str]:
    """Return the pseudonyms of identifiers of one column, each with its study."""
    secret, domain = _secret(key), column.encode()
    digests = b"".join(
        hmac.digest(secret, b"\0".join((study_id.encode(), domain, identifier.encode())), "sha256")[
            :_DIGEST_BYTES
        ]
        for study_id, identifier in zip(study_ids, identifiers, strict=True)
    )
    if not digests:
        return []
    # Five bits a character, all at once: the library's base32 takes one value at a time, slowly.
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8)).reshape(-1, 5)
    letters = _ALPHABET[bits @ np.array([16, 8, 4, 2, 1], dtype=np.uint8)].tobytes().decode("ascii")
    length = _DIGEST_BYTES * 8 // 5
    return [LETTERS[column] + letters[at : at + length] for at in range(0, len(letters), length)]


def _places(con: duckdb.DuckDBPyConnection, column: str) -> list[tuple[str, str, str]]:
    """Return where identifiers of a column stand in `raw`: table, column, and a condition on its rows."""
    tables = con.execute(
        "select table_name from duckdb_columns() where schema_name = 'raw' and column_name = ? order by all",
        [column],
    ).fetchall()
    keyed = [f"'{record.name}'" for record in RECORDS.values() if record.key[0] == column]
    return [
        *((f"raw.{table}", column, "true") for (table,) in tables),
        ("raw.quarantined_key", "key_value", f"record in ({', '.join(keyed)})"),
    ]


def _replace(con: duckdb.DuckDBPyConnection, key: str | SecretStr, column: str) -> None:
    places = _places(con, column)
    everywhere = " union ".join(
        f"select study_id, {name} as identifier from {table} where {name} is not null and {condition}"
        for table, name, condition in places
    )
    known = con.execute(everywhere).to_arrow_table()
    columns = [known["study_id"], known["identifier"]]
    made = _pseudonyms(key, column, *(values.to_pylist() for values in columns))
    _assert_distinct(column, made)
    con.register("made", pa.table([*columns, pa.array(made, pa.string())], ["study_id", "known", "made"]))
    con.execute("create or replace temp table pseudonyms as from made")
    con.unregister("made")
    for table, name, condition in places:
        con.execute(
            f"""
            create or replace table {table} as
            select r.* replace (if({condition}, p.made, r.{name}) as {name})
            from {table} as r
            left join pseudonyms as p on p.study_id = r.study_id and p.known = r.{name}
            """
        )


def _assert_distinct(column: str, made: list[str]) -> None:
    if twice := len(made) - len(set(made)):
        raise PseudonymCollisionError(
            f"{twice} pseudonyms of {column} stand for two identifiers each: build with another"
            " COHORTMART_PSEUDONYM_KEY"
        )


def _mask_quarantine(con: duckdb.DuckDBPyConnection) -> None:
    """Leave of quarantined rows where they stand and which rule they broke: nothing that comes from them."""
    con.execute(
        f"""
        update audit.quarantine
        set row_text = '{WITHHELD}',
            value = if(value <> '', '{WITHHELD}', value),
            reason = if(column_name <> '', column_name, 'the row') || ' breaks the rule '
                || replace(rule, '_', ' ') || ' (value not shown)'
        """
    )
