"""WhatsApp's exports in many locales, of Android and iPhones."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialora.data.transcripts import read_conversations
from dialora.errors import DataError
from tests.data.transcripts.support import build_zip, read, read_one, show

MEDIA, OWN, DELETED = "media and other notices", "lines of WhatsApp itself", "deleted messages"


@pytest.mark.parametrize(
    ("text", "turns", "left_out", "starts"),
    [
        pytest.param(
            "1/4/23, 7:02\u202fPM - Messages and calls are end-to-end encrypted. Tap to learn more.\n"
            "1/14/23, 2:51\u202fAM - Ann Lee: <Media omitted>\n"
            "1/14/23, 10:02\u202fPM - Ann Lee: Is it 4:30: or 6?\n"
            "1/15/23, 12:05\u202fAM - +1 212 555 01: At 6 <This message was edited>\n",
            ["Ann Lee: Is it 4:30: or 6?", "+1 212 555 01: At 6"],
            {OWN: 1, MEDIA: 1},
            [874_800, 882_180],
            id="Android, United States",
        ),
        pytest.param(
            "03.08.21, 12:30 - Jörg: Kommst du?\nIch warte: hier\n\nseit 12:00\n"
            "03.08.21, 12:31 - Eva: <Medien ausgeschlossen>\n"
            "04.08.21, 08:00 - Eva: Diese Nachricht wurde gelöscht\n"
            "04.08.21, 08:01 - Jörg hat „Eis: ja“ als Betreff gesetzt\n"
            "04.08.21, 08:01 - Eva: ja <Diese Nachricht wurde bearbeitet.>",
            ["Jörg: Kommst du? Ich warte: hier seit 12:00", "Eva: ja"],
            {MEDIA: 1, DELETED: 1, OWN: 1},
            [0, 70_260],
            id="Android, German, message of several lines",
        ),
        pytest.param(
            "20/6/2017 8:28 p.\u00a0m. - Michelle: prueba\n"
            "20/6/2017 8:29 p.\u00a0m. - Luis: IMG-20170620-WA0001.jpg (archivo adjunto)\n"
            "al pie\n21/6/2017 12:05 a.\u00a0m. - Luis: PTT-20170621-WA0014.opus (archivo adjunto)",
            ["Michelle: prueba", "Luis: al pie"],
            {MEDIA: 1},
            [0, 60],
            id="Android, Spanish, picture with a caption",
        ),
        pytest.param(
            "02.05.18 à 18:00 - Michel: bonjour\n02.05.18 à 18:01 - Zoé: <Médias omis>\n02.05.18 à 18:02 - Zoé: salut",
            ["Michel: bonjour", "Zoé: salut"],
            {MEDIA: 1},
            [0, 120],
            id="Android, French",
        ),
        pytest.param(
            "2023-12-20, 5:46 p.m. - Farid: 👋🏼\n2023-12-20, 5:47 p.m. - Jo: null\n2023-12-21, 1:47 a.m. - Jo: hey",
            ["Farid: 👋🏼", "Jo: hey"],
            {MEDIA: 1},
            [0, 28_860],
            id="Android, Canada, year first",
        ),
        pytest.param(
            "2023/12/20, 17:46 - Farid: hi\n2023/12/21, 17:46 - Jo: yo",
            ["Farid: hi", "Jo: yo"],
            {},
            [0, 86_400],
            id="Android, South Africa",
        ),
        pytest.param(
            "15/01/2022 13:38 - Duda: Oi\n15/01/2022 13:39 - Téo: <Mídia oculta>\n"
            "15/01/2022 13:39 - Téo: Mensagem apagada",
            ["Duda: Oi"],
            {MEDIA: 1, DELETED: 1},
            [0],
            id="Android, Brazil",
        ),
        pytest.param(
            "٣١/١٢/٢٠٢٣، ٥:٣٠ م - مريم: نعم\n\u200f٣١/١٢/٢٠٢٣، ٥:٣١ م - علي: <تم استبعاد الوسائط>\n"
            "٣١/١٢/٢٠٢٣، ٥:٣٢ م - علي: لا",
            ["مريم: نعم", "علي: لا"],
            {MEDIA: 1},
            [0, 120],
            id="Android, Arabic digits",
        ),
        pytest.param(
            "2024. 10. 31. 오후 3:50 - 민수: 안녕\n2024. 10. 31. 오후 3:51 - 지영: 응",
            ["민수: 안녕", "지영: 응"],
            {},
            [0, 60],
            id="Android, Korean, half of the day first",
        ),
        pytest.param(
            "[2024/10/31\u200915:50:46] 王伟: 你好\n\u200e[2024/10/31 15:50:50] 李娜: \u200e图像已忽略\n"
            "[2024/10/31 15:51:46] 李娜: 好：走吧",
            ["王伟: 你好", "李娜: 好：走吧"],
            {MEDIA: 1},
            [0, 60],
            id="iPhone, Chinese, thin space and no comma",
        ),
        pytest.param(
            "[12.3.2022 klo 14.08.18] Aino: \u200eViestit ja puhelut ovat salattuja.\n"
            "\u200e[12.3.2022 klo 14.08.20] ~\u202fPekka: \u200ekuva jätetty pois\n"
            "[12.3.2022 klo 14.08.30] ~\u202fPekka: moi",
            ["Pekka: moi"],
            {MEDIA: 2},
            [12],
            id="iPhone, Finnish",
        ),
        pytest.param(
            "[07.03.26, 21:22:39] Anna: Hey 👋\r\n"
            "[07.03.26, 21:28:10] Chris: Huhu \u200e<angehängt: 00000001-PHOTO.jpg>\r\n",
            ["Anna: Hey 👋", "Chris: Huhu"],
            {},
            [0, 331],
            id="iPhone, German, CRLF, picture behind a text",
        ),
        pytest.param(
            "[14/10/2021, 3:34:09\u202fPM] A B: one\n"
            "[14/10/2021, 3:35:09\u202fPM] C: \u200eYou deleted this message.\n"
            "[14/10/2021, 3:36:09\u202fPM] C: report.pdf • \u200e3 pages \u200edocument omitted\n"
            "[14/10/2021, 3:37:09\u202fPM] C: @\u2068A B\u2069 two",
            ["A B: one", "C: @A B two"],
            {DELETED: 1, MEDIA: 1},
            [0, 180],
            id="iPhone, twelve hours, document, mention",
        ),
    ],
)
def test_whatsapp(text: str, turns: list[str], left_out: dict[str, int], starts: list[float]) -> None:
    conversation = read_one(text, name="_chat.txt")
    assert conversation.format == "WhatsApp"
    assert show(conversation) == turns
    assert conversation.left_out == left_out
    assert [turn.start for turn in conversation.turns] == starts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("12/05/2024, 11:58 PG - ", "12/05/2024, 12:01 PTG - "),
        ("2024. 05. 12. de. 11:58 - ", "2024. 05. 12. du. 12:01 - "),
        ("11:58 SA, 13/05/2024 - ", "12:01 CH, 13/05/2024 - "),
        ("2024-05-12 11:58 fm - ", "2024-05-12 12:01 em - "),
        ("12.5.2024, 11:58 e paradites - ", "12.5.2024, 12:01 e pasdites - "),
        ("[2024-05-12 11 h 58 min 00 s] ", "[2024-05-12 12 h 01 min 00 s] "),
        ("2016년 10월 31일 오전 11:58 - ", "2016년 10월 31일 오후 12:01 - "),
        ("12.05.24 г., 11:58 ч. - ", "12.05.24 г., 12:01 ч. - "),
        ("12/05/2024, 11:58\u202fam - ", "12/05/2024, 12:01\u202fpm - "),
        ("12/05/2024, 11:58 a.\u00a0m. - ", "12/05/2024, 12:01 P.M. - "),
    ],
)
def test_noon_is_three_minutes_after_two_to_twelve_in_any_language(before: str, after: str) -> None:
    conversation = read_one(f"{before}Anna: one\n{after}Bob: two")
    assert conversation.format == "WhatsApp"
    assert [(turn.speaker, turn.start) for turn in conversation.turns] == [("Anna", 0), ("Bob", 180)]


def test_a_note_that_a_message_was_edited_is_no_picture() -> None:
    signed = "[07.03.26, 21:22:39] Anna: ok \u200e<This message was edited>\n[07.03.26, 21:23:39] Bob: yes"
    assert (show(read_one(signed)), read_one(signed).remarks) == (["Anna: ok", "Bob: yes"], {})
    named = signed.replace("This message was edited", "attached: 0001-edited.jpg")
    assert read_one(named).remarks == {"media beside a text, of which the text is kept": 1}


def test_the_order_of_day_and_month_is_one_for_a_file() -> None:
    days = ["3/4/22, 10:00 - A: x", "4/4/22, 10:00 - A: y"]
    assert [t.start for t in read_one("\n".join([*days, "13/4/22, 10:00 - A: z"])).turns] == [0, 86_400, 864_000]
    assert [t.start for t in read_one("\n".join([*days, "4/13/22, 10:00 - A: z"])).turns][1:] == [
        31 * 86_400,
        40 * 86_400,
    ]
    # Backwards in one of the two orders.
    assert [t.start for t in read_one("5/4/22, 10:00 - A: x\n4/5/22, 10:00 - A: y").turns] == [0, 29 * 86_400]
    unclear = read_one("\n".join(days))
    assert [turn.start for turn in unclear.turns] == [None, None]
    assert "dates whose day and month cannot be told apart, so without times: 2." in unclear.notes


def test_a_zip_file_of_whatsapp_is_the_chat_in_it(tmp_path: Path) -> None:
    chat = "[31/12/2022 11:40:26] John: Hi!\n[31/12/2022 11:45:07] Jane: Hello"
    path = tmp_path / "WhatsApp Chat - Jane.zip"
    path.write_bytes(
        build_zip({"_chat.txt": chat, "00000001-PHOTO.jpg": b"\xff\xd8\xff", "__MACOSX/._chat.txt": b"\0"})
    )
    notes: list[str] = []
    (conversation,) = read_conversations(path, notes=notes)
    assert (conversation.name, show(conversation)) == ("WhatsApp Chat - Jane", ["John: Hi!", "Jane: Hello"])
    assert notes == [f"{path}: left out files of other kinds: 1."]


def test_a_chat_of_notices_alone_is_an_error_that_quotes_the_first() -> None:
    with pytest.raises(DataError, match=r"read as WhatsApp, but nobody says anything.*'Ann joined'"):
        read("1/4/23, 19:02 - Ann joined\n1/4/23, 19:03 - Ann: <Media omitted>")
