"""Every part of every page, with something in it and with nothing, in both themes: pictures, and no text is cut.

Of these are two pictures of the documents: lab-live.png (``gallery-live-light-1280``) and lab-compare.png
(``gallery-compare-0-differences-light-1280``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Lab, LabPage, expect
from tests.browser.sidebar import Panels

pytestmark = [pytest.mark.browser, pytest.mark.nightly, pytest.mark.timeout(900)]

CELLS = (
    "%load_ext mlops_nb\nimport pathlib\nimport mlops_nb, numpy as np, pandas as pd\n"
    "import matplotlib.pyplot as plt\nfrom sklearn.linear_model import LogisticRegression",
    "lr: float = 0.1  # (0, 10]\nepochs: int = 30  # rounds of training\nkind: str = 'plain'  # in {plain, deep}\n"
    "shuffle: bool = True",
    "%%track churn -n prepare\nrng = np.random.default_rng(3)\n"
    "frame = pd.DataFrame({'age': rng.normal(40, 9, 300), 'income': rng.normal(50, 12, 300)})\n"
    "frame['left'] = (frame.age > 42).astype(int)\nframe.to_csv('people.csv', index=False)\nframe.describe()",
    "%%track churn -n fit -t team=risk\nrows = pd.read_csv('people.csv')\n"
    "model = LogisticRegression(C=lr, max_iter=epochs).fit(rows[['age', 'income']], rows.left)\n"
    "for step in range(epochs):\n    mlops_nb.log_metric('loss', 1 / (1 + step * lr), step=step)\n"
    "    mlops_nb.log_metric('grad_norm', float(np.exp(-step / 9) + step % 3 / 30), step=step)\n"
    "accuracy = float(model.score(rows[['age', 'income']], rows.left))\n"
    "mlops_nb.log_model(model, 'model', input_example=rows[['age', 'income']].head(2))\n"
    "mlops_nb.log_text('# Report\\n\\nAll is well.', 'report.md')\n"
    "plt.plot([1 / (1 + each * lr) for each in range(epochs)]); plt.title('loss'); plt.show()\n"
    "print('trained for', epochs)",
    "%%track churn -n broken\nrows.nothing_like_this",
)
CUT = """selector => [...document.querySelectorAll(selector)].flatMap(page => {
    const bad = [];
    if (page.offsetParent === null) return bad;
    for (const each of page.querySelectorAll('*')) {
        const style = getComputedStyle(each);
        const hides = /hidden|clip/.test(style.overflowX) && style.textOverflow !== 'ellipsis';
        if (hides && each.scrollWidth > each.clientWidth + 2 && each.clientWidth > 1 && each.innerText?.trim()
            && style.position !== 'absolute' && !each.closest('svg, .uplot, .jp-OutputArea, .cm-editor'))
            bad.push(`${each.className}: ${each.innerText.slice(0, 60)} (${each.scrollWidth} in ${each.clientWidth})`);
    }
    return bad;
})"""
"""Elements that hide a part of their text without saying so."""


@pytest.fixture
def gallery(page: LabPage, lab: Lab, tmp_path: Path) -> Panels:
    """A notebook of a project of its own, executed twice with different parameters."""
    folder = f"gallery-{len(list(lab.root.glob('gallery-*')))}"
    (lab.root / folder / ".mlops_nb").mkdir(parents=True)
    path = lab.write_notebook(f"{folder}/work.ipynb", list(CELLS))
    content = json.loads(path.read_text())
    content["cells"][1]["metadata"] = {"tags": ["parameters"]}
    path.write_text(json.dumps(content), encoding="utf-8")
    panels = Panels(page, tmp_path, "gallery")
    page.open_notebook(f"{folder}/work.ipynb")
    page.run_all(allow_errors=True)
    panels.set_source(1, CELLS[1].replace("0.1", "0.7").replace("30", "20").replace("True", "False"))
    page.run_all(allow_errors=True)
    page.save()
    # The question how cells are tracked waits behind the cells: one that raises takes it along.
    expect(page.page.locator(".mlops-Status")).to_contain_text("Recording marked cells")
    panels.open_sidebar()
    return panels


def front(panels: Panels, path: str) -> None:
    """Bring a notebook to the front."""
    panels.page.evaluate("path => jupyterapp.commands.execute('docmanager:open', {path}).then(() => true)", path)
    panels.page.wait_for_function("path => jupyterapp.shell.currentWidget?.context?.path === path", arg=path)


def look(panels: Panels, name: str, selector: str, *, wide: bool = True) -> None:
    """Pictures in both themes, at will on a large screen too, and nothing cut on the small one."""
    if wide:
        panels.snap_everywhere(name)
    else:
        for theme in ("dark", "light"):
            panels.lab_page.set_theme(theme)
            panels.snap(f"{name}-{theme}-1280")
    cut = panels.page.evaluate(CUT, f"{selector}, .mlops-Sidebar")
    assert cut == [], (name, cut)


def walk(panels: Panels, page: Any, prefix: str, kind: str, tabs: Sequence[str]) -> None:
    """Each tab of a page."""
    for number, tab in enumerate(tabs):
        panels.open_tab(page, tab)
        look(panels, f"{prefix}-{number}-{tab.split()[0].lower()}", f".{kind}", wide=number == 0)


def test_every_part_of_a_run_and_of_a_comparison(gallery: Panels) -> None:
    view = gallery.page
    tabs = ("Overview", "Curves", "Code", "Data & lineage", "Environment", "Outputs", "Artifacts", "Log", "Revisions")
    gallery.row("fit").click()
    run = gallery.active_page("mlops-RunPage")
    walk(gallery, run, "run", "mlops-RunPage", tabs)
    gallery.open_tab(run, "Code")
    for part in ("Slice", "Differences"):
        run.get_by_role("radio", name=part).click()
        look(gallery, f"run-code-{part.lower()}", ".mlops-RunPage")
    gallery.open_tab(run, "Artifacts")
    run.locator(".mlops-Files-list button", has_text="report.md").click()
    run.locator(".mlops-Preview").wait_for()
    look(gallery, "run-preview", ".mlops-RunPage")
    gallery.row("broken").click()
    view.locator(".mlops-RunPage:visible h1", has_text="broken").first.wait_for()
    broken = gallery.active_page("mlops-RunPage")
    walk(gallery, broken, "broken", "mlops-RunPage", tabs)
    rows = view.locator(".mlops-Row-run", has_text="fit")
    for place in (0, 1):
        rows.nth(place).hover()
        box = rows.nth(place).locator("input[type=checkbox]")
        box.click()  # not `check`, which looks at it before it is drawn again
        expect(box).to_be_checked()
    view.locator(".mlops-Picked").get_by_role("button", name="Compare").click()
    compare = gallery.active_page("mlops-ComparePage")
    walk(gallery, compare, "compare", "mlops-ComparePage", ("Differences", "Curves", "Plots", "Code", "Outputs"))
    assert gallery.lab_page.errors == [] and gallery.lab_page.outside == []


def test_forms_dialogs_models_and_settings(gallery: Panels) -> None:
    view = gallery.page
    gallery.command("mlops-nb:rerun-with")
    form = gallery.active_page("mlops-FormPage")
    form.locator("#mlops-p-lr").fill("0.3")
    look(gallery, "form-1-run", ".mlops-FormPage")
    form.get_by_role("radio", name="Sweep").click()
    form.locator("#mlops-p-lr").fill("0.3, 1, 3")
    form.get_by_label("Metric to judge by").fill("accuracy")
    look(gallery, "form-2-sweep", ".mlops-FormPage")
    form.locator("#mlops-p-lr").fill("fast")
    look(gallery, "form-3-wrong", ".mlops-FormPage")
    gallery.row("fit").click()
    run = gallery.active_page("mlops-RunPage")
    run.get_by_role("button", name="Register …").click()
    view.locator(".jp-Dialog input[list]").fill("churn")
    look(gallery, "dialog-1-register", ".jp-Dialog")
    view.locator(".jp-Dialog .jp-mod-accept").click()
    model = gallery.active_page("mlops-ModelPage")
    model.get_by_role("button", name="Promote …").first.click()
    view.wait_for_function("document.activeElement.matches('.jp-Dialog input')")
    look(gallery, "dialog-2-promote", ".jp-Dialog")
    view.locator(".jp-Dialog .jp-mod-accept").click()
    model.locator(".mlops-Place", has_text="@champion").wait_for()
    walk(gallery, model, "model", "mlops-ModelPage", ("Card of version 1", "History", "Gates", "Lineage", "Monitoring"))
    gallery.command("mlops-nb:models")
    gallery.active_page("mlops-ModelsPage").get_by_text("churn").first.wait_for()
    look(gallery, "models", ".mlops-ModelsPage")
    gallery.command("mlops-nb:all-runs")
    gallery.active_page("mlops-GridPage").locator(".mlops-Grid-row").first.wait_for()
    look(gallery, "grid", ".mlops-GridPage")
    for title in ("Jobs", "Models", "Services"):
        view.locator(".mlops-Section h3 button", has_text=title).click()
    view.locator(".mlops-Section .mlops-Item", has_text="churn").wait_for()
    gallery.command("settingeditor:open", query="MLOps")
    view.locator(".jp-SettingsForm").get_by_text("Group by").first.wait_for()
    look(gallery, "settings", ".mlops-Sidebar")
    gallery.command("launcher:create")
    view.locator(".jp-LauncherCard", has_text="All Runs").first.wait_for()
    look(gallery, "launcher", ".mlops-Sidebar")
    assert gallery.lab_page.errors == [] and gallery.lab_page.outside == []


def test_pages_with_nothing_in_them_say_what_to_do(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    (lab.root / "bare" / ".mlops_nb").mkdir(parents=True)
    lab.write_notebook("bare/bare.ipynb", ["1 + 1"])
    page.open_notebook("bare/bare.ipynb")
    panels = Panels(page, tmp_path, "gallery")
    panels.open_sidebar()
    for title in ("Sweeps and pipelines", "Jobs", "Models", "Services"):
        panels.page.locator(".mlops-Section h3 button", has_text=title).click()
    pages = {"all-runs": "mlops-GridPage", "models": "mlops-ModelsPage", "rerun-with": "mlops-FormPage"}
    for command, kind in pages.items():
        front(panels, "bare/bare.ipynb")
        panels.command(f"mlops-nb:{command}")
        bare = panels.active_page(kind)
        bare.locator(".mlops-Empty, .mlops-Empty-title").first.wait_for()
        look(panels, f"bare-{command}", f".{kind}")
    assert "%%track on top" in (panels.page.locator(".mlops-GridPage").text_content() or "")
    assert page.errors == [] and page.outside == []


LIVE = (
    "%load_ext mlops_nb",
    "learning_rate = 0.05\nepochs = 2000\nseed = 7",
    "%%track churn -n boosted\nimport random, time\nimport mlops_nb\n\nnoise = random.Random(seed)\n"
    "for epoch in range(epochs):\n    loss = 1 / (1 + learning_rate * epoch) + noise.random() / 20\n"
    "    mlops_nb.log_metric('loss', loss, step=epoch)\n"
    "    mlops_nb.log_metric('val_accuracy', 0.95 - loss / 3, step=epoch)\n"
    "    print(f'\\repoch {epoch} of {epochs}', end='')\n    time.sleep(0.05)",
)


def test_a_live_run_in_sidebar_and_card(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    """Curves, progress and resources while the cell runs; the stop button ends it."""
    (lab.root / "live" / ".mlops_nb").mkdir(parents=True)
    lab.write_notebook("live/training.ipynb", list(LIVE))
    page.open_notebook("live/training.ipynb")
    panels, view = Panels(page, tmp_path, "gallery"), page.page
    panels.open_sidebar()
    page.run_cell(0)
    page.run_cell(1)
    panels.start_cell(2)
    strip = view.locator(".mlops-Strip .mlops-Card")
    strip.locator("progress").wait_for()
    for spark in (".mlops-Row-run .mlops-Spark path", ".mlops-Strip .mlops-Tile .mlops-Spark path"):
        view.locator(spark).first.wait_for()
    view.wait_for_function("Number(document.querySelector('.mlops-Strip progress')?.value) > 0.05")
    strip.scroll_into_view_if_needed()
    look(panels, "live", ".mlops-Strip")
    assert view.locator(".mlops-Row-run .mlops-Spark path").count() == 1, "it stays while points come"
    strip.get_by_role("button", name="Stop").click()
    panels.wait_cell(2)
    view.locator(".mlops-Row .mlops-st-killed").first.wait_for()
    view.locator(".jp-OutputArea .mlops-Card").scroll_into_view_if_needed()
    look(panels, "stopped", ".jp-OutputArea .mlops-Card")
    assert page.errors == [] and page.outside == []


MANY = (
    "%load_ext mlops_nb",
    "import math, mlops_nb\nfor number in range(1000):\n"
    "    with mlops_nb.start_run(run_name=f'fit-{number}'):\n"
    "        mlops_nb.log_params({'lr': [0.1, 0.01][number % 2], 'kind': 'abc'[number % 3]})\n"
    "        mlops_nb.log_metric('accuracy', 0.8 + 0.19 * math.sin(number) ** 2)",
    "%mlops runs --limit 1000",
    "%mlops run ../choices.ipynb",
)


def test_saved_tables_and_the_form_of_a_notebook(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    """`%mlops runs` over 1,000 runs, as it reads without a kernel; the arrows of the form's lists show in the dark."""
    (lab.root / "tables" / ".mlops_nb").mkdir(parents=True)
    path = lab.write_notebook("choices.ipynb", ["rate: float = 0.1\nkind: str = 'a'  # in {a, b, c}", "rate"])
    content = json.loads(path.read_text())
    content["cells"][0]["metadata"] = {"tags": ["parameters"]}
    path.write_text(json.dumps(content), encoding="utf-8")
    lab.write_notebook("tables/tables.ipynb", list(MANY))
    page.open_notebook("tables/tables.ipynb")
    panels, view = Panels(page, tmp_path, "gallery"), page.page
    page.run_all()
    view.locator(".mlops-nb-panel .body .row").first.wait_for()
    form = view.locator(".mlops-nb-form")
    form.scroll_into_view_if_needed()
    panels.snap_everywhere("run-form")
    page.set_theme("dark")
    lists = form.locator("select")
    assert lists.count() == 1, "the parameter with choices"
    assert "bdbdbd" in lists.first.evaluate("each => getComputedStyle(each).backgroundImage")
    page.set_theme("light")
    page.save()
    lab.end_sessions()
    page.open_notebook("tables/tables.ipynb", theme="dark")
    table = view.locator(".jp-OutputArea-output .mlops-nb.runs").first
    table.scroll_into_view_if_needed()
    panels.snap_everywhere("static-table")
    assert view.locator(".mlops-nb-panel").count() == 0
