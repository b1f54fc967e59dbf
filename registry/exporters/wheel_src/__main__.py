"""Command line: scores a CSV file or one row, and shows what the package knows about its model."""

import argparse
import csv
import json
import sys
from contextlib import ExitStack
from itertools import islice

from . import InputError, load, model_card, usage

BATCH = 2000
TOLERANCE = 1e-5


def main(argv=None):
    options = arguments().parse_args(argv)
    try:
        return options.show(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


def arguments():
    parser = argparse.ArgumentParser(description="Score rows with this model.")
    parser.add_argument(
        "input", nargs="?", default="-", help="CSV file with a header row (default: standard input)"
    )
    parser.add_argument("-o", "--output", default="-", help="CSV file to write (default: standard output)")
    parser.set_defaults(show=score)
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--row", help="score one row, given as JSON")
    for name, show, text in (
        ("--schema", show_schema, "print the columns the model reads"),
        ("--card", show_card, "print the model card"),
        ("--usage", show_usage, "print how to use this package"),
        ("--selftest", selftest, "check the answers on the built-in rows"),
    ):
        one.add_argument(name, dest="show", action="store_const", const=show, help=text)
    return parser


def score(options):
    return show_row(options) if options.row else score_csv(options)


def show_row(options):
    print(json.dumps(load().predict([json.loads(options.row)])[0], ensure_ascii=False))
    return 0


def show_schema(options):
    print(json.dumps(load().schema, indent=1, ensure_ascii=False))
    return 0


def show_card(options):
    print(model_card())
    return 0


def show_usage(options):
    print(usage())
    return 0


def selftest(options):
    tests = load().header["selftest"]
    worst = 0.0
    for test, outputs in zip(tests, load().outputs([test["row"] for test in tests])):
        gaps = [abs(got - want) / max(1.0, abs(want)) for got, want in zip(outputs, test["outputs"])]
        worst = max(worst, *gaps)
    print("%d rows, largest difference %.2g" % (len(tests), worst))
    return 0 if worst <= TOLERANCE else 1


def score_csv(options):
    with ExitStack() as stack:
        source, target = sys.stdin, sys.stdout
        if options.input != "-":
            source = stack.enter_context(open(options.input, newline="", encoding="utf-8-sig"))
        if options.output != "-":
            target = stack.enter_context(open(options.output, "w", newline="", encoding="utf-8"))
        reader = csv.DictReader(source)
        names = list(reader.fieldnames or [])
        warn_absent(names)
        writer = csv.writer(target)
        writer.writerow(names + answer_names())
        for batch in batches(reader):
            for row, answer in zip(batch, load().predict(batch)):
                writer.writerow([row[name] for name in names] + answer_cells(answer))
    return 0


def warn_absent(names):
    absent = [name for name in load().names if name not in names]
    if absent:
        print("Not in the file, counted as missing: " + ", ".join(absent), file=sys.stderr)


def batches(reader):
    batch = list(islice(reader, BATCH))
    while batch:
        yield batch
        batch = list(islice(reader, BATCH))


def answer_names():
    classes = load().classes
    return ["label"] + ["p(%s)" % name for name in classes] if classes else ["prediction"]


def answer_cells(answer):
    if "prediction" in answer:
        return [answer["prediction"]]
    return [answer["label"]] + list(answer["probabilities"].values())


if __name__ == "__main__":
    sys.exit(main())
