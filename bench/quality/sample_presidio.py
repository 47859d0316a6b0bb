"""Takes every seventh text of Presidio's generated development set (MIT, see PRESIDIO-LICENSE):
`sample_presidio.py presidio_research_generated_large.jsonl`. Titles, domains and dates that are no birth dates count neither way."""

import json
import pathlib
import sys

OPTIONAL = ("DATE_TIME", "DOMAIN_NAME", "TITLE", "PREFIX")


def main():
    rows = []
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines()[::7]:
        row = json.loads(line)
        entities = [{"type": e["type"], "start": e["start"], "end": e["end"], **({"optional": True} if e["type"] in OPTIONAL else {})} for e in row["entities"]]
        rows.append(json.dumps({"id": row["id"], "text": row["text"], "entities": entities}, ensure_ascii=False) + "\n")
    (pathlib.Path(__file__).parent / "sets/dev/presidio.text.jsonl").write_text("".join(rows))


main()
