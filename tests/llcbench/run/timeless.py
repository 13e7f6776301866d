"""What of a record must be the same wherever and whenever it is made: all but times and memory."""

from collections.abc import Iterable

import msgspec

from llcbench.records import RunRecord

MEASURED = ("seconds_setup", "seconds_sampling", "peak_bytes")


def timeless(records: Iterable[RunRecord]) -> dict[str, bytes]:
    """Return the bytes of records as they are stored, without what depends on the machine."""
    return {record.key: msgspec.json.encode(_without(record)) for record in records}


def _without(record: RunRecord) -> RunRecord:
    same = dict.fromkeys(MEASURED, 0)
    return msgspec.structs.replace(
        record, estimate=msgspec.structs.replace(record.estimate, **same)
    )
