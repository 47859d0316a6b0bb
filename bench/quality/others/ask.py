"""Asks other detectors for the labelled sets: `ask.py TOOL OUT SET...` writes OUT/dev/records.jsonl and so on, with the CPU time
of each on standard error. `cargo xtask score --answers OUT` scores them by the rule that Carnet is scored by.

TOOL is presidio (its default recognisers), presidio-all (every pattern recogniser it ships, all set to English), or contextforge."""

import json
import pathlib
import sys
import time


def presidio(everything):
    import inspect

    import presidio_analyzer.predefined_recognizers as shipped
    import spacy
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        """No spaCy model can be had from PyPI, so there are no names and places; tokens and context words work."""

        def __init__(self):
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self):
            pass

    engine = Blank()
    registry = RecognizerRegistry(supported_languages=["en"])
    if everything:
        for _, cls in inspect.getmembers(shipped, inspect.isclass):
            # Phones are found by a library, not by a pattern.
            if (issubclass(cls, PatternRecognizer) or cls is shipped.PhoneRecognizer) and cls is not PatternRecognizer:
                try:
                    registry.add_recognizer(cls(supported_language="en"))
                except Exception as error:
                    print("left out", cls.__name__, type(error).__name__, file=sys.stderr)
    else:
        registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    print(len(registry.recognizers), "recognisers", file=sys.stderr)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])

    def find(text):
        return [(r.entity_type, r.start, r.end) for r in analyzer.analyze(text, language="en")]

    return find


CONTEXTFORGE = {
    "ssn": "US_SSN", "bsn": "NL_BSN", "credit_card": "CREDIT_CARD", "email": "EMAIL_ADDRESS", "phone": "PHONE_NUMBER", "ip_address": "IP_ADDRESS", "date_of_birth": "DATE_OF_BIRTH",
    "passport": "PASSPORT", "driver_license": "DRIVING_LICENCE", "bank_account": "IBAN_CODE", "medical_record": "NATIONAL_ID", "aws_key": "SECRET", "api_key": "SECRET",
}


def contextforge():
    from cpex_pii_filter import PIIDetectorRust

    detector = PIIDetectorRust({k: True for k in (
        "detect_ssn", "detect_bsn", "detect_credit_card", "detect_email", "detect_phone", "detect_ip_address", "detect_date_of_birth", "detect_passport", "detect_driver_license",
        "detect_bank_account", "detect_medical_record")})

    def find(text):
        at = offsets(text)
        return [(CONTEXTFORGE.get(kind, kind.upper()), at(d["start"]), at(d["end"])) for kind, ds in detector.detect(text).items() for d in ds]

    return find


def offsets(text):
    """Bytes to code points."""
    table, n = {}, 0
    for i, c in enumerate(text):
        table[n] = i
        n += len(c.encode())
    table[n] = len(text)
    return lambda byte: table[byte]


TOOLS = {"presidio": lambda: presidio(False), "presidio-all": lambda: presidio(True), "contextforge": contextforge}


def main():
    tool, out, *sets = sys.argv[1:]
    find = TOOLS[tool]()
    for path in map(pathlib.Path, sets):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        start, size = time.process_time(), 0
        target = pathlib.Path(out) / path.parent.name / (path.name.split(".")[0] + ".jsonl")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w") as file:
            for row in rows:
                size += len(row["text"].encode())
                found = [{"type": k, "start": s, "end": e} for k, s, e in find(row["text"])]
                file.write(json.dumps({"id": row["id"], "entities": found}) + "\n")
        spent = time.process_time() - start
        print(f"{tool} {path.parent.name}/{path.name}: {size / spent / 1e6:.3f} MB/s of CPU time", file=sys.stderr)


if __name__ == "__main__":
    main()
