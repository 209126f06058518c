"""The registry by clicks, in a real JupyterLab: register, gate, refuse, force, roll back, compare; in both themes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.lab import Lab, LabPage, expect

pytestmark = pytest.mark.browser

START = """%load_ext mlops_nb
import mlops_nb
from mlops_nb.registry import promote, register_model
pathlib = __import__("pathlib")
mlops_nb.connect(str(pathlib.Path("store").absolute()))  # one of its own: kernels of one server share the project's
pathlib.Path("test.csv").write_text("a,b")
for number in range(3):
    with mlops_nb.start_run(run_name=f"fit {number}") as run:
        mlops_nb.log_metric("auc", 0.7 + number / 20)
        _ = mlops_nb.log_dataset("test.csv", context="test")
        mlops_nb.log_text(f"flavors: {{v: {number}}}", "model/MLmodel")
    if number < 2:
        _ = register_model(run.run_id, "churn <b>")
_ = promote("churn <b>", 1, "champion", comment="first")"""


def test_the_whole_road_by_clicks(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    lab.write_notebook(f"{tmp_path.name}/models.ipynb", [START, "%mlops models"])
    page.open_notebook(f"{tmp_path.name}/models.ipynb")
    page.run_all()
    view = page.page
    panel = view.locator(".mlops-nb-panel")
    panel.locator(".versions tbody tr").first.wait_for()
    expect(panel.locator("h3")).to_have_text("churn <b>")

    panel.locator("button", has_text="Register").first.click()
    panel.locator(".offer", has_text="fit 2").click()
    panel.locator(".action button[type=submit]").click()
    panel.locator(".said.ok", has_text="Version 3 of churn <b> is registered.").wait_for()
    expect(panel.locator(".versions tbody tr")).to_have_count(3)
    expect(panel.locator(".versions td.best")).to_have_text("0.80")

    panel.locator(".tabname", has_text="Gates").click()
    panel.locator("button", has_text="Add a check").click()
    panel.locator(".action input[aria-label=what]").fill("auc")
    panel.locator(".action input[aria-label=number]").fill("0.9")
    panel.locator(".action button[type=submit]").click()
    panel.locator(".gates tr", has_text="auc is at least 0.9").wait_for()

    panel.locator(".tabname", has_text="Versions").click()
    panel.locator(".versions tbody tr").first.locator("button", has_text="Promote").click()
    panel.locator(".action input[aria-label=alias]").fill("champion")
    expect(panel.locator(".action .effect")).to_contain_text("@champion moves from version 1 to 3 · 1 check")
    panel.locator(".action button[type=submit]").click()
    panel.locator(".checklist .err").wait_for()
    expect(panel.locator(".checklist")).to_contain_text("auc is 0.8, less than 0.9")
    page.screenshots(tmp_path / "models-refused.png")
    panel.locator(".action .check.warn input").check()
    panel.locator(".action button[type=submit]").click()
    expect(panel.locator(".action .refusal")).to_contain_text("Say why")  # nothing is forced without a comment
    panel.locator(".action input[aria-label=comment]").fill("needed today")
    panel.locator(".action button[type=submit]").click()
    panel.locator(".said.ok", has_text="Version 3 is @champion now.").wait_for()

    panel.locator(".place button", has_text="roll back").click()
    expect(panel.locator(".action .effect")).to_contain_text("goes from version 3 back to version 1")
    panel.locator(".action button[type=submit]").click()
    panel.locator(".said.ok", has_text="@champion is version 1 again.").wait_for()

    panel.locator(".tabname", has_text="History").click()
    first = panel.locator(".history tr").all_inner_texts()[:3]
    assert "back, version 3 → 1" in first[0] and "forced" in first[1] and "refused" in first[2]
    panel.locator(".tabname", has_text="Versions").click()
    for row in (0, 1):
        panel.locator(".versions tbody tr").nth(row).locator("input").check()
    panel.locator("button", has_text="Compare 2").click()
    panel.locator(".compare").wait_for()
    page.screenshots(tmp_path / "models.png")
    assert page.errors == [] and page.outside == []


def test_keys_typed_in_a_form_stay_in_it(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    lab.write_notebook(f"{tmp_path.name}/models.ipynb", [START, "%mlops models"])
    page.open_notebook(f"{tmp_path.name}/models.ipynb")
    page.run_all()
    panel = page.page.locator(".mlops-nb-panel")
    panel.locator(".versions tbody tr").first.locator("button", has_text="Promote").click()
    panel.locator(".action select").focus()
    for key in "ddbax":
        panel.locator(".action select").press(key)
    panel.locator(".action input[aria-label=alias]").press_sequentially("ddbax")
    expect(panel.locator(".action input[aria-label=alias]")).to_have_value("ddbax")
    panel.locator(".action input[aria-label=alias]").press("Escape")
    expect(panel.locator(".action")).to_have_count(0)
    assert page.page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == 2


TRAINED = """%load_ext mlops_nb
import os, mlops_nb
mlops_nb.connect(os.path.abspath("store"))
from sklearn.datasets import load_wine
from sklearn.tree import DecisionTreeClassifier
X, y = load_wine(return_X_y=True, as_frame=True)
X_test, y_test = X[::2], y[::2]
for depth in (1, 4):
    with mlops_nb.start_run(run_name=f"depth {depth}"):
        _ = mlops_nb.log_model(
            DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X, y), input_example=X.head(3),
            registered_model_name="wine", requirements=[])
_ = mlops_nb.registry.promote("wine", 1, "champion")"""


@pytest.mark.nightly  # a minute; the whole road above is the gate's
def test_a_model_is_evaluated_by_clicks(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    lab.write_notebook(f"{tmp_path.name}/models.ipynb", [TRAINED, "%mlops models"])
    page.open_notebook(f"{tmp_path.name}/models.ipynb")
    page.run_all()
    panel = page.page.locator(".mlops-nb-panel")
    panel.locator("button", has_text="Evaluate").click()
    panel.locator("datalist option[value=X_test]").wait_for(state="attached")
    panel.locator(".action button[type=submit]").click()
    expect(panel.locator(".action .refusal")).to_contain_text("Name the data")
    panel.locator(".action input[aria-label=data]").fill("nowhere.csv")
    panel.locator(".action input[aria-label=truth]").fill("y_test")
    panel.locator(".action button[type=submit]").click()
    panel.locator(".action .refusal", has_text="There is no file 'nowhere.csv'").wait_for()
    panel.locator(".action input[aria-label=data]").fill("X_test")
    page.screenshots(tmp_path / "evaluate.png")
    panel.locator(".action button[type=submit]").click()
    panel.locator(".said.ok", has_text="Version 2 is evaluated: accuracy_score").wait_for()
    panel.locator(".versions thead th", has_text="accuracy_score").first.wait_for()
    page.screenshots(tmp_path / "evaluated.png")
    assert page.errors == [] and page.outside == []
