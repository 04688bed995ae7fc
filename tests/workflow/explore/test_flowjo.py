"""Gates of FlowJo workspaces: who is inside is judged by FlowKit's own gating of the same FCS files."""

from __future__ import annotations

import math
import shutil
import sys

import numpy as np
import pytest

from tests.workflow import workspaces as wsp
from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.errors import InputError, UsageError
from tui_cytpix.formats.fcs.spillover import is_fluorescence_area
from tui_cytpix.formats.fcs.write import write_fcs_new
from tui_cytpix.workflow.explore import flowjo, gates
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

ROWS = 20000
SPILL = {"BL1-A": {"BL1-A": 1.0, "BL2-A": 0.2}, "BL2-A": {"BL1-A": 0.05, "BL2-A": 1.0}}


def write_fcs(path, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    dyes = rng.lognormal(7, 1.6, (2, ROWS)) + rng.normal(0, 60, (2, ROWS))
    columns = {
        "Event": np.arange(ROWS),
        "Time": np.arange(ROWS) * 7.0,
        "FSC-A": rng.lognormal(10, 0.5, ROWS),
        "SSC-A": rng.lognormal(9, 0.7, ROWS),
        "BL1-A": dyes[0] + 0.05 * dyes[1],
        "BL2-A": dyes[1] + 0.2 * dyes[0],
        "V!!R-A": rng.lognormal(5, 2, ROWS),
        "ParticleCount": np.arange(ROWS) % 4,
        "Quarter": np.arange(ROWS) % 4,
    }
    spill = "2,BL1-A,BL2-A,1,0.2,0.05,1"
    keywords = {"$SPILLOVER": spill, "$TIMESTEP": "0.01", "$FIL": path.name}
    write_fcs_new(path, list(columns), [np.asarray(c, np.float32) for c in columns.values()], keywords)
    # Our writer refuses slashes in names; some instruments have them. Doubled, they are no delimiter.
    path.write_bytes(path.read_bytes().replace(b"V!!R-A", b"V//R-A"))


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r", seed=5) as run:
        for seed, name in enumerate(("tube", "other")):
            folder = samples.make(name, 6)
            write_fcs(tmp_path / f"{name}.fcs", seed)
            run_samples.add_sample(run, folder, 0.3)
        yield run


@pytest.fixture
def flowkit():
    return pytest.importorskip("flowkit", reason="FlowKit (the extra `flowjo`) is not installed")


def import_gates(run, path, sample: str = "") -> flowjo.Imported:
    """As both front ends do."""
    found = flowjo.find_gates(run, path, sample)
    gates.add(run, *found.gates)
    return found


def theirs(flowkit, path, fcs, gate: str) -> np.ndarray:
    """FlowKit's answer; `gate` with its parents, `a/b`."""
    *parents, name = gate.split("/")
    sample = flowkit.Sample(str(fcs), filename_as_id=True, ignore_offset_error=True, use_flowjo_labels=True)
    workspace = flowkit.Workspace(str(path), fcs_samples=[sample])
    workspace.analyze_samples(use_mp=False)
    return workspace.get_gate_membership(fcs.name, name, ("root", *parents))


def ours(run, name: str, sample: str = "tube") -> np.ndarray:
    return gates.inside(EventTable(run, sample), run.settings.gates, name)


SCALES = [
    wsp.linear("FSC-A"),
    wsp.linear("SSC-A"),
    wsp.linear("Time", 1500),
    wsp.logicle("BL1-A", w=0.8),
    wsp.arcsinh("BL2-A", m=4.2),
    wsp.log("V_R-A", 1.0, 5.0),
]
AREA = ((9e3, 2e3), (6e4, 1e3), (7e4, 2e4), (2e4, 3e4))
DIM = ((-300.0, -250.0), (4e3, -100.0), (9e3, 8e3), (-50.0, 3e3))
POPULATIONS = [
    wsp.statistic(),
    wsp.population(
        "cells",
        wsp.polygon("FSC-A", "SSC-A", *AREA),
        wsp.population("early", wsp.rectangle(("Time", 20.0, 700.5))),
        wsp.population(
            "dim",
            wsp.polygon("BL1-A", "BL2-A", *DIM),
            wsp.population("dimmer", wsp.rectangle(("BL1-A", -100.0, 1500.0), ("BL2-A", None, 900.0))),
        ),
    ),
    wsp.population("crossed", wsp.polygon("SSC-A", "BL2-A", (2e3, 10.0), (2e4, 9e3), (2e4, 10.0), (2e3, 9e3))),
    wsp.population("bright", wsp.rectangle(("BL2-A", 3e3, None))),
    wsp.population("doublets", wsp.rectangle(("FSC-A", 1e4, 5e4), ("SSC-A", 3e3, 2e4))),
    wsp.population("on log", wsp.polygon("V_R-A", "SSC-A", (5.0, 2e3), (1e4, 1e3), (2e3, 2e4))),
    wsp.population("numbered", wsp.rectangle(("Event", 150.0, 5000.0))),
    wsp.population("box", wsp.rectangle(("Event", 150.0, 5000.0), ("Quarter", 1.0, 3.0))),
    wsp.population("low on log", wsp.rectangle(("V_R-A", 0.5, 300.0))),
]


def test_every_event_is_where_flowkit_puts_it(run, flowkit, tmp_path) -> None:
    path = wsp.write(tmp_path / "w.wsp", *(wsp.sample(f"{n}.fcs", POPULATIONS, SCALES) for n in ("tube", "other")))
    found = import_gates(run, path)
    assert found.left_out == {}
    assert found.samples == {"tube": "tube.fcs", "other": "other.fcs"}
    where = {"early": "cells/early", "dim": "cells/dim", "dimmer": "cells/dim/dimmer"}
    assert [gate.name for gate in found.gates] == [
        *("cells", "early", "dim", "dimmer", "crossed", "bright", "doublets", "on log", "numbered", "box", "low on log")
    ]
    run.flush()
    with Run.open(run.path, writing=False) as again:
        for sample in ("tube", "other"):
            for gate in again.settings.gates:
                expected = theirs(flowkit, path, tmp_path / f"{sample}.fcs", where.get(gate.name, gate.name))
                assert 100 < expected.sum() < ROWS - 100, gate.name
                assert (ours(again, gate.name, sample) == expected).all(), (gate.name, sample)


def imported(run, tmp_path, populations, scales=SCALES, spillover="", **options) -> flowjo.Imported:
    path = wsp.write(tmp_path / "w.wsp", wsp.sample("tube.fcs", populations, scales, spillover))
    return import_gates(run, path, sample="tube", **options)


def test_compensated_values_where_the_matrix_is_the_files(run, flowkit, tmp_path) -> None:
    populations = [wsp.population("dim", wsp.polygon("Comp-BL1-A", "Comp-BL2-A", *DIM))]
    scales = [*SCALES, wsp.logicle("Comp-BL1-A", w=0.8), wsp.arcsinh("Comp-BL2-A", m=4.2)]
    found = imported(run, tmp_path, populations, scales, wsp.matrix(SPILL))
    assert [axis.compensated for axis in found.gates[0].axes] == [True, True]
    expected = theirs(flowkit, tmp_path / "w.wsp", tmp_path / "tube.fcs", "dim")
    assert (ours(run, "dim") == expected).all()
    raw = Gate("raw", tuple(Axis(a.parameter, a.scale) for a in found.gates[0].axes), found.gates[0].corners)
    gates.add(run, raw)
    assert (ours(run, "raw") != expected).sum() > 100  # compensation does matter here


def test_values_that_are_not_compensated_beside_a_matrix_stay_so(run, flowkit, tmp_path) -> None:
    populations = [wsp.population("raw", wsp.rectangle(("BL2-A", 500.0, 4000.0)))]
    found = imported(run, tmp_path, populations, spillover=wsp.matrix(SPILL))
    assert not found.gates[0].axes[0].compensated
    values = EventTable(run, "tube").values("BL2-A")
    assert (ours(run, "raw") == (values >= 500) & (values < 4000)).all()


def test_another_matrix_is_named_and_one_without_spill_needs_none(run, flowkit, tmp_path) -> None:
    populations = [wsp.population("dim", wsp.polygon("Comp-BL1-A", "Comp-BL2-A", *DIM))]
    other = {**SPILL, "BL1-A": {"BL1-A": 1.0, "BL2-A": 0.3}}
    found = imported(run, tmp_path, populations, spillover=wsp.matrix(other))
    assert found.gates == ()
    assert found.left_out == {"dim": "BL1-A is compensated in the workspace by another matrix than the file's."}
    assert run.settings.gates == ()
    none = {"BL1-A": {"BL1-A": 1.0, "BL2-A": 0.0}, "BL2-A": {"BL1-A": 0.0, "BL2-A": 1.0}}
    found = imported(run, tmp_path, populations, spillover=wsp.matrix(none))
    assert [axis.compensated for axis in found.gates[0].axes] == [False, False]
    assert (ours(run, "dim") == theirs(flowkit, tmp_path / "w.wsp", tmp_path / "tube.fcs", "dim")).all()


BIEX = [
    *(wsp.biex("BL1-A", width=-31.6), wsp.biex("BL2-A"), wsp.log("V_R-A", 1.0, 5.0)),
    *(wsp.linear("FSC-A"), wsp.linear("SSC-A")),
]


@pytest.mark.parametrize(
    ("x", "y", "corners"),
    [
        ("BL1-A", "BL2-A", DIM),
        ("BL1-A", "BL2-A", ((-50.0, 40.0), (2e4, -20.0), (1e5, 5e4), (100.0, 2e3))),
        ("FSC-A", "BL2-A", AREA),
        ("BL1-A", "V_R-A", ((-1e6, 0.1), (800.0, 0.1), (4e3, 90.0), (300.0, 2e3), (-1e6, 2e3))),
    ],
)
def test_polygons_on_flowjos_own_scale_follow_it(run, flowkit, tmp_path, x, y, corners) -> None:
    found = imported(run, tmp_path, [wsp.population("p", wsp.polygon(x, y, *corners))], BIEX)
    assert any("scale of FlowJo's own" in note for note in found.notes)
    expected = theirs(flowkit, tmp_path / "w.wsp", tmp_path / "tube.fcs", "p")
    assert 300 < expected.sum() < ROWS - 300
    assert (ours(run, "p") == expected).all()


def test_a_polygon_up_to_the_end_of_its_scale_holds_what_lies_beyond(run, flowkit, tmp_path) -> None:
    corners = ((2e4, 500.0), (6e4, 2e3), (6e4, 262144.0), (1e4, 262144.0))
    imported(run, tmp_path, [wsp.population("p", wsp.polygon("FSC-A", "BL2-A", *corners))], BIEX)
    expected = theirs(flowkit, tmp_path / "w.wsp", tmp_path / "tube.fcs", "p")
    table = EventTable(run, "tube")
    beyond = table.values("BL2-A") > 262144
    assert (ours(run, "p") == expected)[~beyond].all()
    # FlowJo shows them at the end of the plot, up to which the gate reaches; FlowKit counts no upper side as inside.
    across = table.values("FSC-A")
    assert (ours(run, "p") == (across >= 1e4) & (across <= 6e4))[beyond].all()
    assert ours(run, "p")[beyond].any()


ELLIPSES = (
    (("BL1-A", "BL2-A"), ((100, 90), (140, 130)), ((85, 75), (155, 145), (110, 120), (130, 100))),
    (("FSC-A", "SSC-A"), ((15, 6), (35, 12)), ((10, 4.5), (40, 13.5), (24, 12), (26, 6))),
    (("FSC-A", "SSC-A"), ((21, 6), (21, 12)), ((21, 3), (21, 15), (17, 9), (25, 9))),
    (("V_R-A", "FSC-A"), ((90, 20), (140, 24)), ((80, 19.2), (150, 24.8), (114, 30), (116, 14))),
)


@pytest.mark.parametrize(("pair", "foci", "edge"), ELLIPSES)
@pytest.mark.parametrize("scales", [SCALES, BIEX])
def test_ellipses_become_polygons(run, flowkit, tmp_path, pair, foci, edge, scales) -> None:
    found = imported(run, tmp_path, [wsp.population("e", wsp.ellipse(*pair, foci, edge))], scales)
    assert any("polygon of 128 corners" in note for note in found.notes)
    expected = theirs(flowkit, tmp_path / "w.wsp", tmp_path / "tube.fcs", "e")
    assert expected.sum() > 300
    assert (ours(run, "e") == expected).all()


def test_what_cannot_be_taken_is_named(run, flowkit, tmp_path) -> None:
    scatter = wsp.polygon("FSC-A", "SSC-A", *AREA)
    populations = [
        wsp.population("cells", scatter, wsp.population("few", wsp.rectangle(("ParticleCount", None, 1.5)))),
        wsp.population("outside", wsp.polygon("FSC-A", "SSC-A", *AREA, inside=0), wsp.population("in it", scatter)),
        wsp.population("box", wsp.rectangle(("FSC-A", 1.0, 2.0), ("SSC-A", 1.0, 2.0), ("BL1-A", 1.0, 2.0))),
        wsp.population("odd", wsp.ellipse("FSC-A", "SSC-A", ((9, 9), (9, 9)), ((1, 1), (1, 1), (1, 1), (1, 1)))),
        wsp.population("derived", wsp.rectangle(("Ratio", 1.0, 2.0))),
        wsp.population("all events", scatter),
        wsp.population("x" * 70, scatter),
        wsp.either("either", "cells", "derived"),
    ]
    found = imported(run, tmp_path, populations)
    assert [gate.name for gate in found.gates] == ["cells", "few"]
    words = {
        "outside": "outside its outline",
        "outside/in it": "It lies in outside",
        "box": "more than two",
        "odd": "ellipse that FlowKit can't convert",
        "derived": "has no Ratio",
        "all events": "all events is another gate",
        "x" * 70: "1 to 60 printable",
        "either": "boolean gate",
    }
    assert found.left_out.keys() == words.keys()
    for name, word in words.items():
        assert word in found.left_out[name]
    assert [note for note in found.notes if note.startswith("cells/few")] == [
        "cells/few: It is open to one side of ParticleCount: 1e+15 stands for that.",
        "cells/few: Events without an image lie outside, whereas FlowJo sees their 0.",
    ]
    assert found.summary == "Gates: 2 imported, 8 left out."


def test_gates_that_differ_between_samples_are_left_out_unless_one_is_named(run, flowkit, tmp_path) -> None:
    same = wsp.population("same", wsp.rectangle(("FSC-A", 1e4, 5e4)))
    path = wsp.write(
        tmp_path / "w.wsp",
        wsp.sample(
            "tube.fcs",
            [same, wsp.population("own", wsp.rectangle(("SSC-A", 1e3, 2e4)), same), wsp.population("alone", AT)],
            SCALES,
        ),
        wsp.sample("other.fcs", [same, wsp.population("own", wsp.rectangle(("SSC-A", 1e3, 3e4)), same)], SCALES),
        wsp.sample("third.fcs", [], SCALES),
    )
    found = import_gates(run, path)
    assert [gate.name for gate in found.gates] == ["same"]
    assert {name: why.split(":")[0] for name, why in found.left_out.items()} == {
        "own": "It differs between tube, other",
        "own/same": "It lies in own, which is left out.",
        "alone": "Only tube has it",
    }
    found = import_gates(run, path, sample="other")
    assert [(gate.name, gate.parent) for gate in found.gates] == [("own", ""), ("own/same", "own")]
    assert "same is in the run already." in found.notes
    assert "own/same is called own/same here: same is another gate." in found.notes
    assert found.left_out == {}
    found = import_gates(run, path, sample="tube")
    assert found.left_out.keys() == {"own", "own/same"}  # the run has other.fcs's
    assert [gate.name for gate in found.gates] == ["alone"]


AT = wsp.rectangle(("Time", 5.0, 10.0))


def test_samples_are_matched_by_file_name(run, flowkit, tmp_path) -> None:
    gate = wsp.population("a", AT)
    with pytest.raises(InputError, match=r"called other.*Its samples: x, y"):
        import_gates(run, wsp.write(tmp_path / "w.wsp", wsp.sample("x", [gate]), wsp.sample("y", [gate])))
    twice = wsp.write(tmp_path / "w.wsp", wsp.sample("tube.fcs", [gate]), wsp.sample("TUBE.FCS", [gate]))
    with pytest.raises(InputError, match="has 2 samples called tube"):
        import_gates(run, twice)
    part = wsp.write(tmp_path / "w.wsp", wsp.sample("tube.fcs", [gate]), wsp.sample("y", [gate], ["<transforms:odd/>"]))
    found = import_gates(run, part)
    assert found.samples == {"tube": "tube.fcs"}
    assert any(note.startswith("other is left aside") for note in found.notes)
    with pytest.raises(UsageError, match="Its samples: tube, other"):
        import_gates(run, part, sample="y")
    both = wsp.write(tmp_path / "w.wsp", wsp.sample("tube.fcs", [gate, gate]))
    with pytest.raises(InputError, match="makes 1 gates of 2"):
        import_gates(run, both)
    odd = wsp.write(tmp_path / "w.wsp", wsp.sample("tube.fcs", [gate], ["<transforms:odd/>"]))
    with pytest.raises(InputError, match="FlowKit can't read it"):
        import_gates(run, odd)
    assert [gate.name for gate in run.settings.gates] == ["a"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "0 bytes"),
        (b"<Workspace><Groups>", "save it again|Save it again"),
        (b"<Workspace/>", "neither GatingML"),
        (b"\x00\xff not xml", "can't be read"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Workspace flowJoVersion="10.8">&b;</Workspace>', "declares entities"),
    ],
)
def test_files_that_are_no_workspaces(run, flowkit, tmp_path, content, words) -> None:
    path = tmp_path / "w.wsp"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        import_gates(run, path)
    assert run.settings.gates == ()


def test_what_flowkit_writes_is_read(run, flowkit, tmp_path) -> None:
    strategy = flowkit.GatingStrategy()
    strategy.add_transform("wide", flowkit.transforms.LogicleTransform(262144, 0.7, 4.5, 0))
    dimension = flowkit.Dimension
    sides = [dimension("BL1-A", transformation_ref="wide"), dimension("BL2-A", transformation_ref="wide")]
    corners = [(0.1, 0.1), (0.7, 0.15), (0.8, 0.7), (0.2, 0.5)]
    strategy.add_gate(flowkit.gates.PolygonGate("p", sides, corners), ("root",))
    low = dimension("BL1-A", transformation_ref="wide", range_min=0.2, range_max=0.5)
    strategy.add_gate(flowkit.gates.RectangleGate("low", [low]), ("root", "p"))
    session = flowkit.Session(strategy, fcs_samples=[str(tmp_path / "tube.fcs")])
    path = tmp_path / "out.wsp"
    with path.open("wb") as file:
        session.export_wsp(file, "group")
    import_gates(run, path)
    session.analyze_samples(use_mp=False)
    assert (ours(run, "p") == session.get_gate_membership("tube.fcs", "p")).all()
    assert (ours(run, "low") == session.get_gate_membership("tube.fcs", "low")).all()
    assert ours(run, "low").sum() > 300


def test_without_flowkit_it_says_what_to_install(run, tmp_path, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("flowkit.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "flowkit", None)
    with pytest.raises(InputError, match=r"flowkit is not installed. Install it: pip install 'tui-cytpix\[flowjo\]'"):
        import_gates(run, tmp_path / "w.wsp")


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["attune_nxt_brvy_G11", "bd_lsr2_comp", "accuri_c6plus", "miltenyi_fcs31"])
def test_real_files(shared_data, flowkit, samples, tmp_path, name) -> None:
    source = shared_data / "fcs" / f"{name}.fcs"
    if not source.is_file():
        pytest.skip(f"{source.name} is absent")
    shutil.copy(source, tmp_path)
    with Run.create(tmp_path / "real") as run:
        run_samples.add_sample(run, samples.make(name, 6), 0.3)
        table = EventTable(run, name)
        x, y, *_ = [p.name for p in table.parameters if p.name.startswith(("FSC", "SSC"))]
        dye, other, *_ = [p.name for p in table.parameters if is_fluorescence_area(p.name)]
        # No event on a side: there FlowKit counts those on lower and left sides only, we all.
        within = [(np.quantile(table.values(p), (0.2, 0.85)) + 0.001234).tolist() for p in (x, y, dye, other)]
        (a, b), (c, d), (e, f), (g, h) = within
        populations = [
            wsp.population(
                "cells",
                wsp.polygon(x, y, (a, c), (b, c), (1.2 * b, d), (a, 1.1 * d)),
                wsp.population("dyes", wsp.polygon(dye, other, (e, g), (f, 1.1 * g), (f, h), (1.2 * e, h))),
                wsp.population("bright", wsp.rectangle((dye, e, f))),
            )
        ]
        tops = {one: table.parameter(one).top for one in (dye, other)}
        scale = wsp.biex(dye, pos=math.log10(tops[dye]) - 1, top=tops[dye])
        scales = [wsp.linear(x), wsp.linear(y), scale, wsp.logicle(other, tops[other])]
        path = wsp.write(tmp_path / "w.wsp", wsp.sample(f"{name}.fcs", populations, scales))
        assert len(import_gates(run, path).gates) == 3
        for gate in ("cells", "cells/dyes", "cells/bright"):
            expected = theirs(flowkit, path, tmp_path / f"{name}.fcs", gate)
            assert 100 < expected.sum() < table.rows - 100
            assert (ours(run, gate.split("/")[-1], name) == expected).all(), gate
