"""Where a model stands and what to do next: facts in, sentences out.

`situation` collects the facts from disk (never importing torch), `advise` is pure. Pages and the command line
show the same advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.datasets import store as datasets
from core.errors import ModelError, NotFoundError
from core.registry import store as registry
from core.runs.state import RunState, RunStatus, list_runs
from core.tasks import Target, Task
from core.workspace import Workspace

WEAK_LABEL = 0.75
"""A label whose F1 is below this is named in the advice."""
LOWER_RATE = "Try a smaller learning rate, or more data."
"""What to do when a training made a model worse."""
_NOTICEABLE = 0.01  # a smaller loss of the main figure is noise


@dataclass(frozen=True)
class Figures:
    """What a model version scored, by kind of data.

    Args:
        generated: Metric → value on the held-out part of the training data.
        real: Metric → value on the gold set; empty without one.
        labels: Label → its metrics, on real data where there are any, else on held-out data.
        source: Where the training data came from: begins with `generated` or `imported`.
    """

    generated: dict[str, float] = field(default_factory=dict)
    real: dict[str, float] = field(default_factory=dict)
    labels: dict[str, dict[str, float]] = field(default_factory=dict)
    source: str = "generated"

    def judged(self, metric: str) -> float | None:
        """The figure that targets are judged on: real where there is one, else held out."""
        return self.real.get(metric, self.generated.get(metric))

    @property
    def held_out_word(self) -> str:
        """What the held-out data is called: `generated`, or `held out` when it was imported."""
        return "generated" if self.source.startswith("generated") else "held out"


@dataclass(frozen=True)
class Situation:
    """The facts about one model that the advice is made from.

    Args:
        task: The model family.
        datasets: How many training datasets there are.
        gold: Id of the gold set in force, or None.
        runs: Its runs, newest first.
        production: Version in production, or None.
        production_figures: What that version scored.
        newest: Newest version of this workspace, or None.
        newest_figures: What that version scored.
        starter: The shipped starter model, or None.
        starter_figures: What it scored.
    """

    task: Task
    datasets: int = 0
    gold: str | None = None
    runs: tuple[RunStatus, ...] = ()
    production: registry.Version | None = None
    production_figures: Figures = Figures()
    newest: registry.Version | None = None
    newest_figures: Figures = Figures()
    starter: registry.Version | None = None
    starter_figures: Figures = Figures()

    @property
    def active_run(self) -> RunStatus | None:
        """The run that trains, else the first that waits, or None."""
        active = [run for run in self.runs if run.active]
        running = [run for run in active if run.state == RunState.RUNNING]
        return (running or active or [None])[-1]

    @property
    def shown(self) -> tuple[registry.Version | None, Figures]:
        """The version that stands for the model and its figures: production, newest or starter."""
        if self.production:
            return self.production, self.production_figures
        if self.newest:
            return self.newest, self.newest_figures
        return self.starter, self.starter_figures


@dataclass(frozen=True)
class Advice:
    """One thing to do next.

    Args:
        code: Stable name, for tests and the command line.
        text: One or two sentences.
        button: What the button says.
        page: Page that the button opens.
        params: Query parameters for that page.
    """

    code: str
    text: str
    button: str
    page: str
    params: dict[str, str] = field(default_factory=dict)


def figures_of(version: registry.Version | None, moment: str = "after") -> Figures:
    """What a version scored: `test` is held out from its training data, `gold` is real data.

    Args:
        version: The version, or None for no figures.
        moment: `after` training, or `before` it (the base model's figures).
    """
    if version is None:
        return Figures()
    parts = version.metrics.get(moment) or {}
    test, gold = parts.get("test") or {}, parts.get("gold") or {}
    dataset = version.manifest.get("dataset")
    source = str(dataset.get("source") or "generated") if isinstance(dataset, dict) else "generated"
    return Figures(
        generated=_numbers(test), real=_numbers(gold),
        labels=dict(_labels(gold) or _labels(test)), source=source,
    )  # fmt: skip


def setback(task: Task, version: registry.Version) -> str:
    """What a training lost and what to do, where its model is worse than the one before it; else empty."""
    old, new = figures_of(version, "before"), figures_of(version)
    now, was, kind = _comparable(new, old, task.main_metric)
    if now is None or was is None or was - now < _NOTICEABLE:
        return ""
    title = next((t.title for t in task.targets if t.metric == task.main_metric), task.main_metric)
    figures = f"{title} {now:.3f} instead of {was:.3f} on {kind} data"
    return f"{version.id} is worse than the model before it: {figures}. {LOWER_RATE}"


def _labels(part: Mapping[str, Any]) -> dict[str, Any]:
    return part.get("labels") or part.get("classes") or {}


def _numbers(part: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in part.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def situation(task: Task, ws: Workspace | None = None, runs: list[RunStatus] | None = None) -> Situation:
    """Collect the facts about one model from the workspace.

    Args:
        task: The model family; for one that is not available everything is empty.
        ws: Workspace; the current one by default.
        runs: The workspace's runs if the caller has listed them already.
    """
    ws = ws or Workspace.current()
    if not task.available:
        return Situation(task)
    own = tuple(run for run in (list_runs(ws) if runs is None else runs) if run.task == task.name)
    versions = registry.list_versions(task.name, ws=ws)
    aliases = registry.aliases(task.name, ws=ws)
    newest = versions[0] if versions else None
    production = _version(task.name, aliases.get("production"), ws)
    starter = _version(task.name, "starter", ws)
    gold = datasets.get_gold(task.name, ws=ws)
    return Situation(
        task=task,
        datasets=len(datasets.list_datasets(task.name, "train", ws=ws)),
        gold=gold.id if gold else None,
        runs=own,
        production=production,
        production_figures=figures_of(production),
        newest=newest,
        newest_figures=figures_of(newest),
        starter=starter,
        starter_figures=figures_of(starter),
    )


def _version(task: str, ref: str | None, ws: Workspace) -> registry.Version | None:
    if not ref:
        return None
    try:
        return registry.get_version(task, ref, ws=ws)
    except (NotFoundError, ModelError):
        # A version that cannot be used is named on the Models page; here it counts as not there.
        return None


def advise(facts: Situation) -> list[Advice]:
    """What to do next, most urgent first. Empty for a model that is not part of this edition."""
    if not facts.task.available:
        return []
    found = [_running(facts), _broken(facts), _promote(facts), _data(facts), _train(facts)]
    found += [_below_target(facts), _gold(facts)]
    task = facts.task.name
    advice = [replace(item, params={"task": task, **item.params}) for item in found if item is not None]
    if advice:
        return advice
    version = facts.shown[0]
    name = version.id if version else ""
    return [
        Advice(
            "done",
            f"{facts.task.title} {name} meets every target.",
            "Try it out",
            "validation",
            {"task": task},
        )
    ]


def _running(facts: Situation) -> Advice | None:
    run = facts.active_run
    if run is None:
        return None
    doing = "is training" if run.state == RunState.RUNNING else "waits for its turn"
    return Advice("watch", f"{run.name} {doing}.", "Watch", "live", {"run": run.run_id})


def _broken(facts: Situation) -> Advice | None:
    last = facts.runs[0] if facts.runs else None
    if last is None or last.state not in (RunState.FAILED, RunState.LOST):
        return None
    word = "failed" if last.state == RunState.FAILED else "was lost"
    text = f"The last training {word}: {last.message or 'no reason was written.'} {last.hint}".strip()
    return Advice("look", text, "See what happened", "live", {"run": last.run_id})


def _data(facts: Situation) -> Advice | None:
    if facts.datasets:
        return None
    text = f"There is no training data yet: generate some thousand {facts.task.unit}s, or import your own."
    return Advice("generate", text, "Generate data", "generate")


def _train(facts: Situation) -> Advice | None:
    if not facts.datasets or facts.newest or facts.active_run:
        return None
    return Advice("train", "Training data is ready: start the first training.", "Launch training", "launch")


def _promote(facts: Situation) -> Advice | None:
    newest, production = facts.newest, facts.production
    if newest is None or (production is not None and production.id == newest.id):
        return None
    if production is None:
        if _missed(facts.task, facts.newest_figures):
            return None
        better = f"{newest.id} is trained and nothing is in production."
    else:
        metric = facts.task.main_metric
        new, old, kind = _comparable(facts.newest_figures, facts.production_figures, metric)
        if new is None or old is None or new <= old:
            return None
        better = (
            f"{newest.id} is better than {production.id} in production: "
            f"{new:.3f} against {old:.3f} on {kind} data."
        )
    return Advice(
        "promote", f"{better} Try it on your own {facts.task.unit}s, then promote it.", "Validate",
        "validation", {"after": newest.id},
    )  # fmt: skip


def _comparable(new: Figures, old: Figures, metric: str) -> tuple[float | None, float | None, str]:
    # A figure on real data must never be weighed against one on generated data.
    if metric in new.real and metric in old.real:
        return new.real[metric], old.real[metric], "real"
    return new.generated.get(metric), old.generated.get(metric), new.held_out_word


def _below_target(facts: Situation) -> Advice | None:
    version, figures = facts.shown
    if version is None or version.source == "starter" or facts.active_run:
        return None
    kind = "real" if figures.real else figures.held_out_word
    for target, value in _missed(facts.task, figures):
        if lost := setback(facts.task, version):
            return Advice("improve", lost, "Train again", "launch")
        text = (
            f"{target.title} of {version.id} is {value:.3f} on {kind} data, the target is {target.value:.2f}."
        )
        weak = _weakest(figures)
        text += f" Add {facts.task.unit}s with {weak}." if weak else " Train longer, or with more data."
        return Advice(
            "improve", text, "Add data" if weak else "Train again", "generate" if weak else "launch"
        )
    return None


def _missed(task: Task, figures: Figures) -> list[tuple[Target, float]]:
    """The targets that were measured and not met, with what was measured."""
    judged = [(target, figures.judged(target.metric)) for target in task.targets]
    return [(target, value) for target, value in judged if value is not None and not target.met(value)]


def _weakest(figures: Figures) -> str:
    scored = {}
    for label, values in figures.labels.items():
        if not isinstance(values, Mapping) or not values.get("support", 1):
            continue
        # Boxes have no F1: what a detector misses is the recall of the class.
        word, value = ("F1", values["f1"]) if "f1" in values else ("recall", values.get("recall"))
        if value is not None:
            scored[label] = value, word
    if not scored:
        return ""
    label = min(scored, key=lambda name: scored[name][0])
    value, word = scored[label]
    return f"{label} ({word} {value:.3f})" if value < WEAK_LABEL else ""


def _gold(facts: Situation) -> Advice | None:
    if facts.gold or not facts.datasets:
        return None
    text = (
        f"No figure comes from real data yet. Import a gold set, some hundred of your own labelled "
        f"{facts.task.unit}s, to see what the model is worth on your work."
    )
    return Advice("gold", text, "Import a gold set", "generate", {"tab": "import"})
