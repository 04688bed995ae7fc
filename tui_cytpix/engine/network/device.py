"""Where torch computes."""

from __future__ import annotations

import torch

from tui_cytpix.errors import JobError

FREE_GB = 1.0  # a training or a prediction fits into it


def usable_device(wanted: str, threads: int, place: int | None = None) -> tuple[torch.device, str]:
    """Readies torch for a device and a number of threads.

    Args:
        wanted: `cpu`, `cuda`, `cuda:N`, or `auto`: the GPU with the most free memory; the CPU where there is none, or
            where others have filled them all.
        place: which one this is, from 0, of several processes that begin at once. With `auto` and `cuda` they are
            divided among the GPUs that have at least half the free memory of the one that has most.

    Returns:
        The device, and a sentence about what was found on the way, empty where nothing was.

    Raises:
        JobError: there is no such device.
    """
    torch.set_num_threads(threads)
    # On a GPU: the same weights each time, so that resuming changes nothing, and float32 where float32 is asked for.
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    try:
        device, note = _auto(place or 0) if wanted == "auto" else _named(wanted, place)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "not available"
        raise JobError("The device can't be used", f"{wanted}: {reason}", "Choose cpu, or auto.") from error
    return device, note


def _auto(place: int) -> tuple[torch.device, str]:
    if not torch.cuda.is_available():
        return torch.device("cpu"), ""
    free = _all_free()
    if max(free.values()) >= FREE_GB:
        return _one_of(free, place), ""
    held = ", ".join(f"GPU {number} has {gb:.1f} GB free" for number, gb in free.items())
    return torch.device("cpu"), f"{held}: others are at work there, so this goes to the CPU. --device cuda insists."


def _all_free() -> dict[int, float]:
    return {number: _free_gb(number) for number in range(torch.cuda.device_count())}


def _one_of(free: dict[int, float], place: int) -> torch.device:
    """Of the GPUs with room, that with most first."""
    most_first = sorted(free, key=lambda number: -free[number])
    roomy = [number for number in most_first if free[number] >= max(free.values()) / 2]
    return torch.device(f"cuda:{roomy[place % len(roomy)]}")


def _named(wanted: str, place: int | None) -> tuple[torch.device, str]:
    device = torch.device(wanted)
    if device.type != "cuda" or not torch.cuda.is_available():
        return device, ""
    if wanted == "cuda" and place is not None:
        device = _one_of(_all_free(), place)
    free = _free_gb(device.index or 0)
    return device, f"{device} has only {free:.1f} GB free: others are at work there." if free < FREE_GB else ""


def _free_gb(number: int) -> float:
    return float(torch.cuda.mem_get_info(number)[0]) / 1e9


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
