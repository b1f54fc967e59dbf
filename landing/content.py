"""The landing page's story, band by band. Every figure is in measured.json or in docs/benchmarks.md."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Photograph:
    """A picture of the product, made by `make shots`: its key, what it shows, and the line under it."""

    key: str
    alt: Words
    caption: Words


@dataclass(frozen=True, slots=True)
class Band:
    """One idea of the page. `key` is its anchor and names its drawing; `play` is the name of the drawing's button,
    `look` the arrangement, `shape` what floats in front (templates/landing/shapes.html)."""

    key: str
    icon: str
    kicker: Words
    title: Words
    text: Words
    points: tuple[Words, ...] = ()
    play: Words = ""
    photograph: Photograph | None = None
    look: str = "pair"
    shape: str = "arc"

    @property
    def drawing(self) -> str:
        """Template of the drawing beside the words."""
        return f"landing/demos/{self.key}.html"


@dataclass(frozen=True, slots=True)
class Fact:
    """A card of the band about safety."""

    icon: str
    title: Words
    text: Words


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the price list; `found` are the figures as docs/benchmarks.md writes them."""

    what: Words
    cost: Words
    peer: Words
    found: tuple[str, ...]


UPLOAD = Band(
    "upload",
    "upload",
    _("Bring a table"),
    _("A lost connection costs seconds, not the afternoon."),
    _(
        "Your file travels in signed parts of 8 MiB, four at a time, each checked by its hash. Close the lid, "
        "come back tomorrow, choose the file again: only the missing parts are sent."
    ),
    (
        _("Pause, go on, or cancel, in the browser or over the API"),
        _("Files up to 100 GiB, as the server comes; you may raise it"),
        _("Your quota is told before the first byte, not after the last"),
    ),
    _("Play: an upload that loses its connection"),
)
UNDERSTAND = Band(
    "understand",
    "table",
    _("Understand it"),
    _("Know your columns before a model does."),
    _(
        "What each column means, how much is missing, what repeats, what looks like a person. Each figure says "
        "whether it is exact, sampled or approximate."
    ),
    (
        _("An identifier is called an identifier, and left out before it can leak"),
        _("Personal data is found, scored and masked before anybody sees a row"),
        _("Each finding ends in one sentence that says what to do"),
    ),
    photograph=Photograph(
        "profile",
        _("The profile of a table of 7,043 customers: each column with kind and histogram, and three suggestions."),
        _("The profile of the bundled table: 7,043 rows, 21 columns, three things worth knowing."),
    ),
    look="stage",
    shape="steps",
)
WATCH = Band(
    "watch",
    "chart",
    _("Watch it learn"),
    _("Every round, as it happens. What you miss is played back."),
    _(
        "Metrics, stages and log arrive by a socket, numbered by the database. After a tunnel the page asks for what "
        "it lacks, in order. After a killed worker the training goes on, to the same bytes as without the kill."
    ),
    play=_("Play: the training of 75 rounds"),
    look="night",
)
INSIGHTS = Band(
    "insights",
    "bulb",
    _("Read why"),
    _("Sentences with their evidence attached."),
    _(
        "When the run ends, Fynix writes down what an experienced colleague would notice in the curves. Rules and "
        "arithmetic, no language model: the same run always gets the same sentences, and each names its figures."
    ),
    (
        _("Overfitting and plateaus are named with their round"),
        _("A column that explains too much is questioned"),
        _("No claim without the number it stands on"),
    ),
    _("Play: follow the sentences along the curve"),
    Photograph(
        "run",
        _("A finished run: curves of training and validation loss, and the insights beside them."),
        _("The run page after 75 rounds. Figures in a sentence are links to their point on the curve."),
    ),
    shape="ring",
)
TEST = Band(
    "test",
    "flask",
    _("Test and explain"),
    _("Ask about one customer. See what moved the answer."),
    _(
        "The form is built from the model's own signature. Every answer is taken apart into SHAP values that add up "
        "to it, and every test is kept as evidence, under the name of the person who asked."
    ),
    (
        _("Change a field, ask again, compare"),
        _("Missing and unseen values are named, not guessed away"),
        _("The model answers in a child process with limits of its own"),
    ),
    _("Play: the same customer, 27 months earlier"),
    Photograph(
        "test",
        _("The test page: a row on the left, on the right the answer Yes, its probability and what moved it."),
        _("One row through version 1, with the sentence and the contributions."),
    ),
    shape="steps",
)
PROMOTE = Band(
    "promote",
    "shield",
    _("Promote and roll back"),
    _("Production is a decision with a name and a reason."),
    _(
        "The checks and both versions' metrics stand beside the button. Rolling back restores exactly the version that "
        "ran before, and asks for a reason too. The history is append-only: the database itself refuses to change it."
    ),
    (
        _("Four checks before a version may move"),
        _("Only maintainers and owners can press the button"),
        _("Two people at once: one wins, the other is told"),
    ),
    _("Play: three moves of production"),
    Photograph(
        "model",
        _("The page of a model: version 1 in production with its reason, two versions, and the history of production."),
        _("Who moved what, when and why. Version 2 scores 0.004 more and still waits for Monday."),
    ),
)
TAKE = Band(
    "take",
    "download",
    _("Take it with you"),
    _("One file, one paste, no lock-in."),
    _(
        "Each version comes as a Python wheel that depends on nothing, as ONNX, TensorFlow Lite, TorchScript and the "
        "native XGBoost file, or all of it in one zip. Before you see a file, it has answered 1,409 held-back rows and "
        "1,978 hostile ones like the model itself."
    ),
    (
        _("Instructions as plain text, to copy and paste"),
        _("Links are signed and expire after 15 minutes"),
        _("The wheel of this model weighs 33 kB"),
    ),
    _("Play: three files prove themselves"),
    Photograph(
        "version",
        _("The downloads of a version: XGBoost file, ONNX graph and Python wheel, each checked, with instructions."),
        _("Each file with its size, its hash, and how closely it agrees with the model."),
    ),
    shape="ring",
)
SAFE = Band(
    "safe",
    "lock",
    _("Security and privacy"),
    _("Your data has one address: yours."),
    _("There is no cloud behind this page. What you upload stays in the folder or the bucket that you name."),
    look="cards",
    shape="ring",
)
PRICE = Band(
    "price",
    "clock",
    _("Measured"),
    _("What it costs, also where others are faster."),
    _(
        "Two cores, 24 GiB, other work on the machine, each beside a named peer in the same run. "
        "The command is “make bench”; run it on yours."
    ),
    look="table",
    shape="steps",
)
START = Band(
    "start",
    "bolt",
    _("Start now"),
    _("One command, and nothing else to install."),
    _(
        "Python 3.11 and make are enough. The database, the queue, the workers and the web server start together, "
        "watch each other, and stop with Ctrl-C without leaving a process behind."
    ),
    (
        _("The first person who signs up owns the server"),
        _("Takes PostgreSQL, Redis and S3 when you name them"),
        _("Apache-2.0"),
    ),
    _("Play: from a clone to an address"),
)
BANDS = (UPLOAD, UNDERSTAND, WATCH, INSIGHTS, TEST, PROMOTE, TAKE, SAFE, PRICE, START)

FACTS = (
    Fact(
        "eye",
        _("Masked by default"),
        _("E-mail addresses, phone numbers and the like are found with a score and hidden in previews."),
    ),
    Fact(
        "users",
        _("Four roles, per project"),
        _("Viewer, analyst, maintainer, owner. A stranger gets “not found”, not “forbidden”."),
    ),
    Fact(
        "key",
        _("Keys that end"),
        _("Access tokens live 15 minutes, download links too. Second factor and passkeys are built in."),
    ),
    Fact(
        "hash",
        _("A record that shows tampering"),
        _("Key actions are chained by hash. One command checks the whole chain."),
    ),
    Fact(
        "shield",
        _("A strict browser policy"),
        _("No inline code, no third party. This page asked nobody but your own server."),
    ),
    Fact("log", _("Logs without your data"), _("No cell value, token or password is ever written to a log.")),
)

FIGURES = (
    Figure(
        _("Full profile of 1,350,000 rows × 22 columns"),
        _("14.1 s of CPU"),
        _("2.5 × DuckDB's SUMMARIZE, 0.06 × ydata-profiling's minimal report"),
        ("1,350,000 rows, 22 columns", "| 14.1 |", "| 2.5 |", "| 0.0568 |"),
    ),
    Figure(
        _("Training, 200,000 rows × 20 columns, 300 rounds"),
        _("26.9 s of CPU"),
        _("1.49 × bare xgb.train: the price of going on after a kill"),
        ("200,000 rows, 20 columns, 300 rounds", "| 26.9 |", "| 1.49 |"),
    ),
    Figure(
        _("Upload of 768 MiB in signed parts"),
        _("162 MiB/s"),
        _("7.1 × the time of a raw copy; each part is synced to disk before it counts"),
        ("768 MiB", "| 162 |", "| 7.11 |"),
    ),
    Figure(
        _("A page of 100,000 runs"),
        _("10 queries, 57 ms of CPU"),
        _("1.1 × the same page with 50 runs"),
        ("100,000 runs and 50 runs", "| page, 50 rows, sort=newest | 10 / 10 | 57.2 |", "| 51.9 | 1.1 |"),
    ),
)
