"""Verdicts of `fcgispec --json`, compared between runs."""

from __future__ import annotations


def verdict_behind_delay(result: dict) -> str:
    """Of a Web server on a way that takes its time: there the close of a kept connection and the next request on it cross,
    which is nobody's fault."""
    return "pass" if "crossed" in result["alternative"] else result["verdict"]
