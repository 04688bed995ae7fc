"""A verdict in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tui_cytpix.core.statistics.sequential_tests import Decision
from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.workflow.assess.findings import Finding, SampleFindings
from tui_cytpix.workflow.assess.verdict import ALL, FEW, Assessment, Part, outcome

NOT_COUNTABLE = "Count is not a good readout here: the cells of too many images can't be told apart."
RARE = 0.05  # share of images below which a class takes very many
SELDOM = 1 / 3  # share of images up to which it is said how rare a class is
NAMED = 3  # so many parts, or samples, are named
_HEADS = {Decision.KEEP: "keep this model", Decision.RETRAIN: "retrain", Decision.OPEN: "not yet known"}


def verdict_lines(found: Assessment) -> list[str]:
    """Everything, the verdict first, then count and mask; empty lines are none."""
    if not any(found.counts.values()):
        return ["Not yet known: no image is judged yet.", _out_of_turn_in_words(found)]
    skipped = found.counts.get(Judgement.SKIPPED, 0)
    apart = [
        f"{found.counts.get(judgement, 0)} {name}"
        for judgement, name in ((Judgement.UNUSABLE, "unusable"), (Judgement.INDISTINGUISHABLE, "indistinguishable"))
        if found.counts.get(judgement, 0)
    ]
    return [
        outcome_in_words(found),
        _kind_in_words(found, Kind.COUNT),
        _kind_in_words(found, Kind.MASK),
        _missing_in_words(found),
        *(_unusable_in_words(name, share) for name, share in found.unusable.items()),
        NOT_COUNTABLE if found.not_countable else "",
        _classes_in_words(found, found.all),
        *(_sample_in_words(found, name) for name in found.by_sample if found.by_sample[name].count.judged >= FEW),
        _few_in_words(found),
        f"{_many(skipped, 'image')} skipped: the intervals hold whether right or wrong." if skipped else "",
        f"{_many(found.only_counted, 'image')} only counted: the mask is still to be judged."
        if found.only_counted
        else "",
        f"Left out: {', '.join(apart)}; the intervals hold whether right or wrong." if apart else "",
        *(_rare_in_words(part) for part in found.missing if part.sample == ALL and sum(found.counts.values()) >= FEW),
        _out_of_turn_in_words(found),
    ]


def _out_of_turn_in_words(found: Assessment) -> str:
    if not found.out_of_turn:
        return ""
    return f"{_many(found.out_of_turn, 'image')} judged out of turn: counted once those drawn before are judged too."


# The one word


def outcome_in_words(found: Assessment) -> str:
    """`Keep this model: ...`, `Retrain: ...` or `Not yet known, ...`, and for which samples."""
    word, samples = outcome(found), samples_in_words(found)
    by_sample = f" {samples[0].upper()}{samples[1:]}." if samples else ""
    if word is Decision.RETRAIN:
        asking = [part_name(part) for part in found.parts if part.found.decision is Decision.RETRAIN]
        return f"Retrain: {_listed(_few(asking, 'part'))}.{by_sample}"
    if word is Decision.KEEP:
        kinds = list(dict.fromkeys(part.kind for part in found.parts))
        each = f", and each of {len(found.by_sample)} samples" if found.by_sample else ""
        return f"Keep this model: {_listed(kinds)} will do{each}."
    if found.unusable and found.images_needed is None:
        return f"Not yet known: too many frames are unusable.{by_sample}"
    return f"Not yet known{needed_in_words(found)}.{by_sample}"


def reason_in_words(found: Assessment) -> str:
    """`outcome_in_words` without the word itself: what it rests on, or what is missing."""
    if not any(found.counts.values()):
        return "no image is judged yet"
    said = outcome_in_words(found)
    for word in ("Keep this model", "Retrain", "Not yet known"):
        said = said.removeprefix(word)
    return said.lstrip(":, ")


def needed_in_words(found: Assessment) -> str:
    """`: multiplets 4 of 36 seen (1 image in 5); count and mask 17 of 36`: how far each part is from being kept, the
    slowest first, and which are done. An image without an error never lowers these: how many images that takes would
    rise with each in which a rare class is not seen.
    """
    apart: dict[tuple[int, int, str], list[str]] = {}
    for part in found.missing:
        if not part.found.skips_decide:
            seen, rare = part.found.judged, _one_in(part)
            apart.setdefault((seen, seen + part.found.clean_needed, rare), []).append(part_name(part))
    told = [
        f"{_listed(_few(names, 'part'))} {seen} of {of}{'' if place else ' seen'}{rare}"
        for place, ((seen, of, rare), names) in enumerate(apart.items())
    ]
    done = [kind for kind in dict.fromkeys(part.kind for part in found.parts) if found.of_kind(kind) is Decision.KEEP]
    if told and done:
        told = [*_few(told, "part"), f"{_listed(done)} done"]
    return f": {'; '.join(_few(told, 'part'))}" if told else ""


def _one_in(part: Part) -> str:
    """How rare a class is, where it is; "" where it was not seen yet."""
    if part.kind not in (Kind.SINGLETS, Kind.MULTIPLETS) or not part.share or part.share > SELDOM:
        return ""
    return f" (1 image in {1 / part.share:.0f})"


def _missing_in_words(found: Assessment) -> str:
    """How many more of which undecided parts; where one asks for retraining, none is missing."""
    missing = found.missing if outcome(found) is Decision.OPEN else []
    return f"Missing: {'; '.join(_few(list(map(_missing_part, missing)), 'part'))}." if missing else ""


def samples_in_words(found: Assessment) -> str:
    """`keep for e; retrain for s`; "" where all samples, or the one there is, get the same word."""
    said = {name: found.of_sample(name) for name in found.by_sample}
    words = {
        decision: [name for name, one in said.items() if one is decision]
        for decision in (Decision.KEEP, Decision.RETRAIN, Decision.OPEN)
    }
    told = [f"{decision} for {', '.join(_few(names, 'sample'))}" for decision, names in words.items() if names]
    return "; ".join(told) if len(told) > 1 else ""


def part_name(part: Part) -> str:
    return part.kind if part.sample == ALL else f"{part.kind} of {part.sample}"


def _missing_part(part: Part) -> str:
    found, name = part.found, part_name(part)
    if found.skips_decide:
        return f"{name} (hangs on {_without(found)})"
    if not part.share:
        return f"{name} ({found.clean_needed} if none is wrong, none seen yet)"
    if found.expected_needed is None:
        return f"{name} (with so many images left out, no number will do)"
    return f"{name} ({found.clean_needed} more if none is wrong, {found.expected_needed} expected)"


def _without(found: Finding) -> str:
    kinds = (
        (found.skipped, "image without this judgement", "images without this judgement"),
        (found.left_out, "image left out", "images left out"),
    )
    return " and ".join(f"{number} {one if number == 1 else several}" for number, one, several in kinds if number)


# Its parts


def _kind_in_words(found: Assessment, kind: Kind) -> str:
    """`Count: keep this model. ...`: the decision, the numbers behind it, and what is missing."""
    one, decision = found.all.of(kind), found.of_kind(kind)
    name = kind.capitalize()
    numbers = (
        f"{one.errors} wrong of {one.judged} ({_weighted(one)}{_percent(one.rate)}; 95 % confidence {_interval(one)})"
    )
    if decision is None:
        return f"{name}: not required. {numbers}." if one.judged else f"{name}: not required."
    last = "" if found.by_sample else _missing(one)  # of several samples each has its own
    if not one.judged:
        return f"{name}: not judged yet{last}."
    return f"{name}: {_HEADS[decision]}. {numbers}{last}."


def _missing(found: Finding) -> str:
    if found.decision is not Decision.OPEN:
        return f", decided after {found.after}"
    if found.skips_decide:
        end = ", so give it" if found.skipped else ""
        return f": {_without(found)} could change the verdict{end}"
    at_most = "" if found.most_needed is None else f", decided after {found.most_needed} more at the latest"
    return f"; {found.clean_needed} more keep it if none is wrong{at_most}"


def _classes_in_words(found: Assessment, of: SampleFindings) -> str:
    """Singlet specificity and multiplet sensitivity: at few doublets, "always one" passes any overall rate."""
    parts = [
        _class_in_words(name, done, of.of(kind), found.of_kind(kind), of is found.all)
        for kind, name, done in (
            (Kind.SINGLETS, "Singlets", "counted as one"),
            (Kind.MULTIPLETS, "Multiplets", "found"),
        )
    ]
    return " ".join(part for part in parts if part)


def _class_in_words(name: str, done: str, found: Finding, required: Decision | None, of_all: bool) -> str:
    """Of a single sample no class must keep: only that one asks for retraining is said."""
    if not found.judged:
        return ""
    right = found.judged - found.errors
    weighted = f"{told}{_percent(1 - found.rate)}; " if (told := _weighted(found)) else ""
    share = f"{right} of {found.judged} {done} ({weighted}{_percent(1 - found.high)} to {_percent(1 - found.low)})"
    if required is None:
        said = ", not required"
    elif of_all and found.judged < FEW:
        said = f", too few to tell, {FEW} are needed"
    else:
        said = f", {found.decision}" if of_all or found.decision is Decision.RETRAIN else ""
    return f"{name}: {share}{said}."


def _sample_in_words(found: Assessment, name: str) -> str:
    one = found.by_sample[name]
    required = [kind for kind in (Kind.COUNT, Kind.MASK) if found.of_kind(kind) is not None]
    told = ", ".join(_told(kind, one.of(kind)) for kind in required)
    return f"{name}: {f'{told}. ' if told else ''}{_classes_in_words(found, one)}".strip()


def _few_in_words(found: Assessment) -> str:
    judged = [f"{name} {n}" for name, of in found.by_sample.items() if (n := of.count.judged) < FEW]
    return f"Too few images judged to tell by itself ({FEW} are needed): {', '.join(judged)}." if judged else ""


def _told(kind: Kind, found: Finding) -> str:
    if not found.judged:
        return f"{kind} not judged"
    return f"{kind} {found.decision} ({found.errors} of {found.judged}, {_interval(found)})"


def _unusable_in_words(name: str, share: float) -> str:
    where = f" of {name}" if name != ALL else ""
    return (
        f"{_percent(share)} of the frames{where} are unusable: the frames, not the model, are the "
        "problem. Draw from a gate, or set a least focus, that leaves them out; or measure the sample again."
    )


def _rare_in_words(part: Part) -> str:
    if part.kind not in (Kind.SINGLETS, Kind.MULTIPLETS) or (part.share or 0) >= RARE:
        return ""
    seen = f"only {_percent(part.share)}" if part.share else "none"
    return f"Of the images {seen} are {part.kind}: if your goal doesn't need them, state it again without them."


def _few(named: list[str], what: str) -> list[str]:
    """The first `NAMED`, and how many more; one more takes no more room than its number."""
    if len(named) <= NAMED + 1:
        return named
    return [*named[:NAMED], _many(len(named) - NAMED, f"more {what}")]


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _weighted(found: Finding) -> str:
    """Where images weigh unequally, their share is another than that of the numbers beside it."""
    return "weighted " if found.judged and not math.isclose(found.rate, found.errors / found.judged) else ""


def _interval(found: Finding) -> str:
    """The confidence sequence in percent."""
    return f"{_percent(found.low)} to {_percent(found.high)}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"
