"""What each verb's help shows at its end: command lines that can be typed as they are, with the names of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

EXAMPLES: Mapping[str, Sequence[str]] = {
    "": ["tui-cytpix", "tui-cytpix tube.acs", "tui-cytpix pombe", "tui-cytpix help run train"],
    "bundle": ["tui-cytpix bundle", "tui-cytpix bundle pombe --out bug.zip"],
    "collect": ["tui-cytpix collect results", "tui-cytpix collect results --samples sheet.csv --out batch.html"],
    "compare": [
        "tui-cytpix compare images/ --model cell-half --truth masks/",
        "tui-cytpix compare tube.acs --model cell-full --model cell-half",
    ],
    "completion": [
        'eval "$(tui-cytpix completion bash)"',
        "tui-cytpix completion fish > ~/.config/fish/completions/tui-cytpix.fish",
    ],
    "demo": ["tui-cytpix demo", "tui-cytpix demo s_pombe --dir try"],
    "help": ["tui-cytpix help", "tui-cytpix help run train"],
    "inspect": ["tui-cytpix inspect tube.acs", "tui-cytpix inspect tube.acs --concordance --out concordance.json"],
    "manual": ["tui-cytpix manual", "tui-cytpix manual steps", "tui-cytpix manual process.nf > process.nf"],
    "models": ["tui-cytpix models", "tui-cytpix models show cell-full"],
    "models list": ["tui-cytpix models list --json"],
    "models show": ["tui-cytpix models show cell-full", "tui-cytpix models show pombe/model.safetensors"],
    "models import": ["tui-cytpix models import from-anna.safetensors --name anna"],
    "models export": ["tui-cytpix models export pombe-udt .", "tui-cytpix models export pombe-udt pombe-udt.onnx"],
    "process": [
        "tui-cytpix process tube.acs --model cell-full --out results",
        "tui-cytpix process --samples sheet.csv --model pombe-udt --out results --format csv,fcs,masks",
        "tui-cytpix process --samples sheet.csv --model pombe-udt --out results --status",
    ],
    "run": ["tui-cytpix run new pombe --sample tube.acs --base cell-full", "tui-cytpix run status pombe"],
    "run new": [
        "tui-cytpix run new pombe --sample tube.acs --base cell-full",
        "tui-cytpix run new week-2 --samples sheet.csv --base cell-half --preview 100",
        "tui-cytpix run new week-3 --sample tube.acs --like week-2",
    ],
    "run add": ["tui-cytpix run add pombe tube-2.acs --condition rich --unit 'culture 2'"],
    "run label": ["tui-cytpix run label pombe tube", "tui-cytpix run label pombe tube-2 --role aside"],
    "run base": ["tui-cytpix run base pombe cell-full", "tui-cytpix run base pombe --proposals instrument"],
    "run select": ["tui-cytpix run select pombe", "tui-cytpix run select pombe --preview 300"],
    "run similar": ["tui-cytpix run similar pombe tube:4711 --images 20 --add"],
    "run gate": [
        "tui-cytpix run gate pombe list",
        "tui-cytpix run gate pombe range cells FSC-A 3e4 6e5",
        "tui-cytpix run gate pombe use cells",
    ],
    "run gate list": ["tui-cytpix run gate pombe list --parameter FSC-A --out gates.csv"],
    "run gate range": ["tui-cytpix run gate pombe range cells FSC-A 3e4 6e5"],
    "run gate polygon": [
        "tui-cytpix run gate pombe polygon cells FSC-A SSC-A --corner 3e4 1e4 --corner 6e5 1e4 --corner 3e5 2e5",
    ],
    "run gate import": ["tui-cytpix run gate pombe import experiment.wsp"],
    "run gate remove": ["tui-cytpix run gate pombe remove cells"],
    "run gate use": ["tui-cytpix run gate pombe use cells", "tui-cytpix run gate pombe use"],
    "run gate image": ["tui-cytpix run gate pombe image cells --counter cell-full"],
    "run gate export": ["tui-cytpix run gate pombe export cells --out cells.parquet"],
    "run gate montage": ["tui-cytpix run gate pombe montage cells --out cells.png --images 20"],
    "run annotate": [
        "tui-cytpix run annotate pombe --from-masks masks/",
        "tui-cytpix run annotate pombe --from-masks plain/ --split-regions",
    ],
    "run train": ["tui-cytpix run train pombe --epochs 100", "tui-cytpix run train pombe --detach"],
    "run check": ["tui-cytpix run check pombe"],
    "run status": ["tui-cytpix run status pombe", "tui-cytpix run status pombe --json"],
    "run pause": ["tui-cytpix run pause pombe"],
    "run resume": ["tui-cytpix run resume pombe"],
    "run stop": ["tui-cytpix run stop pombe"],
    "run finish": ["tui-cytpix run finish pombe --name pombe-udt --notes 'rich medium'"],
    "run review": [
        "tui-cytpix run review pombe --goal gating --images 60 --blind-first judge.csv --pictures judge",
        "tui-cytpix run review pombe --judgements judge.csv",
        "tui-cytpix run review pombe --step evaluate",
    ],
    "run pairs": [
        "tui-cytpix run pairs pombe --images 60 --out pairs.csv --pictures pairs",
        "tui-cytpix run pairs pombe --preferences pairs.csv",
    ],
    "run report": ["tui-cytpix run report pombe --out pombe.html"],
    "serve": ["tui-cytpix serve", "tui-cytpix serve pombe --port 8100"],
    "simulate": ["tui-cytpix simulate pombe-rich --out tube.acs --images 2000"],
    "triage": ["tui-cytpix triage tube.acs", "tui-cytpix triage tube.acs --model cell-full --model cell-half"],
}


def examples_of(prog: str) -> Sequence[str]:
    """Of the parser with that `prog`: the program, its verbs, and between them the places of the arguments before."""
    return EXAMPLES.get(" ".join(word for word in prog.split()[1:] if not word.isupper()), ())
