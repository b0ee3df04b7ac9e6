"""Text with a name or tag before each turn, as in SAMSum and DialogSum."""

from __future__ import annotations

from tests.data.transcripts.files.file import File, Refused
from tests.data.transcripts.support import build_document

NAMES, TAGS = "SAMSum-like text", "DialogSum-like text"
GOES_ON = "lines that name nobody, read with the turn above"

FILES = [
    File("13818513.txt", "Amanda: I made soup. Do you want some?\nJerry: Sure!\nAmanda: I'll bring it by at 6:30 :-)",
        NAMES,
         ["Amanda: I made soup. Do you want some?", "Jerry: Sure!", "Amanda: I'll bring it by at 6:30 :-)"],
         has_crlf=True),
    File("gif.vtt", "Olivia: Who is on the list?\nOliver: <file_photo>\nOlivia: <3\nOliver: Note: two are missing",
        NAMES,
         ["Olivia: Who is on the list?", "Oliver: <file_photo>", "Olivia: <3", "Oliver: Note: two are missing"],
         has_crlf=True, encoding="utf-8-sig"),
    File("blank-lines.txt", "\n\nKim: Did you call the dentist?\n\nTim: Not yet.\n\n\nKim: Please do.\n", NAMES,
         ["Kim: Did you call the dentist?", "Tim: Not yet.", "Kim: Please do."]),
    File("wide.txt", "小明：你吃饭了吗？\n妈妈：还没有。\n小明：那走吧：去食堂", NAMES,
         ["小明: 你吃饭了吗？", "妈妈: 还没有。", "小明: 那走吧：去食堂"], encoding="utf-16"),
    File("scripts.txt", "Мария Петрова: Где ключи?\nمريم: في المطبخ\nमीरा: यहाँ हैं\nวิชัย: เจอแล้ว\nΝίκος: Ωραία",
        NAMES,
         ["Мария Петрова: Где ключи?", "مريم: في المطبخ", "मीरा: यहाँ हैं", "วิชัย: เจอแล้ว", "Νίκος: Ωραία"]),
    File("markdown.md", "# Call\n\n**Ana:** Is it signed?\n\n**Rui (legal):** Today.\n\n- **Ana:** Great: thanks.\n",
        NAMES,
         ["Ana: Is it signed?", "Rui (legal): Today.", "Ana: Great: thanks."], {"lines above the first turn": 1}),
    File("lower.txt", "mum: where r u\nme: bus\nmum: which one\nme: the 38: it's slow", NAMES,
         ["mum: where r u", "me: bus", "mum: which one", "me: the 38: it's slow"]),
    File("long-turns.srt",
        "Judge: Please rise.\nYou may sit.\nNote: the door is open.\nWitness A: I saw it.\nAt 10:30.", NAMES,
         ["Judge: Please rise. You may sit. Note: the door is open.", "Witness A: I saw it. At 10:30."], {},
             {GOES_ON: 3}),
    File("joined.txt", "\ufeff\nAnna: hi\n\ufeffBob: yo\n\ufeff\ufeffAnna: ok", NAMES, ["Anna: hi", "Bob: yo",
        "Anna: ok"],
         has_crlf=True, encoding="utf-8-sig"),
    File("generic.json", "SPEAKER_00: Next, please.\nSPEAKER_01: One ticket.\nUnknown: Two.\nSpeaker 3: Step 2: pay.",
        NAMES,
         ["SPEAKER_00: Next, please.", "SPEAKER_01: One ticket.", "Unknown: Two.", "Speaker 3: Step 2: pay."]),
    File("saved.docx", build_document("Ana: Did it rain?", "Rui: All day.", "Ana: Pity."), NAMES,
         ["Ana: Did it rain?", "Rui: All day.", "Ana: Pity."]),
    File("one-line.txt", "Ana: Did it rain? Rui: All day. Ana: Pity.", NAMES,
         ["Ana: Did it rain?", "Rui: All day.", "Ana: Pity."]),
    File("devices.txt", "iPhone von Eva: Hört ihr mich?\nJean-Luc d'Arc: Oui.\nMs. O'Neil-Berg: We do.", NAMES,
         ["iPhone von Eva: Hört ihr mich?", "Jean-Luc d'Arc: Oui.", "Ms. O'Neil-Berg: We do."]),
    File("train_0.txt", "#Person1#: Hi, Mr. Smith. What time is it?\n#Person2#: It's 9:30. Note: I am late.", TAGS,
         ["#Person1#: Hi, Mr. Smith. What time is it?", "#Person2#: It's 9:30. Note: I am late."]),
    File("train_1.txt", "#Person1#: Is it far?\r#Person2#:No.\r#Person3#: Yes!", TAGS,
         ["#Person1#: Is it far?", "#Person2#: No.", "#Person3#: Yes!"], encoding="utf-8-sig"),
    File("tags-wide.txt", "#Person1#：远吗？\n#Person2#：不远。\n走路五分钟", TAGS,
         ["#Person1#: 远吗？", "#Person2#: 不远。 走路五分钟"], {}, {GOES_ON: 1}),
    File("tags-one-line.md", "#Person1#: Is it far? #Person2#: No: two stops. #Person1#: Thanks.", TAGS,
         ["#Person1#: Is it far?", "#Person2#: No: two stops.", "#Person1#: Thanks."]),
]  # fmt: skip

REFUSED = [
    Refused("prose.txt", "It was a dark night.\nNothing: it rained.\nNobody came.\nWe slept.",
            "is of no known format of conversations; its first line is 'It was a dark night.'.*`Anna: hi`"),
    Refused("settings.txt", "name: talk\nversion: 2\nlicense: none\n", "is of no known format .*'name: talk'"),
    Refused("no-words.txt", "Ana:\nRui:\n", "read as SAMSum-like text, but nobody says anything in it; .*'Ana:'"),
    Refused("no-words-tags.txt", "#Person1#:\n#Person2#:\n", "read as DialogSum-like text, but nobody says anything"),
    Refused("letter.txt", r"{\rtf1\ansi Ana: Did it rain?\par Rui: All day.}",
            r"is a rich text document \(\.rtf\), not text; .*save it as text"),
    Refused("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64),
        r"is a document .* of the old kind \(\.doc, \.xls\)"),
    Refused("photo.txt", b"\x89PNG\r\n\x1a\n" + bytes(8), "is a picture, not text"),
    Refused("scan.docx", b"%PDF-1.7\n", "is a PDF document, not text"),
    Refused("sign-in.vtt", "<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
    Refused("latin.txt", "J\xf6rg: hallo\nEva: ja".encode("latin-1"), r"byte 1 \(line 1\) is 0xf6, which is not UTF-8"),
    Refused("blank.txt", " \n\n", "is empty"),
    Refused("bom-alone.txt", b"\xef\xbb\xbf", "is empty"),
]  # fmt: skip
