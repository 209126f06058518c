"""The language of filters, order and pages."""

from __future__ import annotations

import math

import pytest

from mlops_nb.entities import DataRef, RunEnd, Status
from mlops_nb.errors import InvalidInput
from mlops_nb.store import RunStore
from tests.store.contract.making import T0, add, found, walk


@pytest.fixture
def zoo(store: RunStore) -> RunStore:
    """Four runs, a to d, oldest first."""
    add(
        store,
        "a",
        at=T0,
        params={"lr": 0.1, "opt": "adam", "n": 10, "deep": True, "s": "0.5"},
        metrics={"acc": 0.5, "x": math.nan},
        tags={"team": "Risk", "mlops_nb.verdict": "identical"},
        end=RunEnd(Status.FINISHED, T0 + 5000),
        facts={"code": "model = GradientBoosting()"},
        start={"user": "ann", "notebook": "one.ipynb", "line": "L"},
    )
    add(
        store,
        "b",
        at=T0 + 1000,
        params={"lr": 0.01, "opt": "sgd", "n": 9, "deep": False},
        metrics={"acc": 0.9, "x": 1.0},
        tags={"team": "fraud"},
        end=RunEnd(Status.FAILED, T0 + 2000),
        facts={"code": "line one\nmodel = Forest()"},
        data=[DataRef("f", "sha256:dd", 1, name="train", context="training")],
        start={"parent_run_id": "p", "stage": "training"},
    )
    add(
        store,
        "c",
        at=T0 + 2000,
        params={"lr": "big" * 100, "opt": None},
        metrics={"acc": -1.0, "x": math.inf},
        experiment="other",
    )
    add(store, "d", at=T0 + 3000, tags={"text": "100% \\ a_b"})
    return store


class TestFilters:
    @pytest.mark.parametrize(
        ("filter", "names"),
        [
            ("", "dcba"),
            ("   ", "dcba"),
            ("metrics.acc > 0.5", "b"),
            ("metrics.acc >= 0.5", "ba"),
            ("metric.acc < 0", "c"),
            ("metrics.acc = 0.9", "b"),
            ("metrics.acc != 0.9", "ca"),
            ("metrics.acc <> 0.9", "ca"),
            ("metrics.acc == '0.9'", "b"),
            ("metrics.x = nan", "a"),
            ("metrics.x != nan", "cb"),
            ("metrics.x != 1", "ca"),
            ("metrics.x > 1e300", "c"),
            ("metrics.x = inf", "c"),
            ("metrics.x < 99999999999999999999999", "b"),
            ("metrics.acc IN (0.9, -1)", "cb"),
            ("metrics.acc NOT IN (0.9, -1)", "a"),
            ("metrics.acc IS NULL", "d"),
            ("metrics.acc IS NOT NULL", "cba"),
            ("NOT metrics.acc > 0", "dc"),
            ("params.lr = '0.1'", "a"),
            ("params.lr = 0.1", "a"),
            ("params.lr < 0.1", "b"),
            ("params.lr != '0.1'", "cb"),
            ("params.lr != 0.1", "cb"),
            ("params.n > 9", "a"),
            ("params.n > '9'", ""),
            ("params.s = 0.5", "a"),
            ("params.deep = true", "a"),
            ("params.deep = 'False'", "b"),
            ("params.opt = 'None'", "c"),
            (f"params.lr = '{'big' * 100}'", "c"),
            (f"params.lr != '{'big' * 100}'", "ba"),
            (f"params.lr = '{'big' * 66}bi'", ""),
            ("params.lr LIKE 'big%big'", "c"),
            ("params.opt LIKE 'ad_m'", "a"),
            ("params.opt LIKE 'AD%'", ""),
            ("params.opt ILIKE 'AD%'", "a"),
            ("params.opt NOT LIKE 'ad%'", "cb"),
            ("NOT params.opt LIKE 'ad%'", "dcb"),
            ("params.opt IN ('adam', 'sgd')", "ba"),
            ("params.opt NOT IN ('adam')", "cb"),
            ("params.opt ~ '^(adam|sgd)$'", "ba"),
            ("params.opt !~ 'a'", "cb"),
            ("tags.team = 'Risk'", "a"),
            ('tags."team" = "Risk"', "a"),
            ("tag.`team` ilike 'r%'", "a"),
            ("tags.text LIKE '100% \\ a_b'", "d"),
            ("tags.team IS NULL", "dc"),
            ("tags.mlflow.runName = 'b'", "b"),
            ("tags.\"mlflow.runName\" LIKE '%c%'", "c"),
            ("status = 'FAILED'", "b"),
            ("attributes.status = 'finished'", "a"),
            ("attribute.status IN ('FAILED', 'FINISHED')", "ba"),
            ("status != 'RUNNING'", "ba"),
            ("name = 'a' or run_name = 'b'", "ba"),
            ("name > 'b'", "dc"),
            (f"start_time > {T0 + 1000}", "dc"),
            ("start_time >= '2023-11-14T22:13:21+00:00'", "dcb"),
            ("start_time < '2023-11-14'", ""),
            ("end_time IS NULL", "dc"),
            (f"end_time > {T0 + 2000}", "a"),
            (f"NOT end_time > {T0 + 2000}", "dcb"),
            ("duration > 1", "a"),
            ("duration <= 1", "b"),
            ("experiment = 'other'", "c"),
            ("experiment LIKE 'e%' and not name = 'd'", "ba"),
            ("experiment_name IN ('other')", "c"),
            ("user_id = 'ann'", "a"),
            ("notebook = 'one.ipynb'", "a"),
            ("line = 'L' and revision = 1", "a"),
            ("stage = 'training'", "b"),
            ("parent_run_id = 'p'", "b"),
            ("parent_run_id IS NULL", "dca"),
            ("lifecycle_stage = 'active'", "dcba"),
            ("code ~ 'Gradient.*\\('", "a"),
            ("code LIKE '%model%'", "ba"),
            ("code LIKE 'line%Forest()'", "b"),
            ("code ILIKE '%FOREST%'", "b"),
            ("code !~ 'Forest'", "a"),
            ("code IS NULL", "dc"),
            ("code IS NOT NULL", "ba"),
            ("verdict = 'identical'", "a"),
            ("verdict IS NULL", "dcb"),
            ("restart_run_all IS NULL", "dcba"),
            ("datasets.name = 'train'", "b"),
            ("dataset.digest LIKE 'sha256:d%'", "b"),
            ("datasets.context = 'training' and datasets.name IS NOT NULL", "b"),
            ("'forest'", "b"),
            ("'RISK'", "a"),
            ("'adam'", "a"),
            ("'100%'", "d"),
            ("'%'", "d"),
            ("'_b'", "d"),
            ("'nothing of that'", ""),
            ("metrics.acc > 0.4 AND params.lr = '0.1' and tags.team = 'Risk'", "a"),
            ("(metrics.acc > 0.8 OR status = 'FINISHED') and not (params.opt = 'sgd')", "a"),
            ("not not metrics.acc > 0.8", "b"),
            ("metrics.acc>0.8 or params.opt='adam' and status='FAILED'", "b"),
            ("((((name = 'a'))))", "a"),
            ("params.x = 'it''s'", ""),
            ("params.x = '\0'", ""),
            ("name = '\ud800'", ""),
            (" AND ".join(["metrics.acc > 0.4"] * 100), "ba"),
            (" OR ".join([f"params.n = {n}" for n in range(150)]), "ba"),
        ],
    )
    def test_finds(self, zoo: RunStore, filter: str, names: str) -> None:
        assert "".join(found(zoo, filter)) == names
        assert (
            "".join(found(zoo, filter, order_by=["metrics.acc"], limit=2))
            == "".join(sorted(names, key="cabd".index))[:2]
        )

    @pytest.mark.parametrize(
        ("filter", "place", "message"),
        [
            ("metrics.acc >", 14, "a value is missing"),
            ("metrics.acc > > 1", 15, "expected a number"),
            ("statsu = 'x'", 1, "Did you mean 'status'"),
            ("metrcs.acc > 1", 1, "Did you mean 'metrics.acc'"),
            ("status = 'FINISHD'", 10, "Did you mean 'FINISHED'"),
            ("metrics.acc > 'a'", 15, "compared with a number"),
            ("name = 5", 8, "put quotes"),
            ("name = 'a", 8, "not closed"),
            ("(name = 'a'", 12, "closing parenthesis"),
            ("name = 'a') ", 11, "expected AND"),
            ("name = 'a' name = 'b'", 12, "expected AND"),
            ("AND", 1, "there is no field"),
            ("name ~ 'a(b'", 8, "not a regular expression"),
            ("metrics.acc LIKE 'a'", 18, "not searched by pattern"),
            ("code = 'x'", 6, "searched with ~"),
            ("name IN 'a'", 9, "expected a list"),
            ("name IN ()", 10, "expected a number, or text"),
            ("name IS 'a'", 9, "expected NULL"),
            ("name ; DROP TABLE runs", 6, "no meaning"),
            ("datasets.size = '1'", 1, "a dataset has no"),
            ("start_time > 'yesterday'", 14, "expected milliseconds"),
            ("(" * 60 + "name = 'a'" + ")" * 60, 51, "nested more than"),
            ("NOT " * 60 + "name = 'a'", 201, "nested more than"),
            (" OR ".join(["name = 'a'"] * 201), 2801, "more than 200"),
        ],
    )
    def test_an_error_points_at_the_place(self, store: RunStore, filter: str, place: int, message: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            store.search_runs(None, filter)
        text = str(caught.value)
        assert f"at character {place}:" in text
        assert message in text
        lines = text.splitlines()
        pointer = next(n for n, line in enumerate(lines) if line.strip() == "^")
        assert "^" in lines[pointer]

    def test_too_long(self, store: RunStore) -> None:
        with pytest.raises(InvalidInput, match="10001 characters"):
            store.search_runs(None, "x" * 10_001)

    def test_experiment_ids_and_view(self, zoo: RunStore) -> None:
        other = zoo.find_experiment("other")
        assert other is not None
        assert [run.name for run in zoo.search_runs([other.experiment_id]).items] == ["c"]
        assert zoo.search_runs([]).items == []
        assert zoo.search_runs(["unknown"]).items == []
        zoo.update_run(zoo.find_runs("d")[0].run_id, lifecycle_stage="deleted")
        assert found(zoo, "") == ["c", "b", "a"]
        assert found(zoo, "", view="deleted") == ["d"]
        assert found(zoo, "", view="all") == ["d", "c", "b", "a"]
        for bad in ({"view": "x"}, {"limit": 0}):
            with pytest.raises(InvalidInput):
                zoo.search_runs(None, **bad)


    def test_more_experiments_than_a_statement_has_places_for(self, zoo: RunStore) -> None:
        other = zoo.find_experiment("other")
        assert other is not None
        many = [f"{number:032x}" for number in range(40_000)]
        assert zoo.search_runs(many).items == [] == zoo.group_runs("status", many)
        many[7:7] = [other.experiment_id]
        page = zoo.search_runs(many, "metrics.acc > 0 or name = 'c'", order_by=["metrics.acc DESC"])
        assert [run.name for run in page.items] == ["c"]
        assert zoo.count_runs(many) == 1
        assert [each["count"] for each in zoo.group_runs("status", many, metrics=["acc"])] == [1]
        every = [each.experiment_id for each in zoo.search_experiments().items] + many
        first = zoo.search_runs(every, limit=3)
        rest = zoo.search_runs(every, limit=3, page_token=first.next_token)
        assert [run.name for run in (*first.items, *rest.items)] == ["d", "c", "b", "a"]


class TestOrder:
    @pytest.mark.parametrize(
        ("order_by", "names"),
        [
            ([], "dcba"),
            (["metrics.acc"], "cabd"),
            (["metrics.acc DESC"], "bacd"),
            (["metrics.x DESC"], "cbda"),
            (["metrics.x ASC"], "bcda"),
            (["params.lr"], "bacd"),
            (["params.lr DESC"], "abcd"),
            (["params.opt"], "cabd"),
            (["tags.team"], "abdc"),
            (["start_time"], "abcd"),
            (["attributes.start_time DESC"], "dcba"),
            (["status", "name DESC"], "badc"),
            (["end_time", "name"], "bacd"),
            (["duration DESC", "start_time ASC"], "abcd"),
            (["experiment", "name"], "abdc"),
            (["verdict", "metrics.acc"], "acbd"),
            (["run_name DESC"], "dcba"),
            (["metrics.none", "params.none", "tags.none"], "dcba"),
            (["stage", "metrics.x", "name"], "bcad"),
        ],
    )
    @pytest.mark.parametrize("size", [1, 2, 10])
    def test_order_and_pages(self, zoo: RunStore, order_by: list[str], names: str, size: int) -> None:
        assert "".join(walk(zoo, size, order_by=order_by)) == names
        assert "".join(walk(zoo, size, order_by=order_by, filter="name != 'c'")) == names.replace("c", "")
        assert "".join(walk(zoo, size, order_by=order_by, filter="metrics.acc > -5")) == names.replace("d", "")

    def test_equal_runs_are_newest_first_then_by_id(self, store: RunStore) -> None:
        ids = [add(store, metrics={"m": 1.0}, at=T0 + n // 2) for n in range(6)]
        runs = {each: store.get_run(each).start_time for each in ids}
        expected = sorted(ids, key=lambda each: (-runs[each], each))
        for order in ([], ["metrics.m"], ["metrics.m DESC"], ["name"]):
            assert [run.run_id for run in store.search_runs(order_by=order).items] == expected
            seen, token = [], None
            for _ in range(6):
                page = store.search_runs(order_by=order, limit=1, page_token=token)
                seen += [run.run_id for run in page.items]
                token = page.next_token
            assert seen == expected
            assert token is None

    def test_new_runs_do_not_disturb_a_walk(self, store: RunStore) -> None:
        for n in range(6):
            add(store, f"r{n}", at=T0 + n, metrics={"m": n / 10})
        page = store.search_runs(limit=3, order_by=["metrics.m DESC"])
        add(store, "new", at=T0 + 99, metrics={"m": 0.35})
        add(store, "newer", at=T0 + 100)
        rest = store.search_runs(limit=3, order_by=["metrics.m DESC"], page_token=page.next_token)
        assert [run.name for run in page.items + rest.items] == ["r5", "r4", "r3", "r2", "r1", "r0"]

    def test_tokens_are_checked(self, zoo: RunStore) -> None:
        token = zoo.search_runs(limit=1).next_token
        assert token is not None
        for bad in ("x", "🎉", token[:-4], token + "AAAA"):
            with pytest.raises(InvalidInput, match="page token"):
                zoo.search_runs(limit=1, page_token=bad)
        with pytest.raises(InvalidInput, match="another search"):
            zoo.search_runs(None, "name = 'a'", limit=1, page_token=token)

    @pytest.mark.parametrize(
        "term", ["", "metrics", "metrics.a UP", "code", "datasets.name", "nme", "5", "name, status"]
    )
    def test_bad_terms(self, store: RunStore, term: str) -> None:
        with pytest.raises(InvalidInput):
            store.search_runs(order_by=[term])
