"""WebVTT of Zoom, of Teams (with closing tags and without), and of other programs."""

from __future__ import annotations

from tests.data.transcripts.files.file import File, Refused

ZOOM, TEAMS, PLAIN = "Zoom VTT", "Teams VTT", "WebVTT"
BESIDE = "without a speaker, so given the one of what stands beside it"
GUID = "0b6f1c2e-9d4a-4e57-a1c3-5f0e7d8b9a6"


def cues(*texts: str, numbers: bool = False, identifier: str = "") -> str:
    """Cues, a few seconds each; `{}` in the identifier is the number of the cue."""
    written = []
    for at, text in enumerate(texts):
        above = f"{at + 1}\n" if numbers else f"{identifier.format(at)}\n" if identifier else ""
        written.append(f"{above}00:00:{2 * at:02}.120 --> 00:00:{2 * at + 1:02}.980\n{text}\n")
    return "\n".join(written)


FILES = [
    File(
        "GMT20240309-170000_Recording.transcript.vtt",
        "WEBVTT\n\n" + cues(
            "Priya Nair: Can everybody hear me?", "Tom Becker: Yes, loud and clear.", "Priya Nair: Great.",
            "Priya Nair: First point: the budget.", "Tom Becker: We are at 80%.", numbers=True,
        ),
        ZOOM,
        ["Priya Nair: Can everybody hear me?", "Tom Becker: Yes, loud and clear.",
         "Priya Nair: Great. First point: the budget.", "Tom Becker: We are at 80%."],
        num_merged=1,
    ),
    File(
        "zoom-windows.txt",
        "WEBVTT\n\n" + cues(
            "Ingrid (she/her): Shall we start?", "iPad von Jürgen: Moment noch,", "ich suche mein Mikrofon.",
            "Ingrid (she/her): Take your time.", numbers=True,
        ),
        ZOOM,
        ["Ingrid (she/her): Shall we start?", "iPad von Jürgen: Moment noch, ich suche mein Mikrofon.",
         "Ingrid (she/her): Take your time."],
        {}, {BESIDE: 1}, 1, encoding="utf-8-sig", has_crlf=True,
    ),
    File(
        "zoom-names.srt",
        "WEBVTT\n\n" + cues(
            "田中太郎: おはようございます。", "O'Brien, Máire: Good morning &amp; welcome.", "Dr. Lee | ACME: Hi :)",
            "田中太郎: では、始めましょう：議題1", numbers=True,
        ),
        ZOOM,
        ["田中太郎: おはようございます。", "O'Brien, Máire: Good morning & welcome.", "Dr. Lee | ACME: Hi :)",
         "田中太郎: では、始めましょう：議題1"],
    ),
    File(
        "zoom-anybody.vtt",
        "WEBVTT\n\n" + cues(
            "+1 415***0101: Am I late?", "Ingrid: No.", "Oslo Room 12 (2nd): We are: five.",
                "anna.berg@acme.example: Hi!",
            "🌸 Li: 早上好。", "Ingrid: So.", numbers=True,
        ),
        ZOOM,
        ["+1 415***0101: Am I late?", "Ingrid: No.", "Oslo Room 12 (2nd): We are: five.", "anna.berg@acme.example: Hi!",
         "🌸 Li: 早上好。", "Ingrid: So."],
    ),
    File(
        "zoom-continued.vtt",
        "WEBVTT\n\n" + cues(
            "🌸 Li: Three points:", "here is one: price", "Version 2: is late.", "Ingrid: And?", "🌸 Li: At 10: lunch.",
            numbers=True,
        ),
        ZOOM,
        ["🌸 Li: Three points: here is one: price Version 2: is late.", "Ingrid: And?", "🌸 Li: At 10: lunch."],
        {}, {BESIDE: 2}, 2,
    ),
    File(
        "Weekly sync.vtt",
        "WEBVTT\n\n" + cues(
            "<v Hana Sato>Did the tests pass?</v>", "<v Leo Brandt>All but one.</v>",
            "<v Leo Brandt>It is: flaky.</v>", "<v Hana Sato>Then we ship.</v>", identifier=GUID + "{}/12-0",
        ),
        TEAMS,
        ["Hana Sato: Did the tests pass?", "Leo Brandt: All but one. It is: flaky.", "Hana Sato: Then we ship."],
        num_merged=1, encoding="utf-8-sig", has_crlf=True,
    ),
    File(
        "teams-unclosed.vtt",
        "WEBVTT\n\n" + cues(
            "<v Hana Sato>Did the tests pass?", "<v Leo Brandt>All but", "<v Leo Brandt>one.", "<v Hana Sato>Ship it."
        ),
        TEAMS,
        ["Hana Sato: Did the tests pass?", "Leo Brandt: All but one.", "Hana Sato: Ship it."],
        num_merged=1,
    ),
    File(
        "two-voices.txt",
        "WEBVTT\n\n" + cues(
            "<v Hana Sato>So we agree?</v> <v Leo Brandt>We do.</v>",
            "<v Leo Brandt>Who writes it up?</v>\n<v Hana Sato>I will,\nby Friday.</v>",
        ),
        TEAMS,
        ["Hana Sato: So we agree?", "Leo Brandt: We do. Who writes it up?", "Hana Sato: I will, by Friday."],
        num_merged=1,
    ),
    File(
        "teams-guests.json",
        'WEBVTT\n\nNOTE duration:"00:12:30.5500000"\n\nNOTE language:fr-fr\n\nNOTE Confidence: 0.82\n\n' + cues(
            "<v Müller, Jörg (Gast)>Bonjour à tous</v>", "<v Aya &amp; Co>Salut, on m'entend&nbsp;?</v>",
            "<v Müller, Jörg (Gast)>Très bien.</v>", identifier=GUID + "{}",
        ),
        TEAMS,
        ["Müller, Jörg (Gast): Bonjour à tous", "Aya & Co: Salut, on m'entend ?", "Müller, Jörg (Gast): Très bien."],
        {"comments and styles": 3},
    ),
    File(
        "teams-gaps.vtt",
        "WEBVTT\n\n" + cues(
            "<v Hana Sato>Is Leo here?</v>", "mumbling", "<v.first.loud Leo Brandt>I <i>am</i>.</v>", "<v >who?</v>",
            identifier=GUID + "{}/3-1",
        ),
        TEAMS,
        ["Hana Sato: Is Leo here? mumbling", "Leo Brandt: I am. who?"],
        {}, {BESIDE: 2}, 2,
    ),
    File(
        "webinar.vtt",
        "WEBVTT - Webinar\nKind: captions\nLanguage: en\n\nSTYLE\n::cue { color: yellow }\n\n"
        "00:01.000 --> 00:03.000 align:start position:10%\nHost: Welcome, everybody.\n\n"
        "00:03.000 --> 00:05.000\nIt is 9:30 here.\n\n00:05.500 --> 00:07.000 line:0\n<c.yellow>Guest:</c> Thanks!\n",
        PLAIN,
        ["Host: Welcome, everybody. It is 9:30 here.", "Guest: Thanks!"],
        {"lines of the header": 3, "comments and styles": 2}, {BESIDE: 1}, 1,
    ),
    File(
        "diarized.vtt",
        "WEBVTT\n\n" + cues("[SPEAKER_00]: Where were we?", "[SPEAKER_01]: At the invoices.", "[SPEAKER_00]: Right."),
        PLAIN,
        ["SPEAKER_00: Where were we?", "SPEAKER_01: At the invoices.", "SPEAKER_00: Right."],
        encoding="utf-16",
    ),
    File(
        "no-blank-lines.vtt",
        "WEBVTT\n00:00:00.000 --> 00:00:02.000\nMarta: ¿Empezamos?\n00:00:02.000 --> 00:00:04.000\nJosé Luis: Sí.\n"
        "00:00:04.000 --> 00:00:05.000\nMarta: Bien: primero, las cuentas.\n",
        PLAIN,
        ["Marta: ¿Empezamos?", "José Luis: Sí.", "Marta: Bien: primero, las cuentas."],
    ),
    File(
        "webex.vtt",
        'WEBVTT\n\n1 "Ada Obi" (3543255552)\n00:00:05.910 --> 00:00:07.000\nDid you see: it rained?\n\n'
        '2 "Conference Room 4" (88)\n00:00:07.500 --> 00:00:09.000\nAll day.\n\n'
        '3 "Ada Obi" (3543255552)\n00:00:09.500 --> 00:00:11.000\nHere\ntoo.\n',
        PLAIN,
        ["Ada Obi: Did you see: it rained?", "Conference Room 4: All day.", "Ada Obi: Here too."],
    ),
    File(
        "chapters.vtt",
        "WEBVTT\n\nintro\n00:00:00.000 --> 00:00:02.000\n- Ana: Hello, Rui.\n- Rui: Hello!\n\n"
        "middle\n00:01:02.000 --> 00:01:04.000\nAna: <00:01:02.500>How <b>are</b> you?\n\nend\n"
        "01:00:00.000 --> 01:00:01.000\nRui: Fine.\n",
        PLAIN,
        ["Ana: Hello, Rui.", "Rui: Hello!", "Ana: How are you?", "Rui: Fine."],
        {"identifiers of cues": 3},
    ),
]  # fmt: skip

REFUSED = [
    Refused("recording.cc.vtt", "WEBVTT\n\n" + cues("Can everybody hear me?", "Yes, loud and clear."),
            "read as WebVTT, and nobody is named in it; .*captions of a recording"),
    Refused("numbered.cc.vtt", "WEBVTT\n\n" + cues("Can everybody hear me?", "Yes, loud.", numbers=True),
            "and nobody is named in it; without speakers it is no conversation"),
    Refused("blank-voices.vtt", "WEBVTT\n\n" + cues("<v >hello there</v>", "<v >yes</v>"),
            "read as Teams VTT, and nobody is named in it; .*may see who speaks"),
    Refused("header.vtt", "WEBVTT\n\n", "read as WebVTT, but nobody says anything in it; its first line is 'WEBVTT'"),
    Refused("silence.vtt", "WEBVTT\n\nNOTE silence only\n\n" + cues("", "<v Hana Sato></v>"),
            "read as Teams VTT, but nobody says anything in it; .*'NOTE silence only'"),
]  # fmt: skip
