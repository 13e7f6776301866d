"""Check a list of germs against volumes: ``python -m theory.volume GERMS.toml OUT.csv``."""

import csv
import io
import sys
from pathlib import Path

from theory import files
from theory.volume.germs import VolumeCheck, check, load


def main(arguments: list[str]) -> int:
    """Write one line per germ; return 1 if one of them does not agree."""
    if len(arguments) != 2:
        print("usage: python -m theory.volume GERMS.toml OUT.csv", file=sys.stderr)
        return 2
    germs, out = load(Path(arguments[0])), Path(arguments[1])
    rows = []
    for k, germ in enumerate(germs):
        rows.append(check(germ, seed=k))
        print(" | ".join(rows[-1].cells()), flush=True)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(VolumeCheck.header())
    writer.writerows(row.cells() for row in rows)
    files.write(out, lines.getvalue())
    agreeing = sum(row.agrees == "yes" for row in rows)
    for name in ("shifted", "other_order"):
        pairs = [tuple(map(int, getattr(row, name).split("/"))) for row in rows]
        caught, tried = (sum(column) for column in zip(*pairs, strict=True))
        print(f"wrong claims rejected, {name}: {caught} of {tried}")
    print(f"{agreeing} of {len(rows)} germs agree")
    return int(agreeing < len(rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
