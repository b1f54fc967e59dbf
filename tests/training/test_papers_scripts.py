"""A report as PDF in the letters of whoever named the columns: joined, in order, and named where no font has them."""

import csv
import random
import re
import unicodedata
from pathlib import Path

import pytest
from pypdf import PdfReader

from datasets.profiling.job import profile
from tests.cast import Cast
from tests.training.conftest import ready_version, start
from tests.training.test_execute import train_here
from tests.training.test_papers import READ, file, pdf_text
from training.engine import RunConfig
from training.models import Run
from training.papers import as_pdf, letters
from training.papers.blocks import Box, Drawing, Label, Paper, Sentence, Table

pytestmark = pytest.mark.django_db(transaction=True)
COLUMNS = ("Возраст", "ποσοστό", "客户年龄", "고객", "カスタマー", "żółw")
EMPTY = Table("", ("x",), ())


def told(text: str) -> str:
    """One paper with one sentence, read back without line ends."""
    return re.sub(r"\s+", " ", pdf_text(as_pdf.write(Paper("A", "b", (Sentence(text),)))))


def test_ben_reads_his_columns_in_their_own_letters(cast: Cast, tmp_path: Path) -> None:
    dice = random.Random(3)
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as sheet:
        out = csv.writer(sheet)
        out.writerow([*COLUMNS, "流失"])
        for _ in range(300):
            row = [dice.randint(1, 60) for _ in COLUMNS]
            out.writerow([*row, "да" if row[0] + dice.randint(0, 20) < 30 else "нет"])
    read = profile(tmp_path / "rows.csv", filename="rows.csv", workdir=tmp_path, progress=lambda *_: None)
    config = RunConfig("流失", "binary", threads=1, parameters={"n_estimators": 5})
    run = start(ready_version(cast, read), config, cast.ben)
    Run.objects.filter(pk=run.pk).update(name="模型 żółw, Модель")
    train_here(run)

    paper = READ["pdf"](file(cast, "pdf"))
    for name in (*COLUMNS, "流失", "да", "нет", "模型 żółw, Модель"):
        assert name in paper, name
    assert "?" not in paper
    assert "names in brackets" not in paper


def test_a_file_takes_along_only_the_fonts_and_letters_that_it_needs(tmp_path: Path) -> None:
    def fonts(text: str) -> tuple[set[str], int]:
        path = tmp_path / "paper.pdf"
        path.write_bytes(as_pdf.write(Paper("A", "b", (Sentence(text),))))
        page = PdfReader(path).pages[0]
        found = [font.get_object() for font in page["/Resources"]["/Font"].values()]
        return {str(font["/BaseFont"]).partition("+")[2] for font in found if "/FontDescriptor" in font}, (
            path.stat().st_size
        )

    assert fonts("Ελληνικά, Українська")[0] == {"Inter-Regular", "Inter-Bold"}
    names, size = fonts("客户 העמיל")
    assert names == {"Inter-Regular", "Inter-Bold", "DejaVuSans", "DroidSansFallback"}
    assert size < 40_000


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("العميل", "ﻞﻴﻤﻌﻟﺍ"),
        ("لا", "ﻻ"),
        ("می‌خواهم", "ﻢﻫﺍﻮﺧﯽﻣ"),  # Persian: a joiner that keeps two letters apart
        ("גיל", "ליג"),
        ("גיל 2024", "2024 ליג"),
        ("العميل (2024) x", "(2024) ﻞﻴﻤﻌﻟﺍ x"),
        ("a גיל b", "a ליג b"),
    ],
)
def test_what_runs_from_the_right_is_joined_and_in_order(name: str, drawn: str) -> None:
    (line,) = letters.lines(name, size=9, width=500)
    assert "".join(text for _, text in line) == drawn


def test_a_long_name_from_the_right_begins_on_its_first_line() -> None:
    first, second = letters.lines("אחת שתיים שלוש ארבע", size=9, width=60)
    assert [text for _, text in first][-1].endswith("תחא")
    assert "עברא" in "".join(text for _, text in second)
    assert all(letters.measure(line, size=9) <= 60 for line in (first, second))


def test_a_letter_that_no_font_has_is_named_and_the_report_says_so() -> None:
    paper = told("The column नम 🙂 is \u0007 odd")
    assert "[DEVANAGARI LETTER NA, DEVANAGARI LETTER MA] [SLIGHTLY SMILING FACE] is [U+0007] odd" in paper
    assert "Letters that no font of this file has stand as their names in brackets." in paper
    assert "names in brackets" not in told("The column é 𝐀 客 is whole")


def test_equal_letters_are_one_however_they_were_typed() -> None:
    assert "é 𝐀".replace("𝐀", "A") in told(unicodedata.normalize("NFD", "é") + " 𝐀")


def test_a_label_of_two_scripts_is_drawn_whole() -> None:
    label = Label(146, 30, "客户 age (נטישה)", "end")
    drawing = Drawing("bars", 300, 60, (Box(150, 20, 60, 12), label), EMPTY)
    paper = pdf_text(as_pdf.write(Paper("A", "b", (drawing,))))
    for part in ("客户", "age"):
        assert part in paper
    assert "נטישה" in paper or "נטישה"[::-1] in paper


def test_a_label_wider_than_its_room_is_cut_between_letters() -> None:
    drawing = Drawing("bars", 300, 60, (Label(146, 30, "न" * 24, "end"), Label(146, 50, "客" * 24, "end")), EMPTY)
    paper = re.sub(r"\s+", " ", pdf_text(as_pdf.write(Paper("A", "b", (drawing,)))))
    assert "[DEVANAGARI LETTER NA]…" in paper
    assert "客" * 15 in paper
    assert "客" * 16 not in paper
