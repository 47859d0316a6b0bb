"""Makes a token classification model of a few words in the folder that is given, as exporters of real ones lay it out: the tests
start `examples/onnx/analyzer.py` with it."""
import json, pathlib, sys

import numpy, onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

to = pathlib.Path(sys.argv[1])
labels = ["O", "B-PER", "I-PER", "B-LOC"]
words = {"[UNK]": 0, "Zyxqua": 1, "Brmblfx": 2, "Ünal": 1, "Ğğışş": 2, "Qlonk": 3}
tokenizer = Tokenizer(WordLevel({w: n for n, w in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = Whitespace()
tokenizer.save(str(to / "tokenizer.json"))
weights = numpy.zeros((len(words), len(labels)), dtype=numpy.float32)
for n, label in enumerate(words.values()):
    weights[n, label] = 9
ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])
mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "length"])
out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "length", len(labels)])
graph = helper.make_graph(
    [helper.make_node("Gather", ["weights", "input_ids"], ["logits"])], "tiny", [ids, mask], [out], [numpy_helper.from_array(weights, "weights")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, str(to / "model.onnx"))
(to / "config.json").write_text(json.dumps({"id2label": dict(enumerate(labels)), "max_position_embeddings": 16}))
