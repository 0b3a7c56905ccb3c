"""A transport plan as a matrix or as ribbons, in Jupyter, VS Code and marimo, from a NumPy array."""
import pathlib

import anywidget
import numpy as np
import traitlets as t


class PlanFigure(anywidget.AnyWidget):
    """plan: (n, m) masses. rows, cols, titles: labels. form: "matrix", "ribbons". selected: the pair that was pressed."""

    _esm = pathlib.Path(__file__).with_name("couplet_figure.js")
    _data = t.Bytes().tag(sync=True)
    rows, cols, titles, selected = (t.List().tag(sync=True) for _ in range(4))
    form = t.Enum(["matrix", "ribbons"], "matrix").tag(sync=True)
    scheme = t.Enum(["auto", "light", "dark"], "auto").tag(sync=True)
    scale = t.Enum(["sqrt", "linear", "log"], "sqrt").tag(sync=True)
    max_height = t.Int(480).tag(sync=True)

    def __init__(self, plan, rows=None, cols=None, titles=("rows", "columns"), **options):
        plan = np.ascontiguousarray(plan, dtype="<f4")
        if plan.ndim != 2 or plan.size == 0 or not (np.isfinite(plan) & (plan >= 0)).all():
            raise ValueError(f"plan: expected an (n, m) array of finite masses >= 0, got shape {plan.shape}")
        rows, cols = ([str(x) for x in (range(n) if xs is None else xs)] for n, xs in zip(plan.shape, (rows, cols)))
        if (len(rows), len(cols)) != plan.shape:
            raise ValueError(f"the plan is {plan.shape}, with {len(rows)} rows and {len(cols)} cols named")
        super().__init__(_data=plan.tobytes(), rows=rows, cols=cols, titles=list(titles), **options)
