"""Commands of the app, its help and manual, the home screen, the gallery, the enlarged image and the editor."""

from __future__ import annotations

from tui_cytpix.ui.commands.command import Command, digit
from tui_cytpix.workflow.annotate.toolbox import TOOLS

_C = Command


def _tool(name: str, keys: str, *, footer: bool = False) -> Command:
    tool = TOOLS[name]
    return Command(f"editor.{name}", keys, tool.label, tool.help, footer, f"use('{name}')")


APP = (
    _C("app.help", "question_mark,f1", "Help", "Every key of this screen.", footer=True, words="shortcuts legend"),
    _C("app.palette", "colon", "Palette", "Find a command by its name."),
    _C("app.back", "q", "Back", "Back; on the home screen: leave.", footer=True, words="quit exit close"),
    _C("app.previous-step", "comma", "Previous step", "The step before this one.", action="step_by(-1)"),
    _C("app.next-step", "full_stop", "Next step", "The step after this one.", footer=True, action="step_by(1)"),
    *(
        _C(
            f"app.step-{n}",
            digit(n),
            f"Step {n}",
            "To a step by its number, from the main view of another." if n == 1 else "",
            action=f"to_step({n})",
        )
        for n in range(1, 6)
    ),
    _C("app.training", "asterisk", "Training", "Training, from any screen: pause, go on, more epochs, stop, write."),
    _C(
        "app.tour",
        "exclamation_mark",
        "Tour",
        "Walk through a sample run's story, from its first step on.",
        words="demo guide",
    ),
    _C("app.theme", "f2", "Theme", "Dark or light.", words="colours background"),
    _C(
        "app.log",
        "f3",
        "Log",
        "All messages since the app began, errors too: to read again, and to copy.",
        words="notifications history",
    ),
    _C(
        "app.copy",
        "f4",
        "Copy",
        "Copy to the clipboard: the event's id, paths, the last message.",
        words="yank",
    ),
    _C(
        "app.bug-report",
        "f5",
        "Bug report",
        "Write a zip to send: versions, settings, logs; no images, no names.",
        words="diagnostic bundle",
    ),
)

LOG = (
    _C("log.copy", "y,enter", "Copy", "Copy the message under the cursor to the terminal's clipboard.", footer=True),
    _C("log.copy-all", "Y", "Copy all", "Copy all messages.", footer=True),
    _C("log.down", "j,down", "Down", "One message down, up."),
    _C("log.up", "k,up", "Up"),
)

HELP = (
    _C(
        "help.manual",
        "m",
        "Manual",
        "Read the manual: steps, files, formulas, limits.",
        footer=True,
        action="app.manual",
    ),
    _C("help.search", "slash", "Search", "Find a command by a word, and run it.", footer=True, action="app.palette"),
    _C("help.down", "j", "Down", "Scroll this list.", action="scroll_down"),
    _C("help.up", "k", "Up", action="scroll_up"),
)

MANUAL = (
    _C("manual.pages", "enter", "Go to", "All pages, those first that this page links to.", footer=True),
    _C(
        "manual.previous",
        "h,left",
        "Page -",
        "The page before this one, the one after.",
        footer=True,
        action="turn(-1)",
    ),
    _C("manual.next", "l,right", "Page +", footer=True, action="turn(1)"),
    _C("manual.last", "b", "Last read", "The page that was read before.", footer=True),
    _C("manual.down", "j,down", "Down", "Scroll down, up.", action="move('down')"),
    _C("manual.up", "k,up", "Up", action="move('up')"),
    _C(
        "manual.page-down", "pagedown,space", "Scroll", "A screenful down, up.", footer=True, action="move('page_down')"
    ),
    _C("manual.page-up", "pageup", "Scroll back", action="move('page_up')"),
    _C("manual.top", "g,home", "Top", "The top of the page, its end.", action="move('home')"),
    _C("manual.end", "G,end", "End", action="move('end')"),
)

HOME = (
    _C("home.open", "enter", "Open", "Open the run under the cursor, or a copy of a sample run.", footer=True),
    _C("home.new", "n", "New run", "A new run: asks for a sample and for the run's folder.", footer=True),
    _C(
        "home.like",
        "l",
        "Like this",
        "A new run with goal, gates, model, cutoff and labels of this one.",
        footer=True,
        words="template copy settings again",
    ),
    _C("home.triage", "t", "Triage", "Rank all models on a sample, without a review: an estimate.", footer=True),
    _C("home.path", "p", "Open path", "Open a run by its folder.", footer=True),
    _C("home.down", "j,down", "Down", "One row down, up."),
    _C("home.up", "k,up", "Up"),
)

GALLERY = (
    _C("gallery.left", "h,left", "Left", "One image left, down, up, right.", action="step(-1)"),
    _C("gallery.down", "j,down", "Down"),
    _C("gallery.up", "k,up", "Up"),
    _C("gallery.right", "l,right", "Right", action="step(1)"),
    _C("gallery.page-down", "pagedown", "Page down", "A page on, a page back.", action="page(1)"),
    _C("gallery.page-up", "pageup", "Page up", action="page(-1)"),
    _C("gallery.first", "g,home", "First", "The first image, the last."),
    _C("gallery.last", "G,end", "Last"),
    _C("gallery.jump", "slash", "Go to", "Go to an image by its number in the gallery, or by its event id."),
    _C("gallery.open", "enter", "Enlarge", "Enlarge the image.", footer=True),
    _C("gallery.mark", "space", "Mark", "Mark the image, or take the mark off.", footer=True),
    _C("gallery.range", "V", "Range", "Mark everything from the last mark to here."),
    _C("gallery.sort", "s", "Sort", "Sort by the next property: order, count, area, confidence, flag."),
    _C("gallery.reverse", "S", "Reverse", "The other way round."),
    _C("gallery.sort-by", "y", "Sort by", "Sort by any measured parameter: area, focus, intensity, ..."),
    _C("gallery.show-only", "Y", "Show only", "Show only one count, verdict, or quarter of what is sorted by."),
    _C("gallery.filter", "f", "Filter", "Show only: counts other than one, flagged, marked, unsure."),
    _C("gallery.clear-filter", "F", "Show all", "Show all images again."),
    _C("gallery.similar", "A", "Alike", "More like this: images of all samples that resemble it most."),
    _C("gallery.gate", "w", "Gate", "Show only images whose events are in the next gate of the run, then all."),
    _C("gallery.next-flagged", "n", "Next flag", "The next flagged image, the one before.", action="flagged(1)"),
    _C("gallery.previous-flagged", "N", "Previous flag", action="flagged(-1)"),
    _C("gallery.overlay", "o", "Overlay", "Overlay: outline and centroids, filled masks, none.", footer=True),
    _C("gallery.overlay-off", "O", "No overlay", "Overlay off; again: back."),
    _C("gallery.larger", "z,plus", "Larger", "Larger thumbnails, smaller ones.", footer=True, action="zoom(1)"),
    _C("gallery.smaller", "Z,minus", "Smaller", action="zoom(-1)"),
    _C("gallery.frames", digit(0), "Frames", "Thumbnails of whole frames; again: of what is in them."),
)

IMAGE = (
    _C("image.overlay", "o", "Overlay", "Overlay: outline and centroids, filled masks, none.", footer=True),
    _C("image.overlay-off", "O", "No overlay", "Overlay off; again: back."),
    _C("image.zoom-in", "z", "Zoom", "Zoom in, out.", footer=True, action="zoom(1)"),
    _C("image.zoom-out", "Z", "Zoom out", action="zoom(-1)"),
    _C("image.brighter", "greater_than_sign", "Brighter", "Brighter, darker (gamma).", action="gamma(-1)"),
    _C("image.darker", "less_than_sign", "Darker", action="gamma(1)"),
    _C("image.contrast", "g", "Contrast", "Stretch the contrast 2 and 4 times, for faint cells; again: back."),
    _C("image.invert", "i", "Invert", "Swap black and white."),
    _C("image.similar", "A", "Alike", "More like this: images of all samples that resemble it most."),
)

PAN = (
    _C(
        "pan.left",
        "h,left",
        "Left",
        "Zoomed in: the part to the left, below, above, to the right.",
        action="pan(0, -0.25)",
    ),
    _C("pan.down", "j,down", "Down", action="pan(0.25, 0)"),
    _C("pan.up", "k,up", "Up", action="pan(-0.25, 0)"),
    _C("pan.right", "l,right", "Right", action="pan(0, 0.25)"),
)

CURSOR = (
    _C("cursor.left", "h,left", "Left", "Crosshair 1 px left, down, up, right.", action="step(0, -1)"),
    _C("cursor.down", "j,down", "Down", action="step(1, 0)"),
    _C("cursor.up", "k,up", "Up", action="step(-1, 0)"),
    _C("cursor.right", "l,right", "Right", action="step(0, 1)"),
    _C(
        "cursor.far-left",
        "H,shift+left",
        "8 px left",
        "Crosshair 8 px left, down, up, right.",
        action="step(0, -8)",
    ),
    _C("cursor.far-down", "J,shift+down", "8 px down", action="step(8, 0)"),
    _C("cursor.far-up", "K,shift+up", "8 px up", action="step(-8, 0)"),
    _C("cursor.far-right", "L,shift+right", "8 px right", action="step(0, 8)"),
)

EDITOR = (
    _C("editor.accept", "a", "Accept", "Accept as it stands and go to the next open image.", footer=True, decides=True),
    _C("editor.reject", "x", "Reject", "Leave this image out and go on.", footer=True, decides=True),
    _C("editor.skip", "space", "Skip", "Go on without a decision.", footer=True),
    *(_tool(f"count-{n}", digit(n)) for n in (*range(1, 10), 0)),
    _tool("place", "p", footer=True),
    _tool("delete", "d", footer=True),
    _tool("move", "m", footer=True),
    _C("editor.drop", "enter", "Drop", "Drop the centroid that is being moved; put the pen away."),
    _tool("snap", "s"),
    _tool("centre", "c"),
    _tool("centre-all", "C"),
    _tool("tighten", "t"),
    _tool("loosen", "T"),
    _tool("brush", "b"),
    _tool("erase", "B"),
    _C("editor.pen-smaller", "left_square_bracket", "Finer pen", "Brush and eraser finer, broader."),
    _C("editor.pen-larger", "right_square_bracket", "Broader pen"),
    _tool("outline", "v"),
    _tool("fill", "f"),
    _tool("wand", "w"),
    _tool("split", "S"),
    _tool("merge", "M"),
    _C(
        "editor.next-odd",
        "y",
        "Doubtful place",
        "To the next place that looks wrong: unmarked, doubted by the model, a speck.",
        action="odd(1)",
    ),
    _C("editor.previous-odd", "Y", "Doubtful place back", action="odd(-1)"),
    _C(
        "editor.next-particle",
        "tab",
        "Particle",
        "Crosshair to the next particle, the one before.",
        action="go('particles', 1)",
    ),
    _C("editor.previous-particle", "shift+tab", "Particle back", action="go('particles', -1)"),
    _C("editor.next-object", "n", "Object", "Crosshair to the next object, the one before.", action="go('objects', 1)"),
    _C("editor.previous-object", "N", "Object back", action="go('objects', -1)"),
    _C("editor.order", "e", "Order", "The order of images: as listed, suggested, random, least sure first."),
    _C("editor.review", "r", "Look back", "Earlier annotations once more, those first whose masks drift; q: back."),
    _C("editor.next-image", "pagedown", "Next image", "The next image, the one before.", footer=True, action="move(1)"),
    _C("editor.previous-image", "pageup", "Previous image", action="move(-1)"),
    _C(
        "editor.undo",
        "u",
        "Undo",
        "Undo the last change, on the image it was made on; redo it.",
        footer=True,
        once=True,
    ),
    _C("editor.redo", "U", "Redo", once=True),
    _C("editor.revert", "R", "Revert", "Back to what the model proposed."),
    _C("editor.proposal", "P", "Proposal", "Show what the model proposed; again: your own."),
    _C(
        "editor.ambiguous",
        "I",
        "Indistinguishable",
        "The cells in this image can't be told apart; go on.",
        decides=True,
    ),
)

COMMANDS = APP + LOG + HELP + MANUAL + HOME + GALLERY + IMAGE + PAN + EDITOR + CURSOR
