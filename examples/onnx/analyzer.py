"""An analyzer around a token classification model in ONNX, for `masking.analyzers`: it answers `POST /analyze` as Presidio does.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python analyzer.py MODEL [--listen 127.0.0.1:5002] [--threshold 0.5] [--threads 1]

MODEL is a folder as exporters write it: `model.onnx`, `tokenizer.json`, and `config.json` with `id2label` (BIO labels or plain
ones). It opens no other file and no connection. Texts and findings are neither kept nor printed."""
import argparse, json, pathlib, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy
import onnxruntime
from tokenizers import Tokenizer

# Labels of common models as Presidio calls them; others go on as they are.
KINDS = {"PER": "PERSON", "LOC": "LOCATION", "GPE": "LOCATION", "ORG": "ORGANIZATION", "EMAIL": "EMAIL_ADDRESS", "PHONE": "PHONE_NUMBER"}
# Bytes of one request. The gateway sends 64 KiB of text at most.
LARGEST = 1 << 20


class Model:
    def __init__(self, folder, threads, threshold):
        folder = pathlib.Path(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.inputs = {i.name for i in self.session.get_inputs()}
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        config = json.loads((folder / "config.json").read_text())
        self.labels = {int(n): label for n, label in config["id2label"].items()}
        # Windows overlap by a quarter: a name at the end of one is whole in the next.
        self.window = min(int(config.get("max_position_embeddings", 512)), 512)
        self.tokenizer.enable_truncation(self.window, stride=self.window // 4)
        self.threshold, self.lock = threshold, threading.Lock()

    def analyze(self, text):
        first = self.tokenizer.encode(text)
        found = []
        for part in [first, *first.overflowing]:
            found += self.spans(part)
        # What two windows both saw counts once, at its longest.
        found.sort(key=lambda f: (f["start"], -f["end"]))
        kept = []
        for f in found:
            if not kept or f["start"] >= kept[-1]["end"] or f["entity_type"] != kept[-1]["entity_type"]:
                kept.append(f)
        return kept

    def spans(self, part):
        feed = {"input_ids": part.ids, "attention_mask": part.attention_mask, "token_type_ids": part.type_ids}
        feed = {name: numpy.array([ids], dtype=numpy.int64) for name, ids in feed.items() if name in self.inputs}
        with self.lock:
            logits = self.session.run(None, feed)[0][0]
        shares = numpy.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        found, open_ = [], None
        for share, (start, end), special in zip(shares, part.offsets, part.special_tokens_mask):
            label, score = self.labels[int(share.argmax())], float(share.max())
            head, _, kind = label.rpartition("-")
            if special or start == end or kind == "O" or score < self.threshold:
                open_ = None
                continue
            kind = KINDS.get(kind, kind)
            if open_ and head != "B" and open_["entity_type"] == kind:
                open_["end"], open_["score"] = end, min(open_["score"], score)
            else:
                open_ = {"entity_type": kind, "start": start, "end": end, "score": score}
                found.append(open_)
        return found


class Handler(BaseHTTPRequestHandler):
    model = None

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        if self.path != "/analyze" or not 0 < length <= LARGEST:
            return self.send_error(400)
        try:
            body = json.dumps(self.model.analyze(str(json.loads(self.rfile.read(length))["text"]))).encode()
        except Exception as error:
            # The gateway withholds the message. What it was about stays out of the message and of what is printed.
            print(f"not analyzed: {type(error).__name__}", flush=True)
            return self.send_error(500)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("--listen", default="127.0.0.1:5002")
    options.add_argument("--threshold", type=float, default=0.5)
    options.add_argument("--threads", type=int, default=1)
    asked = options.parse_args()
    Handler.model = Model(asked.model, asked.threads, asked.threshold)
    host, _, port = asked.listen.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    print(f"onnx: listening on http://{host}:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
