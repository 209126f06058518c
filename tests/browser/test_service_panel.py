"""A served model in a real JupyterLab: requests, latency and drift, live, in both themes; and the button that stops."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.browser.lab import Lab, LabPage, kept

pytestmark = pytest.mark.browser

START = """%load_ext mlops_nb
import json, os, threading, time, urllib.request
import mlops_nb, numpy as np, pandas as pd
mlops_nb.connect(os.path.abspath("store"))  # one of its own: kernels of one server share the project's
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from mlops_nb.registry import promote

def people(rows, seed, older=0.0, cities=("Bern", "Basel", "Chur")):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "age": rng.normal(40 + older, 10, rows).round(1), "income": rng.lognormal(10, 0.5, rows).round(),
        "city": rng.choice(list(cities), rows), "children": rng.poisson(1.2, rows).astype(float),
        "visits": rng.poisson(4, rows).astype(float), "<b>rent</b>": rng.normal(1500, 300, rows).round(),
    })

training = people(3000, 0)
encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
model = make_pipeline(encode, LogisticRegression(max_iter=5000)).fit(training, training["age"] > 45)
with mlops_nb.start_run():
    _ = mlops_nb.log_model(model, registered_model_name="churn", input_example=training)
promote("churn", 1, alias="champion")"""

ASK = """from mlops_nb.serving.background import running
[service] = running()

def send(rows, pause):
    for number in range(0, len(rows), 4):
        body = json.dumps({"dataframe_records": rows.iloc[number:number + 4].to_dict("records")}).encode()
        asked = urllib.request.Request(service.url + "/invocations", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(asked).read()
        time.sleep(pause)

send(people(600, 1), 0.002)
threading.Thread(target=send, args=(people(4000, 2, older=9, cities=("Bern", "Zug")), 0.02), daemon=True).start()"""


@pytest.mark.nightly  # a minute of traffic; what the panel shows of it is in tests/panels
def test_requests_latency_and_drift_live(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    lab.write_notebook(f"{tmp_path.name}/serve.ipynb", [START, "%mlops serve models:/churn@champion", ASK])
    page.open_notebook(f"{tmp_path.name}/serve.ipynb")
    page.run_all()
    panel = page.page.locator(".mlops-nb-service")
    panel.locator(".state.on", has_text="serving").wait_for()
    panel.locator(".live-drift .verdict.drift", has_text="▲ drift").wait_for()
    moved = panel.locator(".live-drift .column", has_text="▲ drift")
    moved.filter(has_text="age").wait_for()
    moved.filter(has_text="city").locator(".fault", has_text="training did not have (Zug)").wait_for()
    panel.locator(".tile", has_text="drift").locator("b", has_text="of 7").wait_for()
    assert "<b>rent</b>" in panel.locator(".live-drift").inner_text() or panel.locator(".more").is_visible()
    panel.locator(".more", has_text="1 more column").click()
    panel.locator(".live-drift .column", has_text="<b>rent</b>").wait_for()
    panel.locator(".live-drift .column", has_text="✓ same").first.wait_for()
    panel.locator("figure", has_text="requests a second").locator("path.line").first.wait_for()
    panel.locator("figure", has_text="drift").locator("rect.bar.over").first.wait_for()
    panel.scroll_into_view_if_needed()
    for theme in ("light", "dark"):
        page.set_theme(theme)
        panel.screenshot(path=kept(tmp_path / f"service-{theme}.png"))
    url = panel.locator("a.url").inner_text()
    with urllib.request.urlopen(url + "/status", timeout=30) as answer:
        assert json.load(answer)["models"][0]["uri"] == "models:/churn/1"
    panel.locator("button", has_text="Stop").click()
    panel.locator("button", has_text="Really stop?").click()
    panel.locator(".state.off", has_text="stopped").wait_for()
    with pytest.raises(OSError):
        urllib.request.urlopen(url + "/ping", timeout=30)
    assert page.errors == [] and page.outside == []

