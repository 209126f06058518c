"""The tracked cell behaves as if the line were not there: each promise in a real kernel."""

from __future__ import annotations

import re

import pytest

from tests.kernels import Kernel, Reply

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def plain(reply: Reply) -> list[str]:
    """A traceback without colours and execution counts."""
    text = _ANSI.sub("", "\n".join(reply.traceback))
    return re.sub(r"In\[\d+\]", "In[n]", text).splitlines()


def test_last_expression_is_shown_and_kept(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nx = 20\nx + 1")
    assert reply.status == "ok"
    assert reply.result == "21"
    count = reply.execution_count
    assert kernel.value("_") == 21
    assert kernel.value(f"Out[{count}]") == 21
    assert kernel.value(f"In[{count}]") == "\nx = 20\nx + 1"  # IPython keeps the transformed source there
    assert kernel.value("x") == 20


def test_semicolon_hides_the_result(kernel: Kernel) -> None:
    assert kernel.run("%%track\n1 + 1;").result is None


def test_display_figures_and_html(kernel: Kernel) -> None:
    reply = kernel.run(
        "%%track\n%matplotlib inline\nimport matplotlib.pyplot as plt\nfrom IPython.display import HTML, display\n"
        "display(HTML('<b>hi</b>'))\nplt.plot([1, 2])\nplt.show()"
    )
    data = [output["data"] for output in reply.outputs if output["type"] == "display_data"]
    assert data[0]["text/html"] == "<b>hi</b>"
    assert "image/png" in data[1]
    assert reply.card["status"] == "FINISHED"


def test_open_figure_is_shown_once_at_the_end(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nimport matplotlib.pyplot as plt\n_ = plt.plot([3, 4])")
    assert sum("image/png" in o.get("data", {}) for o in reply.outputs) == 1


def test_widgets(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nimport ipywidgets\nslider = ipywidgets.IntSlider(value=7)\nslider")
    result = next(o for o in reply.outputs if o["type"] == "execute_result")
    assert "application/vnd.jupyter.widget-view+json" in result["data"]


@pytest.mark.parametrize(
    "body",
    [
        "1 / 0",
        "def f(x):\n    return 1 / x\n\nf(0)",
        "raise ValueError('no')",
        "{}['key']",
        "import json\njson.loads('{')",
    ],
)
def test_tracebacks_say_the_same_and_point_at_the_users_lines(kernel: Kernel, body: str) -> None:
    tracked = kernel.run(f"%%track\n{body}")
    untracked = kernel.run(f"#\n{body}")  # a comment in the line's place: the lines are numbered alike
    assert tracked.status == untracked.status == "error"
    assert tracked.content["ename"] == untracked.content["ename"]
    assert tracked.content["evalue"] == untracked.content["evalue"]
    assert [line for line in plain(tracked) if line.rstrip() not in ("      1 #", "      1")] == [
        line for line in plain(untracked) if line.rstrip() not in ("      1 #", "      1")
    ]
    assert not any("mlops_nb" in line for line in plain(tracked))
    assert tracked.card["status"] == "FAILED"


def test_syntax_error(kernel: Kernel) -> None:
    tracked = kernel.run("%%track\nx = = 1")
    untracked = kernel.run("#\nx = = 1")
    assert plain(tracked) == plain(untracked)
    assert tracked.card["status"] == "FAILED"


def test_top_level_await(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nimport asyncio\nvalue = await asyncio.sleep(0.01, 42)\nvalue")
    assert reply.result == "42"
    assert reply.card["status"] == "FINISHED"


def test_time_below(kernel: Kernel) -> None:
    reply = kernel.run("%%track\n%%time\nn_trees = 5\nscore = n_trees / 10")
    assert "Wall time" in reply.text
    assert reply.card["params"]["n_trees"] == 5
    assert reply.card["metrics"]["score"] == 0.5


def test_time_above(kernel: Kernel) -> None:
    reply = kernel.run("%%time\n%%track\ndepth = 4\nscore = depth / 10")
    assert "Wall time" in reply.text
    assert reply.card["params"] == {"depth": 4}


def test_capture_below(kernel: Kernel) -> None:
    reply = kernel.run("%%track\n%%capture caught\nprint('hidden')\nalpha = 2")
    assert reply.text == ""
    assert kernel.value("caught.stdout") == "hidden\n"
    assert reply.card["params"]["alpha"] == 2


def test_shell_and_magics_inside(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nname = 'world'\n!echo hello {name}\n%env MARK=here\nlines = !echo a\nprint(lines)")
    assert "hello world" in reply.text
    assert "['a']" in reply.text
    assert kernel.value("__import__('os').environ['MARK']") == "here"


def test_system_exit(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nimport sys\nsys.exit(3)")
    assert reply.content["ename"] == "SystemExit"
    assert reply.card["status"] == "FAILED"
    assert kernel.value("1 + 1") == 2


def test_empty_cell(kernel: Kernel) -> None:
    for source in ("%%track", "%%track\n", "%%track\n\n  \n", "%%track\n# only a comment"):
        reply = kernel.run(source)
        assert reply.status == "ok", source
        assert reply.card["status"] == "FINISHED"


@pytest.mark.parametrize("above", ["\n", "\n\n", "# a comment\n", "# one\n\n# two\n", "  \n"])
def test_lines_above(kernel: Kernel, above: str) -> None:
    reply = kernel.run(f"{above}%%track\nheight = 3\nheight")
    assert reply.result == "3"
    assert reply.card["params"] == {"height": 3}


def test_a_cell_may_delete_and_rebind_what_it_read(kernel: Kernel) -> None:
    kernel.run("width = 3\nother = 4")
    reply = kernel.run("%%track\narea = width * other\ndel width\nother = 'text'")
    assert reply.status == "ok"
    assert reply.card["params"]["width"] == 3
    assert reply.card["metrics"]["area"] == 12


def test_line_magic_between_statements_is_no_track(kernel: Kernel) -> None:
    reply = kernel.run("y = 1\ntext = '''\n%%track churn\n'''")
    assert reply.status == "ok"
    assert not reply.cards


def test_nested_run_cell(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nget_ipython().run_cell('inner = 5')\nouter = inner * 2.0")
    assert reply.card["metrics"] == {"outer": 10.0}


def test_printed_text_is_not_changed(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nimport sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('end')")
    assert reply.stream("stdout") == "out\nend\n"
    assert reply.stream("stderr") == "err\n"


def test_hidden_names_stay_hidden(kernel: Kernel) -> None:
    before = set(kernel.value("sorted(get_ipython().user_ns)"))
    kernel.run("%%track\nfresh_name = 1")
    after = set(kernel.value("sorted(get_ipython().user_ns)"))
    added = {name for name in after - before if not re.fullmatch(r"_i?\d+", name)}
    assert added == {"fresh_name"}
