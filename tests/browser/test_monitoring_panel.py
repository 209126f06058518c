"""Monitoring in a real JupyterLab: the report, another look, a refusal to retrain; in both themes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.lab import Lab, LabPage, expect, kept

pytestmark = pytest.mark.browser

START = """%load_ext mlops_nb
import os, time, mlops_nb, numpy as np, pandas as pd
mlops_nb.connect(os.path.abspath("store"))  # one of its own: kernels of one server share the project's
from mlops_nb import workspace
from mlops_nb.serving import Recorder, log_folder
from mlops_nb.serving.recorder import Answer, Truth

def people(rows, seed, older=0.0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "age": rng.normal(40 + older, 10, rows), "income": rng.lognormal(10, 0.5, rows),
        "city <b>": rng.choice(["Bern", "Basel", "Chur"], rows, p=[0.5, 0.3, 0.2]),
        "children": rng.poisson(1.2, rows),
        "since": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, rows), "D"),
    })

class Old:
    def predict(self, rows):
        return (rows["age"] > 45).astype(int).to_numpy()

training = people(3000, 0)
with mlops_nb.start_run():
    kept = {"reference": training, "input_example": training, "requirements": []}
    _ = mlops_nb.log_model(Old(), registered_model_name="churn", **kept)
recorder = Recorder(log_folder("churn", workspace.current().root), "churn")
now, asked = time.time(), people(1500, 1, older=8)
asked.loc[700:, "city <b>"] = "Zug"
asked.loc[::6, "income"] = None
said = Old().predict(asked)
rng = np.random.default_rng(2)
for number, row in enumerate(asked.to_dict("records")):
    when = now - 7000 + number * 4.6
    inputs = {key: [None if value is None else value] for key, value in row.items()}
    status = 500 if number % 97 == 0 else 200
    recorder.record(Answer(f"r{number}", when, float(rng.lognormal(0.7, 0.4)), status, "1", inputs=inputs,
                           outputs={"prediction": [int(said[number])]}))
    recorder.record(Truth(f"r{number}", 0, when + 60, int(said[number]) if rng.random() < 0.9 - number / 6000 else 0))
recorder.close()"""


def test_look_again_and_a_refusal(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    lab.write_notebook(f"{tmp_path.name}/monitoring.ipynb", [START, "%mlops monitor models:/churn/1"])
    page.open_notebook(f"{tmp_path.name}/monitoring.ipynb")
    page.run_all()
    view = page.page
    panel = view.locator(".mlops-nb-panel")
    panel.locator(".report table.columns tbody tr").first.wait_for()
    expect(panel.locator("strong").first).to_have_text("models:/churn/1")
    expect(panel.locator(".report")).to_contain_text("city <b>")
    assert panel.locator(".report img.picture").count() > 8
    for theme in ("light", "dark"):
        page.set_theme(theme)
        panel.screenshot(path=kept(tmp_path / f"monitoring-{theme}.png"))

    panel.locator("select").select_option("1h")
    panel.locator("button", has_text="Look again").wait_for()
    panel.locator(".report", has_text="7").wait_for()
    panel.locator("button", has_text="Retrain …").click()
    panel.locator("button", has_text="Retrain").last.click()
    panel.locator(".refusal", has_text="has no alias 'champion'").wait_for()
    panel.screenshot(path=kept(tmp_path / "monitoring-refused.png"))
