"""README.txt of an export: what it is, in plain words, for who gets the folder and not the warehouse."""

import textwrap
from collections.abc import Mapping

from orchestration.privacy.export_folder import ExportedTable

_SAFE_HARBOR = """\
This export follows the Safe Harbor method of the HIPAA Privacy Rule, 45 CFR 164.514(b)(2): it holds none
of the listed identifiers. It does not relieve whoever uses it of the rule's other half: nobody may know
of a way to find out who somebody is from it.

Participants, samples and bouts have numbers that were drawn at random for this export. They are the same
in all of its tables and in no other export, and no list of them was kept. Rows are in the order of the
numbers.

Of all dates only the year of day 0 is left (index_year); everything else is counted in days from day 0. A
second year would, together with the days between the two, narrow both dates down to days.

Whoever is followed to the data cutoff has a time that ends on a known day, which would give day 0 away.
So everybody's follow-up is cut where it would end for somebody who started on 31 December of the same
year: times beyond that end there, with the reason data_cutoff, and events beyond it are not in the
export. The cut depends on the year alone, so estimates are not biased by it; they have up to a year of
follow-up less than the warehouse's. Studies with dates from a made-up origin (nominal dates) are not cut.
What ended with the reason data_cutoff does not say from which record, cut or not.

age_years is in whole years, and 90 means 90 or older. Whoever could be older than 89 before the last of
their times is counted there too, and has no index_year: an age and a time add up to an age. As every year
has its own cut, theirs is that of the last year in which anybody of the study started; where that is the
year of the data cutoff, hardly any of their follow-up is left.

Names of visits and timepoints are kept if made of common words and at most one number of three digits
(week_12, post_30min). Any other may be a date, and is a number within its participant instead (visit 2); the
numbers are in random order, and those of two participants have nothing to do with each other.

Left out: places, free text, file names and lines of the delivered data, and the audit tables.
"""

_SHIFTED = """\
THIS IS NOT SAFE HARBOR. The dates in it are false, but they are dates, and participants have pseudonyms
that whoever holds the key can turn back. Under the HIPAA Privacy Rule it is at most a limited data set
(45 CFR 164.514(e)): hand it on under a data use agreement only.

It is for work within a collaboration that needs the order and distance of dates, such as seasons of no
interest and intervals across tables: every date of a participant is moved by the same number of days,
between -364 and 364 and never 0, and intervals are true.

Everybody may know the data cutoff, and a time that ends there tells its day 0. So follow-up is cut, for
everybody of a study on the same shifted day, 365 days before the cutoff: in truth 1 to 729 days before it.
Times beyond end there with the reason data_cutoff; events, dates and other intervals beyond are not in the
export, nor is the index date of who started later. Everybody is cut by a number that has nothing to do with
them, so estimates are not biased by it; they have a year less of follow-up on average. Studies with dates
from a made-up origin (nominal dates) are not cut.

Names of visits and timepoints are kept if made of common words and at most one number of three digits
(week_12, post_30min). Any other may be a date, and is a number within its participant instead (visit 2); the
numbers are in random order, and those of two participants have nothing to do with each other.

Limits. Recruitment of a study begins on a known day, so a shifted date before it bounds the shift of its
participant, the further before the tighter. Calendar years, weekdays and seasons are wrong by design.
Whoever knows one true date of a participant knows them all. Pseudonyms and shifts are the same in every
export under one key, of this release or another: two exports can be compared and put together, participant
by participant, and what each adds (records, studies, corrections) adds up. It must be so: of many different
shifts of one date, the first and the last would enclose it. Use another key for readers who must not put
their exports together, and never give one reader exports under two keys.

Left out: free text, file names and lines of the delivered data, and the audit tables. Ages, sex and
places are as in the warehouse.
"""

_AGGREGATE = """\
This export holds counts and what is estimated from them, and no row about one participant. No count of 1
to 10 participants is in it or follows from it. Zero is shown only where no count of the same kind (arms;
events of an arm; classes of first events of an arm; its sex and age; its biomarkers) is hidden.

A count that is not shown is empty, and is_suppressed is true. It may be 0, or between 1 and 10, or another
count would follow from it: the three are not told apart. Of counts of a kind that are hidden one at least is
not 0. A time of a curve is hidden also where nobody left between it and another time that is shown.

Why nothing follows. Participants are parted into groups that no shown count tells apart. A count is shown
only if every such group has 0 or at least 11 members once the count is known. Whatever is computed from
shown counts is about whole groups. Sums, differences between endpoints, times, arms, policies and levels,
and numbers at risk are covered, as all are counts of participants.

The order of importance decides what is shown when not everything can be: participants, arms, endings of
the broadest endpoint and of overall survival, their curves at the landmarks, at years and at half years,
the endings of the other endpoints, classes of first events, sex and age, biomarkers, the other curves, the
other censoring policies, and events by a time whose other counts are hidden. The order does not depend on the
participants.

n_event, n_competing and n_censored of a curve are those up to and on the day at which `years` of 365.25
days have passed; n_remaining are still followed after it. Survival, incidence and their intervals are
actuarial estimates (Cutler and Ederer 1958) computed from the counts shown, so they say no more than
these; they are left empty where the counts are more than two years apart and somebody was censored
between them, and differ from the warehouse's Kaplan-Meier estimates in the second decimal.

Hazard ratios and ratios of biomarkers are the warehouse's, rounded to two decimals (p-values to two
significant digits), and shown only where the counts of participants, events and pairs behind them are, and
hazard ratios where each arm has at least 20 events and they are between 0.1 and 10.

Two exports of different releases differ by what changed between them: participants who came or left, a later
data cutoff, a corrected file. That may be about a few participants, whose numbers follow from the difference,
and nothing here guards against it: give a reader one, or the later in place of the earlier.

A study with few participants may show nothing but their number, or not even that (fewer than 11).
"""

_EVERY_PROFILE = """\
Every table is a Parquet file with page checksums; manifest.json has the sha256 of each file, and says
what was changed in it or left out, and why.
"""


def _paragraphs(text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


NOTES: Mapping[str, list[str]] = {
    "safe-harbor": _paragraphs(_SAFE_HARBOR),
    "shifted": _paragraphs(_SHIFTED),
    "aggregate": _paragraphs(_AGGREGATE),
}
"""What every export of a profile says of itself, a paragraph each."""


def text(profile: str, release_id: str, tables: Mapping[str, ExportedTable]) -> str:
    """Write the README of an export."""
    title = f"cohortmart export, profile {profile}, of release {release_id}"
    paragraphs = [title, *NOTES[profile], *_paragraphs(_EVERY_PROFILE)]
    listing = "\n".join(f"  {name}: {table.rows:,} rows" for name, table in sorted(tables.items()))
    return "\n\n".join(textwrap.fill(p, 100) for p in paragraphs) + f"\n\nTables\n{listing}\n"
