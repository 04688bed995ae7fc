"""Commands of the plot of events and of the screen around it."""

from __future__ import annotations

from tui_cytpix.ui.commands.command import Command

_C = Command

EXPLORE = (
    _C("explore.x", "x", "X", "Choose the parameter along x, along y (none: a histogram).", footer=True),
    _C("explore.y", "y", "Y", footer=True),
    _C("explore.x-scale", "X", "X scale", "Next scale of x, of y: linear, arcsinh, logicle."),
    _C("explore.y-scale", "Y", "Y scale"),
    _C("explore.x-range", "r", "X range", "State the range of x, of y."),
    _C("explore.y-range", "R", "Y range"),
    _C("explore.zoom-in", "z,plus", "Zoom", "Zoom in about the crosshair, out."),
    _C("explore.zoom-out", "Z,minus", "Zoom out"),
    _C("explore.whole", "f", "Whole", "The whole range of both axes."),
    _C("explore.compensate", "c", "Compensate", "Compensation of fluorescence areas on or off."),
    _C("explore.corner", "space", "Corner", "Put a gate's corner at the crosshair (a range's end).", footer=True),
    _C("explore.undo", "u", "Undo", "Take the last corner back."),
    _C(
        "explore.enter",
        "enter",
        "Close",
        "Close the gate; among images: to the image's point on the plot.",
        footer=True,
    ),
    _C("explore.next-gate", "n", "Gate", "Show the events of the next gate, of the one before.", footer=True),
    _C("explore.previous-gate", "N", "Gate back"),
    _C("explore.delete", "D", "Delete", "Delete the gate that is shown, and those in it (asks)."),
    _C("explore.import", "I", "Import", "Take the gates of a FlowJo workspace (.wsp) into the run."),
    _C("explore.images", "w", "Images", "The images of the events shown; again: back to the plot.", footer=True),
    _C("explore.nearest", "i", "Nearest", "The image of the event nearest to the crosshair."),
    _C("explore.events", "T", "Events", "The events shown as a table, those with an image first."),
    _C("explore.statistics", "t", "Table", "Gates and samples with their statistics.", footer=True),
    _C(
        "explore.selection",
        "s",
        "Draw from",
        "Steps 1, 3 and 5 draw only from the gate shown, or from all again.",
    ),
    _C(
        "explore.image-gate",
        "p",
        "Image gate",
        "The gate shown is the one that the instrument imaged from (numbers per µl), or no longer.",
    ),
    _C(
        "explore.export",
        "e",
        "Export",
        "Write the events shown (.csv, .fcs, .parquet, .h5ad), images of them (.png, .svg), or the statistics (.csv).",
    ),
    _C("explore.next-sample", "pagedown", "Sample", "The next sample, the one before."),
    _C("explore.previous-sample", "pageup", "Sample back"),
)

PLOT = (
    _C("plot.left", "h,left", "Left", "Crosshair one cell left, down, up, right.", action="move(-1, 0)"),
    _C("plot.down", "j,down", "Down", action="move(0, 1)"),
    _C("plot.up", "k,up", "Up", action="move(0, -1)"),
    _C("plot.right", "l,right", "Right", action="move(1, 0)"),
    _C("plot.far-left", "H,shift+left", "Far left", "Eight cells left, down, up, right.", action="move(-8, 0)"),
    _C("plot.far-down", "J,shift+down", "Far down", action="move(0, 8)"),
    _C("plot.far-up", "K,shift+up", "Far up", action="move(0, -8)"),
    _C("plot.far-right", "L,shift+right", "Far right", action="move(8, 0)"),
)

COMMANDS = EXPLORE + PLOT
