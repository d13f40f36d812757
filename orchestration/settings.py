"""Where a warehouse lives and which studies it holds."""

import datetime as dt
import os
import re
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# The databases of Dagster and Great Expectations are named by URL, where these mean something else.
_MISREAD_IN_PATHS = "?#%$"

# Far above what helps on any machine, and below what makes DuckDB run out of stacks.
MAX_THREADS = 1024

_NIGHTLY = "0 2 * * *"


class Settings(BaseSettings):
    """Settings of one warehouse, read from `COHORTMART_*` environment variables; an empty one is not set.

    `home` is the only folder in which anything is kept; scratch files lie in the system's temporary folder.
    `studies` are the study packages of a build, separated in the environment as in PATH; none means the
    studies that ship. `nightly_cron` and `time_zone` (an IANA name) say when Dagster rebuilds. `threads` is
    how many threads DuckDB uses; no result depends on it.

    `data_cutoff` is a day after which nothing counts, in every study whose own cutoff is later. `inputs_of`
    is a release (`current` or its id) whose study packages are built again; `studies` take the place of those
    of the same study. `despite_lock` is the reason for which a locked study may change. `pseudonym_key` keys
    the pseudonyms of a release; it is never written anywhere.
    """

    model_config = SettingsConfigDict(
        env_prefix="COHORTMART_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Path("data")
    studies: Annotated[tuple[Path, ...], NoDecode] = Field(default=())
    nightly_cron: str = _NIGHTLY
    time_zone: str = "UTC"
    data_cutoff: dt.date | None = None
    inputs_of: str = ""
    despite_lock: str = ""
    pseudonym_key: SecretStr | None = None
    threads: int = Field(default_factory=lambda: min(os.cpu_count() or 1, MAX_THREADS))

    @field_validator("studies", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        home = value.expanduser().absolute()
        if misread := [c for c in _MISREAD_IN_PATHS if c in str(home)]:
            raise ValueError(
                f"a warehouse cannot lie in {home}: its databases would misread {' '.join(misread)}; "
                "accepted: a folder without it"
            )
        if home.exists() and not home.is_dir():
            raise ValueError(f"{home} is a file; accepted: a folder, which need not exist yet")
        return home

    @field_validator("data_cutoff", mode="before")
    @classmethod
    def _day(cls, value: object) -> object:
        # A number would be taken for seconds since 1970.
        if isinstance(value, str):
            if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value.strip(), re.ASCII):
                raise ValueError(f"`{value}` is no day; accepted: year-month-day, such as 2012-12-31")
            try:
                return dt.date.fromisoformat(value.strip())
            except ValueError:
                raise ValueError(
                    f"`{value}` is not a day of the calendar; accepted: year-month-day, such as 2012-12-31"
                ) from None
        return value

    @field_validator("threads", mode="before")
    @classmethod
    def _whole_number(cls, value: object) -> object:
        written = str(value).strip()
        if re.fullmatch("[0-9]{1,9}", written, re.ASCII) and 1 <= int(written) <= MAX_THREADS:
            return int(written)
        raise ValueError(f"`{value}` is no number of threads; accepted: a whole number, 1 to {MAX_THREADS}")

    @field_validator("nightly_cron")
    @classmethod
    def _known_schedule(cls, value: str) -> str:
        if value != _NIGHTLY:
            # Dagster is slow to import, and is asked for nothing else here.
            from dagster._utils.schedules import is_valid_cron_schedule  # noqa: PLC0415

            if not is_valid_cron_schedule(value):
                raise ValueError(
                    f"`{value}` is no schedule; accepted: minute, hour, day of the month, month and day of "
                    f"the week as cron writes them, such as {_NIGHTLY}"
                )
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"`{value}` is no time zone; accepted: an IANA name such as Europe/Berlin")
        return value

    @property
    def deliveries(self) -> Path:
        """Every study package as it was delivered, by study and sha256."""
        return self.home / "deliveries"

    @property
    def ledger(self) -> Path:
        """The append-only record of deliveries, builds and publications."""
        return self.home / "ledger" / "ledger.jsonl"

    @property
    def lock(self) -> Path:
        """Held by whatever changes the warehouse: a build, a rollback, a removal."""
        return self.home / "build.lock"

    @property
    def landed(self) -> Path:
        """What each kept delivery landed as, so that an unchanged study is not landed again."""
        return self.home / "landed"

    @property
    def build(self) -> Path:
        """What the present run builds, or what the last one left."""
        return self.home / "build"

    @property
    def build_database(self) -> Path:
        """The private database of the present run."""
        return self.build / "build.duckdb"

    @property
    def releases(self) -> Path:
        """Immutable releases."""
        return self.home / "warehouse" / "releases"

    @property
    def current(self) -> Path:
        """The pointer to the release that readers open."""
        return self.home / "warehouse" / "current"

    @property
    def dbt_target(self) -> Path:
        """What dbt parsed and compiled."""
        return self.home / "dbt"

    @property
    def dagster_home(self) -> Path:
        """Dagster's run history, schedules and settings."""
        return self.home / "dagster"
