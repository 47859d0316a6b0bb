"""A real Presidio AnalyzerEngine behind its own protocol, `POST /analyze`: no language model (none is on PyPI), so names come from a list. A text
that holds the word `stall` is never answered; `broken` is answered with an error. Prints its URL."""
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import spacy
from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine


class Blank(NlpEngine):
    """Tokens and nothing else."""

    def __init__(self):
        self.nlp = {"en": spacy.blank("en")}

    def load(self): pass

    def is_loaded(self): return True

    def process_text(self, text, language):
        doc = self.nlp[language](text)
        return NlpArtifacts([], doc, [t.idx for t in doc], [t.text for t in doc], self, language)

    def process_batch(self, texts, language, **_):
        return ((t, self.process_text(t, language)) for t in texts)

    def is_stopword(self, word, language): return False

    def is_punct(self, word, language): return False

    def get_supported_entities(self): return []

    def get_supported_languages(self): return ["en"]


registry = RecognizerRegistry()
registry.load_predefined_recognizers(languages=["en"])
registry.add_recognizer(PatternRecognizer(supported_entity="PERSON", deny_list=["Zyxqua Brmblfx", "Ünal Ğğışş"]))
engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "stall" in asked["text"].split():
            threading.Event().wait(30)
        if self.path != "/analyze" or "broken" in asked["text"].split():
            return self.send_error(500)
        found = engine.analyze(text=asked["text"], language=asked["language"])
        body = json.dumps([f.to_dict() for f in found], default=str).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_): pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"presidio: listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
