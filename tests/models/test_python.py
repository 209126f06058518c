"""Any function or object is a model: rules, an optimiser, a knowledge graph, a language model, an agent."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_nb import models
from mlops_nb.errors import InvalidInput

NOTEBOOK = """
import collections, heapq, json
from mlops_nb import models

# rules: a function over a frame, with a limit that can be set for each call
def rules(frame, limit=1000.0):
    return ["refuse" if amount > limit else "accept" for amount in frame["amount"]]

# an optimiser: the cheapest way through a graph
ROADS = {"Ulm": {"Rom": 9, "Bern": 3}, "Bern": {"Rom": 5}, "Rom": {}}
class Shortest:
    def predict(self, data):
        return [self.cost(pair["start"], pair["end"]) for pair in data]
    def cost(self, start, end):
        queue, seen = [(0, start)], set()
        while queue:
            cost, town = heapq.heappop(queue)
            if town == end: return cost
            if town not in seen:
                seen.add(town)
                for other, step in ROADS[town].items(): heapq.heappush(queue, (cost + step, other))
        return -1

# a knowledge graph: triples, asked for what follows
class Knowledge:
    def __init__(self, triples): self.triples = set(triples)
    def predict(self, questions):
        return [sorted(o for s, p, o in self.triples if [s, p] == question.split(" ", 1)) for question in questions]

# a language model: which word follows, by counts
class Bigrams:
    def __init__(self, text):
        words = text.split()
        self.counts = collections.defaultdict(collections.Counter)
        for one, two in zip(words, words[1:]): self.counts[one][two] += 1
    def predict(self, prompts, params=None):
        length = (params or {}).get("length", 3)
        return [self.continued(prompt, length) for prompt in prompts]
    def continued(self, prompt, length):
        words = prompt.split()
        for _ in range(length):
            following = self.counts.get(words[-1])
            if not following: break
            words.append(following.most_common(1)[0][0])
        return " ".join(words)

# an agent: chooses a tool by what it is told
class Agent:
    def __init__(self, **tools): self.tools = tools
    def __call__(self, requests):
        return [self.answer(request["messages"][-1]["content"]) for request in requests]
    def answer(self, text):
        word, _, rest = text.partition(" ")
        tool = self.tools.get(word)
        return {"role": "assistant", "content": str(tool(rest)) if tool else "I cannot do that."}

chat = [{"messages": [{"role": "user", "content": "add 2 3"}]}]
made = {
    "rules": (rules, {"amount": [5.0, 5000.0]}),
    "optimiser": (Shortest(), [{"start": "Ulm", "end": "Rom"}]),
    "knowledge": (Knowledge([("Ulm", "lies in", "Germany")]), ["Ulm lies in"]),
    "language": (Bigrams("the cat sat on the mat and the cat ran"), ["the"]),
    "agent": (Agent(add=lambda rest: sum(map(int, rest.split()))), chat),
}
for name, (model, example) in made.items():
    models.save_model(model, f"FOLDER/{name}", input_example=example, requirements=[])
print(json.dumps(1))
"""
WANTED = {
    "rules": ["accept", "refuse"],
    "optimiser": [8],
    "knowledge": [["Germany"]],
    "language": ["the cat sat on"],
    "agent": [{"role": "assistant", "content": "5"}],
}
ASK = """
import json
found = {{}}
for name in {names!r}:
    model = {load}(f"{folder}/{{name}}")
    example = json.load(open(f"{folder}/{{name}}/input_example.json"))
    found[name] = list(model.predict(example))
print(json.dumps(found))
"""


def test_one_of_each_kind_out_of_a_notebook(tmp_path: Path, fresh: Callable[[str], Any]) -> None:
    """Their classes are in no file: they travel in the model, also to a place that has no mlops_nb."""
    fresh(NOTEBOOK.replace("FOLDER", str(tmp_path)))
    ours = ASK.format(names=list(WANTED), folder=tmp_path, load="__import__('mlops_nb.models').models.load_folder")
    assert fresh(ours) == WANTED


def test_one_of_each_kind_in_mlflow(
    tmp_path: Path, fresh: Callable[[str], Any], in_mlflow: Callable[[str], Any]
) -> None:
    fresh(NOTEBOOK.replace("FOLDER", str(tmp_path)))
    mlflows = ASK.format(names=list(WANTED), folder=tmp_path, load="__import__('mlflow.pyfunc').pyfunc.load_model")
    assert in_mlflow(mlflows) == WANTED


def test_params_by_keyword_and_by_name(tmp_path: Path) -> None:
    def above(frame: pd.DataFrame, limit: float = 0.5, strict: bool = True) -> Any:
        return (frame["x"] > limit) if strict else (frame["x"] >= limit)

    models.save_model(above, tmp_path / "m", input_example=pd.DataFrame({"x": [0.5]}), requirements=[])
    model = models.load_folder(tmp_path / "m")
    data = pd.DataFrame({"x": [0.5, 2.0]})
    assert model.predict(data).tolist() == [False, True]
    assert model.predict(data, {"limit": 3}).tolist() == [False, False]
    assert model.predict(data, {"strict": False}).tolist() == [True, True]
    with pytest.raises(InvalidInput, match="The param 'limit' should be double and is string"):
        model.predict(data, {"limit": "high"})
    with pytest.raises(InvalidInput, match="no param 'other'"):
        model.predict(data, {"other": 1})


def test_files_go_along(tmp_path: Path, fresh: Callable[[str], Any]) -> None:
    (tmp_path / "words.json").write_text(json.dumps({"one": 1}))

    class Lookup:
        def load_context(self, context: Any) -> None:
            with open(context.artifacts["words"]) as file:  # noqa: PTH123
                self.words = __import__("json").load(file)

        def predict(self, keys: Any) -> Any:
            return [self.words.get(key) for key in keys]

    models.save_model(Lookup(), tmp_path / "m", artifacts={"words": tmp_path / "words.json"}, requirements=[])
    (tmp_path / "words.json").unlink()
    ask = f"models.load_folder({str(tmp_path / 'm')!r}).predict(['one', 'two'])"
    assert fresh(f"import json; from mlops_nb import models; print(json.dumps({ask}))") == [1, None]


def test_a_module_of_the_project_goes_along(
    tmp_path: Path, fresh: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself what the model uses of it; as a whole with code_paths."""
    (tmp_path / "features_of_mine.py").write_text("FACTOR = 3\ndef double(x):\n    return 2 * x * FACTOR // 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import features_of_mine  # type: ignore[import-not-found]

    def model(rows: Any) -> Any:
        return [features_of_mine.double(row) for row in rows]

    def lazy(rows: Any) -> Any:
        from features_of_mine import double

        return [double(row) for row in rows]

    models.save_model(features_of_mine.double, tmp_path / "a", requirements=[])
    for name, each in (("b", model), ("c", lazy)):
        code = tmp_path / "features_of_mine.py"
        models.save_model(each, tmp_path / name, code_paths=[code], input_example=[1], requirements=[])
    ask = "[models.load_folder(f'{folder}/{name}').predict(data) for name, data in (('a', 4), ('b', [4]), ('c', [4]))]"
    code = f"import json; from mlops_nb import models; folder = {str(tmp_path)!r}; print(json.dumps({ask}))"
    assert fresh(code) == [8, [8], [8]]
    sys.modules.pop("features_of_mine")


def test_a_module_that_will_be_missing_is_told_when_it_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def f(x):\n    return x\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def lazy(rows: Any) -> Any:
        from only_here import f  # type: ignore[import-not-found]

        return [f(row) for row in rows]

    with pytest.warns(UserWarning, match=r"No module named 'only_here'.*code_paths"):
        info = models.save_model(lazy, tmp_path / "m", input_example=[1])
    assert "only_here" in info.note


def test_requirements_are_what_the_code_imports(tmp_path: Path) -> None:
    def lazy(rows: Any) -> Any:
        import numpy

        return numpy.asarray(rows) * 2

    info = models.save_model(lazy, tmp_path / "m", input_example=[1, 2])
    wanted = {f"cloudpickle=={__import__('cloudpickle').__version__}", f"numpy=={np.__version__}"}
    assert wanted <= set(info.requirements)
    # Reading the folder itself may need YAML, which some environments have under another name.
    assert {line.split("==")[0] for line in set(info.requirements) - wanted} <= {"pyyaml"}


def test_lists_and_dicts_are_checked_and_handed_on_as_they_are(tmp_path: Path) -> None:
    def same(data: Any) -> Any:
        return data

    models.save_model(same, tmp_path / "m", input_example=[{"name": "Ulm", "size": 3}], requirements=[])
    model = models.load_folder(tmp_path / "m")
    given = [{"name": "Rom", "size": 4, "more": [1]}]
    assert model.predict(given) is given and model.predict(given[0]) is given[0]
    with pytest.raises(InvalidInput, match="The column 'size' should be long and is string, in row 1"):
        model.predict([*given, {"name": "Rom", "size": "4"}])
    with pytest.raises(InvalidInput, match=r"The column 'size' \(long\) is missing"):
        model.predict({"name": "Rom"})
    with pytest.raises(InvalidInput, match="in row 0 is a str"):
        model.predict(["Rom"])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: 1, "takes no input"),
        (lambda data, other: data, "parameter 'other' has no default"),
        (3, "is no model"),
    ],
)
def test_what_cannot_be_a_model(model: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        models.save_model(model, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_pickled_is_said(tmp_path: Path) -> None:
    class Connected:
        def __init__(self) -> None:
            self.lock = __import__("threading").Lock()

        def predict(self, data: Any) -> Any:
            return data

    with pytest.raises(InvalidInput, match=r"cannot be pickled: .*lock"):
        models.save_model(Connected(), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_refuses_its_example_is_told_and_saved(tmp_path: Path) -> None:
    def picky(rows: Any) -> Any:
        raise ValueError("not today")

    with pytest.warns(UserWarning, match="cannot predict its input example: ValueError: not today"):
        models.save_model(picky, tmp_path / "m", input_example=[1], requirements=[])
    with pytest.raises(ValueError, match="not today"):
        models.load_folder(tmp_path / "m").predict([1])


def test_a_class_is_made_an_object(tmp_path: Path) -> None:
    class Counter:
        def predict(self, rows: Any) -> int:
            return len(rows)

    models.save_model(Counter, tmp_path / "m", requirements=[])
    assert models.load_folder(tmp_path / "m").predict([1, 2]) == 2
    assert type(models.load_folder(tmp_path / "m", native=True)).__name__ == "Counter"
