"""Verdicts of `fcgispec --json`, compared between runs."""

from __future__ import annotations


def verdict_behind_delay(result: dict) -> str:
    """The verdict on a Web server on a way that takes its time, where it is a pass that the close of a kept connection and
    the next request on it cross: nobody's fault."""
    return "pass" if "crossed" in result["alternative"] else result["verdict"]
