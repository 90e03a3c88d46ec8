"""Draws what ``speed.py`` has measured: delay.svg and concurrency.svg."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl  # type: ignore[import-not-found]

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "smtps"
from matplotlib import pyplot as plt  # noqa: E402

HERE = Path(__file__).parent
LABELS = {
    "delay": ("milliseconds until a reply comes", "messages a second, one connection"),
    "concurrency": ("under way at once", "checks a second, one processor"),
}

for name, lines in json.loads(Path(sys.argv[1]).read_text()).items():
    figure, axes = plt.subplots(figsize=(7, 4))
    for label, points in lines.items():
        xs, ys = [float(x) for x in points], list(points.values())
        style = "-o" if label.startswith("smtps") else "--s"
        axes.plot(xs, ys, style, label=label, markersize=4)
    if name == "delay":
        axes.set_yscale("log")
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(-0.1, 60)
        axes.set_xticks([0, 1, 5, 20, 50])
    else:
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
    axes.set_xlabel(LABELS[name][0])
    axes.set_ylabel(LABELS[name][1])
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(HERE / f"{name}.svg", metadata={"Date": None})
