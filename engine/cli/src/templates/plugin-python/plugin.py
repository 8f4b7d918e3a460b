"""The plugin PLUGIN_NAME: answers questions on standard input with answers on standard output, a line of JSON each."""

import json
import pathlib
import sys

# Its description is next to it, so that packs can be checked without running it.
DESCRIPTION = json.loads(pathlib.Path("description.json").read_text("utf-8"))


def grade(call: dict) -> dict:
    """Grades one item; see docs/plugins.md for what a call holds."""
    text = call["decision"].get(call["parameters"]["text"], "")
    words = text.split()
    value = len(set(words)) / len(words) if words else 0
    return {"value": value, "reason": f"{len(set(words))} of {len(words)} words are new ones."}


def main() -> None:
    """Answers until there are no more questions."""
    for line in sys.stdin:
        question = json.loads(line)
        answer = {"id": question["id"]}
        try:
            answer["ok"] = DESCRIPTION if "describe" in question else grade(question["grade"])
        except LookupError as error:
            answer["error"] = f"something is missing: {error}"
        # Only answers go to standard output; logs go to standard error.
        print(json.dumps(answer), flush=True)


main()
