"""The words of people for the kinds of columns and of personal data that profiles name by a key.

Profiles are made by code that knows no languages. Its keys are translated here, where they reach a page.
"""

from django.utils.translation import gettext_lazy as _

KINDS = {
    "number": _("number"),
    "currency": _("currency"),
    "percent": _("percent"),
    "boolean": _("boolean"),
    "category": _("category"),
    "identifier": _("identifier"),
    "text": _("text"),
    "datetime": _("date"),
    "empty": _("empty"),
    "constant": _("constant"),
}

VERDICTS = {"certain": _("Certain"), "likely": _("Likely"), "possible": _("Possible")}
"""How sure a finding of personal data is."""

PERSONAL = {
    "email": _("email addresses"),
    "ssn": _("US social security numbers"),
    "itin": _("US taxpayer numbers"),
    "card": _("payment card numbers"),
    "iban": _("bank account numbers (IBAN)"),
    "phone": _("telephone numbers"),
    "ip": _("IP addresses"),
    "mac": _("device addresses (MAC)"),
    "name": _("names of people"),
    "address": _("street addresses"),
    "dob": _("dates of birth"),
    "zip": _("postal codes"),
    "geo": _("places on the map"),
}
"""What each kind of personal data is called, in the plural."""

ASSOCIATIONS = {
    "spearman": _("rank correlation"),
    "cramers_v": _("Cramér's V"),
    "correlation_ratio": _("correlation ratio"),
}

CHANGES = {
    _("Read it as"): {
        "number": _("number"),
        "boolean": _("yes or no"),
        "category": _("category"),
        "datetime": _("date"),
        "days_first": _("date, the day before the month"),
        "months_first": _("date, the month before the day"),
        "identifier": _("identifier"),
        "text": _("text"),
    },
    _("Encode it as"): {
        "one_hot": _("a column of 0 and 1 for each level"),
        "frequency": _("how frequent each level is"),
        "rare": _("its levels, the rare ones joined"),
        "log": _("its logarithm"),
    },
}
"""What a column can become, by what people ask for."""

FORMATS = {"csv": _("Delimited text"), "jsonl": "JSON Lines", "parquet": "Parquet", "xlsx": "Excel"}

DELIMITERS = {",": _("comma"), ";": _("semicolon"), "\t": _("tab"), "|": _("bar"), " ": _("space")}

NO_DELIMITER = _("Cells are parted by one sign that is no letter, digit, quotation mark or line end.")

QUOTES = {'"': _("quotation marks"), "'": _("apostrophes"), "none": _("nothing")}
"""What stands around cells; "none" is the empty mark."""

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": _("Western European (Windows-1252)"),
    "iso8859-15": _("Western European (ISO 8859-15)"),
    "cp1250": _("Central European (Windows-1250)"),
    "iso8859-2": _("Central European (ISO 8859-2)"),
    "cp1251": _("Cyrillic (Windows-1251)"),
    "koi8-r": _("Cyrillic (KOI8-R)"),
    "cp1253": _("Greek (Windows-1253)"),
    "cp1254": _("Turkish (Windows-1254)"),
    "cp1255": _("Hebrew (Windows-1255)"),
    "cp1256": _("Arabic (Windows-1256)"),
    "cp437": "DOS (437)",
    "cp850": "DOS (850)",
    "mac-roman": "Mac Roman",
    "cp932": _("Japanese (Shift JIS)"),
    "euc-jp": _("Japanese (EUC-JP)"),
    "gb18030": _("Chinese (GB 18030)"),
    "big5": _("Chinese (Big5)"),
    "cp949": _("Korean (CP949)"),
}
"""The encodings that people may choose, in the words of other programs."""
