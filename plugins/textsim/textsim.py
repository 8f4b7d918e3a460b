"""How alike a decision's text and its reference are: the cosine of their TF-IDF vectors, through scikit-learn."""

import json
import pathlib
import sys

from sklearn.feature_extraction.text import TfidfVectorizer

# What it says about itself lies beside it, so that packs can be checked without running it.
DESCRIPTION = json.loads(pathlib.Path("description.json").read_text("utf-8"))


def similarity(text: str, reference: str, corpus: list[str]) -> tuple[float, int]:
    """The cosine in [0, 1], and the number of words that both have."""
    try:
        vectors = TfidfVectorizer().fit_transform([*corpus, reference, text])
    except ValueError:
        return 0.0, 0  # There is no word at all.
    last, before = vectors[-1], vectors[-2]
    return float((last @ before.T).sum()), len(set(last.indices) & set(before.indices))


def grade(call: dict) -> dict:
    """Grades one item."""
    name, corpus = call["parameters"]["text"], call["parameters"].get("corpus", [])
    reference = call["truth"].get(name, {}).get("reference")
    if reference is None:
        raise LookupError(f"`{name}` has no reference here")
    value, shared = similarity(call["decision"].get(name, ""), reference, corpus)
    return {
        "value": min(max(value, 0.0), 1.0),
        "reason": f"The text shares {shared} words with its reference.",
        "parts": {"shared_words": shared},
    }


def main() -> None:
    """Answers questions, a line each, until there are no more."""
    for line in sys.stdin:
        question = json.loads(line)
        answer = {"id": question["id"]}
        try:
            answer["ok"] = DESCRIPTION if "describe" in question else grade(question["grade"])
        except LookupError as error:
            answer["error"] = str(error.args[0])
        print(json.dumps(answer), flush=True)


main()
